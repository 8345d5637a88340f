"""The configuration that the centre holds for this agent: fetched, tried, and cached for a restart without Internet."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from haidang_agent.config import LISTS, TABLES, BadConfigError, Config, load
from haidang_agent.registry import discover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from haidang_agent.centre import Answer, Centre

log = logging.getLogger(__name__)

FILE = "centre.json"
OK = 200


def cached(state_dir: Path) -> tuple[dict[str, Any], str | None]:
    """Tables and ETag as they were last accepted; `({}, None)` without any or where the file is broken."""
    path = state_dir / FILE
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return dict(kept["tables"]), kept["etag"]
    except FileNotFoundError:
        return {}, None
    except PermissionError:
        log.warning("%s may not be read by this user; what the centre says is left out", path)
        return {}, None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as broken:
        log.warning("%s cannot be used (%r); asking the centre anew", path, broken)
        return {}, None


def understood(tables: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Without what this version of the agent does not know, and the names of that: a newer centre must not stop it."""
    unknown: list[str] = []
    known: dict[str, Any] = {}
    for name, table in tables.items():
        if name in TABLES:
            known[name] = _keys(TABLES[name], table, f"[{name}]", unknown)
        elif name in LISTS and isinstance(table, list):
            known[name] = [_keys(LISTS[name], entry, f"[[{name}]]", unknown) for entry in table]
        elif name == "probes" and isinstance(table, dict):
            known[name] = dict(_probes(table, unknown))
        elif name in LISTS or name == "probes":
            known[name] = table
        else:
            unknown.append(f"[{name}]")
    return known, sorted(set(unknown))


def _probes(tables: Mapping[str, Any], unknown: list[str]) -> Iterable[tuple[str, Any]]:
    probes = discover()
    for name, table in tables.items():
        if name in probes:
            yield name, _keys(probes[name].settings, table, f"[probes.{name}]", unknown)
        else:
            unknown.append(f"[probes.{name}]")


def _keys(kind: type, table: Any, where: str, unknown: list[str]) -> Any:
    """What is no table at all is left for the reading to refuse."""
    if not isinstance(table, dict):
        return table
    names = {field.name for field in fields(kind)}
    unknown += [f"{where} {key}" for key in table if key not in names]
    return {key: value for key, value in table.items() if key in names}


def load_merged(config_file: Path | None) -> Config:
    """The file over what the centre said last. Raises BadConfigError for the file alone.

    What the centre said may fit no longer, after the file was edited or the agent renewed: it is left out then.
    """
    local = load(config_file)
    try:
        return load(config_file, understood(cached(local.state_dir)[0])[0])
    except BadConfigError as unfit:
        log.warning("what the centre said last cannot be used together with the file: %s", unfit)
        return local


class RemoteConfig:
    """Asks now and then; `on_change` is called when there is another configuration that this agent can use."""

    def __init__(self, state_dir: Path, config_file: Path | None, on_change: Callable[[], None]) -> None:
        self._path = state_dir / FILE
        self._config_file = config_file
        self._on_change = on_change
        self._etag = self._in_use = cached(state_dir)[1]

    @property
    def in_use(self) -> str:
        """The ETag of what this agent runs, without quotes; empty where the centre told nothing yet."""
        return (self._in_use or "").removeprefix("W/").strip('"')

    def refresh(self, centre: Centre) -> None:
        """Ask and take. Raises as both."""
        self.take(self.ask(centre))

    def ask(self, centre: Centre, about: Mapping[str, str] | None = None) -> Answer:
        """What the centre answers. Raises UnreachableError.

        The question says which configuration is in use, and what else is told `about` this agent.
        """
        in_use = {"Haidang-Config": self.in_use} if self.in_use else {}
        return centre.config(self._etag, {**in_use, **(about or {})})

    def take(self, answer: Answer) -> None:
        """Raises OSError where it cannot be kept, and is asked for again.

        What cannot be used is named in the log, and the old one goes on.
        """
        if answer.status != OK:
            return
        etag = answer.headers.get("etag")
        try:
            tables = json.loads(answer.body)
            if not isinstance(tables, dict):
                raise ValueError("it is no table")
            known, unknown = understood(tables)
            load(self._config_file, known)
        except (BadConfigError, ValueError, RecursionError) as unusable:
            log.warning("the centre's configuration cannot be used, the old one goes on: %s", unusable)
            self._etag = etag
            return
        if unknown:
            log.warning("the centre names what this agent does not know and leaves out: %s", ", ".join(unknown))
        changed = tables != cached(self._path.parent)[0]
        self._keep(tables, etag)
        self._etag = self._in_use = etag
        if changed:
            self._on_change()

    def _keep(self, tables: dict[str, Any], etag: str | None) -> None:
        """Readable by its owner only: SNMP passwords and the unit's key are in it."""
        draft = self._path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            json.dump({"etag": etag, "tables": tables}, out)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self._path)
