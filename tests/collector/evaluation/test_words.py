from __future__ import annotations

from datetime import date

import pytest
from haidang_collector.centre.services import built_in
from haidang_collector.evaluation import vocabulary
from haidang_collector.evaluation.model import STATES, Fact, Judgement, LimitFact, Share
from haidang_collector.evaluation.words import Words, printable
from haidang_collector.policy import policy
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


def test_the_last_day_for_plans_is_a_day_not_a_number_of_them() -> None:
    due = LimitFact("R16", "plan_due_seconds", {}, 13_219_200, "Ours", date(2026, 11, 1))

    assert (EN.limit(due), VI.limit(due)) == (
        ("last day for plans", "30 November"),
        ("ngày cuối nhận kế hoạch", "30/11"),
    )


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (Share(met=2), "100"),
        (Share(met=1, unknown=99), "100?"),
        (Share(met=1, unmet=2, unknown=1), "33.3?"),
        (Share(unknown=3), "—"),
    ],
)
def test_a_share_of_a_few_of_many_is_told_apart(share: Share, text: str) -> None:
    assert EN.compared(share) == text


def test_what_is_missing_in_vietnamese() -> None:
    assert VI.missing("R4", JUDGED["R4"]) == ["thiếu 16 máy tính"]
    assert VI.fact(JUDGED["R1"].facts[0]) == ("cáp quang, biết qua", "đo được tín hiệu quang")


def test_what_is_met_lacks_nothing() -> None:
    facts = (Fact("subject_groups", {"state": "without"}, 2),)

    assert EN.missing("R6", Judgement("unmet", None, None, facts)) == ["subject groups without a computer: 2"]
    assert EN.missing("R6", Judgement("met", None, None, facts)) == []


def test_where_one_isp_is_not_known_nobody_says_that_there_are_too_few() -> None:
    facts = (Fact("isps", {}, 1),)

    assert EN.missing("R2", Judgement("unmet", None, None, facts)) == ["ISPs, too few: 1"]
    assert EN.missing("R2", Judgement("unknown", None, None, facts)) == []


def test_what_the_registry_can_say_has_words() -> None:
    assert set(EQUIPMENT) <= set(vocabulary.KINDS)
    assert set(ROLES) <= set(vocabulary.ROLES)
    assert set(LEVELS) <= set(vocabulary.LEVELS)
    assert set(vocabulary.STATES) == set(vocabulary.MARKS) == set(STATES)
    assert len(set(vocabulary.MARKS.values())) == 4


def test_each_system_of_the_sector_is_told_by_what_it_is_for() -> None:
    """Those that all agents are told to ask for; a unit's own service keeps its name."""
    names = [service["name"] for service in built_in()]

    assert set(vocabulary.SERVICES) == set(names)
    assert VI.label("service", "pcgd") == "phổ cập giáo dục, pcgd"
    assert EN.label("service", "e-office") == "e-office"


def test_an_unknown_word_is_told_as_it_stands_in_one_line() -> None:
    assert EN.label("service", "smas\x1b[2J\n\u202evn") == "smas [2J vn"
    assert printable("Trường\u00a0Tiểu  học\x00") == "Trường Tiểu học"


def test_sources_of_the_built_in_limits_have_words() -> None:
    sources = {limit.source for limit in policy.load().limits}

    assert sources == vocabulary.LIMIT_SOURCES
    assert {source for source in sources if VI.limit_source(source) == source} == set()
    assert VI.limit_source("Quyết định của Sở\x00") == "Quyết định của Sở"


@pytest.mark.parametrize(
    ("then", "text"),
    [
        (Share(met=1, unmet=3), "▲ 25"),
        (Share(met=2, unmet=1), "▼ 16,6"),
        (Share(met=5, unmet=5), "= 0"),
        (Share(unknown=4), ""),
        (None, ""),
    ],
)
def test_what_moved_since_is_told_in_points(then: Share | None, text: str) -> None:
    assert VI.moved(Share(met=1, unmet=1), then) == text
    assert VI.moved(Share(unknown=2), then) == ""
