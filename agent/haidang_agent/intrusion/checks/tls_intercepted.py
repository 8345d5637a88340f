"""Whether somebody stands in the encrypted connections to the collector and to sites that the centre knows.

The collector's certificate has to be issued by the CA of `[server] ca`, a site's by an authority by which the centre
sees it issued. A site that has a certificate of another authority that this machine trusts has most likely changed it
(the centre learns that within a day), or a filter's authority was installed here: a warning.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from haidang_agent.i18n import N_
from haidang_agent.intrusion import certificates
from haidang_agent.intrusion.check import Check, Found, Site
from haidang_agent.intrusion.sites import issuers, known_sites
from haidang_agent.lanwatch.incident import SEVERITIES, Evidence, Severity
from haidang_agent.probe import ProbeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haidang_agent.intrusion.settings import Settings
    from haidang_agent.tables import Server

MOST_SITES, MOST_TOLD = 8, 4
FORGED = N_("{names} show certificates of {issuer}, which is none that the centre knows for them")


class Target(NamedTuple):
    """`issuers` as `certificates.judge` takes them; `is_own`: it may have no others, whoever trusts them."""

    name: str
    port: int
    issuers: bytes | str
    is_own: bool


def run(site: Site) -> Sequence[Found]:
    """Raises ProbeError where there is nothing to compare with, or nobody gives a handshake."""
    targets = [*_collector(site.host.watch.server), *_sites(site.settings)]
    if not targets:
        raise ProbeError("misconfigured", "neither [server] ca nor known_issuers: there is nothing to compare with")
    strange: dict[str, list[tuple[str, Severity]]] = {}
    answered = False
    for target in targets:
        if site.ending.is_set():
            return ()
        shown = _look(target)
        answered = answered or shown is not None
        if shown is not None and shown.judgement != "genuine":
            severity: Severity = "critical" if target.is_own or shown.judgement == "foreign" else "warning"
            strange.setdefault(shown.issuer, []).append((target.name, severity))
    if not answered:
        raise ProbeError("timeout", f"no handshake with {', '.join(target.name for target in targets[:MOST_TOLD])}")
    return [_found(issuer, shown) for issuer, shown in strange.items()]


def _found(issuer: str, shown: Sequence[tuple[str, Severity]]) -> Found:
    names = ", ".join(name for name, _ in shown[:MOST_TOLD])
    worst = min((severity for _, severity in shown), key=SEVERITIES.index)
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
)
