"""Tables and windows that cannot grow, whoever sends whatever: what was used longest ago goes first."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Key = TypeVar("Key")
Value = TypeVar("Value")


class Table(Generic[Key, Value]):
    """At most `limit` values, made by `make` when first asked for."""

    __slots__ = ("_limit", "_make", "_rows")

    def __init__(self, limit: int, make: Callable[[], Value]) -> None:
        self._limit = limit
        self._make = make
        self._rows: OrderedDict[Key, Value] = OrderedDict()

    def __getitem__(self, key: Key) -> Value:
        row = self._rows.get(key)
        if row is None:
            row = self._make()
            self[key] = row
        else:
            self._rows.move_to_end(key)
        return row

    def __setitem__(self, key: Key, row: Value) -> None:
        self._rows[key] = row
        self._rows.move_to_end(key)
        if len(self._rows) > self._limit:
            self._rows.popitem(last=False)

    def __contains__(self, key: Key) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._rows)

    def values(self) -> Iterable[Value]:
        """All of them, the one used longest ago first."""
        return self._rows.values()

    def get(self, key: Key) -> Value | None:
        """The value if there is one; none is made."""
        return self._rows.get(key)


class Recent(Generic[Key]):
    """What happened within the last `seconds`: how often, and how many different keys. At most `limit` are kept."""

    __slots__ = ("_events", "_limit", "_seconds", "keys", "since", "total")

    def __init__(self, seconds: float, limit: int) -> None:
        self._seconds = seconds
        self._limit = limit
        self._events: deque[tuple[float, Key]] = deque()
        self.keys: dict[Key, int] = {}
        """How often each key is among them."""
        self.since = 0.0
        self.total = 0
        """Since when it goes on without a pause of `seconds`, and how often it happened in all that time."""

    def __len__(self) -> int:
        return len(self._events)

    @property
    def span(self) -> float:
        """Seconds from the oldest of them to the newest."""
        return self._events[-1][0] - self._events[0][0] if self._events else 0.0

    def add(self, now: float, key: Key) -> None:
        """One more; what is too old or too much goes. A clock set back makes nothing old."""
        if not self._events or self._events[-1][0] < now - self._seconds:
            self.since, self.total = now, 0
        self.total += 1
        self._events.append((now, key))
        self.keys[key] = self.keys.get(key, 0) + 1
        while len(self._events) > self._limit or self._events[0][0] < now - self._seconds:
            self._drop()

    def _drop(self) -> None:
        _, key = self._events.popleft()
        left = self.keys[key] - 1
        if left:
            self.keys[key] = left
        else:
            del self.keys[key]
