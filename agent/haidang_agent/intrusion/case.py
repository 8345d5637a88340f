"""An incident as it is kept at the school, over restarts and after its end."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from haidang_agent.lanwatch.incident import SEVERITIES, Evidence

if TYPE_CHECKING:
    from pathlib import Path

    from haidang_agent.lanwatch.incident import Incident, Severity

LONGEST_TEXT = 200
STEADY_SECONDS = 300.0
"""Who makes an incident worse and better in turn must not send a message each time: it is better when it stays so."""
MEMORY_KEY = "intrusion"
"""Where probes' memory holds the cases: open, and past."""
EVIDENCE_FOLDER = "incidents"
"""In the state folder: files of frames."""


@dataclass(slots=True)
class Case:
    """Times are Unix seconds; `ended` is 0 while it is open. `source` told it: the passive watch, or a check.

    `severe`: when it was last as bad as `severity`.
    `until`: it was open before a restart, and is over if nobody tells of it again by then.
    """

    id: str
    source: str
    kind: str
    severity: Severity
    worst: Severity
    subject: dict[str, str]
    sentence: str
    values: dict[str, Any]
    first: float
    last: float
    opened: float
    ended: float = 0.0
    counted: bool = False
    capture: str = ""
    until: float = 0.0
    severe: float = 0.0

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.sentence, self.values)

    def take(self, incident: Incident) -> None:
        """What is known of it now."""
        is_better = SEVERITIES.index(incident.severity) > SEVERITIES.index(self.severity)
        if not is_better or incident.last_seen > self.severe + STEADY_SECONDS:
            self.severity, self.severe = incident.severity, incident.last_seen
        self.worst = min(self.worst, incident.severity, key=SEVERITIES.index)
        self.subject = bounded(incident.subject)
        self.sentence, self.values = incident.evidence.sentence, bounded(incident.evidence.values)
        self.first, self.last = min(self.first, incident.first_seen), max(self.last, incident.last_seen)

    def is_told_by(self, incident: Incident) -> bool:
        """The same, as far as a restart lets one know: who was first heard of may have changed places."""
        mine, theirs = set(self.subject.values()), set(bounded(incident.subject).values())
        return self.kind == incident.kind and (mine <= theirs or theirs <= mine)

    def file(self, state_dir: Path) -> Path | None:
        """Its frames, None where none were kept or the file had to make room for another."""
        file = state_dir / EVIDENCE_FOLDER / self.capture
        return file if self.capture and file.exists() else None

    def keep(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def begin(source: str, incident: Incident, now: float) -> Case:
    """A new case; its id is also the name of its capture file."""
    text = repr(sorted(incident.subject.items()))
    mark = hashlib.blake2s(text.encode(), digest_size=3).hexdigest()
    begun = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    severity = incident.severity
    case = Case(
        f"{incident.kind}-{begun}-{mark}", source, incident.kind, severity, severity, {}, "", {},
        incident.first_seen, incident.last_seen, now,
    )  # fmt: skip
    case.take(incident)
    return case


def recall(kept: list[dict[str, Any]]) -> list[Case]:
    """What `keep` gave; what another version of the agent kept is forgotten."""
    known = {each.name for each in fields(Case)}
    return [Case(**one) for one in kept if one.keys() == known]


def bounded(values: dict[str, Any]) -> dict[str, Any]:
    """Names come from the network: long ones are cut."""
    texts = {key: str(value)[:LONGEST_TEXT] for key, value in values.items()}
    return texts | {key: value for key, value in values.items() if isinstance(value, (int, float))}
