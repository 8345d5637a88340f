"""Whether a mail domain can take mail and says who may send for it: MX, SPF (RFC 7208) and DMARC (RFC 7489) in the DNS.

What the DNS did not answer is not known, and None; that there is no such record is an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dns.exception
import dns.name
import dns.resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dns.rdtypes.ANY.MX import MX
    from dns.rdtypes.ANY.TXT import TXT

LEAST_LABELS = 2
MOST_LABELS = 8
"""So many steps a search for the policy of a domain above takes."""
SECONDS = 5.0


class UnansweredError(Exception):
    """The DNS did not answer, or its answer was a failure."""


@dataclass(frozen=True, slots=True)
class Mail:
    """True, False, or None where that could not be looked up; `problems` say what is wrong, by check."""

    mx: bool | None
    spf: bool | None
    dmarc: bool | None
    problems: dict[str, str]


def resolver(servers: list[str] | None = None, port: int = 53, seconds: float = SECONDS) -> dns.resolver.Resolver:
    """One that keeps nothing; the system's name servers where none are told. `seconds` are for each question."""
    made = dns.resolver.Resolver(configure=servers is None)
    made.cache, made.lifetime = None, seconds
    if servers is not None:
        made.nameservers, made.port = list(servers), port
    return made


def check(domain: str, asking: dns.resolver.Resolver) -> Mail:
    """Raises ValueError for what is no domain name. It takes up to the resolver's lifetime for each question."""
    try:
        name = dns.name.from_text(domain.strip().rstrip(".").encode("idna").decode())
    except (dns.exception.DNSException, UnicodeError) as wrong:
        raise ValueError(f"{domain!r} is no domain name: {wrong}") from wrong
    if len(name.labels) <= LEAST_LABELS:
        raise ValueError(f"{domain!r} is no domain name: it has no dot")
    found: dict[str, bool | None] = {}
    problems: dict[str, str] = {}
    looks: dict[str, Callable[[dns.name.Name, dns.resolver.Resolver], str]] = {"mx": _mx, "spf": _spf, "dmarc": _dmarc}
    for what, look in looks.items():
        try:
            wrong_with_it = look(name, asking)
        except UnansweredError as failed:
            found[what], problems[what] = None, str(failed)
        else:
            found[what] = not wrong_with_it
            problems |= {what: wrong_with_it} if wrong_with_it else {}
    return Mail(found["mx"], found["spf"], found["dmarc"], problems)


def _mx(name: dns.name.Name, asking: dns.resolver.Resolver) -> str:
    """Empty where all is well, else what is wrong; so do the others."""
    records: list[MX] = _ask(name, "MX", asking)
    if not records:
        return "has no MX record"
    if all(record.exchange == dns.name.root for record in records):
        return "its MX record says that it takes no mail (RFC 7505)"
    return ""


def _spf(name: dns.name.Name, asking: dns.resolver.Resolver) -> str:
    policies = [text for text in _texts(name, asking) if text.lower().split(" ")[0] == "v=spf1"]
    if not policies:
        return "has no SPF record"
    if len(policies) > 1:
        return f"has {len(policies)} SPF records: then none counts (RFC 7208, 4.5)"
    terms = policies[0].lower().split()
    if terms[-1] in ("+all", "all"):
        return "its SPF record lets everybody send for it"
    return ""


def _dmarc(name: dns.name.Name, asking: dns.resolver.Resolver) -> str:
    """Its own policy, else that of the nearest domain above it that has one."""
    for above in _upwards(name):
        policies = [
            tags
            for text in _texts(dns.name.from_text("_dmarc", above), asking)
            if (tags := _tags(text)).get("v") == "DMARC1"
        ]
        if len(policies) > 1:
            return f"has {len(policies)} DMARC records: then none counts (RFC 7489, 6.6.3)"
        if policies and policies[0].get("psd", "").lower() != "y":
            policy = policies[0].get("sp" if above != name and "sp" in policies[0] else "p", "").lower()
            return "" if policy in ("none", "quarantine", "reject") else "its DMARC record has no policy"
    return "has no DMARC record"


def _upwards(name: dns.name.Name) -> Iterator[dns.name.Name]:
    for _ in range(MOST_LABELS):
        if len(name.labels) <= LEAST_LABELS:
            return
        yield name
        name = name.parent()


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";")[:32])
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _texts(name: dns.name.Name, asking: dns.resolver.Resolver) -> list[str]:
    records: list[TXT] = _ask(name, "TXT", asking)
    return [b"".join(record.strings).decode("ascii", "replace").strip() for record in records]


def _ask(name: dns.name.Name, kind: str, asking: dns.resolver.Resolver) -> list[Any]:
    try:
        return list(asking.resolve(name, kind, search=False))
    except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
        return []
    except dns.exception.DNSException as failed:
        raise UnansweredError(f"{name} {kind}: {failed}") from failed
