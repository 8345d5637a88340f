"""`make chaos`, short: whatever is killed when, what the school kept is in the store once."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from benchmarks import chaos

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(400)
def test_kills_of_agent_collector_and_store_lose_and_double_nothing(tmp_path: Path) -> None:
    outcome = chaos.run(tmp_path, 8, random.Random(17), agents=2)

    assert outcome.is_whole, outcome
    assert all(outcome.kills.values()), "each was killed"
