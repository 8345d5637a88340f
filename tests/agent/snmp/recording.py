"""A recording of a device (.snmprec: one `OID|tag|value` a line, by OID) as a `Session`, without network.

Our own recordings are of invented devices. Those of real ones lie beside the checkout, where somebody has put them.
"""

import codecs
import json
import sys
from bisect import bisect_left
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from haidang_agent.snmp.session import ObjectId, Value

RECORDINGS = Path(__file__).parent / "recordings"
SHARED = Path(__file__).parents[3] / "../shared/data"

if not SHARED.is_dir():
    print(f"{SHARED.resolve()} is not there: recordings of real devices are left out", file=sys.stderr)

Key = tuple[int, ...]


def key(oid: str) -> Key:
    return tuple(int(arc) for arc in oid.strip(".").split("."))


def value(tag: str, raw: bytes) -> Value | None:
    """None for NULL. `x` behind the tag: written in hexadecimal; `e`: with escapes."""
    if tag.endswith("x"):
        raw = bytes.fromhex(raw.decode())
    elif tag.endswith("e"):
        raw = codecs.escape_decode(raw)[0]
    match int(tag.rstrip("xe")):
        case 2 | 65 | 66 | 67 | 70:
            return int(raw)
        case 4 | 68:
            return raw
        case 5:
            return None
        case 6:
            return ObjectId(raw.decode().strip("."))
        case 64:
            return IPv4Address(raw if len(raw) == 4 and not raw.isdigit() else raw.decode())
    raise ValueError(f"unknown tag {tag!r}")


def expectations(table: str) -> list[Path]:
    """What another reader makes of recordings, where it has anything in this table; JSON beside or near them."""
    found = [*RECORDINGS.glob("*.json"), *(SHARED / "snmp_expected").glob("*.json")]
    return sorted(path for path in found if json.loads(path.read_text()).get(table))


def recording_of(expected: Path) -> Path:
    folder = expected.parent if expected.parent == RECORDINGS else SHARED / "snmp"
    return folder / f"{expected.stem}.snmprec"


class Recording:
    """Counts its requests, so that a test can hold a reader to few of them."""

    def __init__(self, rows: dict[str, Value]) -> None:
        self.problems: list[str] = []
        self.requests = 0
        self._rows = dict(sorted((key(oid), value) for oid, value in rows.items()))
        self._order = list(self._rows)

    @classmethod
    def read(cls, path: Path) -> "Recording":
        rows: dict[str, Value] = {}
        for line in path.read_bytes().splitlines():
            oid, tag, raw = line.split(b"|", 2)
            known = value(tag.decode(), raw)
            if known is not None:
                rows[oid.decode()] = known
        return cls(rows)

    def get(self, oids: Sequence[str]) -> dict[str, Value]:
        self.requests += 1
        return {oid: self._rows[key(oid)] for oid in oids if key(oid) in self._rows}

    def walk(self, oid: str) -> dict[str, Value]:
        self.requests += 1
        root = key(oid)
        found: dict[str, Value] = {}
        for row in self._order[bisect_left(self._order, root) :]:
            if row[: len(root)] != root:
                break
            if row != root:
                found[".".join(map(str, row[len(root) :]))] = self._rows[row]
        return found
