"""The text format, as Prometheus' own tool and parser read it."""

from __future__ import annotations

from haidang_agent import own_metrics, runner
from haidang_agent.exposition import expose
from haidang_agent.probe import Histogram, Metric, Sample, Totals
from haidang_agent.registry import discover
from prometheus_client.parser import text_string_to_metric_families

from tests.agent.promtool import complaints

PROBES = [metric for probe in discover().values() for metric in probe.metrics]
UP = Metric("school_trial_up", "1 if up.", ("what",))
COUNT = Metric("school_trial_total", "How often.", kind="counter")
GAP = Histogram("school_trial_seconds", "A gap.", ("from",), (0.5, 1.0))


def test_every_metric_of_the_agent_pleases_promtool() -> None:
    metrics = [*PROBES, *runner.METRICS, *own_metrics.METRICS]

    samples = (Sample(each, 1.0, tuple({"le": "+Inf"}.get(name, name) for name in each.labels)) for each in metrics)

    assert complaints(expose(samples).decode()) == []


def test_promtool_does_complain() -> None:
    assert complaints("school_Bad_total 1\n")


def test_the_text_is_exact() -> None:
    text = expose([Sample(UP, 1.0, ("a",)), Sample(COUNT, 2.0), Sample(UP, 0.0, ("b",))])

    assert text.decode() == (
        "# HELP school_trial_up 1 if up.\n"
        "# TYPE school_trial_up gauge\n"
        'school_trial_up{what="a"} 1.0\n'
        'school_trial_up{what="b"} 0.0\n'
        "# HELP school_trial_total How often.\n"
        "# TYPE school_trial_total counter\n"
        "school_trial_total 2.0\n"
    )


def test_a_histogram_is_one_family() -> None:
    totals = Totals()
    totals.observe(GAP, 0.7, ("a",))
    text = expose([*totals.histogram(GAP, ("a",)), *totals.histogram(GAP, ("b",))]).decode()

    assert text.startswith(
        "# HELP school_trial_seconds A gap.\n"
        "# TYPE school_trial_seconds histogram\n"
        'school_trial_seconds_bucket{from="a",le="0.5"} 0.0\n'
        'school_trial_seconds_bucket{from="a",le="1.0"} 1.0\n'
        'school_trial_seconds_bucket{from="a",le="+Inf"} 1.0\n'
        'school_trial_seconds_sum{from="a"} 0.7\n'
        'school_trial_seconds_count{from="a"} 1.0\n'
    )
    assert text.count("# TYPE") == 1
    assert complaints(text) == []


def test_odd_labels_and_values_come_back_as_they_were() -> None:
    values = {'"quoted"': float("inf"), "back\\slash\nline": -0.5, "Trường Tiểu học Đồng Tháp": 1e300, "": 0.0}
    text = expose(Sample(UP, value, (label,)) for label, value in values.items()).decode()
    (family,) = text_string_to_metric_families(text)

    assert {sample.labels["what"]: sample.value for sample in family.samples} == values


def test_nothing_is_an_empty_page() -> None:
    assert expose([]) == b""
