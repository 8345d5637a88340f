"""30 random faults of a school with two ISPs, and ten quiet minutes: what the agent on the router says, and dpinger.

`python -m benchmarks.wan_faults [--seed N] [--faults N] [--quiet SECONDS]`, as root, about half an hour. Before the
quiet come a minute with 60 % loss, and two cuts of 30 s after a minute of calm, which is what dpinger needs to see one.
What was said around a fault that was not reported rightly goes to stderr.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.dpinger import PERIOD_SECONDS, Pinger, alarms
from tests.e2e.wan_school import WanSchool, story, table
from tests.lab.faults import Fault, random_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.lab.judge import Verdict
    from tests.lab.watching import Timeline

FAULTS, QUIET_SECONDS = 30, 600.0
LONG = (
    Fault("loss", active=False, seconds=62, percent=60),
    Fault("ISP cut", active=True, seconds=30, cut="core"),
    Fault("fibre cut", active=False, seconds=30, cut="fibre"),
)
SETTLE_SECONDS = 0.5
"""A line that is mended is well at once, and is told to be a little later: no false alarm yet."""

Times = list[tuple[float, float]]


class Notice(NamedTuple):
    """`delays` are those after which cuts were noticed. `false` alarms began on a line that was well, and for
    `false_seconds` a line was called down that was well.
    """

    cuts: int
    delays: list[float]
    false: int
    false_seconds: float


def run(seed: int, faults: int, quiet: float) -> bool:
    """True if nothing was wrong."""
    print(f"seed {seed}, {faults} faults, {quiet:g} quiet seconds\n", flush=True)
    with ExitStack() as stack:
        school = stack.enter_context(WanSchool())
        lab = school.school
        pingers = {
            isp.wan: stack.enter_context(Pinger(lab.router, isp, lab.centre_address, lab.folder))
            for isp in lab.isps.values()
        }
        verdicts = []
        print(table([]), flush=True)
        for fault in (*random_faults(seed, faults), *LONG):
            if fault in LONG:
                time.sleep(PERIOD_SECONDS)
            verdicts.append(school.suffer(fault))
            print(table(verdicts[-1:]).splitlines()[-1], flush=True)
            if verdicts[-1].wrong:
                print(story(verdicts[-1].facts, school.watcher.timeline()), file=sys.stderr, flush=True)
        disturbed = school.be_quiet(quiet)
        said = school.watcher.timeline()
        theirs = {wan: alarms(pinger.echoes()) for wan, pinger in pingers.items()}
    ours = {wan: _told_down(said, wan) for wan in pingers}
    wrong = [verdict for verdict in verdicts if verdict.wrong]
    print(f"\n{len(verdicts) - len(wrong)} of {len(verdicts)} faults reported rightly")
    print(f"reported in {quiet:g} quiet seconds: {'; '.join(disturbed) or 'nothing'}\n")
    print("| | cuts noticed | after, median | at most | false alarms | told of a line that was well |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, told in (("ours", ours), ("dpinger's rule", theirs)):
        print(_row(name, [notice(told[wan], *_truth(verdicts, wan)) for wan in pingers]))
    return not wrong and not disturbed


def notice(told: Times, cuts: Times, faults: Times) -> Notice:
    """What was told of a line, against its `cuts` and all of its `faults` (cuts and losses)."""
    began = ([on - begin for on, _ in told if begin <= on <= end] for begin, end in cuts)
    delays = [min(delays) for delays in began if delays]
    well = [on for on, _ in told if not any(begin <= on <= end + SETTLE_SECONDS for begin, end in faults)]
    length = sum(off - on for on, off in told) - sum(_common(span, fault) for span in told for fault in faults)
    return Notice(len(cuts), delays, len(well), length)


def _common(one: tuple[float, float], other: tuple[float, float]) -> float:
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def _truth(verdicts: Sequence[Verdict], wan: str) -> tuple[Times, Times]:
    of_line = [verdict.facts for verdict in verdicts if verdict.facts.wan == wan]
    cuts = [span for facts in of_line for span in facts.downs]
    return cuts, cuts + [(facts.begin, facts.end) for facts in of_line if facts.fault.kind == "loss"]


def _told_down(said: Timeline, wan: str) -> Times:
    steps = [s for s in said.steps("school_wan_up", 0.0, said.until) if s.series.label("wan") == wan]
    ends = [step.at for step in steps[1:]] + [said.until]
    return [(step.at, end) for step, end in zip(steps, ends, strict=True) if step.value == 0]


def _row(name: str, lines: Sequence[Notice]) -> str:
    cuts, false, seconds = (sum(getattr(line, what) for line in lines) for what in ("cuts", "false", "false_seconds"))
    delays = [delay for line in lines for delay in line.delays]
    middle, most = (f"{figure(delays):.1f} s" if delays else "" for figure in (statistics.median, max))
    return f"| {name} | {len(delays)} of {cuts} | {middle} | {most} | {false} | {seconds:.0f} s |"


def main() -> bool:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wan_faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="plays a series again")
    parser.add_argument("--faults", type=int, default=FAULTS, help=f"how many (default {FAULTS})")
    parser.add_argument("--quiet", type=float, default=QUIET_SECONDS, help=f"seconds (default {QUIET_SECONDS:g})")
    options = parser.parse_args()
    return run(options.seed, options.faults, options.quiet)


if __name__ == "__main__":
    raise SystemExit(not main())
