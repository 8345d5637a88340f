"""The dashboards as they go into a folder: as built for the city, narrowed in their variables and links for a district.

What a district may see is not decided here but where its data source asks (`prom/`).
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_collector.grafana.names import Part

PACKAGED = Path(__file__).parents[1] / "dashboards"
CHECKOUT = Path(__file__).parents[3] / "dashboards" / "json"
CITY_ONLY = ("city", "system")
"""Dashboards of figures that no district's data source holds, by file."""
VARIABLE = "datasource"
_SPECIAL = re.compile(r"[.*+?^${}()|\[\]\\/]")
"""In a regular expression of JavaScript between slashes."""

Json = dict[str, Any]


class NoDashboardsError(OSError):
    """There are no dashboards to take; the text says where they were looked for."""


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard without a place: `name` is that of its file, `content` Grafana's JSON."""

    name: str
    content: Json

    @property
    def uid(self) -> str:
        return str(self.content["uid"])


def load(language: str, folder: Path | None = None) -> list[Board]:
    """All of a language by name. Raises NoDashboardsError."""
    source = (folder or (PACKAGED if PACKAGED.is_dir() else CHECKOUT)) / language
    boards = []
    for file in sorted(source.glob("*.json")):
        try:
            content = json.loads(file.read_text("utf-8"))
            boards.append(Board(file.stem, content))
            _ = boards[-1].uid
        except (ValueError, LookupError, TypeError) as wrong:
            raise NoDashboardsError(f"{file}: is no dashboard with a uid ({wrong})") from None
    if not boards:
        raise NoDashboardsError(f"{source}: no dashboards here")
    return boards


def of_part(boards: Sequence[Board], part: Part) -> list[Board]:
    """Those that the part's folder holds. A district's have addresses of their own, and lead to each other only."""
    if part.scope.city:
        return list(boards)
    kept = [board for board in boards if board.name not in CITY_ONLY]
    new_uids = {board.uid: f"{board.uid}-{part.slug}" for board in kept}
    left_out = {board.uid for board in boards} - new_uids.keys()
    return [Board(board.name, _for_district(board.content, part, new_uids, left_out)) for board in kept]


def _for_district(content: Json, part: Part, new_uids: dict[str, str], left_out: set[str]) -> Json:
    made: Json = _relinked(copy.deepcopy(content), new_uids, left_out)
    made["uid"] = new_uids[content["uid"]]
    for tagged in (made, *made.get("links", ())):
        tagged["tags"] = _tags(tagged.get("tags", ()), part)
    for variable in made.get("templating", {}).get("list", ()):
        if variable.get("name") == VARIABLE:
            variable["current"] = {"text": part.title, "value": part.uid}
            variable["regex"] = "/^" + _SPECIAL.sub(r"\\\g<0>", part.title) + "$/"
    return made


def _tags(tags: Sequence[str], part: Part) -> list[str]:
    """The first is what dashboards find each other by."""
    return [f"{tag}-{part.slug}" if at == 0 else tag for at, tag in enumerate(tags)]


def _relinked(value: Any, new_uids: dict[str, str], left_out: set[str]) -> Any:
    """Links lead to the district's dashboards; those to what it has not are gone."""
    if isinstance(value, dict):
        return {key: _relinked(inner, new_uids, left_out) for key, inner in value.items()}
    if isinstance(value, list):
        return [_relinked(inner, new_uids, left_out) for inner in value if _target(inner) not in left_out]
    if isinstance(value, str):
        target = _uid_in(value)
        return value.replace(f"/d/{target}", f"/d/{new_uids[target]}", 1) if target in new_uids else value
    return value


def _target(value: Any) -> str | None:
    return _uid_in(value["url"]) if isinstance(value, dict) and isinstance(value.get("url"), str) else None


def _uid_in(url: str) -> str | None:
    found = re.match(r"/d/([A-Za-z0-9_-]+)", url)
    return found[1] if found else None
