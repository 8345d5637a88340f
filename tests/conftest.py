"""No test is judged by the clock, for the machine may be busy, nor by luck: each run tries the same examples.

`pytest --hypothesis-profile default` looks for others.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

settings.load_profile("ci")

LONG = (
    "alerts/test_rules.py",
    "ansible/test_collection.py",
    "packaging/test_install.py",
    "collector/commands/test_unit_facts.py",
    "collector/ingest/test_batch.py",
    "ansible/test_release.py",
    "collector/test_workers.py",
    "collector/commands/test_up.py",
    "collector/simulate/test_fast_forward.py",
    "collector/web/test_evaluation.py",
    "collector/test_tenant_files.py",
    "compose/test_scale.py",
    "collector/simulate/test_rules.py",
    "collector/ingest/test_attack.py",
    "e2e/test_wan_faults.py",
    "e2e/test_whole_way.py",
    "e2e/test_relay.py",
    "e2e/test_chaos.py",
    "e2e/test_whole_way_victoria.py",
    "e2e/test_intrusion.py",
    "e2e/test_storm.py",
)
"""Files that take a minute or more go first, or one worker has one of them still to do when the others have ended."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    turns = {here / file: turn for turn, file in enumerate(LONG)}
    items.sort(key=lambda item: turns.get(item.path, len(turns)))
