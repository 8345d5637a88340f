from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from haidang_collector.evaluation import vocabulary
from haidang_collector.evaluation.gather import AGE, COMPLIANT, EVALUATED, NOT_APPLICABLE, SOURCE, UNITS
from haidang_collector.evaluation.model import ROWS
from haidang_collector.evaluation.rows import BY_METRIC, CATALOGUE, INPUTS, Input
from haidang_collector.policy import policy

RULES = Path(__file__).parents[3] / "alerts/rules"


RECORDED = {
    rule.get("record", "")
    for file in RULES.glob("*.yml")
    for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}


@pytest.mark.parametrize("input_", INPUTS.values(), ids=lambda input_: input_.metric)
def test_each_figure_is_recorded(input_: Input) -> None:
    assert input_.metric in RECORDED


@pytest.mark.parametrize("metric", [COMPLIANT, NOT_APPLICABLE, SOURCE, AGE, EVALUATED, UNITS])
def test_each_judgement_is_recorded(metric: str) -> None:
    assert metric in RECORDED


def test_every_row_has_words_and_figures_of_its_own() -> None:
    assert tuple(row.code for row in CATALOGUE) == ROWS
    assert len(INPUTS) == len(BY_METRIC) == sum(len(row.inputs) for row in CATALOGUE)
    assert all(row.title and row.requirement.endswith(".") and row.inputs for row in CATALOGUE)


@pytest.mark.parametrize("limit", policy.load().limits, ids=str)
def test_each_limit_in_force_has_words(limit: policy.Limit) -> None:
    assert not limit.enabled or limit.limit in vocabulary.LIMITS
