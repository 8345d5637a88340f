"""The repository's rules, run by a real Prometheus on a simulated city, find what it was built as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_collector.simulate.build import build, today

from tests.collector.simulate.running_city import differences, running_city
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

SETTLED_SECONDS = 60
SHOWN = 10
AGELESS = "school:row:compliant unless on (unit, row) school:row:evidence_age_seconds"


def test_every_judgement_is_what_the_city_was_built_as_and_has_an_age(tmp_path: Path) -> None:
    city = build(150, seed=5, day=today())

    with running_city(tmp_path, city, interval="3s") as running:

        def agreed() -> bool:
            if wrong := differences(running, city):
                raise LookupError("\n".join(wrong[:SHOWN]))
            return True

        assert eventually("all judgements", agreed, seconds=SETTLED_SECONDS, every=2)
        assert eventually("an age of each", lambda: not running.query(AGELESS), seconds=SETTLED_SECONDS, every=2)
