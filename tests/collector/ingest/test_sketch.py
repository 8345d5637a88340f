from __future__ import annotations

import pytest
from haidang_collector.ingest.sketch import Sketch


@pytest.mark.parametrize("number", [0, 1, 10, 400, 1_000, 20_000, 100_000])
def test_the_estimate_is_near_whatever_the_number(number: int) -> None:
    """
    Six standard errors: with hashes that differ from run to run, one in a hundred million falls outside.
    """
    names = [b"series %d" % each for each in range(number)]

    assert Sketch(names).count() == pytest.approx(number, rel=0.4, abs=1)


def test_what_was_seen_twice_counts_once() -> None:
    names = [b"series %d" % each for each in range(5_000)]
    seen = Sketch(names)

    assert (seen | Sketch(names[:3_000])).count() == seen.count()
    assert (seen | Sketch([b"other %d" % each for each in range(5_000)])).count() > 1.3 * seen.count()
