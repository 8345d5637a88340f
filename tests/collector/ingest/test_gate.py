from __future__ import annotations

from contextlib import ExitStack

import pytest
from haidang_collector.ingest.gate import Gate
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.registry.store import Identity


def of(agent: str, unit: str = "TH-001") -> Identity:
    return Identity(agent, unit, "Quận 1")


def admitted(gate: Gate, agent: str, size: int, unit: str = "TH-001") -> bool:
    try:
        with gate.admit(of(agent, unit), size):
            return True
    except Refusal:
        return False


def test_one_agent_cannot_take_all_places() -> None:
    gate = Gate(requests_per_agent=2)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(gate.admit(of("greedy"), 1))

        assert not admitted(gate, "greedy", 1)
        assert admitted(gate, "another", 1)
    assert admitted(gate, "greedy", 1)


def test_all_together_hold_so_many_bytes() -> None:
    gate = Gate(bytes_at_once=10)
    with gate.admit(of("one"), 8):
        assert not admitted(gate, "two", 3)
        assert admitted(gate, "two", 2)
    assert admitted(gate, "two", 10)


def test_who_gets_no_place_shall_come_back_later() -> None:
    with pytest.raises(Refusal) as refused, Gate(bytes_at_once=1).admit(of("one"), 2):
        pytest.fail("admitted")

    assert refused.value.status == 429
    assert "Retry-After" in refused.value.response().headers


def test_a_place_is_given_back_when_the_work_fails() -> None:
    gate = Gate(requests_per_agent=1, bytes_at_once=1)
    with pytest.raises(ZeroDivisionError), gate.admit(of("one"), 1):
        raise ZeroDivisionError

    assert admitted(gate, "one", 1)


def test_one_units_agents_hold_a_part_of_it() -> None:
    """An empty body holds nothing, and leaves nothing behind."""
    gate = Gate(bytes_at_once=10, unit_bytes=4)
    with gate.admit(of("one"), 3), gate.admit(of("two"), 0):
        assert not admitted(gate, "three", 2)
        assert admitted(gate, "three", 1)
        assert admitted(gate, "elsewhere", 4, "TH-002")
    assert admitted(gate, "three", 4)


def test_of_more_pushes_than_there_is_time_for_the_last_are_told_at_once() -> None:
    """
    429 would say that the agent is to blame; who comes back after more than 40 s would be an outage.
    """
    gate = Gate(pushes_at_once=2)
    with gate.enter(), gate.enter(), pytest.raises(Refusal) as refused, gate.enter():
        pytest.fail("admitted")
    with gate.enter(), gate.enter():
        pass

    assert (refused.value.status, refused.value.reason) == (503, "crowded")
    assert {10 <= int(refused.value.response().headers["Retry-After"]) <= 30 for _ in range(100)} == {True}
