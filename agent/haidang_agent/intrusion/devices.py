"""Who is looked at by checks that go from device to device: each once a day, a few at a time, evenly over the day.

Who is online comes from the probe `lan` (evidence `lan_devices`: a list of `mac`, `ip` and `class`). What a device
showed is kept in memory, so that neither a restart nor a device that is off at night opens an incident anew.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING, Any, NamedTuple

from haidang_agent.intrusion.check import NotYetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haidang_agent.intrusion.check import Site
    from haidang_agent.probe import Memory

EVIDENCE = "lan_devices"
ROUND_SECONDS = 60.0
"""Between two rounds, each of which looks at those that are due."""
AT_ONCE = 8
"""Devices of a round, so few that other checks do not wait for long."""
MOST_DEVICES = 2048
FORGOTTEN_SECONDS, RANDOM_SECONDS = 7 * 86400.0, 86400.0
"""What a device showed holds for so long after it was seen last; shorter where its MAC address is made up."""
LOCAL_BIT = 0x02
TOLD_DEVICES = 8


class Device(NamedTuple):
    """`class_` as in `school_devices`."""

    mac: str
    ip: str
    class_: str


def pace(every_seconds: float) -> float:
    """How often a round is made for devices that are to be looked at every so many seconds; 0 is never."""
    return min(every_seconds, ROUND_SECONDS) if every_seconds > 0 else 0.0


def online(site: Site) -> list[Device]:
    """In this machine's own subnets, without itself. Raises NotYetError where `lan` has told nothing."""
    told = site.host.evidence.ask(EVIDENCE)
    if told is None:
        raise NotYetError("unreadable", "the probe lan has not told yet which devices are online")
    own = {str(subnet.own) for subnet in site.subnets} | {subnet.mac for subnet in site.subnets}
    devices = [Device(one["mac"], one["ip"], one["class"]) for one in told[:MOST_DEVICES]]
    return [each for each in devices if not own & {each.ip, each.mac} and _is_inside(each.ip, site)]


def _is_inside(text: str, site: Site) -> bool:
    try:
        address = IPv4Address(text)
    except AddressValueError:
        return False
    return any(address in subnet.network for subnet in site.subnets)


class Rounds:
    """What each device showed when it was looked at last, under `key` in the agent's memory."""

    def __init__(self, memory: Memory, key: str) -> None:
        self._memory, self._key = memory, key
        self._shown: dict[str, dict[str, Any]] = dict(memory.recall(key) or {})

    def due(self, devices: Sequence[Device], now: float, every_seconds: float) -> list[Device]:
        """Those looked at longest ago, at most 8. A clock that was set back makes all due."""
        late = []
        for device in devices:
            at = self._shown.get(device.mac, {}).get("at", float("-inf"))
            if not 0 <= now - at < every_seconds:
                late.append((at, device))
        return [device for _at, device in sorted(late)[:AT_ONCE]]

    def note(self, device: Device, shown: Sequence[str], now: float) -> None:
        self._shown[device.mac] = {"at": now, "ip": device.ip, "class": device.class_, "shown": list(shown)}

    def keep(self, devices: Sequence[Device], now: float) -> None:
        """Forget who has not been here for long; who is here now stays, wherever its address has moved."""
        here = {device.mac for device in devices}
        kept = {mac: shown for mac, shown in self._shown.items() if mac in here or not self._is_old(mac, now)}
        newest = sorted(kept.items(), key=lambda item: item[1]["at"])[-MOST_DEVICES:]
        self._shown = dict(newest)
        self._memory.keep(self._key, self._shown)

    def shown(self) -> Iterator[tuple[Device, str]]:
        """Each thing that a device showed."""
        for mac, each in self._shown.items():
            for thing in each["shown"]:
                yield Device(mac, each["ip"], each["class"]), thing

    def _is_old(self, mac: str, now: float) -> bool:
        seen: float = self._shown[mac]["at"]
        is_random = bool(int(mac[:2], 16) & LOCAL_BIT)
        return now - seen > (RANDOM_SECONDS if is_random else FORGOTTEN_SECONDS)


def listed(devices: Sequence[Device]) -> str:
    """By address, the first eight."""
    names = [f"{device.ip} ({device.class_})" for device in sorted(devices, key=lambda each: IPv4Address(each.ip))]
    more = len(names) - TOLD_DEVICES
    return ", ".join(names[:TOLD_DEVICES]) + (f", … (+{more})" if more > 0 else "")
