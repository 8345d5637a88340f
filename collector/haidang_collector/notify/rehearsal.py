"""Who would be told of an alert, without one: by the very rules that tell people."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_collector.notify.channels import Parcel
from haidang_collector.notify.people import without_address
from haidang_collector.notify.planning import Planner
from haidang_collector.notify.settings import EMAIL
from haidang_collector.notify.words import Item, Writer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from haidang_collector.notify.people import Place
    from haidang_collector.notify.settings import NotifySettings


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One message: when (if nobody takes it on before), to whom, by what, in which words."""

    at: datetime
    name: str
    receiver: str
    kind: str
    channel: str
    address: str
    language: str
    subject: str
    body: str

    def parcel(self, now: datetime) -> Parcel:
        """Marked as a test."""
        channel = EMAIL if self.channel == EMAIL else "apprise"
        return Parcel(
            0, 1, secrets.token_hex(32), self.name, channel, self.address, self.language, f"[TEST] {self.subject}",
            self.body, now,
        )  # fmt: skip


def rehearse(
    session: Session, settings: NotifySettings, time_zone: str, place: Place, alert: Mapping[str, str], now: datetime
) -> tuple[list[Rehearsed], list[str]]:
    """Messages in their order, and the unit's contacts who cannot be told.

    `alert` holds alertname, severity, category and the unit's name.
    """
    planner = Planner(settings, time_zone)
    levels = planner.people(session, [place], now).levels(place, alert["category"], alert["severity"])
    plan = planner.schedule(levels, alert["severity"], now, is_larger=place.unit is None)
    summary = f"{alert['name']} ({place.unit}): {alert['alertname']}"
    texts = {"summary": summary, "summary_en": summary}
    told = []
    for person, kind, at in plan:
        others = [other.name for other, _, when in plan if other != person and when <= at]
        item = Item(0, kind, alert["severity"], alert["alertname"], texts, now, None, others)
        wish = settings.wish(person.email)
        writer = Writer(wish.language, time_zone, settings.pages)
        for channel in wish.channels:
            is_mail = channel == EMAIL
            told.append(
                Rehearsed(
                    at=at,
                    name=person.name,
                    receiver=person.receiver,
                    kind=kind,
                    channel=channel,
                    address=person.email if is_mail else channel,
                    language=wish.language,
                    subject=writer.subject([item]),
                    body=writer.body([item]) if is_mail else writer.brief([item]),
                )
            )
    return told, without_address(session, place.unit) if place.unit else []
