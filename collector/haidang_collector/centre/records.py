"""Which portals and mail domains are registered, and what was found of them, in the database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from haidang_reach import news
from haidang_reach.content import Memory
from haidang_reach.feed import newest
from sqlalchemy import func, select

from haidang_collector.centre.tables import REASON_LENGTH, FeedLook, MailLook, PortalLook, PortalMemory
from haidang_collector.registry.models import DefaultConfig, Portal, Unit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from haidang_reach.feed import Item
    from haidang_reach.mail import Mail
    from haidang_reach.site import Look
    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database


class Target(NamedTuple):
    """A unit's portal."""

    unit: str
    url: str


def targets(database: Database, units: Collection[str] = ()) -> list[Target]:
    """Registered portals: of `units`, or of all where none is named."""
    query = select(Portal.unit, Portal.url).where(Portal.url.is_not(None)).order_by(Portal.unit)
    with database.read() as connection:
        return [Target(unit, url) for unit, url in connection.execute(query) if url and (not units or unit in units)]


def department_feed(database: Database) -> str:
    """The address that all agents are told (`[portal] department_feed` of the default configuration), or empty."""
    with database.read() as connection:
        tables = connection.scalar(select(DefaultConfig.tables)) or {}
    told = tables.get("portal", {}).get("department_feed", "")
    return told if isinstance(told, str) else ""


def keep_feed(database: Database, url: str, detail: str, now: float) -> None:
    with database.write() as session:
        session.merge(FeedLook(url=url, looked_at=now, detail=detail[:REASON_LENGTH]))


def keep_looks(
    database: Database, looks: Sequence[tuple[Target, Look]], department: Sequence[Item] | None, now: float
) -> None:
    """`department` are the dated items of the Department's feed; None: not known, and so is every lag."""
    with database.write() as session:
        there = present(session, {target.unit for target, _ in looks})
        for target, look in looks:
            if target.unit in there:
                _keep_look(session, target, look, department, now)


def present(session: Session, units: Collection[str]) -> frozenset[str]:
    """Those that were not removed while they were looked at.

    Until this transaction ends nobody removes them, and others who keep looks of them wait.
    """
    query = select(Unit.code).where(Unit.code.in_(units)).order_by(Unit.code).with_for_update(key_share=True)
    return frozenset(session.scalars(query))


def mail_domains(database: Database, units: Collection[str], looked_before: float) -> list[str]:
    """Registered domains, each once, of `units` or of all, that were not looked up since; the longest ago first."""
    query = (
        select(Portal.mail_domain)
        .outerjoin(MailLook, MailLook.domain == Portal.mail_domain)
        .where(Portal.mail_domain.is_not(None), func.coalesce(MailLook.looked_at, 0.0) < looked_before)
        .order_by(func.coalesce(MailLook.looked_at, 0.0), Portal.mail_domain)
    )
    if units:
        query = query.where(Portal.unit.in_(units))
    with database.read() as connection:
        return list(dict.fromkeys(connection.scalars(query)))


def keep_mail(database: Database, found: Iterable[tuple[str, Mail]], now: float) -> None:
    with database.write() as session:
        for domain, mail in found:
            problems = {check: why[:REASON_LENGTH] for check, why in mail.problems.items()}
            session.merge(
                MailLook(domain=domain, looked_at=now, mx=mail.mx, spf=mail.spf, dmarc=mail.dmarc, problems=problems)
            )


def _keep_look(session: Session, target: Target, look: Look, department: Sequence[Item] | None, now: float) -> None:
    dated = newest(look.items, now)
    changed = lag = None
    if look.page is not None:
        changed = _remembered(session, target, look, now).changed_at(now, dated)
        if department is not None:
            lag = news.lag_seconds(department, look.page, str(look.front.address), look.items, now)
    session.merge(
        PortalLook(
            unit=target.unit,
            url=target.url,
            looked_at=now,
            fault=look.front.fault,
            detail=look.front.detail[:REASON_LENGTH],
            not_after=look.front.not_after,
            feed=look.feed,
            feed_detail=look.why[:REASON_LENGTH],
            newest=dated,
            changed=changed,
            lag=lag,
        )
    )


def _remembered(session: Session, target: Target, look: Look, now: float) -> Memory:
    """What the portal showed before and shows now; written only where that is something new."""
    kept = session.get(PortalMemory, target.unit)
    known = kept is not None and kept.url == target.url
    memory = Memory.from_json(json.loads(kept.memory)) if kept is not None and known else Memory(now)
    if look.page is not None:
        memory.look(look.page, now)
    told = json.dumps(memory.as_json(), separators=(",", ":"))
    if kept is None:
        session.add(PortalMemory(unit=target.unit, url=target.url, memory=told))
    elif told != kept.memory:
        kept.url, kept.memory = target.url, told
    return memory
