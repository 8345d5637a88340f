"""What the operator may set: environment variables `HAIDANG_*`, read once at the start."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from haidang_isps import BadPrefixesError, Prefixes

from haidang_collector import tenants
from haidang_collector.access.grants import parse_grants
from haidang_collector.centre import ports, school_time
from haidang_collector.centre.school_time import BadCalendarError
from haidang_collector.ingest.egress import parse_networks
from haidang_collector.policy.policy import BadPolicyError, load

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "HAIDANG_"
HIGHEST_PORT = 65535
MOST_WORKERS = 64
BUNDLES = re.compile(r"https://[A-Za-z0-9.:\[\]-]{1,253}(/[A-Za-z0-9._~-]+)*/?")
"""By TLS, for root runs what comes from there; and nothing in it that a shell would read otherwise."""
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class BadSettingError(ValueError):
    """A setting that cannot work; the text names variable, value and the mend."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Sizes in bytes, times in seconds. Each field is the variable `HAIDANG_<FIELD IN CAPITALS>`."""

    database_url: str = "sqlite:////var/lib/haidang/collector.db"
    listen: str = "127.0.0.1:8080"
    workers: int = 1
    """Processes that answer there, for more than one core; at most 64. See docs/ingest.md."""
    store: str = "prometheus"
    """`prometheus`, `victoriametrics`, `victoriametrics-cluster` or `mimir`; the addresses below are by default its."""
    store_tenant: str = ""
    """Of Mimir a name, of VictoriaMetrics' cluster a number; `district`: one for each; empty: one for all."""
    store_ca: str = ""
    """A file of authorities in PEM: they alone are trusted, of a store with `https://`; empty: the usual ones."""
    store_write_url: str = "http://127.0.0.1:9090/api/v1/write"
    store_folder: str = ""
    """Where the store keeps its data on this machine: how full that disk is is told and watched; empty: it is not."""
    prometheus_url: str = "http://127.0.0.1:9090"
    alertmanager_url: str = "http://127.0.0.1:9093"

    max_body_bytes: int = 4 << 20
    max_decoded_bytes: int = 32 << 20
    max_series: int = 20_000
    max_labels: int = 64
    max_samples: int = 200_000
    backfill_window_seconds: float = 30 * 86400.0
    future_tolerance_seconds: float = 300.0
    body_timeout_seconds: float = 30.0
    store_timeout_seconds: float = 10.0
    """With the 4 s that a request may wait for its turn, below the 15 s that agents wait for an answer."""
    agent_samples_per_second: float = 200_000.0
    unit_samples_per_second: float = 300_000.0
    """Over 15 s on end; each request counts for 5,000 samples more. See docs/ingest.md."""
    agent_pushes_per_second: float = 5.0
    """Over 15 s on end; a sound agent makes one every 15 s, and more only while it brings its past."""
    agent_series: int = 20_000
    unit_series: int = 60_000
    """Different series within an hour."""
    connections_per_address: int = 2_000
    """At a time; of an IPv6 address its /64. This machine and trusted proxies have no bound. See docs/ingest.md."""
    backlog_rate: float = 1_000_000.0
    """Samples per second of backlog that all agents together may send; it is shared out between them."""

    isp_prefixes: str = ""
    """A file to tell ISPs by, in the place of the built-in one; empty: that one."""
    trusted_proxies: str = ""
    """Addresses and networks of reverse proxies, with commas: what they say in X-Forwarded-For is believed."""

    policy: str = ""
    """A file of limits in the place of the built-in one; empty: that one."""

    calendar: str = ""
    """A file of terms, holidays and hours in the place of the built-in one; empty: that one. See docs/services.md."""

    portal_ports: str = ports.USUAL
    """Where the centre asks for portals and services for parents; ranges as 8000-8999. See docs/services.md."""

    notify: str = ""
    """A file that says how people are told of incidents; empty: Alertmanager alone tells them. See docs/notify.md."""

    time_zone: str = "Asia/Ho_Chi_Minh"
    """Of the schools: what pages show times in."""
    operator_password: str | None = field(default=None, repr=False)
    """None: machines' doors answer loopback only. Otherwise HTTP Basic, any user name."""

    public_url: str = ""
    """Where people's browsers find the pages, as `https://haidang.example`; OIDC needs it."""
    bundles_url: str = ""
    """Where the department keeps its bundles, as `https://files.example/haidang`; installers are fetched there."""
    oidc_issuer: str = ""
    """The provider, exactly as it writes itself; empty: people log in with passwords only."""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_client_secret_file: str = ""
    """A file that holds it, in the place of the variable. Neither: a public client, guarded by PKCE alone."""
    oidc_name: str = ""
    """What the login page calls the provider; empty: its host name."""
    oidc_role_claim: str = "groups"
    oidc_roles: str = ""
    """What its groups are worth; see `access.grants.parse_grants`. Empty: accounts are made by administrators only."""

    def __post_init__(self) -> None:
        for name in ("store_write_url", "prometheus_url", "alertmanager_url"):
            _check_http_url(name, getattr(self, name))
        try:
            tenants.check(self.store, self.store_tenant, self.store_write_url, self.prometheus_url)
        except ValueError as wrong:
            raise _bad("store", self.store, str(wrong)) from None
        try:
            tenants.authorities(self.store_ca)
        except OSError as wrong:
            raise _bad("store_ca", self.store_ca, f"{wrong}; give a file of certificates in PEM") from None
        _check_folder("store_folder", self.store_folder)
        _check_places(self.public_url, self.bundles_url)
        _check_address("listen", self.listen)
        if self.time_zone not in available_timezones():
            raise _bad("time_zone", self.time_zone, "write a name of the IANA database, as Asia/Ho_Chi_Minh")
        _check_isps(self.isp_prefixes, self.trusted_proxies)
        _check_policy(self.policy)
        _check_calendar(self.calendar)
        _check_ports(self.portal_ports)
        _check_notify(self.notify)
        if "://" not in self.database_url:
            raise _bad("database_url", self.database_url, "write sqlite:////path/to/file.db or postgresql://…")
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, (int, float)) and not (math.isfinite(value) and value > 0):
                raise _bad(each.name, value, "give a number above 0")
        _check_workers(self.workers)
        if self.operator_password == "":
            raise _bad("operator_password", "", "set a password, or remove the variable")
        _check_oidc(self)

    def of_a_worker(self) -> Settings:
        """With its share of what all workers together may take, for each counts for itself.

        An agent's connection is with one of them, so what holds for an agent holds there whole. Series are not divided
        either: agents connect anew now and then, and each worker comes to see those of a whole unit.
        """
        of_unit = self.unit_samples_per_second
        return replace(
            self,
            unit_samples_per_second=max(min(of_unit, self.agent_samples_per_second), of_unit / self.workers),
            backlog_rate=self.backlog_rate / self.workers,
        )

    def oidc_secret(self) -> str:
        """Of the client at the provider; empty for a public one. Raises BadSettingError."""
        if not self.oidc_client_secret_file:
            return self.oidc_client_secret
        try:
            return Path(self.oidc_client_secret_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as wrong:
            raise _bad("oidc_client_secret_file", self.oidc_client_secret_file, str(wrong)) from None


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of this process. Raises BadSettingError."""
    given: dict[str, str | int | float] = {}
    for each in fields(Settings):
        text = environment.get(PREFIX + each.name.upper())
        if text is not None:
            given[each.name] = _read(each.name, text, type(each.default))
    if kind := tenants.KINDS.get(str(given.get("store"))):
        given.setdefault("store_write_url", kind.write_url)
        given.setdefault("prometheus_url", kind.read_url)
    return Settings(**given)  # type: ignore[arg-type]  # _read gives each field the type of its default


def split_address(address: str) -> tuple[str, int]:
    """`127.0.0.1:8080` or `[::1]:8080` as host and port. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= HIGHEST_PORT):
        raise ValueError(f"{address!r} is no host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_sound_url(url: str) -> bool:
    """Whether secrets may be sent there: by TLS, or to this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOCAL_NAMES))


def _read(name: str, text: str, kind: type) -> str | int | float:
    try:
        if kind is int:
            return int(text)
        if kind is float:
            return float(text)
    except ValueError:
        raise _bad(name, text, f"give {'a whole number' if kind is int else 'a number'}, without a unit") from None
    return text


def _check_http_url(name: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise _bad(name, value, "write http://host:port/path")


def _check_places(pages: str, bundles: str) -> None:
    if pages:
        _check_http_url("public_url", pages)
    if bundles and not BUNDLES.fullmatch(bundles):
        raise _bad("bundles_url", bundles, "write https://name/folder, of letters, digits and -._~ only")


def _check_address(name: str, value: str) -> None:
    try:
        split_address(value)
    except ValueError:
        raise _bad(name, value, "write host:port, as 127.0.0.1:8080 or [::]:8080") from None


def _check_folder(name: str, value: str) -> None:
    if value and not Path(value).is_absolute():
        raise _bad(name, value, "write the whole path, as /var/lib/prometheus")


def _check_isps(prefixes: str, proxies: str) -> None:
    try:
        parse_networks(proxies)
    except ValueError as wrong:
        raise _bad("trusted_proxies", proxies, f"{wrong}; write as 10.0.0.5,192.0.2.0/24") from None
    if not prefixes:
        return
    try:
        Prefixes.load(Path(prefixes))
    except (BadPrefixesError, OSError) as wrong:
        raise _bad("isp_prefixes", prefixes, str(wrong)) from None


def _check_policy(file: str) -> None:
    if not file:
        return
    try:
        load(Path(file))
    except BadPolicyError as wrong:
        raise _bad("policy", file, str(wrong)) from None


def _check_calendar(file: str) -> None:
    if not file:
        return
    try:
        school_time.load(Path(file))
    except BadCalendarError as wrong:
        raise _bad("calendar", file, str(wrong)) from None


def _check_ports(text: str) -> None:
    try:
        ports.parse_ports(text)
    except ports.BadPortsError as wrong:
        raise _bad("portal_ports", text, str(wrong)) from None


def _check_notify(file: str) -> None:
    if not file:
        return
    from haidang_collector.notify import settings as notifying  # noqa: PLC0415 - it needs this module itself

    try:
        notifying.load(Path(file))
    except notifying.BadNotifyError as wrong:
        raise _bad("notify", file, str(wrong)) from None


def _check_workers(number: int) -> None:
    if number > MOST_WORKERS:
        raise _bad("workers", number, f"give 1 to {MOST_WORKERS}")


def _check_oidc(given: Settings) -> None:
    try:
        parse_grants(given.oidc_roles)
    except ValueError as wrong:
        raise _bad("oidc_roles", given.oidc_roles, str(wrong)) from None
    given.oidc_secret()
    if not given.oidc_issuer:
        return
    for name in ("oidc_issuer", "public_url"):
        if not is_sound_url(getattr(given, name)):
            raise _bad(name, getattr(given, name), "OIDC asks for https://host/path; http is for this machine only")
    if not given.oidc_client_id:
        raise _bad("oidc_client_id", "", "give the name that the provider knows this collector by")


def _bad(name: str, value: object, mend: str) -> BadSettingError:
    return BadSettingError(f"{PREFIX}{name.upper()}={value!r}: {mend}")
