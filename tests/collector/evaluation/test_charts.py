from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest
from haidang_collector.evaluation import charts
from haidang_collector.evaluation.model import STATES, Share
from haidang_collector.evaluation.words import Words
from hypothesis import given
from hypothesis import strategies as st

SVG = "{http://www.w3.org/2000/svg}"
EN, VI = Words("en"), Words("vi")


def parts(picture: Element) -> list[tuple[float, float, str]]:
    """Begin, width and fill of what is filled."""
    rects = [each.attrib for each in picture.iter(f"{SVG}rect")]
    return [(float(each["x"]), float(each["width"]), each["fill"]) for each in rects if each["fill"] != "none"]


def luminance(colour: str) -> float:
    """Of a grey that a printer makes of it, from 0 to 1 (ITU-R BT.601)."""
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_a_bar_shows_all_units_by_state_and_says_how_many() -> None:
    picture = fromstring(charts.bar(VI, Share(met=5, unmet=2, unknown=2, not_applicable=1)))

    assert [each[:2] for each in parts(picture)] == [(0, 50), (50, 20), (70, 20), (90, 10)]
    assert [each[2] for each in parts(picture)] == [charts.FILLS[state] for state in STATES]
    assert picture.findtext(f"{SVG}title") == "đạt 5, chưa đạt 2, chưa rõ 2, không áp dụng 1"


@given(st.tuples(*[st.integers(0, 3_000)] * 4))
def test_parts_lie_side_by_side_and_fill_the_bar(counts: tuple[int, int, int, int]) -> None:
    drawn = parts(fromstring(charts.bar(EN, Share(*counts))))
    ends = [begin + width for begin, width, _ in drawn]

    assert len(drawn) == sum(count > 0 for count in counts)
    assert [begin for begin, _, _ in drawn[1:]] == pytest.approx(ends[:-1], abs=0.02)
    assert not drawn or (drawn[0][0], ends[-1]) == (0, pytest.approx(100, abs=0.02))


def test_states_are_told_apart_without_colours() -> None:
    """By pattern, or by a grey that differs by a seventh at least."""
    looks = {}
    for state in STATES:
        picture = fromstring(charts.swatch(EN, state))
        dashes = [each.attrib["stroke-dasharray"] for each in picture.iter(f"{SVG}line")]
        looks[state] = (dashes, luminance(charts.FILLS[state]))

    for one, (dashes, grey) in looks.items():
        for other, (its_dashes, its_grey) in looks.items():
            assert one == other or dashes != its_dashes or abs(grey - its_grey) > 1 / 7, (one, other)


def test_districts_stand_from_the_best_to_the_worst_and_the_unjudged_last() -> None:
    shares = {"Quận 1": Share(met=1, unmet=1), "Quận 2": Share(unknown=3), "Quận 3": Share(met=999, unmet=1)}

    picture = fromstring(charts.districts(VI, shares))

    assert [each.text for each in picture.iter(f"{SVG}text")] == ["Quận 3", "99,9 %", "Quận 1", "50 %", "Quận 2", "—"]
    assert picture.attrib["role"] == "img"
    assert picture.findtext(f"{SVG}title")


def test_a_hostile_name_is_text_and_fits_beside_its_bar() -> None:
    name = '</text><script>alert(1)</script>"\x00\u202e' + "ơ" * 300

    (label, _) = fromstring(charts.districts(EN, {name: Share(met=1)})).iter(f"{SVG}text")

    assert (label.text or "").startswith("</text><script>")
    assert len(label.text or "") == charts.LONGEST_LABEL
