"""The whole system of one machine: what is started, in which order, and how it ends."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from typing import TYPE_CHECKING

from haidang_collector.supervisor import head_chunks, programs, victoria
from haidang_collector.supervisor.files import write_files
from haidang_collector.supervisor.plan import UpError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import IO

    from haidang_collector.supervisor.child import Child
    from haidang_collector.supervisor.plan import Plan

WATCH_SECONDS = 0.2
POLL_SECONDS = 0.03
READY_SECONDS = 60.0
PORT_SECONDS = 3.0
"""How long a port may still be held by what stops just now, such as the children of a supervisor that was killed."""
STOP_ORDER = ("portals", "agent", "alertmanager", "vmalert", "prometheus", "victoriametrics", "collector")
"""The agent first: its goodbye needs the others."""


class StoppedError(Exception):
    """Asked to stop before everything was up."""


class System:
    """Collector, store, Alertmanager and this machine's agent. `say` gets a line of progress at a time."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._words = plan.words
        self._stopping = False
        self._lock: IO[str] | None = None
        self._children: dict[str, Child] = {}
        self._coming_back: set[str] = set()

    def start(self) -> None:
        """Everything is up and answers when this returns. Raises UpError or StoppedError; then nothing runs."""
        try:
            self._start()
        except OSError as failed:
            self.stop()
            raise self._unwritable(failed) from None
        except BaseException:
            self.stop()
            raise

    def watch(self) -> None:
        """Restart what dies, until `ask_to_stop`."""
        while not self._stopping:
            for child in self._children.values():
                self._look_after(child)
            time.sleep(WATCH_SECONDS)

    def ask_to_stop(self) -> None:
        """For signal handlers. The second time, whatever is still running is killed."""
        if self._stopping:
            for child in self._children.values():
                child.kill()
        self._stopping = True

    def stop(self) -> None:
        """Everything that runs, in order; then the folder is free."""
        for name in STOP_ORDER:
            if name in self._children:
                self._say(self._words("stopping %(name)s") % {"name": name})
                self._children[name].stop()
        if self._lock is not None:
            self._lock.close()

    def _start(self) -> None:
        plan = self._plan
        store = self._find_store()
        alertmanager = programs.server(self._words, "prometheus-alertmanager", "alertmanager")
        self._claim_folder()
        self._check_ports()
        write_files(plan)
        centre = [
            *store(),
            programs.alertmanager(plan, alertmanager),
            programs.collector(plan),
        ]
        self._launch(centre)
        if self._plan.agent:
            self._start_agent(centre)
        self._await(centre)
        if self._plan.portals:
            looking = [programs.portals(plan)]
            self._launch(looking)
            self._await(looking)

    def _find_store(self) -> Callable[[], list[Child]]:
        """What makes its programs once the files are written. Raises UpError where one is not on PATH."""
        plan, words = self._plan, self._words
        if plan.store == "prometheus":
            program = programs.server(words, "prometheus")
            return lambda: self._mended(programs.prometheus(plan, program))
        program, rules = programs.server(words, victoria.PROGRAM), programs.server(words, victoria.RULES_PROGRAM)

        def make() -> list[Child]:
            if without := victoria.write_files(plan, rules):
                told = words("this vmalert knows no keep_firing_for: %(alerts)s are told each time they return")
                self._say(told % {"alerts": ", ".join(without)})
            return [victoria.store(plan, program), victoria.alerting(plan, rules)]

        return make

    def _mended(self, store: Child) -> list[Child]:
        """Prometheus, which may not start otherwise after a power cut. Raises OSError."""
        for file in head_chunks.move_aside(programs.prometheus_data(self._plan)):
            told = self._words("Prometheus could not have read this after a power cut, so it was moved: %(file)s")
            self._say(told % {"file": file})
        return [store]

    def _start_agent(self, centre: list[Child]) -> None:
        """As soon as `centre` is of use."""
        from haidang_collector.supervisor import trial  # noqa: PLC0415 - a second of imports, while the others start

        plan = self._plan
        self._await(centre)
        if trial.needs_enrolment(plan):
            self._say(self._words("enrolling this machine's agent"))
            trial.enrol(plan)
        agent = [programs.agent(plan)]
        self._launch(agent)
        self._await(agent)

    def _launch(self, children: Iterable[Child]) -> None:
        for child in children:
            self._say(self._words("starting %(name)s") % {"name": child.name})
            self._children[child.name] = child
            child.start()

    def _await(self, children: Iterable[Child]) -> None:
        """Returns when each is of use."""
        deadline = time.monotonic() + READY_SECONDS
        for child in children:
            facts = {"name": child.name, "log": child.log, "seconds": READY_SECONDS}
            while not child.ready():
                if self._stopping:
                    raise StoppedError
                if child.status is not None:
                    words = self._words("%(name)s ended at once: %(words)s (log: %(log)s)")
                    raise UpError(words % (facts | {"words": child.last_words}))
                if time.monotonic() > deadline:
                    raise UpError(self._words("%(name)s is not ready after %(seconds)d s (log: %(log)s)") % facts)
                time.sleep(POLL_SECONDS)

    def _look_after(self, child: Child) -> None:
        if child.status is None:
            if child.name in self._coming_back and child.ready():
                self._coming_back.remove(child.name)
                self._say(self._words("%(name)s works again") % {"name": child.name})
        elif child.restart_at is None:
            self._coming_back.add(child.name)
            facts = {"name": child.name, "status": child.status, "words": child.last_words, "log": child.log}
            facts["pause"] = child.plan_restart()
            self._say(
                self._words(
                    "%(name)s ended (status %(status)s) and starts again in %(pause)d s; "
                    "its last words: %(words)s (log: %(log)s)"
                )
                % facts
            )
        elif time.monotonic() >= child.restart_at and (reason := child.restart()):
            words = self._words("%(name)s cannot be started (%(reason)s); it is tried again")
            self._say(words % {"name": child.name, "reason": reason})

    def _claim_folder(self) -> None:
        self._plan.data.mkdir(parents=True, exist_ok=True)
        self._lock = (self._plan.data / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            words = self._words(
                "%(folder)s is in use by another `haidang up` (process %(pid)s); stop it or give another --data"
            )
            raise UpError(words % {"folder": self._plan.data, "pid": self._lock.read().strip() or "?"}) from None
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()

    def _check_ports(self) -> None:
        options: dict[int, str] = {}
        for option, port in self._plan.ports().items():
            if port in options:
                words = self._words("%(option)s and %(other)s are both %(port)d; give each its own port")
                raise UpError(words % {"option": option, "other": options[port], "port": port})
            options[port] = option
        deadline = time.monotonic() + PORT_SECONDS
        for port, option in options.items():
            while not _is_free(port):
                if self._stopping:
                    raise StoppedError
                if time.monotonic() > deadline:
                    words = self._words("port %(port)d is in use; stop what uses it or give another with %(option)s")
                    raise UpError(words % {"port": port, "option": option})
                time.sleep(POLL_SECONDS)

    def _unwritable(self, failed: OSError) -> UpError:
        words = self._words("%(path)s cannot be written (%(reason)s); mend that or give another folder with --data")
        return UpError(words % {"path": failed.filename or self._plan.data, "reason": failed.strerror})


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
