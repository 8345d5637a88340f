"""Views as agents are told them, in `[probes.intrusion]`: laid over what they were told before.

A site that is seen in more and more places is spread over the world: then no place is told. An issuer that was told
stays, for schools may see it still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from haidang_collector.views.looking import View

MOST_NETWORKS = 4
MOST_ISSUERS = 32

Tables = dict[str, Any]


def names_of(tables: Mapping[str, Any]) -> list[str]:
    """The hosts of `[[service]]`."""
    hosts = (urlsplit(service.get("url", "")).hostname for service in tables.get("service", ()))
    return list(dict.fromkeys(host for host in hosts if host and "." in host))


def settings(views: Iterable[View], before: Mapping[str, Any]) -> Tables:
    """`known_sites` and `known_issuers`; `before` is the section as it is."""
    sites: dict[str, set[str] | None] = {}
    for text in before.get("known_sites", ()):
        name, *networks = text.split()
        sites[name] = set(networks) or None
    issuers = dict.fromkeys(before.get("known_issuers", ()))
    for view in views:
        if view.networks:
            told = sites.get(view.name, set())
            seen = None if told is None else told | set(map(str, view.networks))
            sites[view.name] = seen if seen and len(seen) <= MOST_NETWORKS else None
        if view.issuer:
            issuers.pop(view.issuer, None)
            issuers[view.issuer] = None
    return {
        "known_sites": [" ".join((name, *sorted(networks or ()))) for name, networks in sorted(sites.items())],
        "known_issuers": sorted(list(issuers)[-MOST_ISSUERS:]),
    }


def laid_over(tables: Mapping[str, Any], told: Tables) -> Tables:
    """The default configuration with these settings."""
    probes = dict(tables.get("probes", {}))
    probes["intrusion"] = {**probes.get("intrusion", {}), **told}
    return {**tables, "probes": probes}
