"""Whether the school's name servers tell the truth, where the truth cannot differ from place to place.

Two made-up names, which do not exist anywhere; and the sites that the centre knows: one that always lies in the same
networks must lie there, and none may lie in a private network. Sites that are spread over the world may be anywhere,
but several of different owners do not share one address. Whoever shows the site's certificate at the odd address is
the site: that settles it.
"""

from __future__ import annotations

import secrets
import ssl
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.intrusion import certificates
from haidang_agent.intrusion.check import Check, Found, Site
from haidang_agent.intrusion.names import addresses, name_servers
from haidang_agent.intrusion.sites import issuers, known_sites
from haidang_agent.lanwatch.incident import Evidence, Severity
from haidang_agent.probe import ProbeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from ipaddress import IPv4Address

    from haidang_agent.intrusion.settings import Settings
    from haidang_agent.intrusion.sites import Site as Known

MADE_UP_BYTES = 12
CROWD = 3
"""Sites of so many owners at one address are odd."""
OWNER_LABELS, SHARED_ENDINGS = 2, frozenset({"edu", "com", "gov", "net", "org", "ac", "co"})
MOST_PROOFS, MOST_TOLD = 8, 4

REDIRECTED = N_("{server} has the address {address} for names that do not exist ({names})")
LIES = N_("{server} tells other addresses of {names} than the centre sees")

Answers = dict[str, list["IPv4Address"]]


def run(site: Site) -> Sequence[Found]:
    """Raises ProbeError where no name server is known, none answers, or the settings cannot be read."""
    known = known_sites(site.settings.known_sites)
    trusted = issuers(site.settings.known_issuers)
    try:
        servers = name_servers()
    except OSError as failed:
        raise ProbeError("unreadable", f"resolv.conf: {failed.strerror}") from failed
    if not servers:
        raise ProbeError("unsupported", "this machine has no name server of IPv4")
    found: list[Found] = []
    answered = False
    for server in servers:
        told = _ask(site, server, known)
        answered = answered or told is not None
        found += _judge(site, server, told or {}, known, trusted)
    if not answered and not site.ending.is_set():
        raise ProbeError("timeout", f"no answer from {', '.join(map(str, servers))}")
    return found


def _ask(site: Site, server: IPv4Address, known: Sequence[Known]) -> Answers | None:
    """The addresses of each name that has one; None where the server is silent."""
    made_up = [f"{secrets.token_hex(MADE_UP_BYTES)}.{domain}" for domain in site.settings.missing_under]
    told: Answers = {}
    for name in (*made_up, *(each.name for each in known)):
        if site.ending.is_set():
            return told
        answer = addresses(name, server)
        if answer is None and not told:
            return None
        told[name] = answer or []
    return told


def _judge(site: Site, server: IPv4Address, told: Answers, known: Sequence[Known], trusted: bytes) -> Iterator[Found]:
    """One incident a server, of the worst that it does."""
    subject = {"server": str(server)}
    lies = list(_lies(site, told, known, trusted))
    names = {each.name for each in known}
    invented = {name: where for name, where in told.items() if where and name not in names}
    severity: Severity = "critical" if lies else "warning"
    if lies:
        values = {"server": str(server), "names": ", ".join(lies[:MOST_TOLD])}
        yield Found("dns_tampered", severity, subject, Evidence(LIES, values))
    elif invented:
        values = {"server": str(server), "address": str(next(iter(invented.values()))[0])}
        values["names"] = ", ".join("*." + name.partition(".")[2] for name in invented)
        yield Found("dns_tampered", severity, subject, Evidence(REDIRECTED, values))


def _lies(site: Site, told: Answers, known: Sequence[Known], trusted: bytes) -> Iterator[str]:
    """Names, and the addresses that are not theirs."""
    crowded = _crowded({each.name: told.get(each.name, []) for each in known if not each.networks})
    proofs = 0
    for each in known:
        odd = [address for address in told.get(each.name, []) if each.is_odd(address) or address in crowded]
        if not odd or site.ending.is_set():
            continue
        if trusted and proofs < MOST_PROOFS:
            proofs += 1
            if _is_the_site(each.name, odd[0], trusted):
                continue
        yield f"{each.name} ({odd[0]})"


def _crowded(told: Mapping[str, Sequence[IPv4Address]]) -> set[IPv4Address]:
    """Addresses that sites of many owners have."""
    owners: dict[IPv4Address, set[str]] = {}
    for name, where in told.items():
        for address in where:
            owners.setdefault(address, set()).add(owner(name))
    return {address for address, names in owners.items() if len(names) >= CROWD}


def owner(name: str) -> str:
    """The part of a name that is registered: `hcm.edu.vn` of `httt.hcm.edu.vn`, `e-ict.vn` of `www.e-ict.vn`."""
    labels = name.split(".")
    shared = len(labels) > OWNER_LABELS and labels[-2] in SHARED_ENDINGS
    return ".".join(labels[-(OWNER_LABELS + shared) :])


def _is_the_site(name: str, address: IPv4Address, trusted: bytes) -> bool:
    try:
        shown = certificates.judge(name, str(address), certificates.HTTPS, trusted)
    except ssl.SSLError as unusable:
        raise ProbeError(
            "misconfigured", f"known_issuers: {unusable.reason}; `haidang views` writes them"
        ) from unusable
    return shown is not None and shown.judgement == "genuine"


def _every(settings: Settings) -> float:
    return settings.dns_check_every_seconds


CHECK = Check(
    name="dns_tampered",
    run=run,
    every=_every,
    kinds={"dns_tampered": ("critical", "warning")},
    hurries=frozenset({"dns_tampered"}),
)
