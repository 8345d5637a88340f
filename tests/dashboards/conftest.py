from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dashboards.scenario import troubled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.collector.simulate.running_city import RunningCity


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCity]:
    """Everything that a panel could show happens in it."""
    with troubled(tmp_path_factory.mktemp("city")) as running:
        yield running
