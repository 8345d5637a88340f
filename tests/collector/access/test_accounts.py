"""What administrators may do to accounts: of their own part of the city, and never to give more than they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from haidang_collector.access.accounts import AccountError, Administration, Wanted, accounts
from haidang_collector.access.audit import PAGE_ENTRIES, entries, record
from haidang_collector.access.sessions import visitor_of
from haidang_collector.access.tables import Account
from haidang_collector.access.visitor import Scope, Visitor
from haidang_collector.registry.fact_import import import_facts
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.fact_table import read_facts
from haidang_collector.registry.models import Unit
from sqlalchemy.exc import IntegrityError

from tests.collector.access.house import FAR, NEAR, House

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CITY, DISTRICT, UNIT = Scope(), Scope(district=NEAR), Scope(unit="TH-001")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Without its pages."""
    house = House(tmp_path)
    yield house
    house.registry.close()


def administration(house: House, scope: Scope) -> Administration:
    return Administration(house.database, "boss", Visitor("boss", "administrator", scope, ""), "192.0.2.1")


@pytest.mark.parametrize(
    ("scope", "role", "where", "allowed"),
    [
        (CITY, "administrator", {}, True),
        (CITY, "reader", {"district": FAR}, True),
        (CITY, "reader", {"unit": "TH-003"}, True),
        (DISTRICT, "administrator", {"district": NEAR}, True),
        (DISTRICT, "operator", {"unit": "TH-002"}, True),
        (DISTRICT, "reader", {}, False),
        (DISTRICT, "reader", {"district": FAR}, False),
        (DISTRICT, "reader", {"unit": "TH-003"}, False),
        (UNIT, "administrator", {"unit": "TH-001"}, True),
        (UNIT, "reader", {"unit": "TH-002"}, False),
        (UNIT, "reader", {"district": NEAR}, False),
        (UNIT, "reader", {}, False),
    ],
)
def test_nobody_makes_or_handles_an_account_beyond_their_own_part(
    house: House, *, scope: Scope, role: str, where: dict[str, str], allowed: bool
) -> None:
    work = administration(house, scope)
    house.person("theirs", role, **where)
    house.person("small", "reader", unit="TH-001")
    deeds = [
        lambda: work.add("new", Wanted(role, **where), None, first=True),
        lambda: work.change("theirs", Wanted("reader", unit="TH-001")),
        lambda: work.change("small", Wanted(role, **where)),
        lambda: work.disable("theirs"),
    ]
    if not allowed:
        deeds[1:1] = [lambda: work.set_password("theirs", "", first=True), lambda: work.enable("theirs")]

    for deed in deeds:
        if allowed:
            deed()
        else:
            with pytest.raises(AccountError, match="not in your part"):
                deed()
    if not allowed:
        told = {account.login: account for account in accounts(house.database)}
        assert set(told) == {"theirs", "small"}
        assert (told["theirs"].role, told["theirs"].state, told["small"].unit) == (role, "active", "TH-001")


def test_an_administrator_sees_the_accounts_of_their_own_part(house: House) -> None:
    for login, where in {"a": {}, "b": {"district": NEAR}, "c": {"district": FAR}, "d": {"unit": "TH-001"}}.items():
        house.person(login, **where)

    assert [a.login for a in accounts(house.database, CITY)] == ["a", "b", "c", "d"]
    assert [a.login for a in accounts(house.database, DISTRICT)] == ["b", "d"]
    assert [a.login for a in accounts(house.database, UNIT)] == ["d"]


@pytest.mark.parametrize(
    ("login", "wanted", "reason"),
    [
        ("Lan", Wanted("reader"), "login"),
        ("lan nguyen", Wanted("reader"), "login"),
        ("", Wanted("reader"), "login"),
        ("x" * 65, Wanted("reader"), "login"),
        ("../x", Wanted("reader"), "login"),
        ("taken", Wanted("reader"), "taken"),
        ("new", Wanted("root"), "role"),
        ("new", Wanted("reader", district=NEAR, unit="TH-001"), "scope"),
        ("new", Wanted("reader", district="Quận 99"), "district"),
        ("new", Wanted("reader", unit="TH-999"), "unit"),
        ("new", Wanted("reader", name="x\ny"), "name"),
        ("new", Wanted("reader", name="x" * 101), "name"),
        ("new", Wanted("reader", email="no address"), "email"),
        ("new", Wanted("reader", email="TAKEN@hcm.edu.vn"), "email_taken"),
        ("new", Wanted("reader", subject="7"), "subject_taken"),
    ],
)
def test_an_account_that_cannot_be_says_why(house: House, login: str, wanted: Wanted, reason: str) -> None:
    work = Administration(house.database, "boss")
    work.add("taken", Wanted("reader", email="taken@hcm.edu.vn", subject="7"), None, first=False)

    with pytest.raises(AccountError) as refused:
        work.add(login, wanted, None, first=False)

    assert refused.value.reason == reason
    assert [account.login for account in accounts(house.database)] == ["taken"]


def test_a_new_role_holds_from_the_next_request_on(house: House) -> None:
    house.person("lan", "administrator")
    headers, _ = house.session("lan")

    administration(house, CITY).change("lan", Wanted("reader", unit="TH-001"))
    visitor = visitor_of(house.database, headers["Cookie"].partition("=")[2])

    assert visitor is not None
    assert (visitor.role, visitor.scope) == ("reader", UNIT)


def test_disabling_and_a_new_password_end_all_sessions(house: House) -> None:
    house.person("lan")
    work = administration(house, CITY)
    for deed in (lambda: work.disable("lan"), lambda: work.set_password("lan", "", first=True)):
        headers, _ = house.session("lan")
        deed()
        assert visitor_of(house.database, headers["Cookie"].partition("=")[2]) is None
        work.enable("lan")


def test_a_session_of_a_disabled_account_opens_nothing_even_where_it_was_left(house: House) -> None:
    house.person("lan")
    headers, _ = house.session("lan")
    with house.database.write() as session:
        session.get_one(Account, "lan").disabled = True

    assert visitor_of(house.database, headers["Cookie"].partition("=")[2]) is None


def test_deeds_are_in_the_log_and_secrets_are_not(house: House) -> None:
    work = administration(house, DISTRICT)
    work.add("lan", Wanted("reader", unit="TH-001"), "$argon2id$secret", first=True)
    work.change("lan", Wanted("operator", unit="TH-001"))
    work.disable("lan")

    found, more = entries(house.database, CITY)

    assert not more
    assert [(e.who, e.address, e.what, e.subject) for e in reversed(found)] == [
        ("boss", "192.0.2.1", f"account.{deed}", "lan") for deed in ("added", "changed", "disabled")
    ]
    assert found[1].detail == {"before": {"role": "reader"}, "after": {"role": "operator"}}
    assert "secret" not in str(found)


def test_the_log_shows_each_what_is_theirs_and_facts_too(house: House) -> None:
    for login, where in {"a": {}, "b": {"district": NEAR}, "c": {"district": FAR}, "d": {"unit": "TH-001"}}.items():
        house.person(login, **where)
    for unit in ("TH-001", "TH-003"):
        table = read_facts(f"unit,lab,computers\n{unit},Phòng 1,40\n".encode(), KINDS["labs"])
        assert import_facts(house.database, KINDS["labs"], table).applied

    subjects = {scope: {e.subject for e in entries(house.database, scope)[0]} for scope in (CITY, DISTRICT, UNIT)}
    (fact,) = (e for e in entries(house.database, UNIT)[0] if e.what == "facts.labs")

    assert subjects == {
        CITY: {"a", "b", "c", "d", "TH-001 Phòng 1", "TH-003 Phòng 1"},
        DISTRICT: {"b", "d", "TH-001 Phòng 1"},
        UNIT: {"d", "TH-001 Phòng 1"},
    }
    assert (fact.before, fact.after, fact.detail) == (None, {"computers": 40}, None)


def test_the_log_is_searched_and_leafed_through(house: House) -> None:
    with house.database.write() as session:
        for number in range(PAGE_ENTRIES + 1):
            record(session, "lan" if number else "minh", "agent.revoked", f"Agent-{number:03}")

    first, more = entries(house.database, CITY)
    second, rest = entries(house.database, CITY, page=2)

    assert (len(first), more, first[0].subject) == (PAGE_ENTRIES, True, "Agent-100")
    assert ([e.subject for e in second], rest) == (["Agent-000"], False)
    assert [e.subject for e in entries(house.database, CITY, who="minh")[0]] == ["Agent-000"]
    assert [e.subject for e in entries(house.database, CITY, subject="agent-04")[0]][-1] == "Agent-040"
    assert entries(house.database, CITY, subject="%")[0] == []


def test_there_is_no_deed_in_the_log_that_was_not_done(house: House) -> None:
    def twice() -> None:
        with house.database.write() as session:
            record(session, "lan", "agent.revoked", "a-1")
            session.add(Unit(code="TH-001", name="", district="", level="", students={}))

    with pytest.raises(IntegrityError):
        twice()

    assert house.deeds() == []


@pytest.mark.parametrize("login", ["operator", "oidc", "alertmanager"])
def test_no_account_is_called_as_those_who_act_without_one(house: House, login: str) -> None:
    with pytest.raises(AccountError, match=f"'{login}' is a name that the log has") as wrong:
        administration(house, CITY).add(login, Wanted("reader"), None, first=True)

    assert wrong.value.reason == "reserved"
    assert accounts(house.database) == []
