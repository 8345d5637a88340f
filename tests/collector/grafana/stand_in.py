"""A stand-in for Grafana, written from its documented HTTP API; Grafana itself cannot be installed where tests run.

Source: Grafana, "HTTP API": paths, status codes and the shapes of answers for data sources, folders, folder
permissions, teams and dashboards, versions 10 to 13. It keeps things in memory, and what is secret to itself.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
TOKEN = "glsa_stand_in"
PERMISSIONS = {1: "View", 2: "Edit", 4: "Admin"}
SERVICE_ACCOUNT = 7


@dataclass
class State:
    """What is in it; `writes` are the requests that change something; `refuses` maps a path's begin to a status."""

    version: str = "12.2.0"
    data_sources: dict[str, Json] = field(default_factory=dict)
    secrets: dict[str, Json] = field(default_factory=dict)
    folders: dict[str, Json] = field(default_factory=dict)
    permissions: dict[str, list[Json]] = field(default_factory=dict)
    teams: dict[str, int] = field(default_factory=dict)
    boards: dict[str, Json] = field(default_factory=dict)
    writes: list[tuple[str, str]] = field(default_factory=list)
    refuses: dict[str, int] = field(default_factory=dict)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/grafana/"

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


class AnsweredError(Exception):
    def __init__(self, status: int, content: Any) -> None:
        self.status, self.content = status, content


def refused(status: int, message: str) -> AnsweredError:
    return AnsweredError(status, {"message": message})


class Api:
    """One method for each path, found by `ROUTES`."""

    def __init__(self, state: State) -> None:
        self.state = state

    def settings(self, _: Json) -> Any:
        return {"buildInfo": {"version": self.state.version, "edition": "Open Source"}}

    def get_data_source(self, _: Json, uid: str) -> Any:
        if uid not in self.state.data_sources:
            raise refused(404, "Data source not found")
        return self.state.data_sources[uid]

    def add_data_source(self, sent: Json) -> Any:
        taken = [one for one in self.state.data_sources.values() if one["name"] == sent["name"]]
        if taken or sent["uid"] in self.state.data_sources:
            raise refused(409, "data source with the same name already exists")
        return self._keep(sent, "Datasource added")

    def put_data_source(self, sent: Json, uid: str) -> Any:
        there = self.get_data_source({}, uid)
        if there["readOnly"]:
            raise refused(403, "Cannot update read-only data source")
        return self._keep(sent, "Datasource updated")

    def _keep(self, sent: Json, message: str) -> Any:
        uid = sent["uid"]
        self.state.secrets[uid] = self.state.secrets.get(uid, {}) | sent.get("secureJsonData", {})
        kept = {name: value for name, value in sent.items() if name != "secureJsonData"}
        fields = dict.fromkeys(self.state.secrets[uid], True)
        kept |= {"id": 1, "orgId": 1, "secureJsonFields": fields, "version": 1, "readOnly": False, "basicAuth": False}
        self.state.data_sources[uid] = kept
        return {"datasource": kept, "id": 1, "message": message, "name": sent["name"]}

    def get_folder(self, _: Json, uid: str) -> Any:
        if uid not in self.state.folders:
            raise refused(404, "folder not found")
        return self.state.folders[uid]

    def add_folder(self, sent: Json) -> Any:
        uid = sent["uid"]
        if uid in self.state.folders:
            raise refused(412, "a folder with the same uid already exists")
        assert len(uid) <= 40
        self.state.folders[uid] = {"id": 1, "uid": uid, "title": sent["title"], "version": 1, "hasAcl": False}
        self.state.permissions[uid] = [
            self._permission(role="Viewer", permission=1),
            self._permission(role="Editor", permission=2),
            self._permission(userId=SERVICE_ACCOUNT, permission=4),
        ]
        return self.state.folders[uid]

    def put_folder(self, sent: Json, uid: str) -> Any:
        there = self.get_folder({}, uid)
        if not sent.get("overwrite") and sent.get("version") != there["version"]:
            raise refused(412, "The folder has been changed by someone else")
        there |= {"title": sent["title"], "version": there["version"] + 1}
        return there

    def get_permissions(self, _: Json, uid: str) -> Any:
        self.get_folder({}, uid)
        return self.state.permissions[uid]

    def set_permissions(self, sent: Json, uid: str) -> Any:
        self.get_folder({}, uid)
        self.state.permissions[uid] = [self._permission(**item) for item in sent["items"]]
        return {"message": "Folder permissions updated", "id": 1, "title": self.state.folders[uid]["title"]}

    def _permission(self, *, permission: int, teamId: int = 0, userId: int = 0, role: str = "") -> Json:  # noqa: N803
        team = next((name for name, number in self.state.teams.items() if number == teamId), "")
        if teamId and not team:
            raise refused(400, "team not found")
        named = {"permission": permission, "permissionName": PERMISSIONS[permission], "inherited": False}
        return {"userId": userId, "teamId": teamId, "team": team, "role": role} | named

    def find_team(self, asked: Json) -> Any:
        name = asked["name"][0]
        if name not in self.state.teams and self.state.major >= 13:
            raise refused(404, "Team not found")
        found = [{"id": number, "name": team} for team, number in self.state.teams.items() if team == name]
        return {"totalCount": len(found), "teams": found, "page": 1, "perPage": 1000}

    def add_team(self, sent: Json) -> Any:
        if sent["name"] in self.state.teams:
            raise refused(409, "Team name taken")
        number = self.state.teams[sent["name"]] = len(self.state.teams) + 1
        return {"message": "Team created", "teamId": number, "uid": f"t{number}"}

    def get_board(self, _: Json, uid: str) -> Any:
        if uid not in self.state.boards:
            raise refused(404, "Dashboard not found")
        return self.state.boards[uid]

    def save_board(self, sent: Json) -> Any:
        board, folder = sent["dashboard"], sent["folderUid"]
        uid = board["uid"]
        there = self.state.boards.get(uid)
        assert len(uid) <= 40
        if folder not in self.state.folders:
            raise refused(400, "folder not found")
        if there is not None and not sent["overwrite"]:
            raise refused(412, "A dashboard with the same uid already exists")
        version = there["dashboard"]["version"] + 1 if there else 1
        self.state.boards[uid] = {
            "dashboard": {name: value for name, value in board.items() if value is not None}
            | {"id": 1, "version": version},
            "meta": {"folderUid": folder, "version": version, "slug": uid, "type": "db"},
        }
        return {"id": 1, "uid": uid, "status": "success", "version": version, "slug": uid}


ROUTES = {
    ("GET", r"frontend/settings"): Api.settings,
    ("GET", r"datasources/uid/([^/]+)"): Api.get_data_source,
    ("POST", r"datasources"): Api.add_data_source,
    ("PUT", r"datasources/uid/([^/]+)"): Api.put_data_source,
    ("GET", r"folders/([^/]+)"): Api.get_folder,
    ("POST", r"folders"): Api.add_folder,
    ("PUT", r"folders/([^/]+)"): Api.put_folder,
    ("GET", r"folders/([^/]+)/permissions"): Api.get_permissions,
    ("POST", r"folders/([^/]+)/permissions"): Api.set_permissions,
    ("GET", r"teams/search"): Api.find_team,
    ("POST", r"teams"): Api.add_team,
    ("GET", r"dashboards/uid/([^/]+)"): Api.get_board,
    ("POST", r"dashboards/db"): Api.save_board,
}


def answer(state: State, method: str, address: str, token: str | None, body: bytes) -> tuple[int, Any]:
    parts = urlsplit(address)
    path = parts.path.removeprefix("/grafana/api/")
    if token != f"Bearer {TOKEN}":
        return 401, {"message": "Invalid API key"}
    for begin, status in state.refuses.items():
        if method != "GET" and path.startswith(begin):
            return status, {"message": "refused by the test"}
    for (wanted, pattern), handle in ROUTES.items():
        found = re.fullmatch(pattern, path)
        if found and wanted == method:
            sent = json.loads(body) if body else parse_qs(parts.query)
            try:
                content = handle(Api(state), sent, *found.groups())  # type: ignore[operator]
            except AnsweredError as other:
                return other.status, other.content
            if method != "GET":
                state.writes.append((method, path))
            return 200, content
    return 404, {"message": "Not found"}


@contextlib.contextmanager
def grafana(version: str = "12.2.0") -> Iterator[State]:
    """Listens on loopback below /grafana/."""
    state = State(version)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = answer(state, self.command, self.path, self.headers.get("Authorization"), body)
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
