"""What tells one computer from another, whatever system it runs: what the manufacturer wrote into its mainboard.

Machine ids made by an operating system (/etc/machine-id, MachineGuid) are copied with the image of a computer room, and
differ between two systems on one computer. The UUID and serial numbers of SMBIOS (DMTF DSP0134, structures 1 and 2) do
not, but many boards carry the same filler: such are taken for absent.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

ID_BYTES = 16
HASH = "sha256"
FILLER_UUIDS = frozenset(
    {
        "03000200040005000006000700080009",
        "00020003000400050006000700080009",
        "12345678123456781234567812345678",
        "123456781234567890abcddeefaabbcc",
        "0102030405060708090a0b0c0d0e0f10",
    }
)
"""As found on mainboards of several makers."""
FEWEST_BYTES = 6
"""Different ones in a UUID; zeros, FF, 01 and such repeated are filler."""
FILLER_SERIAL = re.compile(
    r"serial|default|o\.e\.m|\boem\b|no[nt]|invalid|unknown|\bn/a\b|null|empty|asset|123456789|987654321"
)
SHORTEST_SERIAL = 5
FEWEST_CHARACTERS = 3
SYSTEM, BOARD, END = 1, 2, 127
LITTLE_ENDIAN_SINCE = (2, 6)
UUID_AT, SERIAL_AT = 8, 7


class Smbios(NamedTuple):
    """Texts as the manufacturer wrote them; empty where there is none, or where this user may not read it."""

    uuid: str = ""
    board_serial: str = ""
    system_serial: str = ""


class MachineId(NamedTuple):
    """`text` has 32 hexadecimal digits, or is empty where nothing is known. `strong`: made of SMBIOS, not of cards."""

    text: str
    strong: bool


def machine_id(smbios: Smbios, cards: Iterable[str], key: bytes) -> MachineId:
    """The same for one computer under each of its systems, told only to those who have the unit's `key`.

    Strong where the UUID and the serial number of the board or of the system are no filler. Else it is made of the MAC
    addresses of its network cards, and changes with them.
    """
    uuid, board, system = (_sound_uuid(smbios.uuid), *map(_sound_serial, smbios[1:]))
    if uuid and (board or system):
        return MachineId(_hash(key, "board", (uuid, board, system)), strong=True)
    macs = sorted(cards)
    return MachineId(_hash(key, "cards", macs) if macs else "", strong=False)


def is_burnt_in(mac: str) -> bool:
    """Given by the manufacturer (IEEE 802-2014, 8.2): neither administered locally nor a group's, nor zeros."""
    first = int(mac[:2], 16)
    return not first & 0b11 and mac != "00:00:00:00:00:00"


def parse_smbios(table: bytes, version: tuple[int, int]) -> Smbios:
    """The structure table of SMBIOS as the firmware has it; what is cut off or out of bounds is absent."""
    found: dict[int, tuple[bytes, Sequence[bytes]]] = {}
    for kind, formatted, texts in _structures(table):
        found.setdefault(kind, (formatted, texts))
    system, board = found.get(SYSTEM, (b"", ())), found.get(BOARD, (b"", ()))
    return Smbios(_uuid(system[0], version), _text(*board, SERIAL_AT), _text(*system, SERIAL_AT))


def _structures(table: bytes) -> Iterator[tuple[int, bytes, list[bytes]]]:
    """Type, formatted part and strings of each; the strings end with two zeros (DSP0134, 6.1.3)."""
    at = 0
    while at + 4 <= len(table):
        kind, length = table[at], table[at + 1]
        end = table.find(b"\0\0", at + length)
        if length < 4 or end < 0 or kind == END:  # noqa: PLR2004 - the header's own length
            return
        yield kind, table[at : at + length], table[at + length : end].split(b"\0")
        at = end + 2


def _uuid(formatted: bytes, version: tuple[int, int]) -> str:
    """Since 2.6 its first three fields are little-endian (DSP0134, 7.2.1); as Linux shows it."""
    raw = formatted[UUID_AT : UUID_AT + 16]
    if len(raw) < 16:  # noqa: PLR2004 - bytes of a UUID
        return ""
    if version >= LITTLE_ENDIAN_SINCE:
        raw = raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]
    return raw.hex()


def _text(formatted: bytes, texts: Sequence[bytes], at: int) -> str:
    number = formatted[at] if at < len(formatted) else 0
    return texts[number - 1].decode("latin-1") if 0 < number <= len(texts) else ""


def _sound_uuid(text: str) -> str:
    plain = text.strip().replace("-", "").lower()
    is_uuid = re.fullmatch("[0-9a-f]{32}", plain) and plain not in FILLER_UUIDS
    return plain if is_uuid and len(set(bytes.fromhex(plain))) >= FEWEST_BYTES else ""


def _sound_serial(text: str) -> str:
    plain = text.strip().lower()
    is_filler = len(plain) < SHORTEST_SERIAL or len(set(plain)) < FEWEST_CHARACTERS or FILLER_SERIAL.search(plain)
    return "" if is_filler else plain


def _hash(key: bytes, kind: str, parts: Iterable[str]) -> str:
    """Its text begins otherwise than any message signed with the same key."""
    return hmac.digest(key, "\0".join(("haidang machine", kind, *parts)).encode(), HASH)[:ID_BYTES].hex()
