"""What a sweep means for the school's rooms and equipment: counts, and what other probes are to know of them."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from haidang_agent.discovery.survey import NOT_READ
from haidang_agent.labs.attendance import Attendance
from haidang_agent.labs.paths import on_our_path
from haidang_agent.labs.rooms import Rooms
from haidang_agent.labs.strangers import in_rooms
from haidang_agent.platform import system

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from haidang_agent.discovery.merging import Found
    from haidang_agent.discovery.survey import Survey
    from haidang_agent.labs.attendance import Tally
    from haidang_agent.labs.rooms import Network
    from haidang_agent.probe import Host

log = logging.getLogger(__name__)

EQUIPMENT = {"printer": "printer", "camera": "camera", "display": "display", "access_point": "ap"}
"""What evidence `lan_equipment` calls the classes."""
EQUIPMENT_SECONDS = 900.0
PATH_SECONDS = 450.0
"""A sweep and a half."""
NAMELESS = (
    "[[lab]] {room!r}: of {count} devices only the MAC address is known, and its maker does not tell whether they are "
    "computers: not counted; run agents on them, and name the router that knows their addresses in [[snmp]]"
)


class Census:
    """Raises ValueError for a `[[lab]]` that cannot be read, which says the key and the fix."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._rooms = Rooms(host.watch.lab)
        self._attendance = Attendance(self._rooms, host)
        self._disputes = tuple(dict.fromkeys(self._rooms.disputed.values()))
        for dispute in self._disputes:
            log.warning("%s; say more exactly what makes each", dispute)
        self._nameless: Counter[str] = Counter()

    @property
    def problems(self) -> int:
        """How many of our own: claims that contradict, and rooms with devices that cannot be told."""
        return len(self._disputes) + len(self._nameless)

    def further(self, swept: Sequence[Network]) -> Iterator[Network]:
        """Subnets of rooms that are not swept: devices of [[snmp]] may know who is there."""
        for room in self._rooms.rooms.values():
            yield from (network for network in room.networks if not any(other.overlaps(network) for other in swept))

    def claim(self, strangers: Mapping[str, Found], devices: Collection[Found]) -> list[Found]:
        """Those behind switches' ports that count though they have no address here."""
        return in_rooms(self._rooms, strangers, devices)

    def take(self, survey: Survey, swept: Sequence[Network], packets_per_second: float) -> Tally:
        """Count, and tell evidence `lan_equipment` and `lab_path`. Raises as `Attendance.take`."""
        tally = self._attendance.take(survey.devices, packets_per_second)
        for room, count in tally.nameless.items():
            if room not in self._nameless:
                log.warning(NAMELESS.format(room=room, count=count))
        self._nameless = tally.nameless
        found = {kind: tally.seen[class_] for kind, class_ in EQUIPMENT.items()}
        self._host.evidence.tell("lan_equipment", "", found, EQUIPMENT_SECONDS)
        if self._host.watch.unit_key:
            gateways = [address for _, address in system.default_gateways(self._host.proc)]
            silent = [room for name, room in self._rooms.rooms.items() if not tally.computers_answered[name]]
            for name in on_our_path(silent, tally.present, survey.devices, swept, gateways):
                self._host.evidence.tell("lab_path", name, True, PATH_SECONDS)
        return tally

    def close(self) -> None:
        """A sweep that is under way counts for nothing."""
        self._attendance.close()

    def computers(self, survey: Survey, swept: Sequence[Network], tally: Tally) -> Iterator[tuple[str, str, int]]:
        """Room, state and number, where that is known.

        That nobody is online is said only of a room in sight: a device that did not answer by SNMP may hide somebody.
        """
        problems = survey.problems.told(translated=False)
        all_read = not any(problem.startswith(NOT_READ.format(why="")) for problem in problems)
        addressed = {device.mac for device in survey.devices if device.ips}
        for lab in self._host.watch.lab:
            if lab.declared > 0:
                yield lab.name, "declared", lab.declared
            here, seen = tally.computers_here[lab.name], tally.computers_seen[lab.name]
            in_sight = self._rooms.rooms[lab.name].is_within(swept)
            if lab.name in self._rooms.disputed or not (seen or in_sight):
                continue
            yield lab.name, "seen", seen
            if here or in_sight or all_read:
                yield lab.name, "online", here
            answered = tally.computers_answered[lab.name]
            could_be_asked = self._rooms.rooms[lab.name].networks or not addressed.isdisjoint(
                tally.present.get(lab.name, ())
            )
            if self._host.watch.unit_key and (answered or could_be_asked):
                yield lab.name, "agent", answered
