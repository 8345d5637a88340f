"""`make chaos`, short: whatever is killed when, and whose power is cut, what the school kept is in the store once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUN = """\
import pathlib, random, sys
from benchmarks import chaos
outcome = chaos.run(pathlib.Path(sys.argv[1]), 8, random.Random(17), agents=2, cuts=[("school", "centre")])
print(outcome)
sys.exit(not (outcome.is_whole and all(outcome.kills.values()) and all(outcome.cuts.values())))
"""


@pytest.mark.timeout(400)
def test_kills_and_a_power_cut_lose_and_double_nothing(tmp_path: Path) -> None:
    """
    Each was killed; with mounts of its own, as those of `chaos` would be copied into the namespaces of other tests.
    """
    command = ["unshare", "--mount", sys.executable, "-c", RUN, tmp_path]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
