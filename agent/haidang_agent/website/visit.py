"""Everything that the checks need to know of a website, asked once and within one deadline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from haidang_agent.dialling import Deadline, NoAnswerError, RefusedError
from haidang_agent.i18n import _
from haidang_agent.unread import UnreadError
from haidang_agent.website import tls
from haidang_agent.website.fetching import MOST_REDIRECTS, SEARCH_ENGINE, Page, ask, fetch, leads_to
from haidang_agent.website.hello import TLS_1_0, TLS_1_1, speaks
from haidang_agent.website.markup import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from haidang_reach.address import Address

    from haidang_agent.website.markup import Markup

T = TypeVar("T")

SECONDS = 20.0
FOLDERS = ("/", "/images/", "/uploads/", "/wp-content/uploads/")
LISTING_BYTES = 65536
"""A listing says at its beginning that it is one."""
OK = 200


@dataclass(frozen=True, slots=True)
class Unseen:
    """What could not be asked, and why; `refused` where nothing listens there."""

    reason: str
    refused: bool = False


@dataclass(frozen=True)
class Visit:
    """`plain` is the way by HTTP, up to where it leads to HTTPS.

    `untrusted` and `misnamed` are empty where all is well.
    """

    now: float
    secure: Page | Unseen
    plain: tuple[Page, ...] | Unseen
    handshake: tls.Handshake | Unseen
    untrusted: str | Unseen
    misnamed: str | Unseen
    old_versions: Mapping[str, bool | Unseen]
    folders: Mapping[str, Page | Unseen]
    to_search_engines: Page | Unseen

    @cached_property
    def markup(self) -> Markup:
        """Of the page. Raises UnreadError as it does."""
        page = self.page()
        return read(page.text(), page.address)

    def page(self) -> Page:
        """What a visitor sees at last. Raises UnreadError where that is no page of this site."""
        shown = self.secure if isinstance(self.secure, Page) else known(self.plain)[-1]
        if shown.status == OK:
            return shown
        onward = leads_to(shown)
        if onward is not None:
            raise UnreadError(_("the address leads to another site, {host}").format(host=onward.host))
        raise UnreadError(_("the page answers {status}").format(status=shown.status))


def visit(site: Address, now: float, ca: str = "", seconds: float = SECONDS) -> Visit:
    """`now` in Unix seconds, `ca` a PEM file of further CAs. Raises UnreadError where nothing answers at all."""
    deadline = Deadline(seconds)
    by_tls = site.by("https")
    secure = _look(partial(fetch, by_tls, deadline))
    plain = _look(partial(_plain_way, site.by("http"), deadline))
    if isinstance(secure, Unseen) and isinstance(plain, Unseen):
        raise UnreadError(_("the website does not answer: {why}").format(why=secure.reason))
    handshake = _look(partial(tls.handshake, by_tls, deadline))
    shown = secure.address if isinstance(secure, Page) else known(plain)[-1].address
    old = {"TLS 1.0": TLS_1_0, "TLS 1.1": TLS_1_1}
    if isinstance(handshake, Unseen):
        untrusted: str | Unseen = handshake
        misnamed: str | Unseen = handshake
    else:
        untrusted = _look(partial(tls.untrusted, by_tls, ca, deadline))
        misnamed = _look(partial(tls.misnamed, by_tls, handshake.certificate, deadline))
    return Visit(
        now,
        secure,
        plain,
        handshake,
        untrusted,
        misnamed,
        {name: _look(partial(speaks, by_tls.host, by_tls.port, version, deadline)) for name, version in old.items()},
        {
            folder: _look(partial(ask, shown._replace(target=folder), deadline, most_bytes=LISTING_BYTES))
            for folder in FOLDERS
        },
        _look(partial(fetch, shown, deadline, SEARCH_ENGINE)),
    )


def known(seen: T | Unseen) -> T:
    """Raises UnreadError."""
    if isinstance(seen, Unseen):
        raise UnreadError(_("no answer: {why}").format(why=seen.reason))
    return seen


def _look(asking: Callable[[], T]) -> T | Unseen:
    try:
        return asking()
    except NoAnswerError as failed:
        return Unseen(str(failed), isinstance(failed, RefusedError))


def _plain_way(address: Address, deadline: Deadline) -> tuple[Page, ...]:
    pages: list[Page] = []
    while len(pages) <= MOST_REDIRECTS:
        pages.append(ask(address, deadline))
        onward = leads_to(pages[-1])
        if onward is None or onward.scheme == "https" or not address.same_site(onward.host):
            break
        address = onward
    return tuple(pages)
