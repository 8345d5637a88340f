"""Brings a Grafana to what is wanted, and says of each thing what was done: a second run finds nothing to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from haidang_collector.access.scopes import scope_text
from haidang_collector.grafana import tokens
from haidang_collector.grafana.server import GrafanaError
from haidang_collector.grafana.wanted import HEADER, TOKEN_ID, with_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haidang_collector.grafana.names import Part
    from haidang_collector.grafana.server import Grafana
    from haidang_collector.grafana.wanted import Wanted
    from haidang_collector.registry.database import Database

Json = dict[str, Any]
Deed = Literal["created", "updated", "unchanged"]
Thing = Literal["data source", "team", "folder", "permissions", "dashboard"]

VIEW = 1
MOST_DIFFERENCES = 20
GRAFANAS_OWN = ("id", "version")
"""Of a dashboard: what Grafana counts itself."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to a thing, or (dry run) would be; `differences` of what was there to what is wanted."""

    what: Thing
    name: str
    deed: Deed
    differences: tuple[str, ...] = ()

    def as_json(self) -> Json:
        return asdict(self)


@dataclass
class Push:
    """One run. With `dry_run` nothing is written, neither there nor in the registry."""

    grafana: Grafana
    database: Database
    who: str
    dry_run: bool
    _teams: dict[str, int | None] = field(default_factory=dict)

    def run(self, everything: Sequence[Wanted]) -> Iterator[Change]:
        """Each thing as it is done. Raises GrafanaError at the first that cannot be: what is told is done."""
        alive = {fact.id: fact.scope for fact in tokens.all_tokens(self.database) if fact.revoked_at is None}
        for wanted in everything:
            yield self._data_source(wanted, alive)
            for team in wanted.readers:
                if team not in self._teams:
                    yield self._team(team)
            yield self._folder(wanted.part)
            yield self._permissions(wanted)
            for board in wanted.boards:
                yield self._board(board.content, wanted.part.uid)

    def _data_source(self, wanted: Wanted, alive: dict[str, str]) -> Change:
        content, scope = wanted.data_source, wanted.part.scope
        there = self.grafana.data_source(content["uid"])
        told = [] if there is None else differences(content, there)
        held = (there or {}).get("jsonData", {}).get(TOKEN_ID)
        keeps = alive.get(held) == scope_text(scope) and bool((there or {}).get("secureJsonFields", {}).get(HEADER))
        if there is not None and not keeps:
            told.append("token: none of ours that holds → a new one")
        if told and (there or {}).get("readOnly"):
            raise GrafanaError(
                f"data source {wanted.part.title}: is provisioned by file; change it there, or remove the file"
            )
        if not self.dry_run and (there is None or told):
            self._write_data_source(wanted, there, held if keeps else None)
        return _change("data source", wanted.part.title, there, told)

    def _write_data_source(self, wanted: Wanted, there: Json | None, held: str | None) -> None:
        """A token that Grafana does not get in the end is taken back."""
        if held is not None:
            content = wanted.data_source
            self.grafana.update_data_source({**content, "jsonData": {**content["jsonData"], TOKEN_ID: held}})
            return
        made = tokens.create(self.database, wanted.part.scope, self.who)
        content = with_token(wanted.data_source, made.token, made.id)
        written = False
        try:
            (self.grafana.create_data_source if there is None else self.grafana.update_data_source)(content)
            written = True
        finally:
            if not written:
                tokens.revoke(self.database, made.id, self.who)

    def _team(self, name: str) -> Change:
        number = self.grafana.team(name)
        change = _change("team", name, number, [])
        if number is None and not self.dry_run:
            number = self.grafana.create_team(name)
        self._teams[name] = number
        return change

    def _folder(self, part: Part) -> Change:
        there = self.grafana.folder(part.uid)
        told = [] if there is None else differences({"title": part.title}, there)
        if not self.dry_run:
            if there is None:
                self.grafana.create_folder(part.uid, part.title)
            elif told:
                self.grafana.rename_folder(part.uid, part.title)
        return _change("folder", part.title, there, told)

    def _permissions(self, wanted: Wanted) -> Change:
        """Teams and roles as wanted; what a person was given by hand stays."""
        folder = wanted.part.uid
        is_there = not self.dry_run or self.grafana.folder(folder) is not None
        given = [item for item in self.grafana.permissions(folder) if not item.get("inherited")] if is_there else []
        people = [item for item in given if item.get("userId")]
        now = {
            _holder(item): item["permission"] for item in given if item not in people and item.get("role") != "Admin"
        }
        then = {f"team {team}": VIEW for team in wanted.readers}
        told = [
            f"{who}: {now.get(who, 0)} → {then.get(who, 0)}"
            for who in sorted(now | then)
            if now.get(who) != then.get(who)
        ]
        if told and not self.dry_run:
            items: list[Json] = [{"teamId": self._teams[team], "permission": VIEW} for team in wanted.readers]
            items += [{"userId": item["userId"], "permission": item["permission"]} for item in people]
            self.grafana.set_permissions(folder, items)
        return Change("permissions", wanted.part.title, "updated" if told else "unchanged", tuple(told))

    def _board(self, content: Json, folder: str) -> Change:
        there = self.grafana.board(content["uid"])
        wanted = {name: value for name, value in content.items() if name not in GRAFANAS_OWN}
        told = [] if there is None else differences(wanted, there["dashboard"])
        if there is not None:
            told += differences({"folderUid": folder}, there["meta"])
        if not self.dry_run and (there is None or told):
            self.grafana.save_board({**wanted, "id": None}, folder)
        return _change("dashboard", content["uid"], there, told)


def differences(wanted: Any, there: Any, path: str = "") -> list[str]:
    """Where `there` is not as wanted. What Grafana adds is its own; what is empty it may leave out."""
    if isinstance(wanted, dict) and isinstance(there, dict):
        return [
            told
            for name, value in wanted.items()
            for told in differences(value, there.get(name), f"{path}.{name}".removeprefix("."))
        ]
    if isinstance(wanted, list) and isinstance(there, list) and len(wanted) == len(there):
        return [
            told
            for number, (value, other) in enumerate(zip(wanted, there, strict=True))
            for told in differences(value, other, f"{path}[{number}]")
        ]
    if wanted == there or (there is None and not wanted):
        return []
    return [f"{path}: {_short(there)} → {_short(wanted)}"]


def _change(what: Thing, name: str, there: object, told: list[str]) -> Change:
    if there is None:
        return Change(what, name, "created")
    more = [f"and {len(told) - MOST_DIFFERENCES} more"] if len(told) > MOST_DIFFERENCES else []
    return Change(what, name, "updated" if told else "unchanged", (*told[:MOST_DIFFERENCES], *more))


def _holder(item: Json) -> str:
    return f"team {item['team']}" if item.get("teamId") else f"role {item.get('role', '')}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line of a terminal
