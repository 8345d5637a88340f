from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.store import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = date(2026, 11, 25)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty one."""
    opened = Registry(f"sqlite:///{tmp_path / 'haidang.db'}")
    yield opened
    opened.close()
