"""Which store keeps the measurements, where it is asked, and as which tenant each district's are kept apart.

Names of Mimir's tenants: letters, digits and some signs, 150 at most (Grafana Mimir, "About tenant IDs"). Accounts of
VictoriaMetrics' cluster: whole numbers of 32 bits in the path (VictoriaMetrics, "Cluster version", URL format).
"""

from __future__ import annotations

import hashlib
import re
import ssl
import time
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
from anyio import to_thread
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.registry.models import Unit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from haidang_collector.registry.database import Database
    from haidang_collector.settings import Settings

HEADER = "X-Scope-OrgID"
PLACEHOLDER = "{tenant}"
"""In the address that is written to: where VictoriaMetrics' cluster expects the account."""
PER_DISTRICT = "district"
CENTRE = "haidang"
"""The tenant of all, and with one for each district that of rules' results and of the registry's facts."""
CENTRE_ACCOUNT = 0
LONGEST_SLUG = 60
DISTRICTS_SECONDS = 60.0
"""How long a district that is new in the registry may be missing from what is read."""
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
        "http://127.0.0.1:8481/select/0/prometheus",
        "/health",
    ),
    "mimir": Kind("http://127.0.0.1:9009/api/v1/push", "http://127.0.0.1:9009/prometheus", "/ready"),
}


def check(store: str, tenant: str, write_url: str) -> None:
    """Raises ValueError where kind of store, tenant and address do not go together; the text is the mend."""
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
    """Addresses and headers of one store. Safe to share between threads."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._write_url = settings.store_write_url
        self._by_header = settings.store == "mimir"
        self._fixed = "" if settings.store_tenant == PER_DISTRICT else settings.store_tenant
        self._each = settings.store_tenant == PER_DISTRICT
        self._database = database
        self._known: tuple[float, str] = (float("-inf"), CENTRE)

    def write_url(self, district: str) -> str:
        """Where measurements of a unit of `district` go."""
        account = str(account_of(district)) if self._each else self._fixed or str(CENTRE_ACCOUNT)
        return self._write_url.replace(PLACEHOLDER, account)

    def write_headers(self, district: str) -> dict[str, str]:
        """Who they belong to."""
        if not self._by_header:
            return {}
        return {HEADER: tenant_of(district) if self._each else self._fixed or CENTRE}

    def read_headers(self, district: str) -> dict[str, str]:
        """For a question about `district`, or about a unit of it."""
        if not self._by_header:
            return {}
        return {HEADER: f"{CENTRE}|{tenant_of(district)}" if self._each else self._fixed or CENTRE}

    @property
    def asks_registry(self) -> bool:
        """Whether a question about all may wait for it: it names every district."""
        return self._by_header and self._each

    def city_headers(self) -> dict[str, str]:
        """For a question about all. May wait for the registry; raises SQLAlchemyError."""
        if not self.asks_registry:
            return self.read_headers("")
        read_at, tenants = self._known
        if time.monotonic() - read_at >= DISTRICTS_SECONDS:
            with self._database.read() as connection:
                districts = connection.scalars(select(Unit.district).distinct()).all()
            tenants = "|".join([CENTRE, *sorted(map(tenant_of, districts))])
            self._known = time.monotonic(), tenants
        return {HEADER: tenants}


class CityReader(httpx.Auth):
    """Marks every request of a client as a question about the whole city.

    Raises httpx.RequestError where the registry does not say which districts there are.
    """

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        self._mark(request)
        yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        if self._tenants.asks_registry:
            await to_thread.run_sync(self._mark, request)
        else:
            self._mark(request)
        yield request

    def _mark(self, request: httpx.Request) -> None:
        try:
            request.headers.update(self._tenants.city_headers())
        except SQLAlchemyError as failed:
            raise httpx.RequestError("the registry does not answer", request=request) from failed


def _digest(district: str) -> bytes:
    return hashlib.sha256(district.encode()).digest()
