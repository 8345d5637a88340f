"""Remembers answers for a fixed time, and never more than so many."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """Keys by age: the oldest go first, when their time is over or the place is needed. For one event loop."""

    def __init__(self, seconds: float, most: int, clock: Callable[[], float]) -> None:
        self._seconds, self._most, self._clock = seconds, most, clock
        self._kept: OrderedDict[object, tuple[float, Value]] = OrderedDict()

    def put(self, key: object, value: Value) -> None:
        self._kept[key] = (self._clock() + self._seconds, value)
        self._kept.move_to_end(key)
        self._forget()
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def get(self, key: object) -> Value | None:
        self._forget()
        kept = self._kept.get(key)
        return None if kept is None else kept[1]

    def __len__(self) -> int:
        self._forget()
        return len(self._kept)

    def _forget(self) -> None:
        now = self._clock()
        while self._kept and next(iter(self._kept.values()))[0] <= now:
            self._kept.popitem(last=False)
