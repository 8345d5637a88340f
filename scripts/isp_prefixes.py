"""Cuts the Vietnamese ISPs' address ranges out of a database of autonomous systems, into the table of haidang_isps.

    npm pack @ip-location-db/asn@2.3.2026061719
    python scripts/isp_prefixes.py ip-location-db-asn-2.3.2026061719.tgz

The package's own README warns of bugs in its data: compare what comes out with another source, and look at the diff.
"""

from __future__ import annotations

import csv
import io
import ipaddress
import json
import re
import sys
import tarfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_isps import BUILT_IN, HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_isps import Network

ISPS = {
    "VNPT": (7643, 45899, 135905, 135965),
    "Viettel": (7552, 24086, 38731),
    "FPT": (18403,),
    "CMC": (38732, 38733, 45903),
    "MobiFone": (45896, 131429),
    "SCTV": (45543,),
    "NetNam": (24173, 24176),
    "SPT": (7602,),
    "HTC": (24088, 38253),
    "Vietnamobile": (38247,),
    "GTEL": (131127,),
    "Gmobile": (45546,),
    "VTC": (38248, 38726),
    "VTVcab": (131410,),
    "QTSC": (24085,),
    "VNTT": (45557,),
}
"""Autonomous systems by the name that contracts have; not those of banks, hosters and clouds, who sell no lines.

SPT is Saigon Postel, HTC Hanoi Telecom, QTSC Quang Trung Software City, VNTT of Bình Dương.
"""

HEAD = """\
# Address ranges of Vietnamese Internet service providers. Made by scripts/isp_prefixes.py; do not edit.
# Source: npm {name} {version} (data of {date}): RouteViews (https://www.routeviews.org/),
# NRO (https://www.nro.net/) and DB-IP (https://db-ip.com/), Creative Commons Attribution 4.0 (CC BY 4.0).
# Changed: cut down to these providers' autonomous systems, ranges merged and written as prefixes.
{header}
"""


def main(package: Path) -> None:
    """Writes the table. Raises OSError, tarfile.TarError, KeyError where `package` is not that package."""
    with tarfile.open(package) as archive:
        about = json.loads(_text(archive, "package.json"))
        ranges = defaultdict(list)
        for file in ("asn-ipv4.csv", "asn-ipv6.csv"):
            for asn, network in _networks(_text(archive, file)):
                ranges[asn].append(network)
    names = {asn: isp for isp, systems in ISPS.items() for asn in systems}
    if missing := sorted(names.keys() - ranges.keys()):
        raise KeyError(f"no range of AS {missing}")
    rows = [(network, asn) for asn in names for network in _merged(ranges[asn])]
    rows.sort(key=lambda row: (row[0].version, row[0].network_address, row[0].prefixlen))
    table = "".join(f"{network},{asn},{names[asn]}\n" for network, asn in rows)
    BUILT_IN.write_text(
        HEAD.format(name=about["name"], version=about["version"], date=_date(about["version"]), header=HEADER) + table,
        encoding="utf-8",
    )
    print(f"{BUILT_IN}: {len(rows)} prefixes of {len(ISPS)} ISPs")


def _text(archive: tarfile.TarFile, file: str) -> str:
    member = archive.extractfile(f"package/{file}")
    if member is None:
        raise KeyError(f"{file} is no file")
    return member.read().decode()


def _networks(table: str) -> Iterator[tuple[int, Network]]:
    wanted = {str(asn) for systems in ISPS.values() for asn in systems}
    for first, last, asn, _ in csv.reader(io.StringIO(table)):
        if asn in wanted:
            ends = ipaddress.ip_address(first), ipaddress.ip_address(last)
            for network in ipaddress.summarize_address_range(*ends):
                yield int(asn), network


def _merged(networks: list[Network]) -> Iterator[Network]:
    for version in (4, 6):
        same = [network for network in networks if network.version == version]
        yield from ipaddress.collapse_addresses(same)  # type: ignore[type-var]  # all of one version


def _date(version: str) -> str:
    """The package's versions end in year, month, day, hour."""
    stamp = re.search(r"\.(\d{4})(\d{2})(\d{2})\d{2}$", version)
    if stamp is None:
        raise KeyError(f"version {version} tells no date")
    return "-".join(stamp.groups())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
