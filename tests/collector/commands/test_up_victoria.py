"""`haidang up --store victoriametrics`, in a network namespace of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.agent.namespaces import Namespace
from tests.collector.commands.test_up import Trial, alive
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

SHARE_OF_INTERVAL = (
    'vmalert_iteration_duration_seconds{quantile="0.9"} / ignoring (quantile) vmalert_iteration_interval_seconds'
)


def test_victoriametrics_and_its_rules_stand_in_for_prometheus(tmp_path: Path) -> None:
    """
    What is scraped and what the rules record is there, and nothing runs when it has stopped.
    """
    with Namespace() as namespace:
        trial = Trial(namespace, tmp_path / "data")
        trial.start("--store", "victoriametrics", "--no-agent")
        try:
            pids = dict(enumerate(trial.pids()))
            eventually("the registry is read", lambda: trial.query('up{job="registry"} == 1'), seconds=30)
            eventually(
                "rules record", lambda: trial.query("centre:haidang_listening_since:timestamp_seconds"), seconds=30
            )
            eventually("how long rules take is told", lambda: trial.query(SHARE_OF_INTERVAL), seconds=30)
        finally:
            status = trial.stop()

        assert status == 0
        assert len(pids) == 4
        assert alive(pids) == {}
        said = trial.said()
        assert "VictoriaMetrics  http://127.0.0.1:9090" in said
        assert "keep_firing_for: ArpStorm" in said
