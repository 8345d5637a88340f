from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.collector.evaluation.told import told_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Prometheus


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """See told.py; nobody changes it."""
    with told_store(tmp_path_factory.mktemp("told")) as store:
        yield store
