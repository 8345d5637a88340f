"""What the watch is told before the first frame: the school's wishes, its bounds, and what it knew before a restart."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from haidang_agent.lanwatch.detectors.new_device import DAY, NewDevice
from haidang_agent.lanwatch.remembering import Remembering

if TYPE_CHECKING:
    from haidang_agent.intrusion.settings import Settings
    from haidang_agent.lanwatch.incident import Severity
    from haidang_agent.lanwatch.watch import Watch
    from haidang_agent.probe import Memory


def prepare(watch: Watch, settings: Settings, memory: Memory) -> None:
    """Raises ValueError for a network that is none."""
    protected = [_network(text) for text in settings.protected]
    for detector in watch.kinds.values():
        if isinstance(detector, NewDevice):
            detector.watch(protected, settings.learning_days * DAY, memory)
        elif isinstance(detector, Remembering):
            detector.memory = memory


def watched(watch: Watch, settings: Settings) -> dict[str, tuple[Severity, ...]]:
    """What is watched for, and the severities it can have."""
    off = set() if settings.protected else {NewDevice.kind}
    return {kind: detector.severities for kind, detector in watch.kinds.items() if kind not in off}


def _network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError as wrong:
        raise ValueError(f"protected: {wrong}; write as 10.20.9.0/24") from wrong
