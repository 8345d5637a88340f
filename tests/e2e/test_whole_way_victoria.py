"""The whole way with VictoriaMetrics: a school loses its Internet, a person is told, and nothing is missing after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.city import City
from tests.e2e.story import ISPS, PUSH_SECONDS, a_school_loses_its_internet_and_a_person_is_told

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(420)
def test_a_school_loses_its_internet_and_a_person_is_told(tmp_path: Path) -> None:
    with City(tmp_path, isps=ISPS, push_seconds=PUSH_SECONDS, store="victoriametrics") as city:
        a_school_loses_its_internet_and_a_person_is_told(city)
