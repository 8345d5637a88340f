"""What is where, now: asked once a second from the router, the agents, the centre and the mailbox."""

from __future__ import annotations

import email
import email.policy
import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from scripts.demonstration.stage import AGENT, UNIT, get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from scripts.demonstration.stage import Stage

EVERY_SECONDS = 1.0
WAITING = re.compile(rb"^haidang_outbox_snapshots (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mail:
    """`received` in Unix seconds."""

    received: float
    subject: str
    alert: str
    resolved: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """`waiting`: snapshots in the outbox of each PC, None where its agent does not answer.

    `internet`: of the unit, as the centre knows it; None: it does not know.
    """

    router: bool = True
    carriers: dict[str, bool] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    active: str = ""
    waiting: dict[int, int | None] = field(default_factory=dict)
    internet: bool | None = None
    alerts: tuple[str, ...] = ()
    mails: tuple[Mail, ...] = ()


class Watch:
    """Keeps `facts` new while inside the `with`; `tell` gets a line for every change."""

    def __init__(self, stage: Stage, tell: Callable[[str], None] | None) -> None:
        self.facts = Facts()
        self._stage = stage
        self._tell = tell
        self._looking = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def look(self) -> None:
        """At once, so that nothing of a quick change is missed."""
        with self._looking:
            before, self.facts = self.facts, self._look()
            if self._tell is not None:
                for line in changes(before, self.facts):
                    self._tell(line)

    def _look_on(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            self.look()
            self._over.wait(max(0.0, EVERY_SECONDS - (time.monotonic() - began)))

    def _look(self) -> Facts:
        stage, school = self._stage, self._stage.school
        internet, alerts = self._ask_centre()
        return Facts(
            router=school.router_is_there,
            carriers={isp: school.has_carrier(isp) for isp in school.isps},
            faults={name: ", ".join(isp.faults.values()) for name, isp in school.isps.items()},
            active=school.carrier,
            waiting={pc: self._waiting(pc) for pc in range(1, len(school.pcs) + 1)},
            internet=internet,
            alerts=alerts,
            mails=read_mails(stage.mailbox),
        )

    def _ask_centre(self) -> tuple[bool | None, tuple[str, ...]]:
        try:
            known = self._stage.query(f'unit:school_internet_up{{unit="{UNIT}"}}')
            firing = self._stage.query(f'ALERTS{{alertstate="firing", unit="{UNIT}"}}')
        except OSError:
            return None, ()
        names = sorted({alert["metric"]["alertname"] for alert in firing})
        return (known[0]["value"][1] == "1" if known else None), tuple(names)

    def _waiting(self, pc: int) -> int | None:
        if not self._stage.is_on(pc):
            return None
        try:
            found = WAITING.search(get(self._stage.school.pc(pc), f"http://127.0.0.1:{AGENT}/metrics"))
        except OSError:
            return None
        return int(float(found[1])) if found else None


def changes(before: Facts, now: Facts) -> Iterator[str]:
    """What is different, a line each."""
    for isp, carrier in now.carriers.items():
        if before.carriers.get(isp) != carrier:
            yield f"router: {isp} {'has a carrier' if carrier else 'has lost the carrier'}"
    if before.active != now.active:
        yield f"router: the traffic goes by {now.active}"
    for pc, waiting in now.waiting.items():
        known = before.waiting.get(pc)
        if (known is None) != (waiting is None) or pc not in before.waiting:
            yield f"PC {pc}: agent {'does not answer' if waiting is None else 'runs'}"
    if before.internet != now.internet:
        yield f"centre: Internet of {UNIT} is {internet_word(now.internet)}"
    for alert in sorted(set(before.alerts) ^ set(now.alerts)):
        yield f"centre: {alert} {'fires' if alert in now.alerts else 'is over'}"
    for mail in now.mails[len(before.mails) :]:
        yield f"mail: {mail.subject}"


def internet_word(internet: bool | None) -> str:
    return {True: "up", False: "down", None: "unknown"}[internet]


def read_mails(mailbox: Path) -> tuple[Mail, ...]:
    """Messages in a maildir, oldest first."""
    files = (mailbox / "new").iterdir() if (mailbox / "new").is_dir() else ()
    return tuple(sorted(map(_read, files), key=lambda mail: mail.received))


def _read(file: Path) -> Mail:
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    named = re.search(r"\balertname=(\S+)", str(body.get_content()) if body else "")
    subject = str(message["Subject"])
    return Mail(file.stat().st_mtime, subject, named[1] if named else "?", resolved="RESOLVED" in subject)
