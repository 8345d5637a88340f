"""What screens tell, and which of them are for a room."""

from __future__ import annotations

import pytest
from haidang_agent.equipment.edid import parse
from haidang_agent.equipment.screens import Screen, for_a_room
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.equipment.edids import HEADER, edid

PANEL = Screen(built_in=True, name="", size_cm=(31, 17))
DESK = Screen(built_in=False, name="DELL P2419H", size_cm=(53, 30))
PROJECTOR = Screen(built_in=False, name="EPSON PJ", size_cm=(0, 0))


@given(
    st.text("ABCDEFGHIJ 0123456789-", min_size=1, max_size=12).map(str.strip), st.integers(0, 255), st.integers(0, 255)
)
def test_what_an_edid_tells(name: str, width: int, height: int) -> None:
    assert parse(edid(name, width, height) + b"\x02" * 128) == (name, width, height)


def test_a_name_that_is_none() -> None:
    assert parse(edid("", 53, 30)).name == ""
    assert "\ufffd" in parse(edid("\xff\xfe", 53, 30)).name


@pytest.mark.parametrize("block", [b"", HEADER, edid("X", 1, 1)[:-1], bytes(128), edid("X", 1, 1)[:-1] + b"\x00"])
def test_what_is_no_edid(block: bytes) -> None:
    with pytest.raises(ValueError, match="EDID"):
        parse(block)


@given(st.binary(max_size=300) | st.binary(min_size=119, max_size=119).map(lambda rest: HEADER + rest))
def test_hostile_bytes_are_read_or_refused(block: bytes) -> None:
    body = block[:127]
    block = body + bytes((-sum(body) % 256,))
    try:
        told = parse(block)
    except ValueError:
        return
    assert len(told.name) <= 13


@pytest.mark.parametrize(
    ("screens", "expected"),
    [
        ([], 0),
        ([PANEL], 0),
        ([DESK], 0),
        ([DESK, DESK], 1),
        ([PANEL, DESK], 1),
        ([PROJECTOR], 1),
        ([DESK, PROJECTOR], 1),
        ([PANEL, PROJECTOR, DESK], 2),
        ([Screen(False)], 0),
        ([Screen(False), DESK], 1),
    ],
)
def test_which_are_for_a_room(screens: list[Screen], expected: int) -> None:
    assert for_a_room(screens) == expected


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("BenQ PJ", (40, 30), 1),
        ("NEC-PJ", (40, 30), 1),
        ("OPTOMA 1080P", (40, 30), 1),
        ("ACER PROJECTOR", (40, 30), 1),
        ("PJM27", (60, 34), 0),
        ("SAMSUNG", (160, 90), 1),
        ("SAMSUNG", (16, 9), 1),
        ("LG TV", (95, 53), 1),
        ("ROOM", (0, 9), 1),
        ("C49G95T", (119, 34), 0),
        ("PHL 328P6", (70, 40), 0),
    ],
)
def test_one_screen_of_a_desktop_computer(name: str, size: tuple[int, int], expected: int) -> None:
    assert for_a_room([Screen(built_in=False, name=name, size_cm=size)]) == expected
