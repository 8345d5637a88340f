"""One city and one browser for all tests of a process: both take seconds to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.browsing import chromium
from tests.browser.town import Town, town

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town")) as there:
        yield there


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running
