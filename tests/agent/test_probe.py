"""What probes are handed: counters, histograms, evidence of one another, memory."""

from __future__ import annotations

import math
import threading

import pytest
from haidang_agent.probe import Evidence, Histogram, Memory, Metric, Totals, Watch
from haidang_agent.tables import Wan
from hypothesis import given
from hypothesis import strategies as st

GAP = Histogram("school_trial_seconds", "A gap.", ("from",), (0.5, 1.0, 5.0))
BUCKET, SUM, COUNT = GAP.metrics
COUNTED = Metric("school_trial_total", "How often.", ("what",), "counter")


def told(totals: Totals, label: str = "a") -> dict[tuple[str, ...], float]:
    return {(sample.metric.name, *sample.labels[1:]): sample.value for sample in totals.histogram(GAP, (label,))}


class TestHistogram:
    def test_buckets_are_cumulative_and_their_bounds_inclusive(self):
        totals = Totals()
        for value in (0.5, 0.7, 3.0, 100.0):
            totals.observe(GAP, value, ("a",))

        assert told(totals) == {
            (BUCKET.name, "0.5"): 1, (BUCKET.name, "1.0"): 2, (BUCKET.name, "5.0"): 3, (BUCKET.name, "+Inf"): 4,
            (SUM.name,): 104.2, (COUNT.name,): 4,
        }  # fmt: skip

    def test_all_series_are_there_before_the_first_value(self):
        assert set(told(Totals()).values()) == {0}

    def test_it_goes_on_where_the_last_process_stopped(self):
        before = Totals()
        before.observe(GAP, 0.2, ("a",))
        after = Totals(before.copy())
        after.observe(GAP, 2.0, ("a",))

        assert told(after)[COUNT.name,] == 2

    def test_labels_are_apart(self):
        totals = Totals()
        totals.observe(GAP, 0.2, ("a",))

        assert told(totals, "b")[COUNT.name,] == 0

    def test_its_parts_are_the_same_each_time(self):
        """The runner compares what a probe gives with what it declares."""
        assert GAP.metrics == Histogram("school_trial_seconds", "A gap.", ("from",), (0.5, 1.0, 5.0)).metrics
        assert {part.part_of for part in GAP.metrics} == {GAP}

    @given(st.lists(st.floats(0, 1e6), max_size=30))
    def test_whatever_is_observed(self, values):
        totals = Totals()
        for value in values:
            totals.observe(GAP, value, ("a",))
        seen = told(totals)
        buckets = [seen[BUCKET.name, bound] for bound in ("0.5", "1.0", "5.0", "+Inf")]

        assert buckets == sorted(buckets)
        assert buckets[-1] == seen[COUNT.name,] == len(values)
        assert math.isclose(seen[SUM.name,], sum(values), abs_tol=1e-6)


def test_counters_lose_nothing_to_threads_that_count_at_once():
    totals = Totals()

    def count() -> None:
        for _ in range(2000):
            totals.add(COUNTED, 1, ("a",))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert totals.sample(COUNTED, ("a",)).value == 8000


class TestEvidence:
    @pytest.fixture
    def clock(self):
        return [100.0]

    @pytest.fixture
    def evidence(self, clock):
        return Evidence(now=lambda: clock[0])

    def test_a_fact_holds_for_its_time(self, clock, evidence):
        evidence.tell("egress", "", {"isp": "VNPT"}, 10)
        assert evidence.ask("egress") == {"isp": "VNPT"}
        clock[0] += 10
        assert evidence.ask("egress") == {"isp": "VNPT"}
        clock[0] += 0.1
        assert evidence.ask("egress") is None

    def test_the_newest_counts_even_where_it_holds_for_less(self, clock, evidence):
        evidence.tell("internet", "", 1, 100)
        evidence.tell("internet", "", 2, 1)
        assert evidence.ask("internet") == 2
        clock[0] += 2
        assert evidence.ask("internet") is None

    def test_kinds_and_subjects_are_apart(self, evidence):
        evidence.tell("snmp_wan", "wan1", 1, 10)

        assert evidence.ask("snmp_wan", "wan2") is None
        assert evidence.ask("optics", "wan1") is None

    def test_who_listens_hears_of_what_is_new_and_no_longer_when_it_has_ended(self, clock, evidence):
        heard = []
        end = evidence.listen(heard.append)
        evidence.tell("internet", "", {"up": True}, 10)
        evidence.tell("internet", "", {"up": True}, 10)
        assert heard == ["internet"]
        evidence.tell("internet", "", {"up": False}, 10)
        clock[0] += 11
        evidence.tell("internet", "", {"up": False}, 10)
        assert heard == ["internet"] * 3
        end()
        evidence.tell("internet", "", {"up": True}, 10)
        assert heard == ["internet"] * 3


def test_memory_keeps_by_key_and_a_copy_is_apart():
    memory = Memory({"a": [1]})
    copy = memory.copy()
    memory.keep("b", {"x": None})

    assert (memory.recall("a"), memory.recall("b"), memory.recall("c")) == ([1], {"x": None}, None)
    assert copy == {"a": [1]}


def test_what_leads_to_an_isp_is_outside() -> None:
    lines = (Wan("wan1", "VNPT", interface="ppp0", port="eth0"), Wan("wan2", "FPT", interface="eth1"), Wan("wan3", "-"))

    assert Watch(wan=lines).outside == {"ppp0", "eth0", "eth1"}
