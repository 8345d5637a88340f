from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.store import Registry
from haidang_collector.simulate.scenario import Past

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = date(2026, 11, 25)
QUIET = Past(
    agent_later=0, fibre_later=0, second_isp_later=0, computers_later=0, mended=0, attacked=0, officer_later=0,
    portal_later=0, power_cuts=0, isp_outages=0, line_cuts=0, router_faults=0,
)  # fmt: skip
"""A past in which nothing happens."""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty one."""
    opened = Registry(f"sqlite:///{tmp_path / 'haidang.db'}")
    yield opened
    opened.close()
