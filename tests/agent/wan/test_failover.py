"""The traffic moves from line to line: when that counts, and how long nothing went through."""

from __future__ import annotations

import pytest
from haidang_agent.wan.failover import PATIENCE_SECONDS, Failovers

from tests.agent.wan.simulated import Model

ONE, TWO, BOTH = frozenset({"wan1"}), frozenset({"wan2"}), frozenset({"wan1", "wan2"})
ALWAYS = float("inf")


class School:
    """Two lines that are dead in the given spans (seconds), and the daemon that moves the route."""

    def __init__(self, *dead: tuple[float, float], rtt: float = 0.01) -> None:
        self.models = {}
        for number, span in enumerate(dead, start=1):
            alive = lambda _destination, now, span=span: not span[0] <= now < span[1]  # noqa: E731
            self.models[f"wan{number}"] = Model(rtt=lambda _: rtt, alive=alive, seed=number)
        self.failovers = Failovers()
        self.found = []

    def run(self, until: float, lines: frozenset[str]) -> None:
        """With these lines in use from now on."""
        start = next(iter(self.models.values()))
        self._note(self.failovers.active(lines, start.now))
        for name in self.failovers.doubtful():
            self.models[name].line.check(self.models[name].now)
        while start.time < until - 1e-6:  # it may be a rounding short of it
            step = min(start.time + 0.05, until)
            for model in self.models.values():
                model.run(step)
            for found in self.failovers.settle({n: m.line for n, m in self.models.items()}, start.now):
                self._note(found)

    def _note(self, found) -> None:
        if found is not None:
            self.found.append(found)


NEVER = (ALWAYS, ALWAYS)


def test_the_first_line_in_use_is_no_failover():
    school = School(NEVER, NEVER)
    school.run(10, ONE)

    assert school.found == []


def test_a_route_moved_by_hand_between_two_lines_that_work_has_no_gap():
    school = School(NEVER, NEVER)
    school.run(10, ONE)
    school.run(20, TWO)

    (move,) = school.found
    assert (move.source, move.target) == ("wan1", "wan2")
    assert move.gap == 0
    assert move.at == pytest.approx(1010, abs=0.1)


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("daemon", [0.2, 1.0, 5.0, 30.0])
def test_the_gap_runs_from_the_death_of_the_old_line_to_the_move(phase, daemon):
    """Also where the daemon was quicker than we in calling it dead."""
    cut = 20 + phase
    school = School((cut, ALWAYS), NEVER)
    school.run(cut + daemon, ONE)
    school.run(cut + daemon + 10, TWO)

    (move,) = school.found
    assert move.gap == pytest.approx(daemon, abs=0.35)


def test_to_a_line_that_does_not_work_yet_the_gap_ends_when_it_does():
    school = School((20, ALWAYS), (15, 26.4))
    school.run(22, ONE)
    school.run(40, TWO)

    assert [move.gap for move in school.found] == [pytest.approx(6.4, abs=0.5)]


def test_from_one_dead_line_to_another_and_back_is_one_gap_told_with_the_second_move():
    """It began when the line that carried the traffic died, not when the other one did, which then carried nothing."""
    school = School((20, 30), (15, ALWAYS))
    school.run(22, ONE)
    school.run(28, TWO)
    assert school.found == []
    school.run(45, ONE)

    first, second = school.found
    assert (first.source, first.target, first.gap) == ("wan1", "wan2", None)
    assert (second.source, second.target, second.gap) == ("wan2", "wan1", pytest.approx(10, abs=0.5))


def test_a_time_without_any_route_belongs_to_the_gap():
    school = School(NEVER, NEVER)
    school.run(10, ONE)
    school.run(13, frozenset())
    school.run(20, TWO)

    (move,) = school.found
    assert move.gap == pytest.approx(3, abs=0.1)


def test_a_route_that_goes_right_after_a_move_is_not_forgotten():
    """The move is settled while there is no route at all."""
    school = School((20, ALWAYS), NEVER, NEVER)
    school.run(22, ONE)
    school.run(22.1, TWO)
    school.run(30, frozenset())
    school.run(40, frozenset({"wan3"}))

    assert [move.gap for move in school.found] == [pytest.approx(2, abs=0.4), pytest.approx(7.9, abs=0.1)]


def test_a_route_that_comes_back_to_the_same_line_is_no_failover():
    school = School(NEVER, NEVER)
    school.run(10, ONE)
    school.run(13, frozenset())
    school.run(20, ONE)

    assert school.found == []


def test_failback_counts_of_itself():
    school = School((20, 40), NEVER)
    school.run(23, ONE)
    school.run(45, TWO)
    school.run(60, ONE)

    assert [(move.source, move.target) for move in school.found] == [("wan1", "wan2"), ("wan2", "wan1")]
    assert school.found[1].gap == 0


def test_a_line_that_joins_is_no_failover_and_one_that_leaves_is():
    """Load is shared by two; one dies, and the other carries all."""
    school = School((30, ALWAYS), NEVER)
    school.run(10, ONE)
    school.run(32, BOTH)
    assert school.found == []
    school.run(45, TWO)

    (move,) = school.found
    assert (move.source, move.target, move.gap) == ("wan1", "wan2", pytest.approx(2, abs=0.35))


def test_several_lines_at_once_are_joined_by_plus():
    school = School(NEVER, NEVER, NEVER)
    school.run(10, BOTH)
    school.run(20, frozenset({"wan3"}))

    assert [(move.source, move.target) for move in school.found] == [("wan1+wan2", "wan3")]


def test_the_gap_of_an_old_line_that_lives_is_settled_within_the_patience():
    school = School(NEVER, NEVER)
    school.run(10, ONE)
    school.run(10 + PATIENCE_SECONDS + 0.5, TWO)

    assert len(school.found) == 1


def test_a_line_that_is_not_watched_does_not_hold_it_up():
    """Traffic may move to a tunnel that no [[wan]] stands for."""
    failovers = Failovers()
    failovers.active(ONE, 10.0)
    assert failovers.active(TWO, 20.0) is None

    (move,) = failovers.settle({}, 20.0)
    assert move.gap == 0
