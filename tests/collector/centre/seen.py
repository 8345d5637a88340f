"""A registry with portals in it, and what the centre tells of them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from haidang_collector.centre.looking import PortalSeen, Round
from haidang_collector.centre.records import Target, targets
from haidang_collector.ingest.seen import Seen
from haidang_collector.metrics import FactCollector
from haidang_collector.registry.agent_config import set_tables
from haidang_collector.registry.models import Portal, Unit
from haidang_reach.connecting import trusting
from haidang_reach.exchange import Way
from haidang_reach.resolving import Resolver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haidang_collector.registry.store import Registry
    from haidang_reach.site import Look

DISTRICT = "Quận 1"


def register(registry: Registry, urls: Mapping[str, str | None], mail_domain: str | None = None) -> None:
    """By unit; all have one mail domain."""
    with registry.database.write() as session:
        for unit, url in urls.items():
            session.merge(Unit(code=unit, name=unit, district=DISTRICT, level="primary", students={}))
            session.flush()
            session.merge(Portal(unit=unit, url=url, mail_domain=mail_domain))


def tell_feed(registry: Registry, url: str) -> None:
    set_tables(registry.database, None, {"portal": {"department_feed": url}})


def look(registry: Registry, now: float) -> dict[str, Look]:
    """One round at a time; by unit."""
    with closing(Resolver()) as resolver:
        way = Way(resolver, trusting(), now=lambda: now)
        wanted: list[Target] = targets(registry.database)
        return {
            seen.target.unit: seen.look
            for seen in Round(registry.database, way).look(wanted, {})
            if isinstance(seen, PortalSeen)
        }


def told(registry: Registry, name: str) -> dict[tuple[str, ...], float]:
    """By the values of its labels but the district."""
    facts = FactCollector(registry, Seen(registry.record_seen))
    return {
        tuple(value for label, value in sample.labels.items() if label != "district"): sample.value
        for family in facts.families()
        for sample in family.samples
        if sample.name == name
    }
