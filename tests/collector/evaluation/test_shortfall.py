from __future__ import annotations

from haidang_collector.evaluation import shortfall
from haidang_collector.evaluation.model import Fact, Judgement, UnitResult
from haidang_collector.evaluation.rows import INPUTS

from tests.collector.evaluation.sample import JUDGED, SCHOOL, result


def found(units: list[UnitResult]) -> dict[str, tuple[float, int, int]]:
    return {each.kind.title: (each.number, each.units, each.unknown) for each in shortfall.of(units)}


def test_what_is_missing_is_added_up_and_the_unknown_told_apart() -> None:
    missing = Judgement("unmet", None, None, (Fact("computers_missing", {}, 4),))

    told = found(
        [result(SCHOOL, JUDGED), result(SCHOOL, {"R4": missing, "R1": Judgement("unmet")}), result(SCHOOL, {})]
    )

    assert told["teaching computers"] == (20, 2, 1)
    assert told["units without fibre"] == (1, 1, 1)
    assert told["units whose web portal fails"] == (0, 0, 3)


def test_of_equipment_each_kind_counts_for_itself() -> None:
    lacking = (
        Fact("equipment", {"kind": "printer", "source": "declared"}, 1),
        Fact("equipment_missing", {"kind": "webcam"}, 1),
        Fact("equipment_missing", {"kind": "management_computer"}, 2),
    )

    told = found([result(SCHOOL, {"R5": Judgement("unmet", "declared", None, lacking)})])

    assert [told[kind][0] for kind in ("computers of the management", "printers", "webcams")] == [2, 0, 1]


def test_figures_of_rows_that_are_not_judged_as_missed_do_not_count() -> None:
    """A figure may stand there where the row is met, or before it can be judged."""
    without = (Fact("subject_groups", {"state": "without"}, 3),)

    for state in ("met", "unknown", "not_applicable"):
        told = found([result(SCHOOL, {"R6": Judgement(state, None, None, without)})])  # type: ignore[arg-type]

        assert told["computers of subject groups"][:2] == (0, 0)


def test_every_kind_names_a_figure_that_there_is() -> None:
    assert {kind.name for kind in shortfall.KINDS} - {""} <= set(INPUTS)
