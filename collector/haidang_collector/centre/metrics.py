"""What the centre sees, as metrics. What was not looked at lately is absent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import and_, select

from haidang_collector.centre.public_services import told
from haidang_collector.centre.records import department_feed
from haidang_collector.centre.tables import FeedLook, MailLook, PortalLook, ServiceLook
from haidang_collector.registry.models import Portal, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric
    from sqlalchemy import Row

    from haidang_collector.registry.database import Database

KNOWN_SECONDS = 3600.0
"""Of portals, services and the feed; they are looked at every ten minutes."""
MAIL_KNOWN_SECONDS = 2 * 86400.0
UNREAD = "unread"
"""What came could not be judged (`haidang_reach.faults`)."""
_OF_UNIT = ("unit", "district")
_OF_SERVICE = (*_OF_UNIT, "service")
_MEANINGS = {
    "up": "1 if the portal's front page came to the centre without a warning, else 0.",
    "tls_expiry_timestamp_seconds": "Until when the certificate that the centre was shown is valid, Unix time.",
    "changed_timestamp_seconds": "When content last changed as the centre saw it, Unix time; see docs/services.md.",
    "feed_found": "1 if the centre found a feed (RSS, Atom) of the portal, else 0.",
    "feed_valid": "1 if the centre can read the portal's feed, else 0.",
    "feed_newest_timestamp_seconds": "When the feed's newest item was published, as the centre read it, Unix time.",
    "feed_lag_seconds": "As school_portal_feed_lag_seconds, as the centre sees the portal.",
    "looked_timestamp_seconds": "When the centre last looked at the portal, Unix time.",
}


def portals(database: Database) -> Iterator[Metric]:
    """By the URL that is registered now; every family, also those without a sample."""
    families = {
        name: GaugeMetricFamily(f"school_portal_centre_{name}", text, labels=_OF_UNIT)
        for name, text in _MEANINGS.items()
    }
    faults = GaugeMetricFamily(
        "school_portal_centre_fault",
        "1 for what is at fault, as the centre sees it; absent where nothing is.",
        labels=(*_OF_UNIT, "fault"),
    )
    query = (
        select(PortalLook.__table__, Unit.district)
        .join(Unit, Unit.code == PortalLook.unit)
        .join(Portal, and_(Portal.unit == PortalLook.unit, Portal.url == PortalLook.url))
        .where(PortalLook.looked_at >= time.time() - KNOWN_SECONDS)
        .order_by(PortalLook.unit)
    )
    with database.read() as connection:
        for look in connection.execute(query):
            for name, value in _seen(look):
                families[name].add_metric((look.unit, look.district), value)
            if look.fault is not None:
                faults.add_metric((look.unit, look.district, look.fault), 1)
    yield from (*families.values(), faults)


def _seen(look: Row[Any]) -> Iterator[tuple[str, float]]:
    yield "up", float(look.fault is None)
    if look.feed is not None:
        yield "feed_found", float(look.feed != "none")
    if look.feed in ("valid", "broken"):
        yield "feed_valid", float(look.feed == "valid")
    moments = {
        "tls_expiry_timestamp_seconds": look.not_after,
        "changed_timestamp_seconds": look.changed,
        "feed_newest_timestamp_seconds": look.newest,
        "feed_lag_seconds": look.lag,
        "looked_timestamp_seconds": look.looked_at,
    }
    yield from ((name, value) for name, value in moments.items() if value is not None)


def public_services(database: Database) -> Iterator[Metric]:
    """Of the services for parents that units are told to ask for now; every family, also those without a sample."""
    info = GaugeMetricFamily(
        "school_public_service_info",
        "A service for parents that is told of the unit: its season by the calendar, the host it is on; always 1.",
        labels=(*_OF_SERVICE, "season", "site"),
    )
    up = GaugeMetricFamily(
        "school_public_service_centre_up",
        "1 if the centre can use the unit's service for parents, else 0; absent where that is not known.",
        labels=_OF_SERVICE,
    )
    fault = GaugeMetricFamily(
        "school_public_service_centre_fault",
        "1 for what is at fault, as the centre sees it; absent where nothing is.",
        labels=(*_OF_SERVICE, "fault"),
    )
    looks = _service_looks(database)
    for service in told(database):
        labels = (service.unit, service.district, service.service)
        for season in service.seasons:
            info.add_metric((*labels, season, service.site), 1)
        key = (service.unit, service.service, service.asked.url)
        if key not in looks:
            continue
        seen = looks[key]
        if seen != UNREAD:
            up.add_metric(labels, float(seen is None))
        if seen is not None:
            fault.add_metric((*labels, seen), 1)
    yield from (info, up, fault)


def _service_looks(database: Database) -> dict[tuple[str, str, str], str | None]:
    """The fault by unit, service and the address that was asked, where that was lately."""
    query = select(ServiceLook.unit, ServiceLook.service, ServiceLook.url, ServiceLook.fault).where(
        ServiceLook.looked_at >= time.time() - KNOWN_SECONDS
    )
    with database.read() as connection:
        return {(unit, service, url): fault for unit, service, url, fault in connection.execute(query)}


def feed_of_department(database: Database) -> Metric:
    """Absent where no feed is told, or it was not looked at within the hour."""
    family = GaugeMetricFamily(
        "school_department_feed_valid",
        "1 if the centre can read the Department's feed, and its items have dates, else 0.",
    )
    query = select(FeedLook.detail).where(
        FeedLook.url == department_feed(database), FeedLook.looked_at >= time.time() - KNOWN_SECONDS
    )
    with database.read() as connection:
        detail = connection.scalar(query)
    if detail is not None:
        family.add_metric((), float(not detail))
    return family


def mail_domains(database: Database) -> Metric:
    """For each unit with a domain; absent what the DNS did not answer, or was not asked for two days."""
    family = GaugeMetricFamily(
        "school_mail_domain_check",
        "1 if the unit's mail domain has it as it must be, else 0; check mx, spf or dmarc.",
        None,
        (*_OF_UNIT, "check"),
    )
    checks = {"mx": MailLook.mx, "spf": MailLook.spf, "dmarc": MailLook.dmarc}
    query = (
        select(Portal.unit, Unit.district, *checks.values())
        .join(Unit, Unit.code == Portal.unit)
        .join(MailLook, MailLook.domain == Portal.mail_domain)
        .where(MailLook.looked_at >= time.time() - MAIL_KNOWN_SECONDS)
        .order_by(Portal.unit)
    )
    with database.read() as connection:
        for unit, district, *values in connection.execute(query):
            for check, value in zip(checks, values, strict=True):
                if value is not None:
                    family.add_metric((unit, district, check), float(value))
    return family
