"""`/users` and `/audit` as an administrator uses them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from haidang_collector.access.accounts import accounts
from haidang_collector.access.audit import record

from tests.collector.access.house import FAR, NEAR, House

if TYPE_CHECKING:
    import httpx

GIVEN = re.compile(r"<code>([a-z2-9]{4}(?:-[a-z2-9]{4}){3})</code>")


class Administrator:
    """Somebody at the pages."""

    def __init__(self, house: House, login: str = "boss", **scope: str) -> None:
        self._house = house
        house.person(login, "administrator", **scope)
        self._headers, self._visitor = house.session(login)

    def get(self, path: str) -> str:
        answer = self._house.client.get(path, headers=self._headers)
        assert answer.status_code == 200
        return answer.text

    def post(self, path: str, **fields: str) -> httpx.Response:
        form = fields | {"csrf": self._visitor.csrf}
        return self._house.client.post(f"{path}?lang=en", data=form, headers=self._headers, follow_redirects=False)


def test_a_new_user_logs_in_with_the_password_that_is_shown_once(house: House) -> None:
    boss = Administrator(house)

    added = boss.post("/users", login=" Lan ", role="operator", district=NEAR, name="Nguyễn Thị Lan")
    shown = GIVEN.search(added.text)

    assert added.status_code == 200
    assert shown is not None
    assert not GIVEN.search(boss.get("/users"))
    assert "Nguyễn Thị Lan" in boss.get("/users?q=nguyen thi")
    assert "Nguyễn Thị Lan" not in boss.get("/users?q=hoa")
    assert house.login("lan", shown[1]).headers["location"] == "/"
    assert house.client.get("/incidents", follow_redirects=False).headers["location"] == "/account"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"login": "lan nguyen", "role": "reader"}, "A login has 1 to 64 small letters"),
        ({"login": "boss", "role": "reader"}, "an account with this login already"),
        ({"login": "lan", "role": "reader", "unit": "TH-999"}, "no unit with this code"),
        ({"login": "lan", "role": "reader", "unit": "TH-001", "district": NEAR}, "not both"),
        ({"login": "lan", "role": "reader", "email": "x"}, "no e-mail address"),
        ({"login": "lan", "role": "root"}, "Something in this form cannot be"),
        ({"login": "lan"}, "Something in this form cannot be"),
    ],
)
def test_a_form_that_cannot_be_comes_back_with_its_reason_and_its_fields(
    house: House, fields: dict[str, str], words: str
) -> None:
    answer = Administrator(house).post("/users", **fields, name="Nguyễn <Lan>")

    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Nguyễn &lt;Lan&gt;"' in answer.text
    assert len(accounts(house.database)) == 1


def test_an_account_is_changed_closed_opened_and_given_a_new_password(house: House) -> None:
    boss = Administrator(house)
    house.person("lan", unit="TH-001")

    assert 'value="TH-001"' in boss.get("/users/lan")
    assert boss.post("/users/lan", do="change", role="operator", district=FAR).headers["location"] == "/users"
    assert boss.post("/users/lan", do="disable").status_code == 303
    assert house.login("lan").status_code == 401
    assert boss.post("/users/lan", do="enable").status_code == 303
    assert house.login("lan").status_code == 303
    reset = GIVEN.search(boss.post("/users/lan", do="password").text)
    assert reset is not None
    assert house.login("lan").status_code == 401
    assert house.login("lan", reset[1]).status_code == 303
    assert boss.post("/users/lan", do="nonsense").status_code == 422
    (_, lan) = accounts(house.database)
    assert (lan.role, lan.district, lan.unit) == ("operator", FAR, None)


@pytest.mark.parametrize("do", ["disable", "change", "password"])
def test_nobody_shuts_themselves_out(house: House, do: str) -> None:
    answer = Administrator(house).post("/users/boss", do=do, role="reader")

    assert answer.status_code == 422
    assert "Somebody else has to do this" in answer.text


def test_a_district_s_administrator_gives_nothing_beyond_the_district(house: House) -> None:
    boss = Administrator(house, district=NEAR)

    for scope in ({}, {"district": FAR}, {"unit": "TH-003"}):
        answer = boss.post("/users", login="lan", role="reader", **scope)
        assert (answer.status_code, "not in your part of the city" in answer.text) == (422, True)
    assert FAR not in boss.get("/users")
    assert boss.post("/users", login="lan", role="administrator", unit="TH-002").status_code == 200


def test_what_people_typed_is_text_and_no_page(house: House) -> None:
    boss = Administrator(house)
    evil = '"><script>alert(1)</script>'
    house.person("lan", name=evil)
    with house.database.write() as session:
        record(session, "lan", evil[:32], evil, {evil: evil})

    for path in ("/users", "/users/lan", "/audit", f"/audit?who={evil}", f"/users?q={evil}", f"/login?next=/{evil}"):
        assert "<script" not in boss.get(path)


def test_the_log_is_filtered(house: House) -> None:
    boss = Administrator(house)
    boss.post("/users", login="lan", role="reader")
    boss.post("/users", login="minh", role="reader")

    boss.post("/users/minh", do="change", role="operator")

    page = boss.get("/audit?who=boss&subject=MINH&lang=en")

    assert page.count("made an account") == 1
    assert "\N{MINUS SIGN}role=reader" in page
    assert "+role=operator" in page
    assert ">minh<" in page
    assert "Nothing of this kind" in boss.get("/audit?who=nobody&lang=en")


@pytest.mark.parametrize(
    "path", ["/users?page=99999999999999999999", "/audit?page=-1", "/audit?page=x", "/users?page=0"]
)
def test_any_page_number_is_answered(house: House, path: str) -> None:
    Administrator(house).get(path)
