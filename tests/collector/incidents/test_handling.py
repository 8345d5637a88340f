"""What people do about an incident, and what becomes of that when its alert fires again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from haidang_collector.incidents.finding import Wanted, events, find
from haidang_collector.incidents.handling import EmptyTextError, UnknownIncidentError, act

if TYPE_CHECKING:
    from tests.collector.incidents.conftest import Alerts


def line(alerts: Alerts, incident: int) -> list[tuple[str, str, str]]:
    return [(event.who, event.what, event.text) for event in events(alerts.database, [incident]).get(incident, [])]


def test_every_deed_is_an_entry_and_changes_where_the_incident_stands(alerts: Alerts) -> None:
    alerts.tell("U1")
    number = alerts.only().id
    states = [alerts.only().state]
    for what, text in (("ack", ""), ("assign", "Cô Lan"), ("note", "  Thay dây\nở tủ mạng \0"), ("close", "xong")):
        assert act(alerts.database, number, what, "an", text)
        states.append(alerts.only().state)

    assert states == ["open", "acknowledged", "acknowledged", "acknowledged", "closed"]
    assert (alerts.only().acknowledged_by, alerts.only().assignee, alerts.only().closed_by) == ("an", "Cô Lan", "an")
    assert line(alerts, number) == [
        ("an", "ack", ""), ("an", "assign", "Cô Lan"), ("an", "note", "Thay dây\nở tủ mạng"), ("an", "close", "xong"),
    ]  # fmt: skip


def test_what_stands_so_already_is_no_entry(alerts: Alerts) -> None:
    alerts.tell("U1")
    number = alerts.only().id

    for what, text in (("ack", ""), ("assign", "Lan"), ("close", ""), ("reopen", "")):
        assert act(alerts.database, number, what, "an", text)
        assert not act(alerts.database, number, what, "bình", text)
    assert [what for _, what, _ in line(alerts, number)] == ["ack", "assign", "close", "reopen"]
    assert (alerts.only().state, alerts.only().acknowledged_by, alerts.only().assignee) == ("open", None, "Lan")


def test_two_who_take_it_on_at_once_do_not_both_have_it(alerts: Alerts) -> None:
    alerts.tell("U1")
    number = alerts.only().id
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda who: act(alerts.database, number, "ack", who), "abcdef"))

    assert sum(done) == 1
    assert [what for _, what, _ in line(alerts, number)] == ["ack"]


def test_what_cannot_be_done_is_refused(alerts: Alerts) -> None:
    alerts.tell("U1")
    with pytest.raises(EmptyTextError):
        act(alerts.database, alerts.only().id, "note", "an", " \n\t\0 ")
    with pytest.raises(UnknownIncidentError):
        act(alerts.database, 99, "ack", "an")


def test_a_closed_incident_whose_alert_goes_on_is_open_again_and_says_so(alerts: Alerts) -> None:
    alerts.tell("U1")
    number = alerts.only().id
    act(alerts.database, number, "ack", "an")
    alerts.tell("U1", end=5, heard=5)
    act(alerts.database, number, "close", "an")
    alerts.tell("U1", heard=10)

    assert alerts.only().state == "open"
    assert line(alerts, number)[-1] == ("Alertmanager", "reopen", "")


def test_an_alert_that_comes_back_after_somebody_closed_it_says_so_and_goes_to_the_same_person(alerts: Alerts) -> None:
    alerts.tell("U1")
    first = alerts.only().id
    act(alerts.database, first, "assign", "an", "lan")
    act(alerts.database, first, "close", "an")
    alerts.tell("U1", end=130, heard=130)
    alerts.tell("U1", start=140)
    alerts.tell("U2", start=140)
    of_unit = {row.unit: row for row in find(alerts.database, Wanted(view="now"), 0, 10)}

    assert (of_unit["U1"].state, of_unit["U1"].assignee) == ("open", "lan")
    assert line(alerts, of_unit["U1"].id) == [("Alertmanager", "reopen", f"#{first}")]
    assert line(alerts, of_unit["U2"].id) == []


def test_what_nobody_closed_or_closed_long_ago_does_not_come_back(alerts: Alerts) -> None:
    alerts.tell("U1")
    alerts.tell("U1", end=5, heard=5)
    alerts.tell("U1", start=30)
    newest = find(alerts.database, Wanted(view="now"), 0, 1)[0].id
    act(alerts.database, newest, "close", "an")
    alerts.tell("U1", start=3 * 24 * 60)

    assert line(alerts, newest + 1) == []
    assert line(alerts, find(alerts.database, Wanted(view="now"), 0, 1)[0].id) == []
