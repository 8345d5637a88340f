"""All checks of a website, each with what it found."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from haidang_agent.posture.check import judged
from haidang_agent.posture.telling import worst_first
from haidang_agent.website import answers, contents
from haidang_agent.website.catalogue import CHECKS
from haidang_agent.website.visit import visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_reach.address import Address

    from haidang_agent.posture.check import Finding, Outcome
    from haidang_agent.website.visit import Visit

READERS: dict[str, Callable[[Visit], Outcome]] = {
    "defacement": contents.defacement,
    "injected_spam": contents.injected_spam,
    "mixed_content": contents.mixed_content,
    "https": answers.https,
    "http_redirect": answers.http_redirect,
    "certificate_trusted": answers.certificate_trusted,
    "certificate_name": answers.certificate_name,
    "certificate_dates": answers.certificate_dates,
    "certificate_renewal": answers.certificate_renewal,
    "tls_modern": answers.tls_modern,
    "tls_old": answers.tls_old,
    "hsts": answers.hsts,
    "content_type_options": answers.content_type_options,
    "frame_protection": answers.frame_protection,
    "referrer_policy": answers.referrer_policy,
    "content_security_policy": answers.content_security_policy,
    "cookies": answers.cookies,
    "server_version": answers.server_version,
    "directory_listing": answers.directory_listing,
}
"""By the check's id; each raises UnreadError."""


def examine(site: Address, now: float, ca: str = "") -> list[Finding]:
    """Look once, the worst first; `now` in Unix seconds. Raises UnreadError where the site does not answer at all."""
    seen = visit(site, now, ca)
    return worst_first([judged(check, partial(READERS[check.id], seen)) for check in CHECKS])
