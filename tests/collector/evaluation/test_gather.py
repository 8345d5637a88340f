"""Against a real Prometheus that knows two moments, ten days apart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.evaluation.gather import UnknownScopeError, gather
from haidang_collector.evaluation.model import ROWS, Evaluation, Fact, Judgement, Share
from haidang_collector.evaluation.store import Store
from haidang_collector.policy import policy

from tests.collector.evaluation.told import NOW, PAST, REGISTERED, TRICKY, ZONE, Told, tell
from tests.servers import Prometheus, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNKNOWN = Judgement("unknown")


def evaluate(store: Prometheus, at: datetime = NOW, *, unit: str = "", district: str = "") -> Evaluation:
    with httpx.Client() as client:
        return gather(Store(client, store.url), REGISTERED, policy.load(), at, unit=unit, district=district)


def codes(evaluation: Evaluation) -> list[str]:
    return [result.unit.code for result in evaluation.units]


def test_what_the_rules_say_is_what_is_told(told: Prometheus) -> None:
    """
    A row that does not concern the unit, and was judged all the same, counts as judged: as in the rules of shares.
    """
    city = evaluate(told)
    one = city.units[1]

    assert city.problems == []
    assert (one.unit.name, one.unit.district) == ("Trường Tiểu học Sao Mai", "Quận 1")
    assert one.rows["R1"] == Judgement("met", "measured", 90, (Fact("fibre_evidence", {"evidence": "optical"}, 1),))
    assert one.rows["R4"] == Judgement(
        "unmet", "mixed", None, (Fact("students", {"level": "primary"}, 840), Fact("computers_missing", {}, 11))
    )
    assert one.rows["R14"] == Judgement("not_applicable")
    assert {row for row in ROWS if one.rows[row] == UNKNOWN} == set(ROWS) - {"R1", "R4", "R14"}


def test_shares_count_the_unknown_apart(told: Prometheus) -> None:
    city = evaluate(told)

    assert codes(city) == [TRICKY, "TH-001", "TH-003", "TH-002"], "by district, Quận 2 before Quận 10"
    assert city.shares["R1"] == Share(met=1, unmet=1, unknown=2)
    assert city.shares["R1"].ratio == 0.5
    assert city.shares["R14"] == Share(unknown=3, not_applicable=1)
    assert city.shares["R14"].ratio is None
    assert {name: shares["R1"] for name, shares in city.districts.items()} == {
        "Quận 1": Share(met=1, unknown=1),
        "Quận 2": Share(unknown=1),
        "Quận 10": Share(unmet=1),
    }


def test_the_past_is_as_it_was_then(told: Prometheus) -> None:
    past = evaluate(told, PAST + timedelta(minutes=1))

    assert codes(past) == ["GONE", "TH-001"], "TH-003 was not there yet"
    gone, one = (result.unit for result in past.units)
    assert (gone.name, gone.level) == ("Tên cũ", "mixed"), "as the store had it: the registry no longer does"
    assert one.name == "Trường Tiểu học Sao Mai"
    assert past.shares["R1"] == Share(unmet=2)


def test_before_the_first_record_nothing_is_known(told: Prometheus) -> None:
    at = PAST - timedelta(days=400)
    evaluation = evaluate(told, at)

    assert (evaluation.units, evaluation.shares["R1"]) == ([], Share())
    assert [problem.values for problem in evaluation.problems] == [{"at": at}]
    assert "Nothing is known" in evaluation.problems[0].msgid


@pytest.mark.parametrize("unit", ["TH-001", TRICKY])
def test_a_unit_by_itself_is_what_it_is_in_the_city(told: Prometheus, unit: str) -> None:
    alone = evaluate(told, unit=unit)

    assert alone.units == [result for result in evaluate(told).units if result.unit.code == unit]
    assert (alone.scope, alone.of, alone.districts) == ("unit", unit, {})


def test_a_district_by_itself(told: Prometheus) -> None:
    district = evaluate(told, district="Quận 1")

    assert codes(district) == [TRICKY, "TH-001"]
    assert list(district.districts) == ["Quận 1"]


@pytest.mark.parametrize("unit", [".*", "TH-00", 'TH-001",x="', "\ud800", "TH-999"])
def test_a_unit_that_nobody_knows(told: Prometheus, unit: str) -> None:
    with pytest.raises(UnknownScopeError, match="unknown"):
        evaluate(told, unit=unit)


def test_a_unit_that_the_store_has_not_heard_of_yet(told: Prometheus) -> None:
    evaluation = evaluate(told, unit="NEW")

    assert evaluation.units == []
    assert "Nothing is known" in evaluation.problems[0].msgid


@pytest.mark.parametrize(("day", "limit"), [("2027-09-01T00:00", 24.0), ("2027-09-01T00:01", 20.0)])
def test_limits_are_those_of_the_day(told: Prometheus, day: str, limit: float) -> None:
    """
    Midnight ends the day before.
    """
    entry = '[[limit]]\nrow = "R4"\nlimit = "x"\nlevel = "primary"\nvalue = {}\nfrom = {}\nsource = "A"\n'
    of_day = policy.parse(entry.format(24, "2016-10-27") + entry.format(20, "2027-09-01"))
    with httpx.Client() as client:
        found = gather(Store(client, told.url), [], of_day, datetime.fromisoformat(day).replace(tzinfo=ZONE)).limits

    assert [(each.row, each.labels, each.value) for each in found] == [("R4", {"level": "primary"}, limit)]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Prometheus]:
    with prometheus(tmp_path) as store:
        yield store


def units() -> Iterator[Told]:
    yield "school_unit_info", 1, {"unit": "TH-001", "district": "Quận 1", "level": "primary"}


def rules() -> Iterator[Told]:
    yield "city:row_compliant:ratio", 1, {"row": "R1"}
    yield "unit:school_info", 1, {"unit": "TH-001", "district": "Quận 1", "level": "primary"}
    yield "school:row:compliant", 1, {"unit": "TH-001", "district": "Quận 1", "row": "R1"}


def test_without_rules_all_is_unknown_and_it_is_said(empty: Prometheus) -> None:
    tell(empty, units(), NOW)
    evaluation = evaluate(empty)

    assert evaluation.units[0].rows == dict.fromkeys(ROWS, UNKNOWN)
    assert "judged no row" in evaluation.problems[0].msgid


def test_what_was_judged_before_a_restart_is_told_with_its_time(empty: Prometheus) -> None:
    tell(empty, rules(), NOW - timedelta(minutes=8))
    evaluation = evaluate(empty)

    assert evaluation.units[0].rows["R1"].state == "met"
    assert [problem.values for problem in evaluation.problems] == [{"then": NOW - timedelta(minutes=8)}]


def test_while_the_registry_is_away_units_are_those_that_the_rules_keep(empty: Prometheus) -> None:
    tell(empty, rules(), NOW)
    evaluation = evaluate(empty)

    assert [result.unit for result in evaluation.units] == REGISTERED[:1]
    assert evaluation.problems == []
