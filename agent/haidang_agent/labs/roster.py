"""Who was seen within 30 days, as what, in which room: kept as one text, so that it takes little room and is one value.

A device is known by any of its cards. What shares a card is one device, and what says the same strong machine id is
one computer, whatever its cards; two strong ids are two computers, and a card that moves between them (a dongle) goes
along.
Days are those of `elapsed.Elapsed`: whole days since the roster was begun.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KEPT_DAYS = 30
MOST_RECORDS = 8192
MOST_CARDS = 8
UNKNOWN = "unknown"
COMPUTER = "computer"


@dataclass(slots=True, eq=False)
class Record:
    """`own_room`: the room is the one its agent's configuration names. `answered`: the day of its agent's answer."""

    cards: list[str] = field(default_factory=list)
    class_: str = UNKNOWN
    room: str = ""
    seen: int = 0
    machine: str = ""
    answered: int | None = None
    own_room: bool = False

    def take_over(self, other: Self) -> None:
        """`other` is the same device: the newest and the best of both."""
        if other.seen > self.seen:
            self.room, self.own_room, self.seen = other.room, other.own_room, other.seen
        if self.class_ == UNKNOWN:
            self.class_ = other.class_
        self.cards += [card for card in other.cards if card not in self.cards]
        self.machine = self.machine or other.machine
        self.answered = max((day for day in (self.answered, other.answered) if day is not None), default=None)

    def judge(self, class_: str) -> None:
        """A verdict beats `unknown` and older verdicts; where an agent runs it is a computer, whatever it shows."""
        if class_ != UNKNOWN and not (self.answered is not None and self.class_ == COMPUTER):
            self.class_ = class_


class Roster:
    """`stored` is what `text` gave, or anything else; rows of another shape are passed over."""

    def __init__(self, stored: object = None) -> None:
        self.records: dict[Record, None] = {}
        self._by_card: dict[str, Record] = {}
        self._by_machine: dict[str, Record] = {}
        for record in _read(stored):
            self._index(record)

    def by_card(self, card: str) -> Record | None:
        return self._by_card.get(card)

    def meet(self, cards: Iterable[str], machine: str = "") -> Record:
        """The record of the device with these cards, MAC addresses; `machine` is its strong id, if it says one."""
        wanted = list(dict.fromkeys(cards))[:MOST_CARDS]
        near = [self._by_machine.get(machine), *(self._by_card.get(card) for card in wanted)]
        known = list(dict.fromkeys(record for record in near if record is not None))
        named = machine or next((record.machine for record in known if record.machine), "")
        kept, *same = [record for record in known if record.machine in ("", named)] or [Record(machine=named)]
        for record in same:
            self._drop(record)
            kept.take_over(record)
        for record in known:
            if record is not kept and record not in same:
                record.cards = [card for card in record.cards if card not in wanted]
        self._drop(kept)
        kept.cards = [*wanted, *(card for card in kept.cards if card not in wanted)][:MOST_CARDS]
        kept.machine = named
        self._index(kept)
        return kept

    def forget(self, today: int) -> int:
        """Drop who was not seen for 30 days, then the oldest beyond 8,192; returns how many those are."""
        newest_first = sorted(self.records, key=lambda record: (-record.seen, record.class_ == UNKNOWN))
        lasting = [record for record in newest_first if today - record.seen <= KEPT_DAYS]
        for record in newest_first[min(len(lasting), MOST_RECORDS) :]:
            self._drop(record)
        for record in self.records:
            if record.answered is not None and today - record.answered > KEPT_DAYS:
                record.answered, record.own_room = None, False
        return max(0, len(lasting) - MOST_RECORDS)

    def text(self) -> str:
        """All of it, fit for `Memory`."""
        rooms = sorted({record.room for record in self.records})
        numbers = {room: number for number, room in enumerate(rooms)}
        rows = [_row(record, numbers[record.room]) for record in self.records]
        return json.dumps({"rooms": rooms, "rows": rows}, separators=(",", ":"), ensure_ascii=False)

    def _index(self, record: Record) -> None:
        self.records[record] = None
        self._by_card |= dict.fromkeys(record.cards, record)
        if record.machine:
            self._by_machine[record.machine] = record

    def _drop(self, record: Record) -> None:
        self.records.pop(record, None)
        for card in record.cards:
            if self._by_card.get(card) is record:
                del self._by_card[card]
        if self._by_machine.get(record.machine) is record:
            del self._by_machine[record.machine]


def _row(record: Record, room: int) -> list[object]:
    row: list[object] = ["".join(record.cards).replace(":", ""), record.class_, room, record.seen]
    if record.machine or record.answered is not None:
        row += [record.machine, record.answered, int(record.own_room)]
    return row


def _read(stored: object) -> Iterator[Record]:
    try:
        told = json.loads(stored) if isinstance(stored, str) else None
    except (ValueError, RecursionError):
        return
    match told:
        case {"rooms": list(rooms), "rows": list(rows)}:
            for row in rows[:MOST_RECORDS]:
                record = _record(row, rooms)
                if record is not None:
                    yield record


def _record(row: Any, rooms: list[Any]) -> Record | None:
    match row:
        case [str(cards), str(class_), int(room), int(seen), *agent] if 0 <= room < len(rooms):
            record = Record(_cards(cards), class_, str(rooms[room]), seen)
        case _:
            return None
    match agent:
        case [str(machine), int() | None as answered, int(own)]:
            record.machine, record.answered, record.own_room = machine, answered, bool(own)
    return record


def _cards(digits: str) -> list[str]:
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    return [":".join(pairs[at : at + 6]) for at in range(0, len(pairs), 6)][:MOST_CARDS]
