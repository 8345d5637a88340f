"""Asking a device that may be slow, partial or wrong: retries, bounds and order, the same over both libraries.

A device is given up when two requests in a row stay unanswered: what was told until then stands, the rest is named.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, Self, TypeVar

from haidang_agent.i18n import N_, _
from haidang_agent.snmp.session import SnmpError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from haidang_agent.snmp.session import Limits, Value

T = TypeVar("T")
C = TypeVar("C")

REPETITIONS = (25, 8)
"""Rows a GETBULK asks for: 25 stay below 1,500 bytes in most tables; where they do not come, 8; then GETNEXT."""
TRIES_OF_BULK = 2
OBJECTS_A_GET = 16
MOST_PROBLEMS = 100
MOST_EMPTY_PAGES = 100
SILENT = N_(
    "{device} does not answer: it is off or unreachable, SNMP is off there, it knows another community or user, or it "
    "lets only other machines ask"
)
REFUSED = N_("{device} refuses the user, or its keys, or the protocols of them")
ABSENT = ("noSuchName",)
"""What an SNMPv1 agent says of an object it does not have (RFC 3584, section 4.4)."""


class NoAnswerError(Exception):
    """Nothing came in the time given."""


class BadAnswerError(Exception):
    """An answer came that is no answer; the text says what it was."""


class Page(NamedTuple):
    """What one GETBULK or GETNEXT brought; `ended`: nothing more lies below the OID walked.

    `rows` may be empty before the end, where a device has rows that hold NULL.
    """

    rows: list[tuple[str, Value]]
    ended: bool


class _EnoughError(Exception):
    """The walk is to end here; the text is the problem."""


class BoundedSession(ABC, Generic[C]):
    """A Session; `C` is where the library stands in a walk. Context manager. Not thread-safe."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.problems: list[str] = []
        self._name = name
        self._limits = limits
        self._patience = limits.answer_seconds
        self._until = time.monotonic() + limits.total_seconds
        self._silent_because = SILENT
        self._met = False
        self._silences = 0
        self._refused_bulks = 0

    @property
    def silent(self) -> bool:
        """The last request stayed without an answer."""
        return self._silences > 0

    def renew(self) -> None:
        """Begin anew with the same device: time, silence and problems of before are forgotten, its manners are not."""
        self.problems = []
        self._until = time.monotonic() + self._limits.total_seconds
        self._silences = 0

    @abstractmethod
    def close(self) -> None:
        """Give back the socket."""

    @abstractmethod
    def _ask_get(self, oids: Sequence[str], wait: float) -> dict[str, Value]: ...

    @abstractmethod
    def _cursor(self, oid: str, repetitions: int) -> C: ...

    @abstractmethod
    def _ask_bulk(self, cursor: C, wait: float) -> Page: ...

    @abstractmethod
    def _ask_next(self, cursor: C, wait: float) -> Page: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """See Session. A request that is refused is asked again in halves, so that one bad object hides no other."""
        found: dict[str, Value] = {}
        waiting = [list(oids[at : at + OBJECTS_A_GET]) for at in range(0, len(oids), OBJECTS_A_GET)]
        while waiting:
            asked = waiting.pop(0)
            try:
                answer = self._persist(partial(self._ask_get, asked))
            except NoAnswerError as silent:
                self._problem(f"{_shown(asked)}: {silent}")
                continue
            except BadAnswerError as bad:
                if len(asked) > 1:
                    half = len(asked) // 2
                    waiting[:0] = [asked[:half], asked[half:]]
                elif str(bad) not in ABSENT:
                    self._problem(f"{asked[0]}: {bad}")
                continue
            found |= {oid: self._kept(oid, answer[oid]) for oid in asked if oid in answer}
            if strange := sorted(answer.keys() - asked):
                self._problem(f"{_shown(asked)}: answered with {strange[0]}, which was not asked")
        return found

    def walk(self, oid: str) -> dict[str, Value]:
        """See Session."""
        rows = _Rows(oid, self._limits.rows)
        bulk = self._refused_bulks < len(REPETITIONS)
        cursor = self._cursor(oid, REPETITIONS[self._refused_bulks] if bulk else 1)
        try:
            ended = False
            while not ended:
                try:
                    page = (
                        self._persist(partial(self._ask_bulk, cursor), TRIES_OF_BULK)
                        if bulk
                        else self._persist(partial(self._ask_next, cursor))
                    )
                except (BadAnswerError, NoAnswerError) as failed:
                    if not bulk or self._gone():
                        raise _EnoughError(str(failed)) from failed
                    # From here row by row; the next walk asks for fewer at once.
                    bulk = False
                    self._refused_bulks += 1
                    continue
                ended = page.ended
                rows.turn_page(page)
                for name, value in page.rows:
                    rows.take(name, self._kept(name, value))
        except _EnoughError as enough:
            if str(enough) not in ABSENT:
                self._problem(f"{oid}: {enough}")
        if rows.unordered:
            self._problem(f"{oid}: rows out of order, as {rows.unordered}")
        return rows.found

    def _persist(self, ask: Callable[[float], T], most_tries: int = 100) -> T:
        """The answer, asking again where none comes. Raises NoAnswerError, BadAnswerError, SnmpError."""
        if self._gone():
            raise NoAnswerError(f"not asked: {'the device had fallen silent' if self._silences else 'time was up'}")
        tries = min(self._limits.tries, most_tries) if self._met else self._limits.tries
        # A slow device works through the earlier requests first. After a silence, once more and with the longest wait.
        for attempt in range(tries) if not self._silences else (self._limits.tries - 1,):
            wait = self._patience * 2**attempt
            left = self._until - time.monotonic()
            if left <= 0:
                break
            try:
                answer = ask(min(wait, left))
            except NoAnswerError:
                continue
            except BadAnswerError:
                self._met, self._silences = True, 0
                raise
            self._met, self._silences = True, 0
            self._patience = min(wait, self._limits.answer_seconds * 2 ** (self._limits.tries - 1))
            return answer
        if not self._met:
            raise SnmpError(_(self._silent_because).format(device=self._name))
        self._silences += 1
        raise NoAnswerError("time is up" if time.monotonic() >= self._until else "no answer")

    def _gone(self) -> bool:
        return self._silences > 1 or (self._met and time.monotonic() >= self._until)

    def _kept(self, oid: str, value: Value) -> Value:
        if isinstance(value, bytes) and len(value) > self._limits.value_bytes:
            self._problem(f"{oid}: {len(value)} bytes long; the first {self._limits.value_bytes} are kept")
            return value[: self._limits.value_bytes]
        return value

    def _problem(self, text: str) -> None:
        if text not in self.problems and len(self.problems) < MOST_PROBLEMS:
            self.problems.append(text)


class _Rows:
    """The rows of one walk, as they come."""

    def __init__(self, oid: str, most: int) -> None:
        self.found: dict[str, Value] = {}
        self.unordered = ""
        self._prefix = oid + "."
        self._most = most
        self._last: tuple[int, ...] = ()
        self._empty_pages = 0

    def turn_page(self, page: Page) -> None:
        """Raises _EnoughError where the walk must end."""
        self._empty_pages = 0 if page.rows else self._empty_pages + 1
        if self._empty_pages > MOST_EMPTY_PAGES:
            raise _EnoughError("one answer without a value after another")

    def take(self, name: str, value: Value) -> None:
        """Raises _EnoughError where the walk must end."""
        if not name.startswith(self._prefix):
            raise _EnoughError(f"answered with {name}, which lies elsewhere")
        key = name[len(self._prefix) :]
        arcs = tuple(map(int, key.split(".")))
        if arcs <= self._last:
            if key in self.found:
                raise _EnoughError(f"goes in circles at {key}")
            self.unordered = self.unordered or key
        if len(self.found) >= self._most:
            raise _EnoughError(f"more than {self._most:,} rows; the rest was not read")
        self._last = arcs
        self.found[key] = value


def _shown(oids: Sequence[str]) -> str:
    return oids[0] if len(oids) == 1 else f"{oids[0]} and {len(oids) - 1} more"
