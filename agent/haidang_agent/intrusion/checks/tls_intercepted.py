"""Whether somebody stands in the encrypted connections to the collector and to sites that the centre knows.

The collector's certificate has to be issued by the CA of `[server] ca`, a site's by an authority by which the centre
sees it issued. A site that has a certificate of another authority that this machine trusts has most likely changed it
(the centre learns that within a day), or a filter's authority was installed here: a warning.

They are looked at in turn, one at a time; all at once at the very first, and when one turns out to be odd. What is odd
is looked at again each minute.
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
MEMORY_KEY = "intrusion_tls"
AGAIN_SECONDS = 60.0
FORGED = N_("{names} show certificates of {issuer}, which is none that the centre knows for them")


class Target(NamedTuple):
    """`issuers` as `certificates.judge` takes them; `is_own`: it may have no others, whoever trusts them."""

    name: str
    port: int
    issuers: bytes | str
    is_own: bool


class _Odd(NamedTuple):
    name: str
    issuer: str
    severity: Severity


def run(site: Site) -> Sequence[Found]:
    """Raises ProbeError where there is nothing to compare with, or nobody gives a handshake."""
    targets = [*_collector(site.host.watch.server), *_sites(site.settings)]
    if not targets:
        raise ProbeError("misconfigured", "neither [server] ca nor known_issuers: there is nothing to compare with")
    kept, now = _kept(site.host.memory, targets), time.time()
    before = [_Odd(*each) for each in kept["odd"]]
    is_due = not 0 <= now - kept["at"] < AGAIN_SECONDS
    again = [target for target in targets if is_due and target.name in {each.name for each in before}]
    shown = _look_at(site, targets if kept["turn"] is None else again)
    turn = kept["turn"] or 0
    if not shown:
        shown = _first_of(site, [*targets[turn:], *targets[:turn]])
        turn = next(((targets.index(target) + 1) % len(targets) for target in shown), turn)
    if site.ending.is_set():
        return ()
    if not shown:
        raise ProbeError("timeout", f"no handshake with {', '.join(target.name for target in targets[:MOST_TOLD])}")
    odd = _odd(shown, before)
    if odd and not before:
        shown |= _look_at(site, [target for target in targets if target not in shown])
        odd = _odd(shown, before)
    at = now if again or not before else kept["at"]
    site.host.memory.keep(MEMORY_KEY, {"names": _names(targets), "turn": turn, "odd": odd, "at": at})
    authorities = dict.fromkeys(each.issuer for each in odd)
    return [_found(name, [each for each in odd if each.issuer == name]) for name in authorities]


def _kept(memory: Memory, targets: Sequence[Target]) -> dict[str, Any]:
    """Whose turn it is, what was odd, and when that was looked at; nothing of it where the targets were others."""
    kept: dict[str, Any] = memory.recall(MEMORY_KEY) or {}
    return kept if kept.get("names") == _names(targets) else {"turn": None, "odd": [], "at": 0.0}


def _names(targets: Sequence[Target]) -> list[str]:
    return [target.name for target in targets]


def _look_at(site: Site, targets: Sequence[Target]) -> dict[Target, certificates.Shown]:
    """Those that gave a handshake."""
    return {target: one for target in targets if not site.ending.is_set() and (one := _look(target)) is not None}


def _first_of(site: Site, targets: Sequence[Target]) -> dict[Target, certificates.Shown]:
    """The first that gives a handshake."""
    for target in targets:
        if shown := _look_at(site, [target]):
            return shown
    return {}


def _odd(shown: Mapping[Target, certificates.Shown], before: Sequence[_Odd]) -> list[_Odd]:
    """Of those shown now; and what was odd before, of those that are not."""
    odd = [each for each in before if each.name not in {target.name for target in shown}]
    for target, one in shown.items():
        if one.judgement != "genuine":
            is_bad = target.is_own or one.judgement == "foreign"
            odd.append(_Odd(target.name, one.issuer, "critical" if is_bad else "warning"))
    return odd


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
)
