"""Whether somebody stands in the encrypted connections to the collector and to sites that the centre knows.

The collector's certificate has to be issued by the CA of `[server] ca`, a site's by an authority by which the centre
sees it issued. A site that has a certificate of another authority that this machine trusts has most likely changed it
(the centre learns that within a day), or a filter's authority was installed here: a warning.

The collector is looked at each time; sites hourly, and each time while one of them is odd.
"""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from haidang_agent.i18n import N_
from haidang_agent.intrusion import certificates
from haidang_agent.intrusion.check import Check, Found, Site
from haidang_agent.intrusion.sites import issuers, known_sites
from haidang_agent.lanwatch.incident import SEVERITIES, Evidence, Severity
from haidang_agent.probe import ProbeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from haidang_agent.intrusion.settings import Settings
    from haidang_agent.probe import Memory
    from haidang_agent.tables import Server

MOST_SITES, MOST_TOLD = 8, 4
MEMORY_KEY = "intrusion_tls_sites"
CLOSES_AFTER = 2
FORGED = N_("{names} show certificates of {issuer}, which is none that the centre knows for them")


class Target(NamedTuple):
    """`issuers` as `certificates.judge` takes them; `is_own`: it may have no others, whoever trusts them."""

    name: str
    port: int
    issuers: bytes | str
    is_own: bool


class _Odd(NamedTuple):
    issuer: str
    name: str
    severity: Severity


def run(site: Site) -> Sequence[Found]:
    """Raises ProbeError where there is nothing to compare with, or nobody gives a handshake."""
    collector, sites = list(_collector(site.host.watch.server)), list(_sites(site.settings))
    if not collector and not sites:
        raise ProbeError("misconfigured", "neither [server] ca nor known_issuers: there is nothing to compare with")
    kept, now = _kept(site.host.memory, sites), time.time()
    are_due = kept["looks"] > 0 or not 0 <= now - kept["at"] < site.settings.tls_sites_every_seconds
    targets = [*collector, *(sites if are_due else ())]
    shown = {target: one for target in targets if not site.ending.is_set() and (one := _look(target)) is not None}
    if site.ending.is_set():
        return ()
    if targets and not shown:
        raise ProbeError("timeout", f"no handshake with {', '.join(target.name for target in targets[:MOST_TOLD])}")
    odd = list(_odd(shown))
    if are_due:
        looks = CLOSES_AFTER if any(not target.is_own for target in _strange(shown)) else max(kept["looks"] - 1, 0)
        names = [target.name for target in sites]
        site.host.memory.keep(MEMORY_KEY, {"at": now, "names": names, "looks": looks})
    authorities = dict.fromkeys(each.issuer for each in odd)
    return [_found(name, [each for each in odd if each.issuer == name]) for name in authorities]


def _kept(memory: Memory, sites: Sequence[Target]) -> dict[str, Any]:
    """When the sites were looked at last, and how many looks are to follow at once; never where they were others."""
    kept: dict[str, Any] = memory.recall(MEMORY_KEY) or {}
    is_same = kept.get("names") == [target.name for target in sites]
    return kept if is_same else {"at": float("-inf"), "looks": 0}


def _strange(shown: Mapping[Target, certificates.Shown]) -> list[Target]:
    return [target for target, one in shown.items() if one.judgement != "genuine"]


def _odd(shown: Mapping[Target, certificates.Shown]) -> Iterator[_Odd]:
    for target in _strange(shown):
        is_bad = target.is_own or shown[target].judgement == "foreign"
        yield _Odd(shown[target].issuer, target.name, "critical" if is_bad else "warning")


def _found(issuer: str, shown: Sequence[_Odd]) -> Found:
    names = ", ".join(each.name for each in shown[:MOST_TOLD])
    worst = min((each.severity for each in shown), key=SEVERITIES.index)
    return Found("tls_intercepted", worst, {"issuer": issuer}, Evidence(FORGED, {"names": names, "issuer": issuer}))


def _look(target: Target) -> certificates.Shown | None:
    try:
        return certificates.judge(target.name, target.name, target.port, target.issuers)
    except ssl.SSLError as unusable:
        raise ProbeError("misconfigured", f"certificates for {target.name}: {unusable.reason}") from unusable


def _collector(server: Server | None) -> Iterator[Target]:
    """Where it is served by HTTPS with a CA of the department's own."""
    if server is None or not server.ca:
        return
    parts = urlsplit(server.url)
    if parts.scheme != "https" or not parts.hostname:
        return
    try:
        pinned = Path(server.ca).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as failed:
        raise ProbeError("unreadable", f"[server] ca: {failed}") from failed
    yield Target(parts.hostname, parts.port or certificates.HTTPS, pinned, is_own=True)


def _sites(settings: Settings) -> Iterator[Target]:
    trusted = issuers(settings.known_issuers)
    if trusted:
        for known in known_sites(settings.known_sites)[:MOST_SITES]:
            yield Target(known.name, certificates.HTTPS, trusted, is_own=False)


def _every(settings: Settings) -> float:
    return settings.tls_check_every_seconds


CHECK = Check(
    name="tls_intercepted",
    run=run,
    every=_every,
    kinds={"tls_intercepted": ("critical", "warning")},
    hurries=frozenset({"tls_intercepted"}),
    while_open=300.0,
    closes_after=CLOSES_AFTER,
)
