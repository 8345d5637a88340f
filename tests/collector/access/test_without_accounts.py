"""Before there are accounts, and beside them: who sits at the machine, and who knows the operator's password."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.collector.access.house import HIDDEN, STRANGER, House

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

FAR_AWAY = {"X-Forwarded-For": STRANGER}


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"operator:{password}".encode()).decode()}


def add(house: House, csrf: str, **headers: str) -> httpx.Response:
    form = {"csrf": csrf, "login": "lan", "role": "administrator"}
    return house.client.post("/users", data=form, headers=headers, follow_redirects=False)


def test_who_sits_at_the_machine_may_everything_until_there_is_an_account(house: House) -> None:
    page = house.client.get("/account?lang=en").text
    assert "haidang users add" in page
    assert 'value="administrator" required checked' in house.client.get("/users").text

    assert add(house, house.csrf("/users")).status_code == 200
    assert house.deeds() == [("operator", "account.added", "lan")]
    house.client.cookies.clear()
    assert house.client.get("/users", follow_redirects=False).headers["location"] == "/login?next=/users"


def test_nobody_else_gets_in_before_there_is_an_account(house: House) -> None:
    answer = house.client.get("/users", headers=FAR_AWAY)

    assert answer.status_code == 403
    assert "HAIDANG_OPERATOR_PASSWORD" in answer.text


def test_a_disabled_account_does_not_open_the_machine_again(house: House) -> None:
    house.person("lan", "administrator")
    headers, visitor = house.session("lan")
    house.person("minh", "administrator")
    form = {"csrf": visitor.csrf, "do": "disable"}
    for login in ("minh", "lan"):
        house.client.post(f"/users/{login}", data=form, headers=headers)

    assert house.client.get("/users", follow_redirects=False).status_code == 303


def test_the_form_s_cookie_is_kept_from_other_sites_and_has_to_match(house: House) -> None:
    """
    Without a session, field and cookie have to be the same; another site can set neither.
    """
    answer = house.client.get("/users")
    (cookie,) = answer.headers.get_list("set-cookie")
    hidden = HIDDEN.search(answer.text)
    assert hidden is not None

    assert cookie == f"haidang_form={hidden[1]}; HttpOnly; Path=/; SameSite=strict"
    assert "set-cookie" not in house.client.get("/users").headers, "the cookie stays"
    assert add(house, "A" * 43).status_code == 403
    assert add(house, hidden[1], **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    house.client.cookies.clear()
    by_tls = house.client.get("/users", headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in by_tls.headers["set-cookie"]
    assert add(house, hidden[1]).status_code == 403
    assert house.deeds() == []


def test_a_login_from_another_site_is_not_taken(house: House) -> None:
    """
    Or a victim would work in an attacker's account without knowing.
    """
    house.person("lan")
    csrf = house.csrf()
    house.client.cookies.clear()
    form = {"csrf": csrf, "login": "lan", "password": "bốn con voi uống trà"}

    assert house.client.post("/login", data=form, follow_redirects=False).status_code == 403


def test_a_login_form_may_not_be_long(house: House) -> None:
    form = {"csrf": house.csrf(), "login": "x" * 20_000, "password": ""}

    assert house.client.post("/login", data=form).status_code == 413


@pytest.mark.parametrize("accounts", [False, True])
def test_the_operator_s_password_opens_the_pages_to_programs(tmp_path: Path, *, accounts: bool) -> None:
    house = House(tmp_path, operator_password="mật:khẩu")
    if accounts:
        house.person("lan", "administrator")
    with house.running() as house.client:
        right, wrong = FAR_AWAY | basic("mật:khẩu"), FAR_AWAY | basic("mật")

        assert house.client.get("/users", headers=right).status_code == 200
        refused = house.client.get("/users", headers=wrong, follow_redirects=False)
        assert (refused.status_code, refused.headers["www-authenticate"][:5]) == (401, "Basic")
        assert house.client.post("/users", headers=right, data={"login": "x"}).status_code == 403
        own = "A" * 43
        form = {"csrf": own, "login": "minh", "role": "reader"}
        sent = right | {"Cookie": f"haidang_form={own}"}
        assert house.client.post("/users", headers=sent, data=form).status_code == 200
        assert ("operator", "account.added", "minh") in house.deeds()
    house.registry.close()


@pytest.mark.parametrize("path", ["/users", "/metrics"])
def test_the_operator_s_password_is_not_for_guessing(tmp_path: Path, path: str) -> None:
    house = House(tmp_path, operator_password="mật:khẩu")
    with house.running() as house.client:
        statuses = [
            house.client.get(path, headers=FAR_AWAY | basic(f"{guess}")).status_code for guess in range(20)
        ]  # fmt: skip
        closed = house.client.get(path, headers=FAR_AWAY | basic("mật:khẩu"))

    house.registry.close()
    assert statuses == [401] * 20
    assert (closed.status_code, closed.headers["retry-after"]) == (429, "900")


def test_a_registry_that_does_not_answer_lets_nobody_in(house: House) -> None:
    with house.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE account RENAME TO gone")

    assert house.client.get("/account").status_code == 503
    for path in ("/account", "/login"):
        page = house.client.get(f"{path}?lang=en", headers={"Accept": "text/html"})
        assert (page.status_code, "The registry does not answer" in page.text) == (503, True)
