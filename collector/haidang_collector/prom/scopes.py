"""Where a part of the city is asked for: `/api/v1/prom/SCOPE`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from haidang_collector.access.scopes import scope_text

if TYPE_CHECKING:
    from haidang_collector.access.visitor import Scope

BASE = "/api/v1/prom"


def scope_path(scope: Scope) -> str:
    """Where the scope is asked: a data source's URL is this behind the collector's.

    Grafana decodes and encodes paths on its way, so nothing may stand here that this would change: the name as UTF-8
    with percent signs, `/` as it is. What it makes of `//` or `/../` in a name asks for another scope, and is refused.
    """
    return f"{BASE}/{quote(scope_text(scope), safe=':/')}"
