"""The importers under the fuzzer: tables of every kind as CSV and XLSX, configuration for agents, backups.

Each by the function that the command and the upload page call. An import that is refused must not change a byte of the
registry; one that is applied must change nothing the second time.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
import tempfile
import zipfile
from contextlib import ExitStack, closing
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
from haidang_collector.registry import worksheets
from haidang_collector.registry.agent_config import BadAgentConfigError, encode, merge, parse_toml
from haidang_collector.registry.backup import BadBackupError, backup, restore
from haidang_collector.registry.database import Database, RegistryDatabaseError
from haidang_collector.registry.fact_import import import_facts
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.fact_table import read_facts
from haidang_collector.registry.models import Base, Contract, Unit
from haidang_collector.registry.sheet import BadFileError
from haidang_collector.registry.store import Registry
from haidang_collector.registry.templates import columns_of
from haidang_collector.registry.units_import import import_units
from haidang_collector.registry.units_table import read_table
from sqlalchemy.exc import DBAPIError

from benchmarks.fuzz_noise import FaultError, Input, bent, json_bent, text

if TYPE_CHECKING:
    import random

    from haidang_collector.registry.units_import import Outcome

    from benchmarks.fuzz_noise import Target

UNITS = ("TH-001", "THCS-2", "MN.3")
FILLED = 2_000
"""Rows after which the registry is emptied: imports may fill it as they like."""
TOML = b"""[agent]
push_interval = "15s"
[probes.icmp_ping]
targets = ["192.0.2.1"]
[[wan]]
name = "wan1"
isp = "VNPT"
[[lab]]
name = "lab-1"
cidr = "10.20.1.0/24"
declared = 40
"""


class Tables:
    """Tables of units and facts, as CSV, into a registry of its own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        file = folder / f"{type(self).__name__}.db"
        registry = Registry(f"sqlite:///{file}")
        stack.callback(registry.close)
        self._database = registry.database
        self._watching = stack.enter_context(closing(sqlite3.connect(file)))
        self._empty()

    def make(self, noise: random.Random) -> Input:
        kind = noise.choice(("units", *KINDS))
        how = {"kind": kind} | {name: "1" for name in ("skip_bad", "replace", "dry_run") if noise.random() < 0.3}
        return Input(self.file(noise, rows_of(noise, kind)), how)

    def file(self, noise: random.Random, rows: list[list[str]]) -> bytes:
        written = io.StringIO()
        csv.writer(written, delimiter=noise.choice(",,,;\t")).writerows(rows)
        content = written.getvalue().encode(errors="surrogatepass")
        content = b"\xef\xbb\xbf" + content if noise.random() < 0.3 else content
        return bent(noise, content) if noise.random() < 0.4 else content

    async def give(self, made: Input) -> str:
        before = self._version()
        try:
            outcome = self._imported(made, dry_run="dry_run" in made.how)
        except BadFileError:
            outcome = None
        if outcome is None or not outcome.applied:
            if self._version() != before:
                raise FaultError("refused, and the registry is another one")
            return "no table" if outcome is None else "bad rows" if outcome.bad else "shown"
        again = self._imported(made, dry_run=True)
        if again.created or again.updated or again.removed:
            raise FaultError(f"applied, and would change something once more: {again}")
        self._rows += len(outcome.changes)
        if self._rows > FILLED:
            self._empty()
        return "applied"

    def _imported(self, made: Input, *, dry_run: bool) -> Outcome:
        skip_bad, replace = "skip_bad" in made.how, "replace" in made.how
        if made.how["kind"] == "units":
            table = read_table(made.content)
            return import_units(self._database, table, skip_bad=skip_bad, dry_run=dry_run)
        kind = KINDS[made.how["kind"]]
        facts = read_facts(made.content, kind)
        return import_facts(self._database, kind, facts, skip_bad=skip_bad, dry_run=dry_run, replace=replace)

    def _version(self) -> int:
        """Another one after each change that another connection made."""
        version: int = self._watching.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _empty(self) -> None:
        with self._database.write() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())
            for code in UNITS:
                session.add(Unit(code=code, name="Trường Sao Mai", district="Quận 1", level="primary", students={}))
        self._rows = 0


class Xlsx(Tables):
    """The same as XLSX, read by the process that is started for it: the whole way, and so a few a second."""

    def file(self, noise: random.Random, rows: list[list[str]]) -> bytes:
        return workbook(noise, rows)


class Sheets:
    """XLSX read in this process, without the bounds that a process of its own has."""

    def make(self, noise: random.Random) -> Input:
        rows = rows_of(noise, noise.choice(("units", *KINDS)))
        return Input(workbook(noise, rows), {"formulas": noise.choice(("", "1"))})

    async def give(self, made: Input) -> str:
        try:
            sheets = list(worksheets._read(made.content, bool(made.how["formulas"])))  # noqa: SLF001 - what the program runs
        except BadFileError:
            return "damaged"
        cells = [cell for rows in sheets for row in rows for cell in row.cells]
        for cell in cells:
            cell.encode()
        return "read"


class Backups:
    """What `haidang db restore` reads, into an empty database each: to make one takes most of the time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _sound(self) -> list[bytes]:
        with closing(Registry(f"sqlite:///{self._folder / 'backed-up.db'}")) as registry:
            with registry.database.write() as session:
                session.add(Unit(code="TH-001", name="Sao Mai", district="Quận 1", level="primary", students={}))
                session.flush()
                session.add(Contract(unit="TH-001", wan="wan1", number="1", isp="VNPT", starts=date(2026, 1, 1)))
            backup(registry.database, self._folder / "backup.gz")
        return gzip.decompress((self._folder / "backup.gz").read_bytes()).splitlines()

    def make(self, noise: random.Random) -> Input:
        lines = list(self._sound)
        for _ in range(noise.choice((0, 1, 1, 2))):
            at = noise.randrange(len(lines))
            told = json_bent(noise, json.loads(lines[at]))
            lines[at] = json.dumps(told).encode() if noise.random() < 0.8 else bent(noise, lines[at])
        content = gzip.compress(b"\n".join(lines) + b"\n", 1)
        return Input(bent(noise, content) if noise.random() < 0.2 else content, {})

    async def give(self, made: Input) -> str:
        with tempfile.TemporaryDirectory(dir=self._folder) as text:
            folder = Path(text)
            (folder / "backup.gz").write_bytes(made.content)
            with closing(Database(f"sqlite:///{folder / 'restored.db'}")) as database:
                try:
                    restore(database, folder / "backup.gz")
                except (BadBackupError, RegistryDatabaseError, DBAPIError):
                    if database.versions()[0] is not None:
                        raise FaultError("refused, and the database is no longer empty") from None
                    return "refused"
        return "restored"


class Toml:
    """What `haidang units config --set` and the page for it read."""

    def make(self, noise: random.Random) -> Input:
        content = TOML
        for word in (b"wan1", b'"15s"', b"40", b"agent", b"lab"):
            if noise.random() < 0.2:
                content = content.replace(word, noise.choice((text(noise), repr(text(noise)))).encode(), 1)
        if noise.random() < 0.02:
            content += noise.choice((b"agent." + b"a." * 2_000 + b"a=1\n", b"a=" + b"[" * 5_000, b"a=" + b"9" * 5_000))
        return Input(bent(noise, content) if noise.random() < 0.5 else content, {})

    async def give(self, made: Input) -> str:
        try:
            tables = parse_toml(made.content.decode("utf-8-sig"))
        except (BadAgentConfigError, UnicodeDecodeError) as refused:
            return "refused" if isinstance(refused, BadAgentConfigError) else "no text"
        encode(merge(parse_toml(TOML.decode()), tables))
        return "read"


def rows_of(noise: random.Random, kind: str) -> list[list[str]]:
    """A table as people fill it in, with strange words here and there, and rows that are too short or too long."""
    columns = [column for column in columns_of(kind) if column.required or noise.random() < 0.7]
    noise.shuffle(columns)
    title = [noise.choice((column.title, column.name)) for column in columns]
    rows = [[noise.choice(("Danh sách", text(noise)))] * noise.randint(0, 3) for _ in range(noise.choice((0, 0, 0, 2)))]
    rows.append([text(noise) if noise.random() < 0.02 else word for word in title])
    for number in range(noise.choice((0, 1, 3, 12))):
        cells = []
        for column in columns:
            word = noise.choice(column.values) if column.values else column.example
            if column.name == "code":
                word = noise.choice(UNITS) if kind != "units" or number % 2 else f"NEW-{noise.randrange(50)}"
            elif column.name in ("name", "number", "wan") and noise.random() < 0.8:
                word = f"{word}-{noise.randrange(9)}"
            cells.append(text(noise) if noise.random() < 0.04 else word)
        rows.append([*cells, text(noise)] if noise.random() < 0.03 else cells)
    return rows


def workbook(noise: random.Random, rows: list[list[str]]) -> bytes:
    """Spoilt within a part of it, as a whole, or not at all."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet(index=0)
    for row in rows:
        sheet.append([_kept(noise, cell) for cell in row])
    file = io.BytesIO()
    book.save(file)
    if noise.random() < 0.2:
        return bent(noise, file.getvalue())
    parts = {}
    with zipfile.ZipFile(file) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    if noise.random() < 0.8:
        name = noise.choice([name for name in parts if "theme" not in name])
        parts[name] = _spoilt(noise, parts[name])
    spoilt = io.BytesIO()
    with zipfile.ZipFile(spoilt, "w", noise.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return spoilt.getvalue()


def _kept(noise: random.Random, cell: str) -> object:
    """Signs that XML knows; sometimes a number or a date."""
    kept = "".join(sign for sign in cell if sign >= " " and not "\ud800" <= sign <= "\udfff" and sign < "\ufffe")
    return int(kept) if kept.isascii() and kept.isdecimal() and len(kept) < 9 and noise.random() < 0.5 else kept


def _spoilt(noise: random.Random, xml: bytes) -> bytes:
    """Numbers, references and escapes that spreadsheets have and mutation would seldom hit."""
    swaps = (
        ('r="A1"', 'r="XFE9999999"'), ('t="s"', 't="e"'), ('t="s"', 't="d"'), ('t="inlineStr"', 't="b"'),
        ("<v>0</v>", "<v>99999999999</v>"), ("<v>", "<v>-"), ("<row r=", '<row r="99999" x='), ("<t>", "<t>_xD800_"),
        ("<v>1</v>", "<v>1e308</v>"), ("UTF-8", "UTF-7"), ("<c ", '<c s="99" '), ('numFmtId="0"', 'numFmtId="14"'),
        ("<sheetData>", '<sheetData><row><c t="d"><v>9999-12-31</v></c></row>'), ("<v>", "<f>A1*2</f><v>"),
    )  # fmt: skip
    old, new = noise.choice(swaps)
    return xml.replace(old.encode(), new.encode(), noise.randint(1, 3)) if noise.random() < 0.5 else bent(noise, xml)


def targets(folder: Path, stack: ExitStack) -> dict[str, Target]:
    tables, xlsx = Tables(folder, stack), Xlsx(folder, stack)
    return {"tables": tables, "xlsx": xlsx, "sheets": Sheets(), "toml": Toml(), "backups": Backups(folder)}
