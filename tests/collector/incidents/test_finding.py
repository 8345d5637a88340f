"""Lists, figures and files of incidents: filtered, in order, and never beyond the scope of who asks."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from haidang_collector.access.visitor import Scope
from haidang_collector.incidents.export import as_csv, as_json
from haidang_collector.incidents.figures import figures
from haidang_collector.incidents.finding import BATCH, Wanted, count, earlier, every, find
from haidang_collector.incidents.handling import act

from tests.collector.incidents.conftest import at

if TYPE_CHECKING:
    from tests.collector.incidents.conftest import Alerts


def units(alerts: Alerts, **wanted: object) -> list[str | None]:
    asked = Wanted(**wanted)  # type: ignore[arg-type]
    found = find(alerts.database, asked, 0, 100)
    assert count(alerts.database, asked) == len(found)
    return [row.unit for row in found]


@pytest.fixture
def city(alerts: Alerts) -> Alerts:
    """Four incidents, the third of no unit; then one that is over."""
    alerts.tell("U1", severity="warning", start=30)
    alerts.tell("U3", start=10)
    alerts.tell(None, "DatabaseDown", start=20, category="platform")
    alerts.tell("unknown", "ArpScan", severity="info", category="security")
    alerts.tell("U2", start=1, end=5, heard=5)
    return alerts


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (Scope(), [None, "U3", "U2", "U1", "unknown"]),
        (Scope("Quận Bắc"), ["U2", "U1"]),
        (Scope("Quận Nam"), ["U3"]),
        (Scope("as it says"), ["unknown"]),
        (Scope("Quận Bắc", "U1"), ["U1"]),
        (Scope("", "U3"), ["U3"]),
        (Scope("nowhere"), []),
    ],
)
def test_everybody_sees_their_scope_by_where_the_unit_is_now(
    city: Alerts, scope: Scope, seen: list[str | None]
) -> None:
    """
    The label of an alert counts only for units that the registry does not know.
    """
    assert units(city, scope=scope) == seen
    assert [row.unit for batch in every(city.database, Wanted(scope)) for row in batch] == sorted(
        seen, key=["U1", None, "U3", "U2", "unknown"].index
    )


def test_a_filter_does_not_widen_the_scope(city: Alerts) -> None:
    assert units(city, scope=Scope("Quận Bắc"), unit="U3") == []
    assert units(city, scope=Scope("Quận Bắc"), district="Quận Nam") == []
    assert units(city, scope=Scope("", "U1"), unit="U3") == []


def test_filters(city: Alerts) -> None:
    assert units(city, severity="critical") == [None, "U3", "U2"]
    assert units(city, category="platform") == [None]
    assert units(city, district="Quận Nam") == ["U3"]
    assert units(city, since=at(15)) == [None, "U1"]


def test_views_are_where_incidents_stand(city: Alerts) -> None:
    numbers = {row.unit: row.id for row in find(city.database, Wanted(), 0, 10)}
    act(city.database, numbers["U3"], "ack", "an")
    act(city.database, numbers["U2"], "assign", "an", "an")
    act(city.database, numbers["U1"], "close", "an")

    assert units(city, view="now") == [None, "U3", "unknown"]
    assert units(city, view="open") == [None, "unknown"]
    assert units(city, view="acknowledged") == ["U3"]
    assert units(city, view="mine", me="an") == ["U2"]
    assert units(city, view="mine", me="lan") == []
    assert units(city, view="over") == ["U2"]
    assert units(city, view="closed") == ["U1"]


def test_figures_are_times_that_occurred(alerts: Alerts) -> None:
    """
    Twenty outages that the centre heard of after 1 to 20 minutes; two were taken on, one is over.
    """
    for minutes in range(1, 21):
        alerts.tell(f"S{minutes}", start=-30, heard=-30 + minutes)
    numbers = {row.unit: row.id for row in find(alerts.database, Wanted(), 0, 100)}
    act(alerts.database, numbers["S1"], "ack", "an")
    act(alerts.database, numbers["S2"], "ack", "an")
    alerts.tell("S3", start=-30, end=15, heard=16)
    found = {figure.step: figure for figure in figures(alerts.database, Wanted())}

    assert {figure.severity for figure in found.values()} == {"critical"}
    assert (found["notice"].count, found["notice"].median, found["notice"].p95) == (20, 600, 1140)
    assert found["acknowledge"].count == 2
    assert 150 * 60 <= (found["acknowledge"].median or 0) < 86_400, "they began before START"
    assert (found["resolve"].count, found["resolve"].median, found["resolve"].p95) == (1, 2700, 2700)
    assert figures(alerts.database, Wanted(Scope("nowhere"))) == []


def test_the_same_alert_before(alerts: Alerts) -> None:
    for hour in range(3):
        alerts.tell("U1", start=60 * hour)
    alerts.tell("U2")
    newest = find(alerts.database, Wanted(unit="U1"), 0, 1)[0]

    assert [row.starts_at for row in earlier(alerts.database, newest.id)] == [at(60), at(0)]


def test_a_spreadsheet_gets_every_incident_once_and_no_formula(alerts: Alerts) -> None:
    for start in range(3):
        alerts.tell("U1", *(f"A{number}" for number in range(start, BATCH + 7, 3)), start=start)
    alerts.tell("U3", summary="=HYPERLINK(1)", summary_en="@x", start=50)
    act(alerts.database, find(alerts.database, Wanted(unit="U3"), 0, 1)[0].id, "ack", "+an")
    text = "".join(as_csv(alerts.database, Wanted(), "vi"))
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))

    assert text.startswith("\ufeffid,")
    assert len({row["id"] for row in rows}) == len(rows) == BATCH + 8
    assert (rows[0]["summary"], rows[0]["acknowledged_by"]) == ("'=HYPERLINK(1)", "'+an")
    assert rows[0]["starts_at"] == at(50).isoformat()
    assert "'@x" in "".join(as_csv(alerts.database, Wanted(unit="U3"), "en"))


def test_json_carries_the_time_lines_and_figures(city: Alerts) -> None:
    number = find(city.database, Wanted(unit="U3"), 0, 1)[0].id
    act(city.database, number, "note", "an", "dây đứt")
    told = json.loads("".join(as_json(city.database, Wanted(Scope("Quận Nam")))))

    assert [incident["unit"] for incident in told["incidents"]] == ["U3"]
    assert told["incidents"][0]["state"] == "open"
    assert [(event["what"], event["text"]) for event in told["incidents"][0]["events"]] == [("note", "dây đứt")]
    assert {figure["step"] for figure in told["figures"]} == {"notice", "acknowledge", "resolve"}
    assert json.loads("".join(as_json(city.database, Wanted(Scope("nowhere"))))) == {"figures": [], "incidents": []}
