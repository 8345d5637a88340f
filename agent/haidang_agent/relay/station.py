"""A relay at work: its port, what it keeps, and the way on to the centre."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from haidang_agent.centre import PORTS, Centre
from haidang_agent.outbox import OutboxError
from haidang_agent.relay.custody import Custody
from haidang_agent.relay.custody_file import FILE
from haidang_agent.relay.dialler import Collector
from haidang_agent.relay.door import Door
from haidang_agent.relay.forwarding import Forwarder
from haidang_agent.relay.metrics import relay_samples
from haidang_agent.relay.settings import Networks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from haidang_agent.probe import Sample
    from haidang_agent.tables import Relay, Server


class Station:
    """Listens from the start on. Raises OSError where it cannot.

    Without `listen` it takes nothing more, and hands over what is still there. `unit` is its own, at the start.
    """

    def __init__(
        self, settings: Relay, server: Server, state_dir: Path, unit: str, unit_key: Callable[[], bytes]
    ) -> None:
        parts = urlsplit(server.url)
        collector = Collector(parts.hostname or "", parts.port or PORTS[parts.scheme])
        self._custody = Custody(state_dir / FILE, settings.max_mb << 20, unit)
        self._forwarder = Forwarder(self._custody, Centre.of(server), state_dir)
        self._door: Door | None = None
        if not settings.listen:
            return
        networks, wake = Networks(settings.clients), self._forwarder.wake
        self._door = Door(settings.listen, collector, networks, self._custody, unit_key, wake)

    @property
    def port(self) -> int | None:
        """Where it listens; None before it does."""
        return None if self._door is None else self._door.port

    def start(self) -> None:
        if self._door is not None:
            self._door.start()
        self._forwarder.start()

    def samples(self) -> Iterator[Sample]:
        """For /metrics and the snapshot; without what the disk does not tell now."""
        try:
            kept = self._custody.stats()
        except OutboxError:
            kept = None
        connections, answers = (0, {}) if self._door is None else (self._door.connections, self._door.answers)
        yield from relay_samples(kept, self._custody.max_bytes, connections, answers)

    def stop(self, deadline_seconds: float) -> None:
        if self._door is not None:
            self._door.stop(deadline_seconds)
        self._forwarder.stop(deadline_seconds)
        self._custody.close()
