"""Judges what a web server answered: HTTPS, certificate, headers, cookies, folders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from haidang_agent.certificate import NoCertificateError, validity
from haidang_agent.i18n import _
from haidang_agent.posture.check import Outcome
from haidang_agent.unread import UnreadError
from haidang_agent.website.fetching import REDIRECTS, Page, leads_to
from haidang_agent.website.visit import OK, Unseen, Visit, known

if TYPE_CHECKING:
    from haidang_agent.certificate import Validity

DAY = 86400.0
RENEWAL_DAYS = 21
SHORTEST_HSTS = 180 * DAY
GOOD_VERSIONS = frozenset({"TLSv1.2", "TLSv1.3"})
SERVER_ERROR = 500
MAX_AGE = re.compile(r'max-age\s*=\s*"?([0-9]{1,12})', re.IGNORECASE)
VERSION = re.compile(r"/v?[0-9]|[0-9]+\.[0-9]")
TELLS_VERSION = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version")
SESSION = re.compile(r"sess|sid|auth|token|login|remember", re.IGNORECASE)
READ_BY_SCRIPTS = re.compile(r"xsrf|csrf", re.IGNORECASE)
LISTING = re.compile(
    r"<(?:title|h1)>\s*(?:Index of /|Directory listing for )|\[To Parent Directory\]</a>", re.IGNORECASE
)
"""Apache, nginx, lighttpd, Python and Tomcat; IIS."""


def https(visit: Visit) -> Outcome:
    if isinstance(visit.secure, Unseen):
        return Outcome(passed=False, found=visit.secure.reason)
    if visit.secure.address.scheme != "https":
        return Outcome(passed=False, found=_("leads back to HTTP"))
    return Outcome(passed=True, found=str(visit.secure.address))


def http_redirect(visit: Visit) -> Outcome:
    if isinstance(visit.plain, Unseen) and visit.plain.refused:
        return Outcome(passed=True, found=_("nothing answers by HTTP"))
    last = known(visit.plain)[-1]
    onward = leads_to(last)
    if onward is not None and onward.scheme == "https":
        return Outcome(passed=True, found=f"{last.status} → {onward}")
    if last.status >= SERVER_ERROR:
        raise UnreadError(_("the page answers {status}").format(status=last.status))
    if last.status in REDIRECTS:
        return Outcome(passed=False, found=f"{last.status} → {onward}")
    return Outcome(passed=False, found=_("the page answers {status}").format(status=last.status))


def certificate_trusted(visit: Visit) -> Outcome:
    why = known(visit.untrusted)
    return Outcome(not why, why or _("a known authority vouches for it"))


def certificate_name(visit: Visit) -> Outcome:
    why = known(visit.misnamed)
    return Outcome(not why, why or _("it is of this name"))


def certificate_dates(visit: Visit) -> Outcome:
    dates = _dates(visit)
    if visit.now < dates.not_before:
        return Outcome(passed=False, found=_("valid in {days} days").format(days=_days(dates.not_before - visit.now)))
    if visit.now > dates.not_after:
        return Outcome(passed=False, found=_("expired {days} days ago").format(days=_days(visit.now - dates.not_after)))
    return Outcome(passed=True, found=_("{days} days left").format(days=_days(dates.not_after - visit.now)))


def certificate_renewal(visit: Visit) -> Outcome:
    left = _days(_dates(visit).not_after - visit.now)
    return Outcome(left >= RENEWAL_DAYS, _("{days} days left").format(days=left))


def tls_modern(visit: Visit) -> Outcome:
    version = known(visit.handshake).version
    return Outcome(version in GOOD_VERSIONS, version)


def tls_old(visit: Visit) -> Outcome:
    offered = [name for name, seen in visit.old_versions.items() if seen is True]
    if not offered:
        for seen in visit.old_versions.values():
            known(seen)
    return Outcome(not offered, ", ".join(offered) or _("neither TLS 1.0 nor 1.1"))


def hsts(visit: Visit) -> Outcome:
    page = visit.page()
    if page.address.scheme != "https":
        raise UnreadError(_("there is no page by HTTPS"))
    told = page.header("strict-transport-security")
    age = MAX_AGE.search(told)
    return Outcome(age is not None and int(age[1]) >= SHORTEST_HSTS, told or _("not sent"))


def content_type_options(visit: Visit) -> Outcome:
    told = visit.page().header("x-content-type-options")
    return Outcome(told.strip().lower() == "nosniff", told or _("not sent"))


def frame_protection(visit: Visit) -> Outcome:
    page = visit.page()
    for directive in page.header("content-security-policy").lower().replace(",", ";").split(";"):
        name, *sources = directive.split() or [""]
        if name == "frame-ancestors":
            return Outcome("*" not in sources, directive.strip())
    told = page.header("x-frame-options")
    return Outcome(told.strip().upper() in ("DENY", "SAMEORIGIN"), told or _("not sent"))


def referrer_policy(visit: Visit) -> Outcome:
    page = visit.page()
    told = page.header("referrer-policy") or visit.markup.referrer
    return Outcome(told.strip().lower() not in ("", "unsafe-url"), told or _("not sent"))


def content_security_policy(visit: Visit) -> Outcome:
    page = visit.page()
    told = page.header("content-security-policy") or visit.markup.policy
    return Outcome(bool(told.strip()), told or _("not sent"))


def cookies(visit: Visit) -> Outcome:
    set_cookies = visit.page().cookies
    open_ones = sorted({fault for cookie in set_cookies for fault in _cookie_faults(cookie)})
    if open_ones:
        return Outcome(passed=False, found=", ".join(open_ones))
    return Outcome(passed=True, found=_("{count} set").format(count=len(set_cookies)))


def server_version(visit: Visit) -> Outcome:
    page = visit.page()
    told = [value for name in TELLS_VERSION if VERSION.search(value := page.header(name))]
    return Outcome(not told, ", ".join(told) or _("none is told"))


def directory_listing(visit: Visit) -> Outcome:
    listed = [folder for folder, seen in visit.folders.items() if isinstance(seen, Page) and _is_listing(seen)]
    if not listed:
        for seen in visit.folders.values():
            known(seen)
    return Outcome(not listed, ", ".join(listed) or _("none of the usual folders"))


def _is_listing(page: Page) -> bool:
    return page.status == OK and bool(LISTING.search(page.text()))


def _cookie_faults(cookie: str) -> list[str]:
    """Scripts may need to read a token against cross-site requests, so that alone needs no HttpOnly."""
    first, *attributes = cookie.split(";")
    name = first.partition("=")[0].strip()
    told = {attribute.strip().partition("=")[0].lower() for attribute in attributes}
    faults = [] if "secure" in told else [f"{name}: Secure"]
    if "httponly" not in told and SESSION.search(name) and not READ_BY_SCRIPTS.search(name):
        faults.append(f"{name}: HttpOnly")
    return faults


def _dates(visit: Visit) -> Validity:
    try:
        return validity(known(visit.handshake).certificate)
    except NoCertificateError as broken:
        raise UnreadError(str(broken)) from broken


def _days(seconds: float) -> int:
    return int(seconds // DAY)
