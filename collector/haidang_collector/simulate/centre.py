"""What the centre would see of a simulated city's portals, services for parents and mail domains, into the registry."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert

from haidang_collector.centre.tables import FeedLook, MailLook, PortalLook, ServiceLook
from haidang_collector.simulate.words import DEPARTMENT_FEED, PUBLIC, site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_collector.registry.database import Database
    from haidang_collector.simulate.model import City, SimUnit, Site

EVERY_SECONDS = 600.0
"""As `haidang portals check --every 10`, which must not look at a simulated city: its sites are nowhere."""
SILENT = "no_answer"
Row = dict[str, Any]


def look(database: Database, city: City, now: float) -> None:
    """As after one round of looks, `now` in Unix seconds."""
    rows: dict[Any, list[Row]] = {
        PortalLook: [_portal(unit, unit.site, now) for unit in city.units if unit.site is not None],
        ServiceLook: [row for unit in city.units for row in _services(unit, now)],
        MailLook: [_mail(unit, now) for unit in city.units],
        FeedLook: [{"url": DEPARTMENT_FEED, "looked_at": now, "detail": ""}],
    }
    with database.write() as session:
        for table, looks in rows.items():
            session.execute(delete(table))
            if looks:
                session.execute(insert(table), looks)


@contextmanager
def looking(database: Database, city: City) -> Iterator[None]:
    """Looks go on, in a thread of their own."""
    stopping = threading.Event()

    def go_on() -> None:
        while not stopping.wait(EVERY_SECONDS):
            look(database, city, time.time())

    look(database, city, time.time())
    looker = threading.Thread(target=go_on, name="centre")
    looker.start()
    try:
        yield
    finally:
        stopping.set()
        looker.join()


def _portal(unit: SimUnit, portal: Site, now: float) -> Row:
    fault = portal.fault(inside=False)
    read = fault is None
    return {
        "unit": unit.code,
        "url": unit.portal,
        "looked_at": now,
        "fault": fault,
        "detail": "",
        "not_after": now + portal.tls_left_seconds if portal.up else None,
        "feed": "valid" if read else None,
        "feed_detail": "",
        "newest": now - portal.unchanged_seconds if read else None,
        "changed": now - portal.unchanged_seconds if read else None,
        "lag": portal.feed_lag_seconds if read else None,
    }


def _services(unit: SimUnit, now: float) -> Iterator[Row]:
    for service, up in unit.services.items():
        if service.startswith(PUBLIC):
            url = f"{site(unit.code)}{service.removeprefix(PUBLIC)}"
            fault = None if up else SILENT
            yield {
                "unit": unit.code, "service": service, "url": url, "looked_at": now, "fault": fault, "detail": "",
            }  # fmt: skip


def _mail(unit: SimUnit, now: float) -> Row:
    problems = {check: "simulated" for check, passed in unit.mail.items() if not passed}
    return {"domain": unit.mail_domain, "looked_at": now, **unit.mail, "problems": problems}
