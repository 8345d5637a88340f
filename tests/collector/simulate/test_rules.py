"""The repository's rules, run by a real Prometheus on a simulated city, find what it was built as."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from haidang_collector.centre import school_time
from haidang_collector.policy.policy import load
from haidang_collector.simulate.build import build, today
from haidang_collector.simulate.past import Period
from haidang_collector.simulate.series import labelled
from haidang_collector.simulate.year import Year

from tests.collector.simulate.conftest import QUIET
from tests.collector.simulate.running_city import differences, running_city
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_collector.simulate.model import City
    from haidang_collector.simulate.standing import Key

    from tests.collector.simulate.conftest import QUIET
from tests.collector.simulate.running_city import RunningCity

SETTLED_SECONDS = 60
SHOWN = 10
AGELESS = "school:row:compliant unless on (unit, row) school:row:evidence_age_seconds"
MOVING = (
    "_rtt_p95_", "_rx_power_", "_rx_baseline", "_age_seconds", "_outage_seconds", "_observed_seconds", "_fault_seconds",
    "_wan_availability", "_service_duration_seconds", "_lab_seen:timestamp", "_lab_seen_since", "_lab_used",
    "_lab_measured:timestamp",
)  # fmt: skip
"""Parts of names of what is never twice the same, or takes days to be known."""


def test_every_judgement_is_what_the_city_was_built_as_and_has_an_age(tmp_path: Path) -> None:
    """
    And what `--fast-forward` would write of this moment, on a day on which nothing happens, is what the rules record.
    """
    city = build(150, seed=5, day=today())
    written = _written(city)

    with running_city(tmp_path, city, interval="3s") as running:

        def agreed() -> bool:
            if wrong := differences(running, city):
                raise LookupError("\n".join(wrong[:SHOWN]))
            return True

        def recorded() -> bool:
            if wrong := list(_otherwise(written, running)):
                raise LookupError("\n".join(wrong[:SHOWN]))
            return True

        assert eventually("all judgements", agreed, seconds=SETTLED_SECONDS, every=2)
        assert eventually("an age of each", lambda: not running.query(AGELESS), seconds=SETTLED_SECONDS, every=2)
        assert eventually("every other figure", recorded, seconds=SETTLED_SECONDS, every=2)


def _written(city: City) -> dict[Key, float]:
    """What a past of today on which nothing happens ends with; but R10, which is judged by weeks."""
    period = Period(city.day, city.day, school_time.load())
    agents = {unit.code: f"a-{unit.code}-0".lower() for unit in city.units}
    at = int(period.midnight(city.day + timedelta(days=1))) - 1
    return {
        (series.name, series.labels): value
        for series in Year(city, period, load(), agents, QUIET).series()
        if not any(part in series.name for part in MOVING) and ("row", "R10") not in series.labels
        for *_, value in series.runs([at])
    }


def _otherwise(written: dict[Key, float], running: RunningCity) -> Iterator[str]:
    """Series that rules record otherwise, or of which only one of the two knows."""
    names = "|".join(sorted({name for name, _ in written}))
    recorded = {}
    for each in running.query(f'{{__name__=~"{names}", row!="R10"}}'):
        name = each["metric"].pop("__name__")
        recorded[name, labelled(each["metric"])] = float(each["value"][1])
    for key in sorted(written.keys() | recorded.keys()):
        if key not in written or written[key] != pytest.approx(recorded.get(key)):
            yield f"{key} is {written.get(key)}, recorded {recorded.get(key)}"
