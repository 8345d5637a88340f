"""Forged name answers.

Two contradicting answers to one question, answers with a guessed number, or a machine that answers whatever name its
neighbours ask for (LLMNR, NetBIOS). Captures that begin in the middle hold answers whose questions are missing: those
tell nothing. mDNS is not judged, for reflectors and sleep proxies answer for others by design.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.incident import Change, Detector, Evidence, Severity
from haidang_agent.lanwatch.naming import ip_text, mac_text
from haidang_agent.lanwatch.protocols import MalformedError
from haidang_agent.lanwatch.protocols.dns import AAAA, DNS_PORT, LLMNR_PORT, NB, NBNS_PORT, A, Dns, netbios_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_SOCKETS, MOST_QUESTIONS, MOST_ANSWERS, MOST_ANSWERERS, MOST_NAMES = 4096, 16, 4, 1024, 64
PENDING_SECONDS = 10.0
MANY_GUESSES = 10
NO_SUCH_NAME = 3
NAMES_OF_ONE, NAMES_WITH_WPAD = 3, 2
"""A machine has a name, perhaps an alias; nobody is called wpad and something else."""
MACHINE_SUFFIXES = frozenset({0x00, 0x20})
"""NetBIOS names of workstations and file servers, not of work groups and browsers."""
WPAD = "wpad"
JUDGED = frozenset({A, AAAA, NB})

CONTRADICT = N_("{client} asked {server} for {name} once and got contradicting answers: {one} and {other}")
GUESSED = N_(
    "{client} waited for the address of {name} and got {number} answer(s) in the name of {server} "
    "with a number that it never used"
)
ANSWERS_ALL = N_("{mac} answers for {number} different names: {names}")


@dataclass(slots=True)
class _Question:
    """`answers` holds what was answered so far: the addresses, and the code."""

    name: str
    type: int
    time: float
    asked: int = 1
    answers: list[tuple[frozenset[bytes], int]] = field(default_factory=list)


@dataclass(slots=True)
class _Socket:
    """What one client's port asked one server, by number; and answers with numbers it never used.

    Crowded: it asked more than is remembered.
    """

    questions: dict[int, _Question] = field(default_factory=dict)
    guesses: int = 0
    is_crowded: bool = False


class DnsSpoof(Detector):
    """Critical; a warning for a single answer with a wrong number, which may be an accident."""

    kind = "dns_spoof"
    severities = ("critical", "warning")
    takes = (Dns,)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__()
        self._sockets: Table[tuple[Segment, bytes, int, bytes], _Socket] = Table(MOST_SOCKETS, _Socket)
        self._asked_all: Table[tuple[Segment, int, str], float] = Table(MOST_SOCKETS, float)
        self._names: Table[tuple[Segment, bytes], dict[str, None]] = Table(MOST_ANSWERERS, dict)

    def feed(self, frame: Frame) -> Iterator[Change]:
        message, ports = frame.message, frame.ports
        if not isinstance(message, Dns) or ports is None or frame.ip is None or not message.is_query:
            return
        if not message.is_response and ports[1] == DNS_PORT:
            self._ask(frame, frame.ip.source, frame.ip.destination, message)
        elif message.is_response and ports[0] == DNS_PORT:
            yield from self._answer(frame, frame.ip.destination, frame.ip.source, message)
        elif {ports[0], ports[1]} & {LLMNR_PORT, NBNS_PORT}:
            yield from self._neighbours(frame, message)

    def _ask(self, frame: Frame, client: bytes, server: bytes, message: Dns) -> None:
        socket = self._sockets[frame.segment, client, frame.ports[0] if frame.ports else 0, server]
        questions = socket.questions
        known = questions.pop(message.id, None)
        if known and (known.name, known.type) == (message.name, message.type):
            known.asked += 1
            known.time = frame.time
        else:
            known = _Question(message.name, message.type, frame.time)
        questions[message.id] = known
        if len(questions) > MOST_QUESTIONS:
            del questions[next(iter(questions))]
            socket.is_crowded = True

    def _answer(self, frame: Frame, client: bytes, server: bytes, message: Dns) -> Iterator[Change]:
        socket = self._sockets.get((frame.segment, client, frame.ports[1] if frame.ports else 0, server))
        if socket is None or message.is_truncated:
            return
        values = {"client": ip_text(client), "server": ip_text(server), "name": message.name}
        question = socket.questions.get(message.id)
        if question is None:
            yield from self._guess(frame, message, socket, values)
            return
        if (question.name, question.type) != (message.name, message.type):
            return
        answer = message.answers, message.code
        contradicting = next((one for one in question.answers if _contradict(one, answer)), None)
        if len(question.answers) < MOST_ANSWERS:
            question.answers.append(answer)
        if contradicting and len(question.answers) > question.asked:
            told = {"one": _told(contradicting), "other": _told(answer)}
            yield from self._report(frame, "critical", Evidence(CONTRADICT, values | told), values)

    def _guess(self, frame: Frame, message: Dns, socket: _Socket, values: dict[str, str]) -> Iterator[Change]:
        """Somebody else's number for a name that is waited for."""
        waiting = any(
            (one.name, one.type) == (message.name, message.type)
            and not one.answers and 0 <= frame.time - one.time < PENDING_SECONDS
            for one in socket.questions.values()
        )  # fmt: skip
        if waiting and not socket.is_crowded:
            socket.guesses += 1
            severity: Severity = "critical" if socket.guesses >= MANY_GUESSES else "warning"
            evidence = Evidence(GUESSED, values | {"number": socket.guesses})
            yield from self._report(frame, severity, evidence, values)

    def _report(self, frame: Frame, severity: Severity, evidence: Evidence, values: dict[str, str]) -> Iterator[Change]:
        key = values["client"], values["server"], values["name"]
        subject = values | {"mac": mac_text(frame.source)}
        yield from self._cases.report(frame, key, severity, evidence, subject)

    def _neighbours(self, frame: Frame, message: Dns) -> Iterator[Change]:
        """Questions to everybody, and who answers them."""
        if message.type not in JUDGED or not message.name or not frame.source:
            return
        if not message.is_response:
            if frame.is_group:
                self._asked_all[frame.segment, message.id, message.name] = frame.time
            return
        if not message.answers or (frame.segment, message.id, message.name) not in self._asked_all:
            return
        name = _machine(message)
        if not name:
            return
        names = self._names[frame.segment, frame.source]
        if len(names) < MOST_NAMES:
            names[name] = None
        if len(names) >= NAMES_OF_ONE or (WPAD in names and len(names) >= NAMES_WITH_WPAD):
            told = ", ".join(list(names)[:NAMES_OF_ONE])
            evidence = Evidence(ANSWERS_ALL, {"mac": mac_text(frame.source), "number": len(names), "names": told})
            subject = {"mac": mac_text(frame.source)}
            yield from self._cases.report(frame, frame.source, "critical", evidence, subject)


def _machine(message: Dns) -> str:
    """The machine's name without a domain; empty for names of groups."""
    if message.type != NB:
        return message.name.partition(".")[0]
    try:
        name, suffix = netbios_name(message.name)
    except MalformedError:
        return ""
    return name if suffix in MACHINE_SUFFIXES else ""


def _contradict(one: tuple[frozenset[bytes], int], other: tuple[frozenset[bytes], int]) -> bool:
    """Not one address in common, or an address where the other says that the name does not exist."""
    if one[0] and other[0]:
        return not one[0] & other[0]
    return any(first[0] and second[1] == NO_SUCH_NAME for first, second in ((one, other), (other, one)))


def _told(answer: tuple[frozenset[bytes], int]) -> str:
    return ", ".join(sorted(ip_text(address) for address in answer[0])) or "NXDOMAIN"


DETECTOR = DnsSpoof
