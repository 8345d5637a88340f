"""The same for Grafana's file provisioning: for Ansible, docker compose, and wherever files are the way.

Folders get no permissions this way, for Grafana's files know none. Source: Grafana, "Provision Grafana".
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import yaml

from haidang_collector.grafana import tokens
from haidang_collector.grafana.wanted import HEADER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from haidang_collector.grafana.names import Part
    from haidang_collector.grafana.wanted import Wanted
    from haidang_collector.registry.database import Database

TOKENS = "tokens.env"
BOARDS = "boards"
SECONDS = 60
MOST_BYTES = 1 << 20
NOTE = "# Written by `haidang grafana provision`; changes here are lost.\n"

Deed = Literal["created", "updated", "unchanged", "removed"]


@dataclass(frozen=True, slots=True)
class File:
    """`name` is below the folder that was given."""

    name: str
    deed: Deed


def provision(everything: Sequence[Wanted], folder: Path, seen_as: str, database: Database, who: str) -> list[File]:
    """Writes what differs. `seen_as` is the folder's path where Grafana runs. Raises OSError."""
    texts = {
        "datasources/haidang.yml": NOTE + _yaml(_data_sources(everything)),
        "dashboards/haidang.yml": NOTE + _yaml(_providers(everything, seen_as)),
    }
    for wanted in everything:
        for board in wanted.boards:
            text = json.dumps(board.content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
            texts[f"{BOARDS}/{wanted.part.uid}/{board.name}.json"] = text
    held = _tokens(folder / TOKENS, [wanted.part for wanted in everything], database, who)
    written = [_write(folder, name, text) for name, text in sorted(texts.items())]
    written.append(_write(folder, TOKENS, "".join(f"{name}={token}\n" for name, token in held.items()), mode=0o600))
    return written + _remove_others(folder, set(texts))


def _data_sources(everything: Sequence[Wanted]) -> dict[str, Any]:
    """The tokens by the names of variables, so that the file itself is no secret."""
    return {
        "apiVersion": 1,
        "datasources": [
            {
                **_escaped(wanted.data_source),
                "secureJsonData": {HEADER: f"Bearer ${{{wanted.part.variable}}}"},
                "orgId": 1,
                "editable": False,
            }
            for wanted in everything
        ],
    }


def _providers(everything: Sequence[Wanted], seen_as: str) -> dict[str, Any]:
    return {
        "apiVersion": 1,
        "providers": [
            _escaped(
                {
                    "name": wanted.part.uid,
                    "orgId": 1,
                    "type": "file",
                    "folder": wanted.part.title,
                    "folderUid": wanted.part.uid,
                    "disableDeletion": False,
                    "allowUiUpdates": False,
                    "updateIntervalSeconds": SECONDS,
                    "options": {"path": f"{seen_as.rstrip('/')}/{BOARDS}/{wanted.part.uid}"},
                }
            )
            for wanted in everything
        ],
    }


def _escaped(value: Any) -> Any:
    """Grafana puts variables of its environment in the place of `$NAME` in these files."""
    if isinstance(value, dict):
        return {name: _escaped(inner) for name, inner in value.items()}
    return value.replace("$", "$$") if isinstance(value, str) else value


def _tokens(file: Path, parts: Sequence[Part], database: Database, who: str) -> dict[str, str]:
    """By variable: the token that is there, where it still holds, else a new one."""
    there: dict[str, str] = {}
    if file.exists():
        with file.open(encoding="ascii") as opened:
            lines = opened.read(MOST_BYTES).splitlines()
        there = dict(line.split("=", 1) for line in lines if "=" in line)
    held = {}
    for part in parts:
        token = there.get(part.variable, "")
        keeps = tokens.scope_of(database, token) == part.scope
        held[part.variable] = token if keeps else tokens.create(database, part.scope, who).token
    return held


def _write(folder: Path, name: str, text: str, mode: int = 0o644) -> File:
    file = folder / name
    before = file.read_text("utf-8") if file.exists() else None
    if before == text:
        return File(name, "unchanged")
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.new")
    new.unlink(missing_ok=True)  # one that was left over may be open to others
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as opened:
        opened.write(text)
    new.replace(file)
    return File(name, "created" if before is None else "updated")


def _remove_others(folder: Path, wanted: set[str]) -> list[File]:
    """Dashboards of ours that are no more; Grafana takes them away with their files."""
    found = {str(file.relative_to(folder)): file for file in (folder / BOARDS).glob("haidang*/*.json")}
    strangers = sorted(found.keys() - wanted)
    for name in strangers:
        found[name].unlink()
    return [File(name, "removed") for name in strangers]


def _yaml(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=1000)
