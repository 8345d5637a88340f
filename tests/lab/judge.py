"""Was it reported, rightly, in time, and nothing else? What an agent said, held against what really was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.lab.faults import CAUSES, LONGEST_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.lab.faults import Facts, Move
    from tests.lab.stream import Gap
    from tests.lab.watching import Timeline

NETLINK_SECONDS, STATE_SECONDS = 1.0, 3.0
GAP_SECONDS = 0.5
MUST_BE_FELT_SECONDS, MAY_BE_FELT_SECONDS = 4.0, 0.5
"""Outages of the default path: a gap in the traffic as long as the one must be counted, below the other must not."""
OUTAGE_SECONDS = 1.5
"""By how much the seconds counted for an outage may differ from the time the line was dead."""
LOSS_STEP = 0.01
ECHOES = 3
"""What a line loses, all of its targets lose: so many lost of each are enough to be seen in the figure of the best."""
WINDOW_SECONDS = 60.0
"""A loss that takes the place of a greater one in the agent's window need not raise the figure, but must be in it."""
LONG_LOSS, LONG_LOSS_TOLERANCE = LONGEST_SECONDS * 2, 0.15
"""A loss that lasts longer than any random one shows its share."""
COUNTERS = ("school_outages_total", "school_wan_failovers_total", "school_wan_changes_total")
STATES = ("school_wan_up", "school_wan_carrier", "school_wan_active", "school_outage_active", "school_internet_up")


@dataclass(slots=True)
class Verdict:
    """`wrong` is empty where all is well. `delays` are of every change of state; `gaps` ours and the stream's."""

    facts: Facts
    expected: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def judge(facts: Facts, said: Timeline) -> Verdict:
    """One fault."""
    verdict = Verdict(facts)
    for check in (_outages, _changes, _carrier, _state, _others, _loss, _failovers):
        verdict.wrong += check(facts, said, verdict)
    verdict.wrong += [
        f"/metrics: {failure} at {at:.2f}" for at, failure in said.failures if facts.begin < at < facts.over
    ]
    return verdict


def judge_quiet(begin: float, end: float, said: Timeline) -> list[str]:
    """Whatever was reported while nothing was."""
    wrong = [f"{series} rose by {rise:g}" for name in COUNTERS for series, rise in said.rises(name, begin, end).items()]
    wrong += [
        f"{step.series} {step.before} → {step.value} after {step.at - begin:.1f} s"
        for name in STATES
        for step in said.steps(name, begin, end)
    ]
    return wrong + [
        f"{step.series} rose to {step.value:.3f} after {step.at - begin:.1f} s"
        for step in said.steps("school_wan_loss_ratio", begin, end)
        if (step.value or 0) > (step.before or 0) + LOSS_STEP
    ]


def gap_at(gaps: Sequence[Gap], at: float) -> float:
    """Seconds of the stream's gap in which, or at whose edge, this was; 0 where the stream flowed on."""
    return max((gap.seconds for gap in gaps if gap.begin - 0.2 < at < gap.end + 0.2), default=0.0)


def _outages(facts: Facts, said: Timeline, verdict: Verdict) -> Iterator[str]:
    """Each with its cause, on the line and on the default path, and none of another cause."""
    seen = {
        (series.label("cause"), series.label("wan")): rise
        for series, rise in said.rises("school_outages_total", facts.begin, facts.over).items()
    }
    expected = _expected_outages(facts)
    verdict.expected += [f"{cause}/{wan or 'path'}" for (cause, wan), (least, _) in expected.items() if least]
    verdict.seen += [
        f"{cause}/{wan or 'path'}" + (f" x{rise:g}" if rise > 1 else "") for (cause, wan), rise in seen.items()
    ]
    for key in sorted(seen.keys() | expected.keys()):
        least, most = expected.get(key, (0, 0))
        if not least <= seen.get(key, 0) <= most:
            yield f"outages {key}: {seen.get(key, 0):g}, not {least} to {most}"
    yield from (f"{series} is still there" for series, value in said.at(facts.over, "school_outage_active") if value)
    yield from _outage_seconds(facts, said)


def _expected_outages(facts: Facts) -> dict[tuple[str, str], tuple[int, int]]:
    if not facts.downs or facts.fault.cut is None:
        return {}
    cause, count = CAUSES[facts.fault.cut], len(facts.downs)
    expected = {(cause, facts.wan): (1, count)}
    if facts.fault.active:
        felt = [gap.seconds for gap in facts.gaps if gap.seconds >= MAY_BE_FELT_SECONDS]
        if felt:
            expected[cause, ""] = (int(max(felt) >= MUST_BE_FELT_SECONDS), len(felt))
    return expected


def _outage_seconds(facts: Facts, said: Timeline) -> Iterator[str]:
    """The time counted on a line that was cut once is the time for which it was."""
    if facts.fault.kind == "flapping" or not facts.downs:
        return
    rises = said.rises("school_outage_seconds_total", facts.begin, facts.over)
    ours = sum(rise for series, rise in rises.items() if series.label("wan") == facts.wan)
    true = sum(end - begin for begin, end in facts.downs)
    if abs(ours - true) > OUTAGE_SECONDS:
        yield f"outage of {true:.1f} s counted as {ours:.1f} s"


def _changes(facts: Facts, said: Timeline, verdict: Verdict) -> Iterator[str]:
    """A line goes down as often as it goes down."""
    rises = said.rises("school_wan_changes_total", facts.begin, facts.over)
    ours = {series.label("wan"): rise for series, rise in rises.items()}
    if facts.fault.count:
        verdict.expected.append(f"{facts.fault.count} flaps")
        verdict.seen.append(f"{ours.get(facts.wan, 0):g} flaps")
    expected = {facts.wan: len(facts.downs)} if facts.downs else {}
    if ours != expected:
        yield f"times down {ours}, not {expected}"


def _carrier(facts: Facts, said: Timeline, verdict: Verdict) -> Iterator[str]:
    if facts.fault.cut == "fibre":
        for down, up in facts.downs:
            yield from _within(said, verdict, "school_wan_carrier", facts.wan, 0.0, down, NETLINK_SECONDS)
            yield from _within(said, verdict, "school_wan_carrier", facts.wan, 1.0, up, NETLINK_SECONDS)
        return
    for step in said.steps("school_wan_carrier", facts.begin, facts.over):
        yield f"carrier of {step.series.label('wan')} {step.before} → {step.value}"


def _state(facts: Facts, said: Timeline, verdict: Verdict) -> Iterator[str]:
    """Down at once where netlink tells of it, in 3 s where not; up again in 3 s, or as long as the line is up."""
    fibre = facts.fault.cut == "fibre"
    for place, (down, up) in enumerate(facts.downs):
        limit = NETLINK_SECONDS if fibre else STATE_SECONDS
        yield from _within(said, verdict, "school_wan_up", facts.wan, 0.0, down, limit)
        last = place == len(facts.downs) - 1
        if last or not fibre:
            yield from _within(said, verdict, "school_wan_up", facts.wan, 1.0, up, STATE_SECONDS)
    expected = len(facts.downs) * 2
    own = [s for s in said.steps("school_wan_up", facts.begin, facts.over) if s.series.label("wan") == facts.wan]
    if len(own) > expected:
        told = ", ".join(f"{step.value} at +{step.at - facts.begin:.2f} s" for step in own)
        yield f"state of {facts.wan} changed {len(own)} times, not {expected}: {told}"


def _others(facts: Facts, said: Timeline, _: Verdict) -> Iterator[str]:
    """The line that nothing was done to."""
    for name in ("school_wan_up", "school_wan_carrier"):
        for step in said.steps(name, facts.begin, facts.over):
            if step.series.label("wan") != facts.wan:
                yield f"{step.series} {step.before} → {step.value} at +{step.at - facts.begin:.2f} s, untouched"


def _loss(facts: Facts, said: Timeline, verdict: Verdict) -> Iterator[str]:
    steps = said.steps("school_wan_loss_ratio", facts.begin, facts.over)
    for step in steps:
        if step.series.label("wan") != facts.wan and (step.value or 0) > (step.before or 0) + LOSS_STEP:
            yield f"loss of {step.series.label('wan')} rose to {step.value}, untouched"
    if facts.fault.kind != "loss":
        return
    own = [step for step in steps if step.series.label("wan") == facts.wan]
    rose = any((step.value or 0) > (step.before or 0) for step in own)
    ratio = said.value(facts.end, "school_wan_loss_ratio", wan=facts.wan)
    verdict.expected.append(f"loss {facts.fault.percent:g} %")
    verdict.seen.append("no loss ratio" if ratio is None else f"loss {ratio:.2f}")
    true = facts.fault.percent / 100
    least = true * facts.fault.seconds / WINDOW_SECONDS / 2
    if min(facts.lost_echoes.values()) >= ECHOES and not rose and (ratio or 0) < least:
        yield f"{facts.lost_echoes} echoes were lost, and the loss ratio did not rise"
    if facts.fault.seconds > LONG_LOSS and (ratio is None or abs(ratio - true) > LONG_LOSS_TOLERANCE):
        yield f"loss ratio {ratio} after {facts.fault.seconds:.0f} s of {true}"


def _failovers(facts: Facts, said: Timeline, verdict: Verdict) -> Iterator[str]:
    """Each move of the default route, its time and the gap that the traffic had."""
    steps = said.steps("school_wan_failovers_total", facts.begin, facts.over)
    ours = [(s.series.label("from"), s.series.label("to")) for s in steps if (s.value or 0) > (s.before or 0)]
    expected = [(move.origin, move.to) for move in facts.moves]
    verdict.expected += [f"{origin}→{to}" for origin, to in expected]
    verdict.seen += [f"{origin}→{to}" for origin, to in ours]
    if ours != expected:
        yield f"failovers {ours}, not {expected}"
    for move in facts.moves:
        yield from _within(said, verdict, "school_wan_active", move.to, 1.0, move.at, NETLINK_SECONDS)
        yield from _within(said, verdict, "school_wan_active", move.origin, 0.0, move.at, NETLINK_SECONDS)
        yield from _gap(facts, said, verdict, move)
    if not facts.moves and not (facts.fault.cut == "fibre" and facts.fault.active):
        for step in said.steps("school_wan_active", facts.begin, facts.over):
            yield f"{step.series} {step.before} → {step.value}, though the route did not move"


def _gap(facts: Facts, said: Timeline, verdict: Verdict, move: Move) -> Iterator[str]:
    labels = {"from": move.origin, "to": move.to}
    ours = said.value(facts.over, "school_wan_last_failover_duration_seconds", **labels)
    if ours is None:
        yield f"no duration of the failover {move.origin}→{move.to}"
        return
    true = gap_at(facts.gaps, move.at)
    verdict.gaps.append((ours, true))
    if abs(ours - true) > GAP_SECONDS:
        yield f"gap of {move.origin}→{move.to} {ours:.2f} s, the stream saw {true:.2f} s"


def _within(
    said: Timeline, verdict: Verdict, name: str, wan: str, value: float, since: float, seconds: float
) -> Iterator[str]:
    """From `since` on it takes at most so long until the series says `value`."""
    if said.value(since, name, wan=wan) == value:
        return
    steps = said.steps(name, since, since + 3 * STATE_SECONDS)
    came = [step.at - since for step in steps if step.series.label("wan") == wan and step.value == value]
    if not came:
        yield f"{name} of {wan} did not become {value:g}"
        return
    verdict.delays.append(came[0])
    if came[0] > seconds:
        yield f"{name} of {wan} became {value:g} after {came[0]:.2f} s, not {seconds:g} s"
