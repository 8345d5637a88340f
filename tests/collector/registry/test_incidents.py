from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count, permutations
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.incidents import Notification, record, record_all
from haidang_collector.registry.models import Incident
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from hypothesis import strategies as st
from sqlalchemy import select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_collector.registry.incidents import News
    from haidang_collector.registry.store import Registry
    from sqlalchemy.orm import Session

START = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
END = START + timedelta(minutes=10)
HEARD = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
LABELS = {
    "alertname": "InternetDown", "unit": "TH-001", "district": "Quận Bắc", "severity": "critical", "category": "link",
}  # fmt: skip


def told(status: str, start: datetime = START, fingerprint: str = "f1", **labels: str) -> Notification:
    alert = {
        "status": status,
        "labels": LABELS | labels,
        "annotations": {"summary": "Mất Internet"},
        "startsAt": start.isoformat(),
        "endsAt": END.isoformat() if status == "resolved" else "0001-01-01T00:00:00Z",
        "fingerprint": fingerprint,
        "generatorURL": "http://prometheus",
    }
    return Notification.model_validate({"version": "4", "groupKey": "{}", "status": status, "alerts": [alert]})


def kept(registry: Registry) -> list[tuple[str, datetime, datetime | None]]:
    query = select(Incident.status, Incident.starts_at, Incident.ends_at).order_by(Incident.starts_at)
    with registry.database.read() as connection:
        return [(row.status, row.starts_at, row.ends_at) for row in connection.execute(query)]


def test_an_incident_opens_and_ends(registry: Registry) -> None:
    record(registry.database, told("firing"))
    opened = registry.open_incidents()
    record(registry.database, told("resolved"))

    assert [(fact.alertname, fact.unit, fact.district, fact.severity, fact.category) for fact in opened] == [
        ("InternetDown", "TH-001", "Quận Bắc", "critical", "link")
    ]
    assert (opened[0].starts_at, opened[0].ends_at) == (START, None)
    assert (opened[0].labels["alertname"], opened[0].annotations) == ("InternetDown", {"summary": "Mất Internet"})
    assert registry.open_incidents() == []
    assert kept(registry) == [("resolved", START, END)]


def test_a_repeated_notification_changes_nothing(registry: Registry) -> None:
    for _ in range(3):
        record(registry.database, told("firing"))
    assert kept(registry) == [("firing", START, None)]

    for _ in range(3):
        record(registry.database, told("resolved"))
    assert kept(registry) == [("resolved", START, END)]


def test_a_firing_that_was_overtaken_does_not_open_it_again(registry: Registry) -> None:
    record(registry.database, told("resolved"), HEARD)
    record(registry.database, told("firing"), HEARD + timedelta(seconds=5))

    assert kept(registry) == [("resolved", START, END)]


def test_an_alert_that_fires_on_after_a_false_end_is_open_again(registry: Registry) -> None:
    """
    Alertmanager resolves what Prometheus has not repeated for minutes, and then hears of it again.
    """
    record(registry.database, told("firing"), HEARD)
    record(registry.database, told("resolved"), HEARD + timedelta(minutes=5))
    record(registry.database, told("resolved"), HEARD + timedelta(minutes=6))
    record(registry.database, told("firing"), HEARD + timedelta(minutes=6, seconds=30))

    assert kept(registry) == [("firing", START, None)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_one_alert_is_open_once_however_its_news_arrive(registry: Registry, order: tuple[int, ...]) -> None:
    """
    Three starts, no end told: the two earlier ones ended when a later one began.
    """
    starts = [START + timedelta(hours=hour) for hour in range(3)]
    for number in order:
        record(registry.database, told("firing", starts[number]))

    first, second, third = kept(registry)
    assert first in [("resolved", starts[0], starts[1]), ("resolved", starts[0], starts[2])]
    assert second == ("resolved", starts[1], starts[2])
    assert third == ("firing", starts[2], None)


def test_different_alerts_do_not_end_one_another(registry: Registry) -> None:
    record(registry.database, told("firing", fingerprint="f1"))
    record(registry.database, told("firing", START + timedelta(hours=1), "f2", unit="THCS-002"))

    assert [fact.unit for fact in registry.open_incidents()] == ["THCS-002", "TH-001"]


def test_two_alertmanagers_telling_the_same_at_once(registry: Registry) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: record(registry.database, told("firing")), range(12)))

    assert kept(registry) == [("firing", START, None)]


def test_an_alert_about_no_unit_is_kept(registry: Registry) -> None:
    notification = told("firing")
    alert = notification.alerts[0].model_copy(update={"labels": {"alertname": "Watchdog"}})
    record(registry.database, notification.model_copy(update={"alerts": [alert]}))

    assert [(fact.alertname, fact.unit, fact.severity) for fact in registry.open_incidents()] == [
        ("Watchdog", None, None)
    ]


EXAMPLES = count()
TELLINGS = st.lists(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.sampled_from(("firing", "resolved"))),
        min_size=1,
        max_size=3,
    ),
    min_size=1,
    max_size=5,
)


class Heard(list[tuple[str, str, datetime]]):
    """What was said to be new: what, of which alert, since when."""

    def __call__(self, session: Session, news: Sequence[News], heard: datetime) -> None:
        del session, heard
        self.extend((what, incident.fingerprint[-1], incident.starts_at) for what, incident in news)


@given(told_=TELLINGS)
@with_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kept_together_is_what_kept_one_by_one_would_be(
    registry: Registry, told_: list[list[tuple[str, int, str]]]
) -> None:
    """
    Whatever is told of two alerts, in whatever order: the same incidents in the same states, and the same news.
    """
    outcomes = []
    for together in (False, True):
        example = next(EXAMPLES)
        notifications = [
            Notification(
                version="4",
                alerts=[
                    told(status, START + timedelta(minutes=start), f"{example} {name}").alerts[0]
                    for name, start, status in alerts
                ],
            )
            for alerts in told_
        ]
        heard = Heard()
        for several in [notifications] if together else [[each] for each in notifications]:
            record_all(registry.database, several, HEARD, heard)
        outcomes.append((_states(registry, f"{example} "), sorted(heard)))

    assert outcomes[0] == outcomes[1]


def _states(registry: Registry, prefix: str) -> list[tuple[str, datetime, str]]:
    query = select(Incident.fingerprint, Incident.starts_at, Incident.status)
    query = query.where(Incident.fingerprint.startswith(prefix)).order_by(Incident.fingerprint, Incident.starts_at)
    with registry.database.read() as connection:
        return [(name.removeprefix(prefix), start, status) for name, start, status in connection.execute(query)]
