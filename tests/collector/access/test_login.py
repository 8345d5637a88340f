"""The login as a browser sees it."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio
import pytest
from haidang_collector.access import passwords
from haidang_collector.access.attempts import ADDRESS_FAILURES, ADDRESS_SECONDS, Attempts
from haidang_collector.access.login import FREE_FAILURES, LONGEST_LOCK, enter
from haidang_collector.access.sessions import IDLE, LONGEST, MOST, visitor_of
from haidang_collector.access.tables import Account, LoginSession
from haidang_collector.web.access_pages import local_path
from sqlalchemy import func, select

from tests.collector.access.house import PASSWORD, STRANGER, House, kept

if TYPE_CHECKING:
    from pathlib import Path

    import httpx


def cookie(answer: httpx.Response, name: str = "haidang_session") -> str:
    """The Set-Cookie header of that name, as sent; empty where there is none."""
    return next((c for c in answer.headers.get_list("set-cookie") if c.startswith(f"{name}=")), "")


def test_the_right_password_leads_to_the_page_that_was_wanted(house: House) -> None:
    house.person("lan")

    wanted = house.client.get("/account?x=1", follow_redirects=False)
    assert (wanted.status_code, wanted.headers["location"]) == (303, "/login?next=/account%3Fx%3D1")
    answer = house.login("lan", next_="/account?x=1")

    assert (answer.status_code, answer.headers["location"]) == (303, "/account?x=1")
    assert 'name="old"' in house.client.get("/account").text
    assert house.deeds("login") == [("lan", "login", "lan")]


def test_the_way_to_a_page_with_vietnamese_in_it_and_back(house: House) -> None:
    house.person("lan")

    wanted = house.client.get("/districts/Quận 1", follow_redirects=False)
    page = house.client.get(wanted.headers["location"]).text
    kept_way = re.search(r'name="next" value="([^"]+)"', page)

    assert kept_way is not None
    assert house.login("lan", next_=kept_way[1]).headers["location"] == "/districts/Qu%E1%BA%ADn%201"


@pytest.mark.parametrize(
    ("sent", "flags"),
    [({}, set[str]()), ({"X-Forwarded-Proto": "https"}, {"Secure"})],
)
def test_the_session_s_cookie_is_out_of_reach_of_scripts_and_other_sites(
    house: House, sent: dict[str, str], flags: set[str]
) -> None:
    house.person("lan")

    answer = house.login("lan", headers=sent)

    assert set(cookie(answer).split("; ")[1:]) == flags | {"HttpOnly", "SameSite=lax", "Path=/"}
    assert answer.headers["cache-control"] == "no-store"


def test_wrong_password_unknown_login_and_closed_account_get_the_same_answer(house: House) -> None:
    """
    Only the login that was typed differs, and the page does not repeat it.
    """
    for login in ("lan", "minh", "ha"):
        house.person(login)
    with house.database.write() as session:
        session.get_one(Account, "minh").disabled = True
        session.get_one(Account, "ha").locked_until = datetime.now(UTC) + timedelta(minutes=5)

    answers = [house.login("lan", "wrong password"), house.login("nobody"), house.login("minh"), house.login("ha")]
    texts = {re.sub(r"\d{4}-\d\d-\d\dT[\d:+]+|\d\d:\d\d(:\d\d)?", "", answer.text) for answer in answers}

    assert [answer.status_code for answer in answers] == [401] * 4
    assert len(texts) == 1
    assert not any(cookie(answer) for answer in answers)


def test_a_login_gives_a_new_session_whatever_cookie_was_there(house: House) -> None:
    """
    Session fixation: who plants a cookie in a browser must not share the session that it logs in to.
    """
    house.person("lan")
    planted, _ = house.session("lan")
    invented = {"Cookie": "haidang_session=" + "A" * 43}

    for headers in (planted, invented):
        token = headers["Cookie"].partition("=")[2]
        house.client.cookies.set("haidang_session", token, domain="127.0.0.1", path="/")
        answer = house.login("lan")
        house.client.cookies.clear()

        assert token not in cookie(answer)
        assert house.client.get("/account", headers=headers, follow_redirects=False).status_code == 303


def test_the_token_is_kept_as_a_hash_only(house: House) -> None:
    house.person("lan")
    token = cookie(house.login("lan")).partition(";")[0].partition("=")[2]

    with house.database.read() as connection:
        kept_rows = connection.execute(select(LoginSession.__table__)).all()

    assert len(token) == 43
    assert token not in str(kept_rows)


def test_logging_out_ends_the_session_for_whoever_has_the_cookie(house: House) -> None:
    house.person("lan")
    headers, visitor = house.session("lan")

    assert house.client.get("/logout", headers=headers, follow_redirects=False).headers["location"] == "/account"
    answer = house.client.post("/logout", data={"csrf": visitor.csrf}, headers=headers, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in cookie(answer)
    assert house.client.get("/account", headers=headers, follow_redirects=False).status_code == 303
    assert ("lan", "logout", "lan") in house.deeds()


@pytest.mark.parametrize(("unused", "age"), [(IDLE, IDLE), (timedelta(0), LONGEST)])
def test_a_session_ends_by_itself(house: House, unused: timedelta, age: timedelta) -> None:
    house.person("lan")
    headers, _ = house.session("lan")
    token = headers["Cookie"].partition("=")[2]
    start = datetime.now(UTC)
    with house.database.write() as session:
        opened = session.scalars(select(LoginSession)).one()
        opened.created_at, opened.expires_at = start, start + LONGEST
        opened.used_at = start + age - unused

    assert visitor_of(house.database, token, start + age - timedelta(seconds=1)) is not None
    with house.database.write() as session:
        session.scalars(select(LoginSession)).one().used_at = start + age - unused
    assert visitor_of(house.database, token, start + age) is None


def test_use_keeps_a_session_open_and_is_noted_once_a_minute(house: House) -> None:
    house.person("lan")
    headers, _ = house.session("lan")
    token = headers["Cookie"].partition("=")[2]
    start = datetime.now(UTC)
    noted = []
    for minutes in (0.5, 7 * 60, 14 * 60):
        assert visitor_of(house.database, token, start + timedelta(minutes=minutes)) is not None
        with house.database.read() as connection:
            noted.append(connection.scalar(select(LoginSession.used_at)))

    assert noted[0] < start + timedelta(seconds=30)
    assert noted[1:] == [start + timedelta(minutes=7 * 60), start + timedelta(minutes=14 * 60)]


def test_an_account_has_so_many_sessions_and_no_more(house: House) -> None:
    house.person("lan")
    first, _ = house.session("lan")
    for _ in range(MOST):
        house.session("lan")

    with house.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(LoginSession)) == MOST
    assert house.client.get("/account", headers=first, follow_redirects=False).status_code == 303


def test_guessing_locks_an_account_for_longer_and_longer(house: House) -> None:
    house.person("lan")
    locks = []
    for _ in range(FREE_FAILURES + 7):
        began = datetime.now(UTC)
        assert enter(house.database, "lan", "wrong", STRANGER) is None
        ended = datetime.now(UTC)
        with house.database.write() as session:
            account = session.get_one(Account, "lan")
            if account.locked_until is None:
                continue
            locks.append([(account.locked_until - at).total_seconds() for at in (ended, began)])
            account.locked_until = datetime.now(UTC)

    expected = [30, 60, 120, 240, 480, 900, 900, 900]
    assert all(least <= seconds <= most for seconds, (least, most) in zip(expected, locks, strict=True))
    assert expected[-1] == LONGEST_LOCK.total_seconds()
    assert enter(house.database, "lan", PASSWORD, STRANGER) is not None
    assert house.deeds("login.failed") == [("", "login.failed", "lan")] * (1 + len(locks))


def test_a_locked_account_does_not_open_to_the_right_password(house: House) -> None:
    house.person("lan")
    for _ in range(FREE_FAILURES):
        assert house.login("lan", "wrong password").status_code == 401

    assert house.login("lan").status_code == 401
    with house.database.write() as session:
        session.get_one(Account, "lan").locked_until = datetime.now(UTC)
    assert house.login("lan").status_code == 303
    with house.database.read() as connection:
        assert connection.scalar(select(Account.failed)) == 0


def test_an_address_is_heard_no_more_after_many_failures() -> None:
    now = 0.0
    attempts = Attempts(lambda: now)

    closing = [attempts.failed("2001:db8::1") for _ in range(ADDRESS_FAILURES)]

    assert closing == [False] * (ADDRESS_FAILURES - 1) + [True]
    assert attempts.closed("2001:db8::ffff:1"), "a household has a whole /64"
    assert not attempts.closed("2001:db8:0:1::1")
    assert not attempts.closed("::ffff:192.0.2.1")
    now = ADDRESS_SECONDS
    assert not attempts.closed("2001:db8::1")


def test_a_closed_address_is_told_to_wait_even_with_the_right_password(house: House) -> None:
    house.person("lan")
    attempts: Attempts = house.client.app.state.attempts  # type: ignore[attr-defined]
    for _ in range(ADDRESS_FAILURES - 1):
        attempts.failed("127.0.0.1")

    assert house.login("nobody").status_code == 401
    answer = house.login("lan")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")
    assert house.deeds("login.") == [("", "login.closed", "127.0.0.1")]


def test_the_address_is_what_a_trusted_proxy_says(tmp_path: Path) -> None:
    house = House(tmp_path, trusted_proxies="127.0.0.1")
    house.person("lan")
    with house.running() as house.client:
        for _ in range(2):
            house.login("lan", "wrong password", headers={"X-Forwarded-For": f"192.0.2.1, {STRANGER}"})
        attempts: Attempts = house.client.app.state.attempts  # type: ignore[attr-defined]
        counted = [next(iter(attempts._failures._kept))]
    house.registry.close()

    assert counted == [STRANGER]


def test_only_so_many_passwords_wait_to_be_checked() -> None:
    """
    Each takes 19 MiB; a flood of logins must not take the memory that agents' pushes need.
    """
    running, most, together = 0, 0, threading.Barrier(passwords.AT_ONCE)

    def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        together.wait(60)
        running -= 1

    async def flood() -> int:
        threads, busy = passwords.Threads(), 0

        async def one() -> None:
            nonlocal busy
            try:
                await threads.run(work)
            except passwords.BusyError:
                busy += 1

        async with anyio.create_task_group() as group:
            for _ in range(passwords.AT_ONCE + passwords.MOST_WAITING + 5):
                group.start_soon(one)
        return busy

    assert anyio.run(flood) == 5
    assert most == passwords.AT_ONCE


def test_an_old_hash_is_made_anew_at_login(house: House) -> None:
    house.person("lan")
    weak = passwords.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with house.database.write() as session:
        session.get_one(Account, "lan").password_hash = weak

    assert house.login("lan").status_code == 303
    with house.database.read() as connection:
        renewed = connection.scalar(select(Account.password_hash))
    assert renewed is not None
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_first_password_opens_nothing_but_its_own_change_and_only_for_a_week(house: House) -> None:
    house.person("lan")
    with house.database.write() as session:
        session.get_one(Account, "lan").first_until = datetime.now(UTC) + timedelta(days=7)
    headers, visitor = house.session("lan")

    answer = house.client.get("/incidents", headers=headers, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    form = {"csrf": visitor.csrf, "old": PASSWORD, "new": "một hai ba bốn năm", "again": "một hai ba bốn năm"}
    assert house.client.post("/account", data=form, headers=headers, follow_redirects=False).status_code == 303
    assert house.client.get("/incidents", headers=headers, follow_redirects=False).status_code == 200

    with house.database.write() as session:
        account = session.get_one(Account, "lan")
        account.first_until, account.password_hash = datetime.now(UTC), kept(PASSWORD)
    assert house.login("lan").status_code == 401


def test_a_changed_password_ends_the_other_sessions(house: House) -> None:
    house.person("lan")
    mine, visitor = house.session("lan")
    other, _ = house.session("lan")
    form = {"csrf": visitor.csrf, "old": PASSWORD, "new": "năm con mèo ngủ trưa", "again": "năm con mèo ngủ trưa"}

    answer = house.client.post("/account", data=form, headers=mine, follow_redirects=False)

    assert answer.headers["location"] == "/account?changed=yes"
    assert house.client.get("/account", headers=mine).status_code == 200
    assert house.client.get("/account", headers=other, follow_redirects=False).status_code == 303
    assert house.login("lan").status_code == 401
    assert house.login("lan", "năm con mèo ngủ trưa").status_code == 303


@pytest.mark.parametrize(
    ("old", "new", "again", "words"),
    [
        ("wrong", "năm con mèo ngủ trưa", "năm con mèo ngủ trưa", "present password is wrong"),
        (PASSWORD, "năm con mèo ngủ trưa", "năm con mèo ngủ trua", "not typed the same twice"),
        (PASSWORD, PASSWORD, PASSWORD, "is the present one"),
        (PASSWORD, "ngắn", "ngắn", "at least 12 characters"),
        (PASSWORD, "x" * 300, "x" * 300, "at most 256"),
    ],
)
def test_a_password_that_is_not_changed_says_why(house: House, old: str, new: str, again: str, words: str) -> None:
    house.person("lan")
    headers, visitor = house.session("lan")
    form = {"csrf": visitor.csrf, "old": old, "new": new, "again": again}

    answer = house.client.post("/account?lang=en", data=form, headers=headers, follow_redirects=False)

    assert answer.status_code == 422
    assert words in answer.text
    assert house.login("lan").status_code == 303


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/units/TH-001?x=1", "/units/TH-001?x=1"),
        ("", "/"),
        ("units", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\tx", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("/login?next=/login", "/"),
        ("/" + "x" * 2000, "/"),
        ("http://[", "/"),
    ],
)
def test_after_the_login_nothing_leads_to_another_site(wanted: str, leads_to: str) -> None:
    assert local_path(wanted) == leads_to


@pytest.mark.parametrize("codec", ["undefined", "unicode_escape", "utf-7"])
def test_a_form_chooses_no_codec_of_python_s(house: House, codec: str) -> None:
    part = 'Content-Disposition: form-data; name="csrf"'
    body = f"--x\r\n{part}\r\n\r\n\\ud800+2AA-\r\n--x--\r\n"

    kind = {"Content-Type": f"multipart/form-data; boundary=x; charset={codec}"}

    assert house.client.post("/login", content=body, headers=kind).status_code == 415


def test_what_no_database_keeps_is_refused_and_not_taken_for_a_database_that_is_away(house: House) -> None:
    """
    PostgreSQL refuses U+0000 in any text; SQLite does not.
    """
    house.person("lan")
    lan, visitor = house.session("lan")

    assert house.client.get("/incidents?unit=%00", headers=lan).status_code == 400
    assert house.client.get("/units/TH%00", headers=lan).status_code == 400
    assert house.client.post("/account", data={"csrf": visitor.csrf, "new": "a\0"}, headers=lan).status_code == 400
    assert house.login("a\0").status_code == 400
