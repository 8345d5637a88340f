"""MX, SPF and DMARC of the registered mail domains: each domain once for all its units, a few at a time."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dns.resolver import LRUCache
from haidang_reach import mail

from haidang_collector.centre import records

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from dns.resolver import Resolver
    from haidang_reach.mail import Mail

    from haidang_collector.registry.database import Database

log = logging.getLogger(__name__)

AT_ONCE = 16
AGAIN_SECONDS = 3600.0
"""A domain that was looked up so lately is not asked for again."""
MOST_SECONDS = 240.0
"""Of a round; domains that it does not come to are the first of the next."""
BATCH = 50


def asking(answers_kept: int, servers: list[str] | None = None, port: int = 53) -> Resolver:
    """What `look` asks: the system's name servers, or others; it keeps so many answers, each for its TTL."""
    made = mail.resolver(servers, port)
    made.cache = LRUCache(answers_kept)
    return made


def look(
    database: Database, asking: Resolver, units: Collection[str] = (), *, now: float, most_seconds: float = MOST_SECONDS
) -> Iterator[tuple[str, Mail]]:
    """Each domain with what was found, kept. `asking` may keep answers as long as they hold (TTL)."""
    domains = records.mail_domains(database, units, now - AGAIN_SECONDS)
    until = time.monotonic() + most_seconds
    with ThreadPoolExecutor(AT_ONCE, "mail") as lookers:
        for first in range(0, len(domains), BATCH):
            if time.monotonic() >= until:
                log.warning("%d mail domains are left for the next round", len(domains) - first)
                return
            some = domains[first : first + BATCH]
            found = list(zip(some, lookers.map(lambda domain: _checked(domain, asking), some), strict=True))
            records.keep_mail(database, found, now)
            yield from found


def _checked(domain: str, asking: Resolver) -> Mail:
    try:
        return mail.check(domain, asking)
    except ValueError as wrong:
        return mail.Mail(mx=None, spf=None, dmarc=None, problems={"mx": str(wrong)})
