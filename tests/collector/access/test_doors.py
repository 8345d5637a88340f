"""Every way into the collector, and who may take it. A new route fails here until it has a row in `DOORS`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import pytest
from haidang_collector.app import create_app
from haidang_collector.registry.incidents import Notification, record
from haidang_collector.registry.models import Agent
from haidang_collector.registry.tokens import create_token
from haidang_collector.settings import Settings

from tests.collector.access.house import FAR, NEAR, STRANGER, UNITS, House, inhabited

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

PUBLIC, AGENT, MACHINE, GRAFANA = "public", "agent", "machine", "grafana"
READER, OPERATOR, ADMINISTRATOR = "reader", "operator", "administrator"
RANK = {READER: 0, OPERATOR: 1, ADMINISTRATOR: 2}

DOORS = {
    "GET /healthz": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /static/{name}": PUBLIC,
    "GET /login": PUBLIC,
    "POST /login": PUBLIC,
    "GET /login/oidc": PUBLIC,
    "GET /login/oidc/callback": PUBLIC,
    "GET /logout": PUBLIC,
    "POST /api/v1/write": AGENT,
    "POST /api/v1/relay": AGENT,
    "POST /api/v1/enrol": AGENT,
    "GET /api/v1/agent/config": AGENT,
    "POST /api/v1/agent/key": AGENT,
    "GET /api/v1/agent/doctor": AGENT,
    "POST /api/v1/agent/doctor": AGENT,
    "POST /api/v1/alertmanager": MACHINE,
    "POST /api/v1/import": MACHINE,
    "GET /metrics": MACHINE,
    "GET /metrics/registry": MACHINE,
    "GET /sd/agents": MACHINE,
    "GET /api/v1/prom/{scope:path}/api/v1/query": GRAFANA,
    "POST /api/v1/prom/{scope:path}/api/v1/query": GRAFANA,
    "GET /api/v1/prom/{scope:path}/api/v1/query_range": GRAFANA,
    "POST /api/v1/prom/{scope:path}/api/v1/query_range": GRAFANA,
    "GET /api/v1/prom/{scope:path}/api/v1/series": GRAFANA,
    "POST /api/v1/prom/{scope:path}/api/v1/series": GRAFANA,
    "GET /api/v1/prom/{scope:path}/api/v1/labels": GRAFANA,
    "POST /api/v1/prom/{scope:path}/api/v1/labels": GRAFANA,
    "GET /api/v1/prom/{scope:path}/api/v1/label/{name}/values": GRAFANA,
    "GET /api/v1/prom/{scope:path}/api/v1/metadata": GRAFANA,
    "GET /api/v1/prom/{scope:path}/api/v1/status/buildinfo": GRAFANA,
    "GET /api/v1/prom/{scope:path}/api/v1/query_exemplars": GRAFANA,
    "POST /api/v1/prom/{scope:path}/api/v1/query_exemplars": GRAFANA,
    "GET /api/v1/prom/{scope:path}/api/v1/{rest:path}": GRAFANA,
    "POST /api/v1/prom/{scope:path}/api/v1/{rest:path}": GRAFANA,
    "GET /": READER,
    "GET /docs": READER,
    "GET /openapi.json": READER,
    "GET /districts/{name:path}": READER,
    "GET /units": READER,
    "GET /units/{code:path}": READER,
    "GET /evaluation": READER,
    "GET /evaluation.json": READER,
    "GET /evaluation.pdf": READER,
    "GET /evaluation.xlsx": READER,
    "GET /reports": READER,
    "GET /incidents": READER,
    "GET /incidents.csv": READER,
    "GET /incidents.json": READER,
    "GET /incidents/{number}": READER,
    "POST /incidents/{number}/{action}": OPERATOR,
    "GET /agents": READER,
    "GET /agents/config": READER,
    "GET /agents/revoke/{agent}": OPERATOR,
    "POST /agents/revoke/{agent}": OPERATOR,
    "GET /agents/enrol": OPERATOR,
    "POST /agents/enrol": OPERATOR,
    "POST /agents/tokens/{token_id}/revoke": OPERATOR,
    "GET /services": READER,
    "GET /services/edit": OPERATOR,
    "POST /services/edit": OPERATOR,
    "GET /services/remove": OPERATOR,
    "POST /services/remove": OPERATOR,
    "GET /registry": READER,
    "GET /registry/units/{code:path}": READER,
    "GET /registry/edit/{what}/{code:path}": OPERATOR,
    "POST /registry/edit/{what}/{code:path}": OPERATOR,
    "GET /registry/add": ADMINISTRATOR,
    "POST /registry/add": ADMINISTRATOR,
    "GET /registry/remove/{code:path}": ADMINISTRATOR,
    "POST /registry/remove/{code:path}": ADMINISTRATOR,
    "GET /registry/import": OPERATOR,
    "POST /registry/import": OPERATOR,
    "POST /registry/import/apply": OPERATOR,
    "GET /registry/templates/{what}.{ending}": OPERATOR,
    "GET /registry/export/{what}.csv": OPERATOR,
    "GET /runbooks/{name}": READER,
    "GET /account": READER,
    "POST /account": READER,
    "POST /logout": READER,
    "GET /users": ADMINISTRATOR,
    "POST /users": ADMINISTRATOR,
    "GET /users/{login}": ADMINISTRATOR,
    "POST /users/{login}": ADMINISTRATOR,
    "GET /audit": ADMINISTRATOR,
}
"""Who may take it, at least; of pages whoever has that role, of what lies in their part of the city."""

LISTS = [
    "/units", "/incidents", "/incidents.csv", "/incidents.json", "/agents", "/registry", "/registry/export/units.csv",
    "/users", "/audit",
]  # fmt: skip
"""Pages that name everything the visitor may see."""

OF_PLACES = {
    "code": list(UNITS),
    "number": ["1", "2", "3"],
    "agent": ["a-1", "a-2", "a-3"],
    "login": [f"of-{code.lower()}" for code in UNITS],
    "scope": [f"unit:{code}" for code in UNITS],
    "token_id": [],
}
"""What stands in an address for the unit TH-001, its neighbour in the same district, and one of another district."""
OF_NO_PLACE = {"what": "labs", "ending": "csv", "action": "acknowledge", "rest": "rules"}
PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")

PAGES = {row: door for row, door in DOORS.items() if door in RANK}
POSTS = [row for row in PAGES if row.startswith("POST")]
PLACED = [
    row for row in DOORS
    if "/districts/" in row or ({"code", "number", "agent", "login", "token_id", "scope"} & set(PARAMETER.findall(row)))
]  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """People of every role in every scope, and in every unit an agent, a token and an incident; nothing changes it."""
    for house in inhabited(tmp_path_factory.mktemp("house")):
        for role in RANK:
            house.person(f"city-{role}", role)
            house.person(f"district-{role}", role, district=NEAR)
            house.person(f"unit-{role}", role, unit="TH-001")
        for number, code in enumerate(UNITS, 1):
            _furnish(house, number, code)
        yield house


def _furnish(house: House, number: int, code: str) -> None:
    house.person(f"of-{code.lower()}", unit=code)
    made = create_token(house.database, code, uses=1, lifetime=timedelta(days=1))
    OF_PLACES["token_id"] = [*OF_PLACES["token_id"], made.id][-len(UNITS) :]
    now = datetime.now(UTC)
    with house.database.write() as session:
        session.add(
            Agent(
                id=f"a-{number}", unit=code, key_hash="0" * 64, roles="site", version="1", os="linux", enrolled_at=now
            )
        )
    labels = {"alertname": "InternetDown", "unit": code, "district": UNITS[code], "severity": "critical"}
    alert = {
        "status": "firing", "labels": labels, "annotations": {}, "startsAt": now.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z", "fingerprint": str(number),
    }  # fmt: skip
    record(house.database, Notification.model_validate({"version": "4", "alerts": [alert]}))


def address(row: str, place: int = 0) -> tuple[str, str]:
    """Method and path of a row, filled in for one of the three places."""
    method, _, path = row.partition(" ")

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name == "name":
            return [NEAR, NEAR, FAR][place] if "/districts/" in path else "style.css" if "static" in path else "unit"
        return OF_PLACES[name][place] if name in OF_PLACES else OF_NO_PLACE[name]

    return method, PARAMETER.sub(value, path)


@cache
def opened(house: House, login: str) -> tuple[dict[str, str], str]:
    """A session for all tests, and the secret of its forms."""
    headers, visitor = house.session(login)
    return headers, visitor.csrf


def send(house: House, row: str, login: str | None, place: int = 0, **headers: str) -> httpx.Response:
    """Takes a way as `login`, or as nobody; a form with the right hidden field."""
    method, path = address(row, place)
    cookie, csrf = {}, ""
    if login is not None:
        cookie, csrf = opened(house, login)
    data = {"csrf": csrf} if method == "POST" else None
    sent = cookie | {"X-Forwarded-For": STRANGER} | headers
    return house.client.request(method, path, data=data, headers=sent, follow_redirects=False)


def test_every_route_has_its_row() -> None:
    """
    Who adds a way in says who may take it.
    """
    found = set()
    for route in create_app(Settings()).routes:
        contexts = getattr(route, "effective_route_contexts", None)
        for each in contexts() if contexts else [route]:
            found |= {f"{method} {each.path}" for method in each.methods}

    assert found - set(DOORS) == set(), "routes that nobody gave a door"
    assert set(DOORS) - found == set(), "rows of routes that are gone"


@pytest.mark.parametrize("row", PAGES)
def test_nobody_is_led_to_the_login(house: House, row: str) -> None:
    """
    Also on the collector's own machine, as soon as there are accounts.
    """
    method, path = address(row)
    for sent in ({}, {"X-Forwarded-For": STRANGER}, {"Cookie": "haidang_session=" + "A" * 43}):
        answer = house.client.request(method, path, headers=sent, follow_redirects=False)
        if method == "POST":
            assert answer.status_code == 401
        else:
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/login?next=/")


@pytest.mark.parametrize("row", [row for row, door in DOORS.items() if door == GRAFANA])
def test_nobody_asks_for_series(house: House, row: str) -> None:
    assert send(house, row, None).status_code in (401, 403)
    assert send(house, row, None, Authorization="Bearer hd_nobody").status_code in (401, 403)


@pytest.mark.parametrize("row", [row for row, door in DOORS.items() if door == MACHINE])
def test_machines_come_from_here_whether_there_are_accounts_or_not(house: House, row: str) -> None:
    method, path = address(row)

    assert house.client.request(method, path).status_code not in (303, 401, 403)
    assert send(house, row, None).status_code == 403
    assert send(house, row, "city-administrator").status_code == 403, "a cookie opens no door of machines"


@pytest.mark.parametrize("row", [row for row, door in DOORS.items() if door == AGENT])
def test_agents_need_their_key_and_nothing_else_will_do(house: House, row: str) -> None:
    for login in (None, "city-administrator"):
        assert send(house, row, login).status_code == (422 if "enrol" in row else 401)


@pytest.mark.parametrize("row", [row for row, door in DOORS.items() if door == PUBLIC and row.startswith("GET")])
def test_what_is_public_names_no_unit(house: House, row: str) -> None:
    answer = send(house, row, None)

    assert answer.status_code in (200, 303, 404, 503)
    assert not any(code in answer.text for code in UNITS)


@pytest.mark.parametrize("row", PAGES)
@pytest.mark.parametrize("where", ["city", "district", "unit"])
def test_a_role_opens_what_is_its_and_no_more(house: House, row: str, where: str) -> None:
    for role, rank in RANK.items():
        answer = send(house, row, f"{where}-{role}", **{"Sec-Fetch-Site": "cross-site"})
        if rank < RANK[PAGES[row]]:
            assert answer.status_code == 403, role
        elif row.startswith("GET") and where == "city":
            assert answer.status_code != 403, role
            assert not answer.headers.get("location", "").startswith("/login"), role


@pytest.mark.parametrize("row", PLACED)
def test_what_is_another_s_stays_closed(house: House, row: str) -> None:
    assert send(house, row, "district-administrator", 2).status_code == 403
    assert send(house, row, "unit-administrator", 2).status_code == 403
    assert send(house, row, "unit-administrator", 1).status_code == 403


@pytest.mark.parametrize("row", [row for row in PLACED if row.startswith("GET") and DOORS[row] in RANK])
def test_what_is_one_s_own_opens(house: House, row: str) -> None:
    assert send(house, row, "district-administrator", 1).status_code not in (303, 401, 403)
    if "/districts/" not in row and "/remove/" not in row:
        assert send(house, row, "unit-administrator", 0).status_code not in (303, 401, 403)


@pytest.mark.parametrize("query", ["?unit=TH-003", f"?district={FAR}", "?unit=nowhere", "?district=nowhere"])
@pytest.mark.parametrize("path", ["/evaluation", "/evaluation.json", "/evaluation.pdf", "/evaluation.xlsx"])
def test_an_evaluation_of_others_is_not_made(house: House, path: str, query: str) -> None:
    for login in ("district-administrator", "unit-administrator"):
        headers, _ = house.session(login)
        assert house.client.get(path + query, headers=headers).status_code == 403


@pytest.mark.parametrize("path", LISTS)
def test_a_list_holds_what_is_one_s_own(house: House, path: str) -> None:
    texts = {}
    for where in ("city", "district", "unit"):
        headers, _ = house.session(f"{where}-administrator")
        answer = house.client.get(path, headers=headers)
        assert answer.status_code == 200
        texts[where] = {code for code in UNITS if code in answer.text}

    assert texts == {"city": set(UNITS), "district": {"TH-001", "TH-002"}, "unit": {"TH-001"}}


@pytest.mark.parametrize("row", POSTS)
def test_no_form_is_taken_that_is_not_ours(house: House, row: str) -> None:
    """
    Without the hidden field, with another session's, and with the right one sent from another site.
    """
    method, path = address(row)
    headers, visitor = house.session("city-administrator")
    _, another = house.session("city-administrator")

    for csrf, more in (
        (None, {}),
        ("", {}),
        (another.csrf, {}),
        ("ế", {}),
        (visitor.csrf, {"Sec-Fetch-Site": "cross-site"}),
        (visitor.csrf, {"Sec-Fetch-Site": "same-site"}),
        (visitor.csrf, {"Origin": "https://evil.example"}),
    ):
        data = {} if csrf is None else {"csrf": csrf}
        answer = house.client.request(method, path, data=data, headers=headers | more, follow_redirects=False)
        assert answer.status_code == 403, (csrf, more)


def test_a_form_that_is_ours_is_taken_however_the_browser_names_its_page(house: House) -> None:
    """
    Pages send no referrer, so a browser may write `null`; older ones write nothing.
    """
    for more in ({}, {"Origin": "null"}, {"Origin": "http://127.0.0.1"}, {"Sec-Fetch-Site": "same-origin"}):
        headers, visitor = house.session("unit-reader")
        sent = {"csrf": visitor.csrf}
        answer = house.client.post("/logout", data=sent, headers=headers | more, follow_redirects=False)
        assert answer.status_code == 303


def test_a_refusal_is_a_page_for_people_and_json_for_programs(house: House) -> None:
    headers, _ = house.session("unit-reader")

    page = house.client.get("/users?lang=vi", headers=headers | {"Accept": "text/html"})
    program = house.client.get("/users", headers=headers)

    assert (page.status_code, page.headers["content-language"]) == (403, "vi")
    assert "<h1>" in page.text
    assert program.json() == {"detail": "your role does not allow this"}
