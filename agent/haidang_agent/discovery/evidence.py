"""What a device has shown of itself, each thing with where it comes from; bounded, and fit for a terminal.

Sources: `vendor` (of its MAC address), `mdns` (service types), `shared` (service types that stand for other devices),
`model`, `name`, `upnp` and `wsd` (device types), `server` (the program that speaks SSDP), `netbios` (name suffixes),
`port` (open TCP ports), `dhcp_class` and `dhcp_options` (as the client asked), `role` (what it does on the network),
`snmp` (class by its MIBs), `own` (this machine).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_TEXT = 96
MOST_OF_A_SOURCE = 48


class Sign(NamedTuple):
    """One thing: its source, and what was shown."""

    source: str
    text: str


def clean(told: str | bytes, longest: int = LONGEST_TEXT) -> str:
    """In one line without control characters, cut to `longest` characters; bytes are UTF-8, else Latin-1."""
    if isinstance(told, bytes):
        head = told[: 4 * longest]
        try:
            told = head.decode()
        except UnicodeDecodeError as broken:
            # A character that the cut splits is no error of the sender's.
            cut = len(told) > len(head) and broken.start > len(head) - 4
            told = head[: broken.start].decode() if cut else head.decode("latin-1")
    readable = "".join(sign if sign.isprintable() else " " for sign in told[: 4 * longest])
    return " ".join(readable.split())[:longest].rstrip()


class Evidence:
    """Signs of one device, in the order they came, each once; beyond 48 of a source further ones are not taken."""

    def __init__(self, signs: Iterable[Sign] = ()) -> None:
        self._said: dict[str, dict[str, None]] = {}
        self.add(signs)

    def add(self, signs: Iterable[Sign]) -> None:
        for source, told in signs:
            text = clean(told)
            kept = self._said.setdefault(source, {})
            if text and len(kept) < MOST_OF_A_SOURCE:
                kept[text] = None

    def of(self, source: str) -> tuple[str, ...]:
        return tuple(self._said.get(source, ()))

    def __iter__(self) -> Iterator[Sign]:
        return (Sign(source, text) for source, texts in self._said.items() for text in texts)
