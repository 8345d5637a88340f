"""Addresses of web pages (RFC 3986), as far as asking for one needs them."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

PORTS = {"http": 80, "https": 443}
AS_THEY_ARE = "/?&=%:;,@!$'()*+-._~[]"
"""Characters of a path and a query that are sent as they stand."""
LONGEST = 4096


class Address(NamedTuple):
    """`host` in ASCII (IDNA), `target` what stands behind it: path and query."""

    scheme: str
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """As the header Host has it (RFC 9110, 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def by(self, scheme: str) -> Address:
        """The same page by this scheme, on its usual port where that is another scheme's."""
        return self if scheme == self.scheme else self._replace(scheme=scheme, port=PORTS[scheme])

    def same_site(self, host: str) -> bool:
        """With `www.` and without is one site."""
        return self.host.removeprefix("www.") == host.removeprefix("www.")

    def towards(self, location: str) -> Address:
        """Where a link of this page leads. Raises ValueError for what is no page of the web."""
        return parse(urljoin(str(self), location.strip()[: LONGEST + 1]))


def parse(url: str) -> Address:
    """Raises ValueError that says what is wrong, and repeats no password."""
    if len(url) > LONGEST:
        raise ValueError(f"the address has more than {LONGEST} characters")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"{url!r} is no address of a website; write https://name/") from None
    if "@" in parts.netloc:
        raise ValueError("the address has a user name in it; leave that out")
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is no address of a website; write https://name/")
    host = parts.hostname if ":" in parts.hostname else parts.hostname.encode("idna").decode()
    if not host.isprintable() or set(host) & set(" /\\<>\"'%"):
        raise ValueError(f"{url!r} has a host name that is none")
    target = quote(parts.path or "/", AS_THEY_ARE) + (f"?{quote(parts.query, AS_THEY_ARE)}" if parts.query else "")
    return Address(parts.scheme, host, parts.port or PORTS[parts.scheme], target)


def proxy_at(where: str, url: str) -> Address | None:
    """None for an empty one. Raises ValueError, which names `where` it stands, for what is no proxy by HTTP."""
    if not url:
        return None
    try:
        proxy = parse(url)
        if proxy.scheme != "http":
            raise ValueError(f"{url!r} is not spoken to by HTTP; write http://name:port")
    except ValueError as wrong:
        raise ValueError(f"{where}: {wrong}") from wrong
    return proxy
