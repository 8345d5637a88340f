"""How safe this machine is set up, by the catalogue of `haidang_agent.posture`: passed or failed, check by check.

What could not be read is absent, and counted. Only check names, severities and that count leave the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.posture.limits import Limits
from haidang_agent.probe import Host, Metric, Probe, ProbeError, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECK = Metric("school_posture_check", "1 if the check passed, 0 if it failed.", ("check", "severity"))
UNREAD = Metric("haidang_posture_checks_unread", "How many checks could not be read on this machine.")
WAITING = "posture_waiting_updates"
"""In the host's memory: when each update was first seen waiting."""


@dataclass(frozen=True, slots=True)
class Posture:
    """Remembers since when updates wait."""

    limits: Limits
    host: Host

    def collect(self) -> Iterator[Sample]:
        """Look once; it takes seconds, mostly of apt-get or of PowerShell."""
        from haidang_agent.posture.check import Ledger  # noqa: PLC0415 - for machines that run this probe
        from haidang_agent.posture.examine import Place, examine  # noqa: PLC0415 - as above
        from haidang_agent.unread import UnreadError  # noqa: PLC0415 - as above

        now = self.host.time.moment().unix
        ledger = Ledger(self.host.memory.recall(WAITING) or {})
        try:
            findings = examine(Place(now, self.host.proc, self.host.sys, limits=self.limits), ledger)
        except UnreadError as why:
            raise ProbeError("unreadable", str(why)) from why
        self.host.memory.keep(WAITING, ledger.first_seen)
        for finding in findings:
            if finding.state != "unread":
                yield Sample(CHECK, float(finding.state == "pass"), (finding.check.id, finding.check.severity))
        yield Sample(UNREAD, float(sum(finding.state == "unread" for finding in findings)))

    def close(self) -> None:
        """Nothing to give back."""


PROBE = Probe(
    name="posture",
    start=Posture,
    settings=Limits,
    metrics=(CHECK, UNREAD),
    every_seconds=3600,
    timeout_seconds=120,
)
