"""One page by HTTP, bounded: 2 MB whether compressed or not, five redirects and those within the site only."""

from __future__ import annotations

import http.client
import re
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from haidang_agent.dialling import NoAnswerError, Stream, anything, connect, secure

if TYPE_CHECKING:
    import socket

    from haidang_reach.address import Address

    from haidang_agent.dialling import Deadline

MOST_BYTES = 2_000_000
MOST_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
BROWSER = "Mozilla/5.0 (compatible; haidang-agent)"
SEARCH_ENGINE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
"""Injected pages often show themselves to search engines only."""
ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS
CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
HEAD_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Page:
    """`headers` by lower-case name, in order; `cookies` as set on the way; `whole` unless it was cut at the bound."""

    address: Address
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool
    cookies: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        """All values, parted by commas; empty where there is none."""
        return ", ".join(value for key, value in self.headers if key == name)

    def text(self) -> str:
        """By the charset that the header or the page says, else UTF-8."""
        told = CHARSET.search(self.header("content-type")) or CHARSET.search(self.body[:HEAD_BYTES].decode("latin-1"))
        try:
            return self.body.decode(told[1] if told else "utf-8", errors="replace")
        except LookupError:
            return self.body.decode(errors="replace")


def fetch(address: Address, deadline: Deadline, client: str = BROWSER) -> Page:
    """The page to which `address` leads within its site. Raises NoAnswerError."""
    cookies: tuple[str, ...] = ()
    for _ in range(MOST_REDIRECTS + 1):
        page = ask(address, deadline, client)
        cookies += tuple(value for name, value in page.headers if name == "set-cookie")
        onward = leads_to(page)
        if onward is None or not address.same_site(onward.host):
            return replace(page, cookies=cookies)
        address = onward
    raise NoAnswerError(f"{address}: redirects more than {MOST_REDIRECTS} times")


def leads_to(page: Page) -> Address | None:
    """Where a redirect leads, if the page is one. Raises NoAnswerError."""
    if page.status not in REDIRECTS:
        return None
    location = page.header("location").encode("latin-1", "replace").decode(errors="replace")
    try:
        return page.address.towards(location)
    except ValueError as wrong:
        raise NoAnswerError(f"{page.address}: its redirect: {wrong}") from None


def ask(address: Address, deadline: Deadline, client: str = BROWSER, most_bytes: int = MOST_BYTES) -> Page:
    """One request, no redirect followed, no certificate checked. Raises NoAnswerError."""
    patience = deadline.part()
    try:
        if address.scheme == "https":
            connection: socket.socket = secure(address.host, address.port, anything(), patience)
        else:
            connection = connect(address.host, address.port, patience)
        with connection:
            connection.sendall(_request(address, client))
            return _read(address, connection, patience, most_bytes)
    except (OSError, http.client.HTTPException, ValueError, zlib.error) as failed:
        raise NoAnswerError(f"{address}: {str(failed) or type(failed).__name__}") from failed


def _request(address: Address, client: str) -> bytes:
    lines = (
        f"GET {address.target} HTTP/1.1",
        f"Host: {address.authority}",
        f"User-Agent: {client}",
        "Accept: text/html,*/*;q=0.1",
        "Accept-Encoding: identity",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


def _read(address: Address, connection: socket.socket, deadline: Deadline, most_bytes: int) -> Page:
    response = http.client.HTTPResponse(cast("socket.socket", Stream(connection, deadline)), method="GET")
    with response:
        response.begin()
        body = response.read(most_bytes)
        whole = not response.read(1) and not response.length
    body, unpacked_whole = _unpacked(body, (response.getheader("content-encoding") or "").strip().lower(), most_bytes)
    headers = tuple((name.lower(), value) for name, value in response.getheaders())
    return Page(address, response.status, headers, body, whole and unpacked_whole)


def _unpacked(body: bytes, encoding: str, most_bytes: int) -> tuple[bytes, bool]:
    """Servers that were asked not to may compress all the same."""
    if encoding in ("", "identity"):
        return body, True
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"is encoded as {encoding!r}, which was not asked for")
    packed = zlib.decompressobj(ZLIB_OR_GZIP)
    plain = packed.decompress(body, most_bytes)
    return plain, not packed.unconsumed_tail
