"""An evaluation made by hand: a school that lacks computers, and one whose name attacks whatever shows it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from haidang_collector.evaluation.model import (
    ROWS,
    Evaluation,
    Fact,
    Judgement,
    LimitFact,
    Problem,
    Scope,
    Share,
    UnitResult,
)
from haidang_collector.registry.facts import UnitFact

AT = datetime(2026, 11, 25, 8, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
SCHOOL = UnitFact("TH-001", "Trường Tiểu học Sao Mai", "Quận 1", "primary")
HOSTILE = UnitFact("+BAD", '=HYPERLINK("http://x","\x1b[31m[red]x")\x00\u202e', "@SUM(1)", "primary")
JUDGED = {
    "R1": Judgement("met", "measured", 7_200, (Fact("fibre_evidence", {"evidence": "optical"}, 1),)),
    "R4": Judgement(
        "unmet",
        "mixed",
        200_000,
        (
            Fact("students_per_computer", {"level": "primary"}, 33.6),
            Fact("students", {"level": "primary"}, 1_344),
            Fact("teaching_computers", {"level": "primary", "source": "measured"}, 40),
            Fact("computers_missing", {}, 16),
        ),
    ),
    "R7": Judgement("unmet", "declared", None, (Fact("eschool_parts", {"part": "wifi"}, 0),)),
    "R12": Judgement("met", "measured", 30, (Fact("service_available", {"service": "smas"}, 0.9996),)),
    "R14": Judgement("not_applicable"),
    "R16": Judgement("met", "declared", None, (Fact("plan_received", {"year": "2026-2027"}, 1_790_812_800),)),
}


def result(unit: UnitFact, judged: dict[str, Judgement]) -> UnitResult:
    return UnitResult(unit, {row: judged.get(row, Judgement("unknown")) for row in ROWS})


def evaluation(scope: Scope = "city") -> Evaluation:
    """Of both; of the school alone for a unit."""
    results = [result(SCHOOL, JUDGED), result(HOSTILE, {"R13": services()})]
    results = results[:1] if scope == "unit" else results
    shares = dict.fromkeys(ROWS, Share(unknown=2)) | {"R1": Share(met=1, unknown=1), "R4": Share(unmet=1, unknown=1)}
    return Evaluation(
        at=AT,
        scope=scope,
        of={"city": "", "district": "Quận 1", "unit": "TH-001"}[scope],
        units=results,
        shares=shares,
        districts={} if scope == "unit" else {each.unit.district: shares for each in results},
        limits=[LimitFact("R4", "students_per_computer", {"level": "primary"}, 24, "=1+1", date(2016, 10, 27))],
        problems=[Problem("The rows were last judged at %(then)s; that is what is shown.", {"then": AT})],
    )


def services() -> Judgement:
    """Of more services than a sheet has columns for."""
    facts = [Fact("public_services", {"service": f"=cmd{number}"}, number % 2) for number in range(60)]
    return Judgement("unmet", "measured", 60, tuple(facts))
