from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.collector.access.house import House, inhabited

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from inhabited(tmp_path)
