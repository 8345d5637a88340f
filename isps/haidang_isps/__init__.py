"""Which Internet service provider an address belongs to, from a table that is data: `prefixes.csv`, or one like it.

Used by the agent (the first router beyond the school) and by the collector (the address that a push comes from).
"""

from __future__ import annotations

import csv
import ipaddress
from array import array
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BUILT_IN = Path(__file__).with_name("prefixes.csv")
HEADER = "prefix,asn,isp"
LONGEST_NAME = 64
MOST_ISPS = 255
HIGHEST_ASN = (1 << 32) - 1
FAULTS_SHOWN = 5

NOT_PUBLIC = tuple(
    ipaddress.ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/3", "::/127", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
"""Private, shared (carrier-grade NAT, RFC 6598), link-local, loopback, unspecified, multicast and reserved."""


class BadPrefixesError(ValueError):
    """A table that cannot be used; the text names file, line numbers and what is wrong there."""


class Prefix(NamedTuple):
    """One row: addresses of `network` are of `isp`, announced by the autonomous system `asn`."""

    network: Network
    asn: int
    isp: str


def parse_address(text: str) -> Address | None:
    """None for what is no address. IPv4 in IPv6 (`::ffff:192.0.2.1`, of a dual-stack socket) is IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def is_public(address: Address) -> bool:
    """Whether an ISP announces such addresses to the world. Those for documentation count: test networks use them."""
    return not any(address.version == block.version and address in block for block in NOT_PUBLIC)


class Prefixes:
    """Looks up by longest prefix. 3 µs a look-up."""

    def __init__(self, prefixes: Iterable[Prefix]) -> None:
        rows = list(prefixes)
        self._isps: list[str | None] = [None, *dict.fromkeys(row.isp for row in rows)]
        numbers = {isp: number for number, isp in enumerate(self._isps)}
        self._tables = {version: _flatten(rows, version, numbers) for version in (4, 6)}

    @classmethod
    def load(cls, path: Path | None = None) -> Prefixes:
        """The built-in table, or the file at `path` instead. Raises BadPrefixesError, OSError."""
        return cls(read(path or BUILT_IN))

    def isp(self, address: str | Address) -> str | None:
        """None where no prefix covers the address, or it is none."""
        known = parse_address(address) if isinstance(address, str) else address
        if known is None:
            return None
        starts, owners = self._tables[known.version]
        place = bisect_right(starts, int(known)) - 1
        return self._isps[owners[place]] if place >= 0 else None

    @property
    def isps(self) -> frozenset[str]:
        """The names that a look-up can give."""
        return frozenset(name for name in self._isps if name is not None)


def read(path: Path) -> list[Prefix]:
    """Rows of a table: CSV in UTF-8 with the columns prefix, asn, isp; `#` begins a line of comment.

    Raises BadPrefixesError naming the first bad lines, OSError.
    """
    rows: dict[Network, Prefix] = {}
    faults: list[str] = []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as wrong:
        raise BadPrefixesError(f"{path}: not UTF-8: {wrong}") from None
    for number, line in enumerate(lines, start=1):
        if line.startswith("#") or line.strip() in ("", HEADER):
            continue
        try:
            row = _row(line)
            if rows.setdefault(row.network, row).isp != row.isp:
                raise ValueError(f"{row.network} was {rows[row.network].isp} before")
        except ValueError as wrong:
            faults.append(f"line {number}: {wrong}")
    if not rows and not faults:
        faults.append(f"no row; write {HEADER} and below it rows as 203.0.113.0/24,64496,VNPT")
    if len({row.isp for row in rows.values()}) > MOST_ISPS:
        faults.append(f"more than {MOST_ISPS} ISPs")
    if faults:
        more = f"; and {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
        raise BadPrefixesError(f"{path}: {'; '.join(faults[:FAULTS_SHOWN])}{more}")
    return list(rows.values())


def _row(line: str) -> Prefix:
    try:
        [cells] = csv.reader([line], strict=True)
    except csv.Error as wrong:
        raise ValueError(f"no CSV: {wrong}") from None
    if len(cells) != HEADER.count(",") + 1:
        raise ValueError(f"{len(cells)} cells instead of {HEADER}")
    prefix, asn, isp = (cell.strip() for cell in cells)
    if not (asn.isascii() and asn.isdigit() and int(asn) <= HIGHEST_ASN):
        raise ValueError(f"asn {asn!r} is no number of an autonomous system")
    if not isp.isprintable() or not 0 < len(isp) <= LONGEST_NAME:
        raise ValueError(f"isp {isp[:LONGEST_NAME]!r} is no name of 1 to {LONGEST_NAME} characters")
    return Prefix(ipaddress.ip_network(prefix), int(asn), isp)


def _flatten(rows: Iterable[Prefix], version: int, numbers: dict[str | None, int]) -> tuple[Sequence[int], bytes]:
    """Prefixes, which may lie in one another, as stretches side by side: where each starts, and whose it is (0: none).

    Walking from low to high addresses, a start puts the prefix on top of those around it, an end takes it off again.
    """
    networks = sorted((row.network for row in rows if row.network.version == version), key=_outer_first)
    owner = {row.network: numbers[row.isp] for row in rows if row.network.version == version}
    stretches: dict[int, int] = {}
    around: list[Network] = []

    def close(before: int) -> None:
        while around and (end := int(around[-1].broadcast_address) + 1) <= before:
            around.pop()
            stretches[end] = owner[around[-1]] if around else 0

    for network in networks:
        close(int(network.network_address))
        stretches[int(network.network_address)] = owner[network]
        around.append(network)
    close(1 << 129)
    starts = array("Q", stretches) if version == 4 else tuple(stretches)  # noqa: PLR2004
    return starts, bytes(stretches.values())


def _outer_first(network: Network) -> tuple[int, int]:
    return int(network.network_address), network.prefixlen
