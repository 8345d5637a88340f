"""What a part of the city is called in Grafana: the same names every time, so that a second run finds the first."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_collector.access.visitor import Scope
from haidang_collector.registry.unit_words import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

TITLE = "Hải Đăng"
"""Dashboards offer data sources that begin so."""
UID = "haidang"
CITY = "city"
LONGEST_UID = 40
"""Grafana's bound."""
LONGEST_SLUG = 22
"""With that of a dashboard before it, as `hd-students-vi-`, within Grafana's bound."""
HASH_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Part:
    """The city or a district. `uid` is that of its data source and of its folder, `title` their name."""

    scope: Scope
    slug: str

    @property
    def uid(self) -> str:
        return UID if self.scope.city else f"{UID}-{self.slug}"

    @property
    def title(self) -> str:
        return TITLE if self.scope.city else f"{TITLE} · {self.scope.district}"

    @property
    def team(self) -> str:
        return f"{UID}-{self.slug}"

    @property
    def variable(self) -> str:
        """Of the environment, that holds its token for file provisioning."""
        return f"HAIDANG_GRAFANA_TOKEN_{self.slug.upper().replace('-', '_')}"


def parts_of(districts: Iterable[str]) -> list[Part]:
    """The city, then its districts by name."""
    names = sorted(set(districts))
    counts = Counter([CITY, *map(_dashed, names)])
    parts = [Part(Scope(), CITY)]
    for name in names:
        dashed = _dashed(name)
        alone = bool(dashed) and counts[dashed] == 1 and len(dashed) <= LONGEST_SLUG
        parts.append(Part(Scope(district=name), dashed if alone else _hashed(dashed, name)))
    return parts


def _dashed(name: str) -> str:
    """`Quận Gò Vấp` as `quan-go-vap`."""
    return re.sub(r"[^a-z0-9]+", "-", plain(name)).strip("-")


def _hashed(dashed: str, name: str) -> str:
    digits = hashlib.sha256(name.encode()).hexdigest()[:HASH_DIGITS]
    return f"{dashed[: LONGEST_SLUG - HASH_DIGITS - 1].strip('-')}-{digits}".strip("-")
