"""Which store keeps the measurements, where it is asked, and as which tenant each district's are kept apart.

Names of Mimir's tenants: letters, digits and some signs, 150 at most (Grafana Mimir, "About tenant IDs"). Accounts of
VictoriaMetrics' cluster: whole numbers of 32 bits in the path (VictoriaMetrics, "Cluster version", URL format).
"""

from __future__ import annotations

import hashlib
import re
import ssl
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Generator

    from haidang_collector.settings import Settings

HEADER = "X-Scope-OrgID"
PLACEHOLDER = "{tenant}"
"""In addresses that are written to and read: where VictoriaMetrics' cluster expects the account."""
PER_DISTRICT = "district"
CENTRE = "haidang"
"""The tenant of all; with one for each district, that of the city: the registry's facts and rules' results of all."""
CENTRE_ACCOUNT = 0
DISTRICT = "haidang_district"
"""Extension of an httpx request: which district a question is about. Without it, it is asked of the centre's tenant."""
LONGEST_SLUG = 60
_MIMIR_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9!_.*'()-]{1,150}")
_ACCOUNT = re.compile(r"[0-9]{1,10}(:[0-9]{1,10})?")


@dataclass(frozen=True, slots=True)
class Kind:
    """Addresses on this machine; `ready` is a path at the server's root, or empty: `/-/ready` below what is read."""

    write_url: str
    read_url: str
    ready: str = ""


KINDS = {
    "prometheus": Kind("http://127.0.0.1:9090/api/v1/write", "http://127.0.0.1:9090"),
    "victoriametrics": Kind("http://127.0.0.1:8428/api/v1/write", "http://127.0.0.1:8428"),
    "victoriametrics-cluster": Kind(
        f"http://127.0.0.1:8480/insert/{PLACEHOLDER}/prometheus/api/v1/write",
        f"http://127.0.0.1:8481/select/{PLACEHOLDER}/prometheus",
        "/health",
    ),
    "mimir": Kind("http://127.0.0.1:9009/api/v1/push", "http://127.0.0.1:9009/prometheus", "/ready"),
}


def check(store: str, tenant: str, write_url: str, read_url: str) -> None:
    """Raises ValueError where kind of store, tenant and addresses do not go together; the text is the mend."""
    if store not in KINDS:
        raise ValueError(f"give one of {', '.join(KINDS)}")
    if store in ("prometheus", "victoriametrics"):
        if tenant:
            raise ValueError(f"{store} has no tenants; leave HAIDANG_STORE_TENANT empty")
    elif store == "mimir":
        if not _MIMIR_NAME.fullmatch(tenant or CENTRE):
            raise ValueError("a tenant of Mimir has letters, digits and !-_.*'() only, 150 at most")
    elif PLACEHOLDER not in write_url:
        raise ValueError(f"write {PLACEHOLDER} in HAIDANG_STORE_WRITE_URL, where the account stands")
    elif tenant == PER_DISTRICT and PLACEHOLDER not in read_url:
        raise ValueError(f"write {PLACEHOLDER} in HAIDANG_PROMETHEUS_URL, where the account stands")
    elif tenant != PER_DISTRICT and not _ACCOUNT.fullmatch(tenant or "0"):
        raise ValueError(f"an account is a number, as 7 or 7:1; {PER_DISTRICT}: one for each")


def authorities(file: str) -> ssl.SSLContext | None:
    """Trusts those of a PEM file and no others; None without a file: the usual ones hold. Raises OSError."""
    return ssl.create_default_context(cafile=file) if file else None


def tenant_of(district: str) -> str:
    """A name that Mimir takes: `Quận 1` is `quan-1-` with eight digits, which keep apart what reads alike."""
    plain = unicodedata.normalize("NFKD", district.casefold().replace("đ", "d")).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_SLUG]
    return f"{slug}-{_digest(district)[:4].hex()}".lstrip("-")


def account_of(district: str) -> int:
    """A number that VictoriaMetrics' cluster takes; never the centre's."""
    return int.from_bytes(_digest(district)[:4]) or 1


def ready_url(settings: Settings) -> str:
    """Where the store says whether it takes part."""
    path = KINDS[settings.store].ready
    if not path:
        return settings.prometheus_url.rstrip("/") + "/-/ready"
    return urlsplit(settings.store_write_url)._replace(path=path, query="").geturl()


class Tenants:
    """Whose each thing is, of one store. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._write_url = settings.store_write_url
        self._by_header = settings.store == "mimir"
        self._each = settings.store_tenant == PER_DISTRICT
        centre = CENTRE if self._by_header else str(CENTRE_ACCOUNT)
        self._one = centre if self._each else settings.store_tenant or centre

    def write_url(self, district: str) -> str:
        """Where measurements of a unit of `district` go."""
        return self._write_url.replace(PLACEHOLDER, self._of(district))

    def write_headers(self, district: str) -> dict[str, str]:
        """Who they belong to."""
        return {HEADER: self._of(district)} if self._by_header else {}

    def mark(self, request: httpx.Request) -> None:
        """Directs a question to the one tenant that has what it is about (`DISTRICT`)."""
        tenant = self._of(request.extensions.get(DISTRICT, ""))
        if self._by_header:
            request.headers[HEADER] = tenant
        else:
            request.url = httpx.URL(str(request.url).replace(quote(PLACEHOLDER), tenant))

    def _of(self, district: str) -> str:
        if not (self._each and district):
            return self._one
        return tenant_of(district) if self._by_header else str(account_of(district))


class Reader(httpx.Auth):
    """Directs every request of a client to its tenant, with the name and password that the address may hold."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        self._tenants.mark(request)
        url = request.url
        if url.userinfo:
            yield from httpx.BasicAuth(url.username, url.password).auth_flow(request)
        else:
            yield request


def _digest(district: str) -> bytes:
    return hashlib.sha256(district.encode()).digest()
