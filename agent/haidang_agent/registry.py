"""Finds the probes by folder; nobody edits a list."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

from haidang_agent import probes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haidang_agent.probe import AnyProbe


@cache
def discover() -> Mapping[str, AnyProbe]:
    """Probes by name. Raises RuntimeError for a file that declares a probe of another name."""
    found: dict[str, AnyProbe] = {}
    for info in pkgutil.iter_modules(probes.__path__):
        probe: AnyProbe = importlib.import_module(f"{probes.__name__}.{info.name}").PROBE
        if probe.name != info.name:
            raise RuntimeError(f"{info.name}.py declares a probe named {probe.name!r}")
        found[probe.name] = probe
    return found
