"""Another bridge has become the root of the spanning tree (IEEE 802.1D, section 17; 802.1w): traffic goes by it.

The root is the bridge with the lowest identifier (priority, then MAC address). Whoever offers a lower one than was ever
seen takes the network over: a switch that somebody plugged in, or an attack. Where the root goes silent a higher one
follows: that is how bridges mend a failure, and only for information. Roots that were accepted before are known
(memory) and may come back at any time, as after a power cut. What lasts an hour is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.incident import Change, Evidence, Severity
from haidang_agent.lanwatch.naming import mac_text
from haidang_agent.lanwatch.protocols.bridging import Bpdu
from haidang_agent.lanwatch.remembering import Remembering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_TREES, MOST_KNOWN = 256, 64
IDENTIFIER_BYTES = 8
LEARNING_SECONDS = 30.0
"""The first half minute of a tree: bridges that start believe that they are root, until they hear of a better one."""
BETTER_BPDUS, BETTER_SECONDS = 3, 3.0
"""A better root is believed so soon: two hello times (802.1D, table 17-1)."""
WORSE_SECONDS = 40.0
"""Longer than a failed root's word lives (20 s) and its tree takes to settle."""
ACCEPTED_SECONDS = 3600.0

TAKEN_OVER = N_(
    "{mac} (priority {priority}) has become the root of the spanning tree by a better identifier than {known_mac} "
    "(priority {known_priority})"
)
FOLLOWED = N_(
    "{mac} (priority {priority}) has become the root of the spanning tree after {known_mac} (priority "
    "{known_priority}) went silent"
)

Tree = tuple["Segment", int]
"""A segment, and the number of a VLAN's own tree (802.1t's system identifier; Cisco has a tree for each VLAN)."""


@dataclass(slots=True)
class _Candidate:
    root: bytes
    since: float
    bpdus: int = 0


@dataclass(slots=True)
class _State:
    root: bytes
    learning_until: float
    candidate: _Candidate | None = None


class StpRootChanged(Remembering):
    """Critical for a better priority, a warning where only the MAC address is lower, information for a successor."""

    kind = "stp_root_changed"
    severities = ("critical", "warning", "info")
    quiet = 120.0
    takes = (Bpdu,)

    def __init__(self, lan: Lan) -> None:
        super().__init__(lan)
        self._trees: Table[Tree, _State] = Table(MOST_TREES, lambda: _State(b"", 0.0))

    def feed(self, frame: Frame) -> Iterator[Change]:
        said = frame.message
        if not isinstance(said, Bpdu) or len(said.root) != IDENTIFIER_BYTES:
            return
        number = _number(said.root)
        tree = self._trees.get((frame.segment, number)) or self._begin(frame, number)
        if said.root == tree.root:
            tree.candidate = None
            yield from self._is_over(frame, number)
        elif frame.time < tree.learning_until or said.root.hex() in self.recall():
            yield from self._accept(frame, number, tree, said.root)
        else:
            yield from self._doubt(frame, number, tree, said.root)

    def _begin(self, frame: Frame, number: int) -> _State:
        """With the root that was accepted last, where one is remembered."""
        known = [bytes.fromhex(root) for root in self.recall() if _number(bytes.fromhex(root)) == number]
        state = _State(known[-1], frame.time) if known else _State(b"", frame.time + LEARNING_SECONDS)
        self._trees[frame.segment, number] = state
        return state

    def _doubt(self, frame: Frame, number: int, tree: _State, root: bytes) -> Iterator[Change]:
        if tree.candidate is None or tree.candidate.root != root:
            tree.candidate = _Candidate(root, frame.time)
            yield from self._is_over(frame, number)
        candidate = tree.candidate
        candidate.bpdus += 1
        lasted, is_better = frame.time - candidate.since, root < tree.root
        if lasted >= ACCEPTED_SECONDS:
            yield from self._accept(frame, number, tree, root)
        elif (
            lasted >= BETTER_SECONDS and candidate.bpdus >= BETTER_BPDUS if is_better else lasted >= WORSE_SECONDS
        ):  # fmt: skip
            yield from self._report(frame, number, tree.root, candidate)

    def _report(self, frame: Frame, number: int, before: bytes, candidate: _Candidate) -> Iterator[Change]:
        root = candidate.root
        values = {
            "mac": mac_text(root[2:]), "priority": _priority(root),
            "known_mac": mac_text(before[2:]), "known_priority": _priority(before),
        }  # fmt: skip
        severity: Severity = "info"
        if root < before:
            severity = "critical" if _priority(root) < _priority(before) else "warning"
        evidence = Evidence(TAKEN_OVER if root < before else FOLLOWED, values)
        subject = {"mac": mac_text(root[2:]), "known_mac": mac_text(before[2:])}
        yield from self._cases.report(frame, number, severity, evidence, subject, candidate.since)

    def _accept(self, frame: Frame, number: int, tree: _State, root: bytes) -> Iterator[Change]:
        """In memory the one accepted last stands last."""
        tree.root, tree.candidate = root, None
        known = [other for other in self.recall() if other != root.hex()]
        kept = [*known, root.hex()][-MOST_KNOWN:]
        self.keep(dict.fromkeys(kept, True))
        yield from self._is_over(frame, number)

    def _is_over(self, frame: Frame, number: int) -> Iterator[Change]:
        if self._cases.has(frame.segment, number):
            yield from self._cases.close((frame.segment, number))


def _priority(root: bytes) -> int:
    """In steps of 4096, as switches show it."""
    return int.from_bytes(root[:2]) & 0xF000


def _number(root: bytes) -> int:
    return int.from_bytes(root[:2]) & 0x0FFF


DETECTOR = StpRootChanged
