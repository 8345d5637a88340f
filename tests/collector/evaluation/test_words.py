from __future__ import annotations

import pytest
from haidang_collector.evaluation import vocabulary
from haidang_collector.evaluation.model import STATES, Fact, Judgement
from haidang_collector.evaluation.words import Words, printable
from haidang_collector.registry.fact_words import EQUIPMENT, ROLES
from haidang_collector.registry.unit_words import LEVELS

from tests.collector.evaluation.sample import JUDGED

EN, VI = Words("en"), Words("vi")


@pytest.mark.parametrize(
    ("number", "en", "vi"),
    [(0, "0", "0"), (1234567, "1,234,567", "1.234.567"), (33.604, "33.6", "33,6"), (100, "100", "100")],
)
def test_numbers_as_people_write_them(number: float, en: str, vi: str) -> None:
    assert (EN.number(number), VI.number(number)) == (en, vi)


@pytest.mark.parametrize(("ratio", "text"), [(1.0, "100 %"), (0.99999, "99.9 %"), (1 / 3, "33.3 %"), (None, "—")])
def test_a_share_is_never_rounded_up(ratio: float | None, text: str) -> None:
    assert EN.percent(ratio) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (-5, "less than a minute"), (60, "1 minute"), (7199, "1 hour"), (172_800, "2 days")],
)
def test_ages(seconds: float | None, text: str) -> None:
    assert EN.age(seconds) == text


def test_what_is_missing_in_vietnamese() -> None:
    assert VI.missing("R4", JUDGED["R4"]) == ["thiếu 16 máy tính"]
    assert VI.fact(JUDGED["R1"].facts[0]) == ("cáp quang, biết qua", "đo được ánh sáng")


def test_what_is_met_lacks_nothing() -> None:
    facts = (Fact("subject_groups", {"state": "without"}, 2),)

    assert EN.missing("R6", Judgement("unmet", None, None, facts)) == ["subject groups without a computer: 2"]
    assert EN.missing("R6", Judgement("met", None, None, facts)) == []


def test_what_the_registry_can_say_has_words() -> None:
    assert set(EQUIPMENT) <= set(vocabulary.KINDS)
    assert set(ROLES) <= set(vocabulary.ROLES)
    assert set(LEVELS) <= set(vocabulary.LEVELS)
    assert set(vocabulary.STATES) == set(vocabulary.MARKS) == set(STATES)
    assert len(set(vocabulary.MARKS.values())) == 4


def test_an_unknown_word_is_told_as_it_stands_in_one_line() -> None:
    assert EN.label("service", "smas\x1b[2J\n\u202evn") == "smas [2J vn"
    assert printable("Trường\u00a0Tiểu  học\x00") == "Trường Tiểu học"
