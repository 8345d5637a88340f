"""What the centre alone tells: the list is whole, and takes nothing away from agents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser as promql
import pytest
import yaml
from haidang_agent import own_metrics, runner
from haidang_agent.registry import discover
from haidang_collector.ingest.labels import METRIC_NAME, cut
from haidang_collector.ingest.own_names import OWN_NAMES, is_own
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.settings import Settings
from prometheus_client.parser import text_string_to_metric_families

from tests.collector import remote_write as rw
from tests.collector.running import client_of, database_url

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = Path(__file__).parents[3] / "alerts" / "rules"
OF_ANYBODY = "process_"
"""Any program has these; no rule reads them."""
PARTS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
OF_AGENTS = {metric.name for probe in discover().values() for metric in probe.metrics} | {
    metric.name for metric in (*runner.METRICS, *own_metrics.METRICS)
}


def exported(folder: Path) -> set[str]:
    """By a collector that tells people, too."""
    notify = folder / "notify.toml"
    notify.write_text('[pages]\nurl = "https://hd.example"\n[mail]\nserver = "127.0.0.1:1"\nsender = "a@so.edu.vn"\n')
    settings = Settings(
        database_url=database_url(folder), notify=str(notify), operator_password="x", store_folder=str(folder)
    )
    with client_of(settings) as client:
        pages = [client.get(path, auth=("", "x")).text for path in ("/metrics", "/metrics/registry")]
    families = [family for page in pages for family in text_string_to_metric_families(page)]
    names = {family.name + part for family in families for part in PARTS.get(family.type, ("",))}
    return {name for name in names if not name.startswith(OF_ANYBODY) and not name.endswith("_created")}


def rules() -> list[dict[str, str]]:
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(RULES.glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def read(node: Any) -> Iterator[str]:
    """Names that an expression reads, unless it asks for a `job`, which no agent may say.

    Raises ValueError for a selector without a name, or one that names by pattern.
    """
    match node:
        case promql.VectorSelector() if any(
            (matcher.name, matcher.op) == ("job", promql.MatchOp.Equal) for matcher in node.matchers.matchers
        ):
            return
        case promql.VectorSelector(name=None):
            [names] = [matcher.value for matcher in node.matchers.matchers if matcher.name == "__name__"]
            if not re.fullmatch(r"[\w:|]+", names):
                raise ValueError(f"which names are meant? {node.prettify()}")
            yield from names.split("|")
        case promql.VectorSelector():
            yield node.name
        case promql.MatrixSelector():
            yield from read(node.vector_selector)
        case promql.BinaryExpr():
            yield from (*read(node.lhs), *read(node.rhs))
        case promql.Call():
            yield from (name for argument in node.args for name in read(argument))
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from read(node.expr)


def test_what_the_centre_exports_is_its_own_and_what_rules_read_of_others_than_agents(tmp_path: Path) -> None:
    own = exported(tmp_path)

    read_by_rules = {name for rule in rules() for name in read(promql.parse(rule["expr"]))}

    recorded = {rule["record"] for rule in rules() if "record" in rule}
    others = read_by_rules - OF_AGENTS - recorded
    assert {name.decode() for name in OWN_NAMES} == own | others | {"ALERTS_FOR_STATE"}


def test_agents_may_say_all_that_their_probes_measure() -> None:
    assert not {name for name in OF_AGENTS if is_own(name.encode())}


def test_recorded_names_can_be_told_by_their_colon() -> None:
    assert {name for rule in rules() if (name := rule.get("record", ":")) if ":" not in name} == set()


@pytest.mark.parametrize(
    "name",
    ["school_policy_limit", "school_unit_info", "haidang_agent_expected", "haidang_collector_start_timestamp_seconds",
     "haidang_ingest_seconds_bucket", "prometheus_rule_group_interval_seconds", "city:school_fibre:count", "a:",
     "ALERTS", "ALERTS_FOR_STATE"],
)  # fmt: skip
def test_an_agent_may_not_speak_for_the_centre(name: str) -> None:
    with pytest.raises(Refusal, match=re.escape(f"metric '{name}'")) as refused:
        cut(rw.label("__name__", name) + rw.label("wan", "1"))

    assert METRIC_NAME.fullmatch(name.encode()), "it is refused for whose it is, not for how it is written"
    assert (refused.value.status, refused.value.reason) == (400, "reserved_label")


@pytest.mark.parametrize("name", ["school_policy_limits", "alerts", "up", "process_open_fds", "haidang_agent_info"])
def test_names_beside_those_are_anybodys(name: str) -> None:
    before, _, _, after = cut(rw.label("__name__", name) + rw.label("wan", "1"))

    assert before + after == rw.label("__name__", name) + rw.label("wan", "1")
