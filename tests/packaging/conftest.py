from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.packaging.wheelhouse import build_wheel

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Haidang as it is delivered."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))
