"""Grafana's HTTP API as far as it is used here, by grafana-client; the same calls in Grafana 10 to 13.

Source: Grafana, "HTTP API" (data sources, folders, folder permissions, teams, dashboards). Grafana 13 calls these
paths legacy and keeps them. All folders are made at the top, so nothing depends on nested ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

SECONDS = 30.0
NOT_FOUND = 404
OLDEST = 10


class GrafanaError(RuntimeError):
    """Grafana does not answer, or refuses; the text says what was asked and what it said."""


class BadUrlError(ValueError):
    """No address of a Grafana."""


class Grafana:
    """One organisation of a Grafana: that of the service account whose token is given."""

    def __init__(self, url: str, token: str, ca: str | None = None) -> None:
        """Raises BadUrlError. `ca` is a PEM file to trust in the place of the system's."""
        from grafana_client.api import GrafanaApi  # noqa: PLC0415 - half a second that other commands need not wait

        host, port, path, scheme = _parts(url)
        self.url = url
        make: Any = GrafanaApi  # which says nothing of its types
        self._api = make(token, host, port, path, scheme, verify=ca or True, timeout=SECONDS, user_agent="haidang")

    def close(self) -> None:
        self._api.client.s.close()

    def version(self) -> str:
        """Raises GrafanaError, also for one that is too old."""
        told = self._ask("its version", self._api.health.check)
        version = str((told or {}).get("version", ""))
        major = version.partition(".")[0]
        if not major.isdigit() or int(major) < OLDEST:
            raise GrafanaError(f"{self.url}: version {version or 'unknown'}; needed is Grafana {OLDEST} or newer")
        return version

    def data_source(self, uid: str) -> Json | None:
        found: Json | None = self._find(f"data source {uid}", lambda: self._api.datasource.get_datasource_by_uid(uid))
        return found

    def create_data_source(self, content: Json) -> None:
        self._ask(f"data source {content['uid']}", lambda: self._api.datasource.create_datasource(content))

    def update_data_source(self, content: Json) -> None:
        uid = content["uid"]
        self._ask(f"data source {uid}", lambda: self._api.datasource.update_datasource_by_uid(uid, content))

    def folder(self, uid: str) -> Json | None:
        found: Json | None = self._find(f"folder {uid}", lambda: self._api.folder.get_folder(uid))
        return found

    def create_folder(self, uid: str, title: str) -> None:
        self._ask(f"folder {uid}", lambda: self._api.folder.create_folder(title, uid))

    def rename_folder(self, uid: str, title: str) -> None:
        self._ask(f"folder {uid}", lambda: self._api.folder.update_folder(uid, title, overwrite=True))

    def permissions(self, folder: str) -> list[Json]:
        """Each with `team`, `teamId`, `userId`, `role`, `permission` (1 view, 2 edit, 4 administer)."""
        found: list[Json] = self._ask(
            f"permissions of {folder}", lambda: self._api.folder.get_folder_permissions(folder)
        )
        return found

    def set_permissions(self, folder: str, items: list[Json]) -> None:
        """All others are taken away."""
        self._ask(f"permissions of {folder}", lambda: self._api.folder.update_folder_permissions(folder, items))

    def team(self, name: str) -> int | None:
        """Its number."""
        found = self._find(f"team {name}", lambda: self._api.teams.get_team_by_name(name)) or []
        return next((team["id"] for team in found if team["name"] == name), None)

    def create_team(self, name: str) -> int:
        made = self._ask(f"team {name}", lambda: self._api.teams.add_team(name))
        return int(made["teamId"])

    def board(self, uid: str) -> Json | None:
        """With `dashboard` and `meta`."""
        found: Json | None = self._find(f"dashboard {uid}", lambda: self._api.dashboard.get_dashboard(uid))
        return found

    def save_board(self, content: Json, folder: str) -> None:
        saved = {"dashboard": content, "folderUid": folder, "overwrite": True, "message": "haidang grafana push"}
        self._ask(f"dashboard {content['uid']}", lambda: self._api.dashboard.update_dashboard(saved))

    def _find(self, what: str, call: Callable[[], Any]) -> Any:
        """None where there is none."""
        return self._ask(what, call, missing=NOT_FOUND)

    def _ask(self, what: str, call: Callable[[], Any], missing: int | None = None) -> Any:
        from grafana_client.client import GrafanaException  # noqa: PLC0415 - as above
        from niquests.exceptions import RequestException  # noqa: PLC0415

        try:
            return call()
        except GrafanaException as refused:
            if refused.status_code == missing:
                return None
            raise GrafanaError(f"{self.url}: {what}: {refused.message}{_hint(refused.status_code)}") from None
        except RequestException as failed:
            raise GrafanaError(f"{self.url}: {what}: {failed}") from None


def _parts(url: str) -> tuple[str, int | None, str, str]:
    """As grafana-client joins them again. A password or an option in the address is refused: both are seen by all."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as wrong:
        raise BadUrlError(f"{url}: {wrong}") from None
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise BadUrlError("write Grafana's address as https://grafana.example/ without user, password and options")
    path = parts.path.strip("/")
    return f"[{host}]" if ":" in host else host, port, f"{path}/" if path else "", parts.scheme


def _hint(status: int) -> str:
    hints = {
        401: "; the token is wrong or expired",
        403: "; the service account needs the role Admin in its organisation",
    }
    return hints.get(status, "")
