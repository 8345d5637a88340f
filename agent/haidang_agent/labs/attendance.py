"""After each sweep: who is here, in which room, as which machine; and who was within 30 days."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING

from haidang_agent.discovery.oui import is_local
from haidang_agent.labs.elapsed import DAY, Elapsed
from haidang_agent.labs.ports import Place
from haidang_agent.labs.rooms import Whereabouts
from haidang_agent.labs.roster import COMPUTER, UNKNOWN, Record, Roster
from haidang_agent.probe import NothingToMeasureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from haidang_agent.discovery.device import Device
    from haidang_agent.labs.rooms import Rooms
    from haidang_agent.probe import Host
    from haidang_agent.rollcall.asking import Answer

ROSTER, ELAPSED = "lan.roster", "lan.elapsed"
"""Keys in the host's memory."""
MOST_CALLED = 2048
"""Addresses that one roll call asks; of more, others each time."""
NOT_RANDOMISED = frozenset({"phone", UNKNOWN})
"""What a device with a randomised MAC address may count as: it is no equipment."""

Groups = dict[Record, list["Device"]]


@dataclass(frozen=True, slots=True)
class Tally:
    """Devices by class and computers by room: here now, seen within 30 days, and of these with an agent.

    `forgotten`: how many were dropped before their 30 days, for want of room. `present`: who is in each room now, by
    MAC address, of whatever class. `nameless`: how many of these have no address that could be asked what they are, and
    no class.
    """

    here: Counter[str]
    seen: Counter[str]
    computers_here: Counter[str]
    computers_seen: Counter[str]
    computers_answered: Counter[str]
    forgotten: int
    present: Mapping[str, frozenset[str]]
    nameless: Counter[str]


@dataclass(slots=True)
class Attendance:
    """Keeps the roster in the host's memory; between two sweeps nothing of it is anywhere else.

    A sweep that outlasts `close` leaves no trace: its successor has begun with the roster as it was then.
    """

    rooms: Rooms
    host: Host
    _elapsed: Elapsed = field(init=False)
    _undated: set[str] = field(default_factory=set)
    """Cards of those seen while it is not known how long the machine was off before."""
    _keeping: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def __post_init__(self) -> None:
        self._elapsed = Elapsed(self.host.memory.recall(ELAPSED), self.host.time.moment())

    def take(self, devices: Sequence[Device], packets_per_second: float) -> Tally:
        """The devices of one sweep. Where the unit's key is known, their agents are asked who they are.

        Raises NothingToMeasureError after `close`, OSError where the system gives no socket.
        """
        seconds, gap = self._elapsed.tell(self.host.time.moment())
        roster = Roster(self.host.memory.recall(ROSTER))
        self._make_up(roster, int(gap // DAY))
        for device in devices:
            if not device.randomised:
                roster.meet(_cards(device)).judge(device.verdict.class_)
        groups = self._call_roll(roster, devices, int(seconds // DAY), packets_per_second)
        for record in groups:
            record.seen = int(seconds // DAY)
        if self._elapsed.gap_unknown:
            self._undated.update(card for record in groups for card in record.cards)
        forgotten = roster.forget(int(seconds // DAY))
        self._keep(roster)
        return _tally(roster, groups, devices, forgotten)

    def close(self) -> None:
        """Nothing is kept from now on."""
        with self._keeping:
            self._closed = True

    def _keep(self, roster: Roster) -> None:
        with self._keeping:
            if self._closed:
                raise NothingToMeasureError("closed while it was looking")
            self.host.memory.keep(ROSTER, roster.text())
            self.host.memory.keep(ELAPSED, self._elapsed.as_json())

    def _make_up(self, roster: Roster, days: int) -> None:
        """Those seen since the machine was off for so long were seen that much later than they were dated."""
        if self._elapsed.gap_unknown:
            return
        for record in {record for card in self._undated if (record := roster.by_card(card))}:
            record.answered = record.answered + days if record.answered == record.seen else record.answered
            record.seen += days
        self._undated.clear()

    def _call_roll(self, roster: Roster, devices: Sequence[Device], today: int, pace: float) -> Groups:
        """Put each into its room, tell its agent, and hear which machine it is."""
        hidden: dict[str, str] = {}
        groups = self._place(roster, devices, hidden)
        key = self.host.watch.unit_key
        if not key:
            return groups
        holders = {address: device for device in devices for address in _addresses(device)}
        for answer in self._ask(groups, devices, key, pace):
            device = holders[answer.address]
            cards = [card for card in (device.mac, *answer.macs) if not is_local(card)]
            if cards:
                self._answered(roster.meet(cards, answer.machine if answer.strong else ""), answer, today)
                hidden[device.mac] = cards[0]
        return self._place(roster, devices, hidden)

    def _ask(self, groups: Groups, devices: Sequence[Device], key: bytes, pace: float) -> list[Answer]:
        from haidang_agent.rollcall.asking import call  # noqa: PLC0415 - where the unit's key is known

        crowds = _crowds(devices)
        rooms = {
            address: self.rooms.room_of(_whereabouts([device], ()), "", crowds)
            for device in devices
            if device.randomised and device.verdict.class_ in (COMPUTER, UNKNOWN)
            for address in _addresses(device)
        }
        for record, mine in groups.items():
            if record.class_ in (COMPUTER, UNKNOWN):
                rooms |= {address: record.room for device in mine for address in _addresses(device)}
        if len(rooms) > MOST_CALLED:
            rooms = dict(random.sample(sorted(rooms.items()), MOST_CALLED))
        return call(rooms, key, self.host.time, packets_per_second=pace)

    def _answered(self, record: Record, answer: Answer, today: int) -> None:
        """The room that the machine was configured with holds, where there is one of that name."""
        record.class_ = COMPUTER if record.class_ == UNKNOWN else record.class_
        record.answered = today
        record.own_room = answer.lab in self.rooms.rooms
        if record.own_room:
            record.room = answer.lab

    def _place(self, roster: Roster, devices: Sequence[Device], hidden: Mapping[str, str]) -> Groups:
        """Devices by record; `hidden` has a card of the machine behind a randomised address."""
        groups: Groups = {}
        for device in devices:
            record = roster.by_card(hidden.get(device.mac, device.mac))
            if record is not None:
                groups.setdefault(record, []).append(device)
        crowds = _crowds(devices)
        for record, mine in groups.items():
            if not record.own_room or record.room not in self.rooms.rooms:
                record.room = self.rooms.room_of(_whereabouts(mine, record.cards), record.room, crowds)
        return groups


def _tally(roster: Roster, groups: Groups, devices: Sequence[Device], forgotten: int) -> Tally:
    counted = {device.mac for mine in groups.values() for device in mine}
    strangers = Counter(_stranger(device) for device in devices if device.mac not in counted)
    computers = [record for record in roster.records if record.class_ == COMPUTER and record.room]
    return Tally(
        here=strangers + Counter(record.class_ for record in groups),
        seen=strangers + Counter(record.class_ for record in roster.records),
        computers_here=Counter(record.room for record in computers if record in groups),
        computers_seen=Counter(record.room for record in computers),
        computers_answered=Counter(record.room for record in computers if record.answered is not None),
        forgotten=forgotten,
        present=_present(groups),
        nameless=Counter(
            record.room
            for record, mine in groups.items()
            if record.room and record.class_ == UNKNOWN and not any(device.ips for device in mine)
        ),
    )


def _present(groups: Groups) -> dict[str, frozenset[str]]:
    rooms: defaultdict[str, set[str]] = defaultdict(set)
    for record, mine in groups.items():
        if record.room:
            rooms[record.room].update(device.mac for device in mine)
    return {room: frozenset(macs) for room, macs in rooms.items()}


def _stranger(device: Device) -> str:
    class_ = device.verdict.class_
    return class_ if class_ in NOT_RANDOMISED else UNKNOWN


def _cards(device: Device) -> list[str]:
    return [device.mac, *(card for card in device.macs if not is_local(card))]


def _addresses(device: Device) -> list[IPv4Address]:
    return [IPv4Address(ip) for ip in device.ips if ":" not in ip]


def _whereabouts(devices: Iterable[Device], cards: Iterable[str]) -> Whereabouts:
    ips = [ip_address(ip.partition("%")[0]) for device in devices for ip in device.ips]
    places = [place for device in devices for place in _places(device)]
    return Whereabouts(frozenset(cards), tuple(ips), tuple(places))


def _places(device: Device) -> list[Place]:
    return [place for text in device.places if (place := Place.read(text))]


def _crowds(devices: Iterable[Device]) -> Counter[tuple[str, str]]:
    """How many devices are behind each port of a switch."""
    return Counter((place.host, place.port) for device in devices for place in _places(device))
