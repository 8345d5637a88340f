"""The short way for the request that comes every 15 seconds: the same series as last time, with new values and times.

A request that was checked in full leaves its layout behind: all its bytes but the values and the times, and where our
labels go in between. The next request of that agent whose bytes are the same, but for those, needs no other look than
at its times. Whatever differs in a single byte is checked in full.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from haidang_collector.ingest.labels import REMEMBERED_BYTES, REMEMBERED_SETS, cut
from haidang_collector.ingest.wire import MORE, varint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_collector.ingest.sketch import Sketch

SAMPLE_HEAD = b"\x12\x10\x09"
"""Of a sample with a value and a time of six bytes, as all are of the years 2004 to 2109."""
STAMP_BYTES = 7
"""The tag of the time and the time."""
SAMPLE_BYTES = len(SAMPLE_HEAD) + 8 + STAMP_BYTES
STAMP_TAG = 0x10

REMEMBERED_LAYOUTS_BYTES = 512 << 20
"""Of all layouts together: about a million series whose labels are no other agent's, many more where they are."""
SERIES_BYTES = 320
"""What a series takes beside its labels: the objects that hold its parts, and their places in tuples (CPython 3.11)."""
LABEL_COPIES = 2
"""As they come, and cut; the first of them once more in each head."""
HEAD_BYTES = 48
"""What a head takes beside the labels in it."""
LAYOUT_BYTES = 1500
"""What a layout takes beside its series, with its sketch and its agent's entry."""
LAYOUTS_PER_AGENT = 2
"""So that nobody who sends something else each time takes the others' places."""

Ours = tuple[bytes, bytes, bytes]
"""The sender's encoded labels `agent`, `district`, `unit`."""


class Spliced(NamedTuple):
    """The message with our labels in it, and its times: each distinct one once, milliseconds."""

    message: bytes
    series: int
    stamps: list[int]


class Layout:
    """Of a message of series with one sample each. Immutable but for what it remembers of senders."""

    def __init__(self, all_labels: Sequence[bytes], seen: Sketch) -> None:
        """`all_labels` are the encoded labels of each series, and `seen` sums them up; they have been checked."""
        self.seen = seen
        columns = list(zip(*map(_columns, all_labels), strict=True))
        self._fixed, self._before, self._second, self._third, self._after = columns
        self._struct = Struct("<" + "".join(f"{len(each)}s8s{STAMP_BYTES}s" for each in self._fixed))
        stamped = 8 + STAMP_BYTES
        self._sizes = [stamped + sum(map(len, cuts)) for cuts in zip(*columns[1:], strict=True)]
        self._heads: dict[int, tuple[bytes, ...]] = {}
        self._label_bytes = sum(map(len, all_labels))
        self._before_bytes = sum(map(len, self._before))
        self.counted_bytes = 0
        """What it took when `Layouts` last looked at it."""

    @property
    def memory_bytes(self) -> int:
        """About what it takes now; it grows with each new length of our labels."""
        size = len(self)
        heads = len(self._heads) * (HEAD_BYTES * size + self._before_bytes)
        return LAYOUT_BYTES + SERIES_BYTES * size + LABEL_COPIES * self._label_bytes + heads

    @property
    def message_bytes(self) -> int:
        """How long a message of this layout is."""
        return self._struct.size

    def __len__(self) -> int:
        return len(self._fixed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self._fixed == other._fixed

    def __hash__(self) -> int:
        return hash(self._fixed)

    def splice(self, message: bytes, ours: Ours) -> Spliced | None:
        """None where `message` is not of this layout, or its times are not written as they should be."""
        parts = self._struct.unpack(message)
        stamps = [_stamp(encoded) for encoded in set(parts[2::3])]
        sound = [stamp for stamp in stamps if stamp is not None]
        if len(sound) < len(stamps) or parts[0::3] != self._fixed:
            return None
        size = len(self._fixed)
        pieces: list[bytes] = [b""] * (9 * size)
        pieces[0::9] = self._heads_for(sum(map(len, ours)))
        pieces[1::9] = [ours[0]] * size
        pieces[2::9] = self._second
        pieces[3::9] = [ours[1]] * size
        pieces[4::9] = self._third
        pieces[5::9] = [ours[2]] * size
        pieces[6::9] = self._after
        pieces[7::9] = parts[1::3]
        pieces[8::9] = parts[2::3]
        return Spliced(b"".join(pieces), size, sound)

    def _heads_for(self, added: int) -> tuple[bytes, ...]:
        """Tag, length and first labels of each series, when labels of so many bytes are added to it."""
        heads = self._heads.get(added)
        if heads is None:
            sized = zip(self._sizes, self._before, strict=True)
            heads = self._heads[added] = tuple(b"\x0a" + varint(size + added) + before for size, before in sized)
        return heads


@lru_cache(maxsize=REMEMBERED_SETS)
def _columns(labels: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """What a message has before the sample's value, and what is put in its place around our labels."""
    before, second, third, after = cut(labels)
    head = b"\x0a" + varint(len(labels) + SAMPLE_BYTES)
    return head + labels + SAMPLE_HEAD, before, second, third, after + SAMPLE_HEAD


def _stamp(encoded: bytes) -> int | None:
    """Milliseconds; None for what is no tag of a time and a varint of six bytes."""
    tag, *digits = encoded
    if tag != STAMP_TAG or digits[-1] >= MORE or any(digit < MORE for digit in digits[:-1]):
        return None
    return sum((digit & 0x7F) << (7 * place) for place, digit in enumerate(digits))


def is_plain(labels: bytes, points: bytes) -> bool:
    """Whether a layout can hold this series: labels of usual length, and one sample as all agents write it."""
    return (
        len(points) == SAMPLE_BYTES
        and len(labels) <= REMEMBERED_BYTES
        and points.startswith(SAMPLE_HEAD)
        and _stamp(points[-STAMP_BYTES:]) is not None
    )


class Layouts:
    """What agents sent last. Agents that send the same share one layout. Thread-safe."""

    def __init__(self, most_bytes: int = REMEMBERED_LAYOUTS_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._of_agents: OrderedDict[str, list[Layout]] = OrderedDict()
        self._shared: dict[Layout, Layout] = {}
        self._users: Counter[Layout] = Counter()
        self._bytes = 0

    @property
    def memory_bytes(self) -> int:
        """Of all layouts, as far as they were looked at."""
        return self._bytes

    def find(self, agent: str, message_bytes: int) -> Layout | None:
        """Of the agent's last message of that length."""
        with self._lock:
            layouts = self._of_agents.get(agent)
            if layouts is None:
                return None
            self._of_agents.move_to_end(agent)
            found = next((layout for layout in layouts if layout.message_bytes == message_bytes), None)
            if found is not None and self._grown(found):
                self._make_room()
            return found

    def keep(self, agent: str, all_labels: Sequence[bytes], seen: Sketch) -> None:
        """The series of the agent's last message. Where there is too much, the longest unused goes."""
        layout = Layout(all_labels, seen)
        with self._lock:
            layouts = self._of_agents.setdefault(agent, [])
            self._of_agents.move_to_end(agent)
            layouts.insert(0, self._take(layout))
            for old in layouts[LAYOUTS_PER_AGENT:]:
                self._give_back(old)
            del layouts[LAYOUTS_PER_AGENT:]
            self._make_room()

    def _make_room(self) -> None:
        while self._bytes > self._most_bytes:
            for old in self._of_agents.popitem(last=False)[1]:
                self._give_back(old)

    def _grown(self, layout: Layout) -> bool:
        """Its account is put right."""
        grown = layout.memory_bytes - layout.counted_bytes
        layout.counted_bytes += grown
        self._bytes += grown
        return grown > 0

    def _take(self, layout: Layout) -> Layout:
        shared = self._shared.setdefault(layout, layout)
        self._grown(shared)
        self._users[shared] += 1
        return shared

    def _give_back(self, layout: Layout) -> None:
        self._users[layout] -= 1
        if not self._users[layout]:
            self._bytes -= layout.counted_bytes
            layout.counted_bytes = 0
            del self._users[layout], self._shared[layout]
