"""The IPP codec against what anybody may send."""

from __future__ import annotations

import struct

import pytest
from haidang_agent.equipment.ipp import IppError, printers, request
from hypothesis import example, given
from hypothesis import strategies as st

HEAD = b"\x01\x01\x00\x00\x00\x00\x00\x01"
ATTRIBUTES = st.dictionaries(st.text("abcdefgh-", min_size=1, max_size=30), st.binary(max_size=300), max_size=6)


def attribute(name: str, value: bytes, tag: int = 0x45) -> bytes:
    return bytes((tag,)) + struct.pack(">H", len(name)) + name.encode() + struct.pack(">H", len(value)) + value


def answer(*groups: bytes, head: bytes = HEAD) -> bytes:
    return head + b"".join(groups) + b"\x03"


@given(st.lists(ATTRIBUTES, max_size=5))
def test_what_was_told_is_read(told: list[dict[str, bytes]]) -> None:
    operation = b"\x01" + attribute("attributes-charset", b"utf-8", 0x47)
    groups = [b"\x04" + b"".join(attribute(name, value) for name, value in one.items()) for one in told]

    assert printers(answer(operation, *groups)) == told


def test_further_values_and_collections_do_not_disturb() -> None:
    collection = (
        attribute("media-col", b"", 0x34) + attribute("", b"x", 0x4A) + attribute("", b"y") + attribute("", b"", 0x37)
    )
    group = b"\x04" + attribute("a", b"1") + attribute("", b"2") + collection + attribute("b", b"3")

    assert printers(answer(group, b"\x05" + attribute("c", b"4"))) == [{"a": b"1", "media-col": b"", "b": b"3"}]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "breaks off after 0"),
        (HEAD, "breaks off after 8"),
        (HEAD + b"\x04\x45\x00\x01a\xff\xff", "breaks off"),
        (answer(head=b"\x01\x01\x04\x03\x00\x00\x00\x01"), "IPP status 0x0403"),
        (answer(head=b"\x01\x01\x00\x00\x00\x00\x00\x02"), "to request 2"),
    ],
)
def test_what_is_no_answer(said: bytes, why: str) -> None:
    with pytest.raises(IppError, match=why):
        printers(said)


@given(st.binary(max_size=500))
@example(b"\x04" * 400)
@example(b"\x04" + attribute("", b"") * 50)
def test_hostile_bytes_are_read_or_refused(said: bytes) -> None:
    try:
        found = printers(HEAD + said)
    except IppError:
        return
    assert len(found) <= len(said)
    assert sum(len(value) for one in found for value in one.values()) <= len(said)


def test_the_question_is_as_rfc_8010_has_it() -> None:
    assert request(0x4002, ("device-uri", "printer-type")) == (
        b"\x01\x01\x40\x02\x00\x00\x00\x01\x01"
        b"\x47\x00\x12attributes-charset\x00\x05utf-8"
        b"\x48\x00\x1battributes-natural-language\x00\x02en"
        b"\x44\x00\x14requested-attributes\x00\x0adevice-uri"
        b"\x44\x00\x00\x00\x0cprinter-type"
        b"\x03"
    )
