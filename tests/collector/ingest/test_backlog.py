from __future__ import annotations

from haidang_collector.ingest.backlog import BacklogShares


def test_the_rate_is_divided_by_those_who_brought_backlog_lately() -> None:
    now = [0.0]
    shares = BacklogShares(900, clock=lambda: now[0])

    assert shares.grant("a", 15) == 900
    assert shares.grant("a", 120.5) == 900
    assert shares.grant("b", 86400) == 450
    assert shares.grant("c", 86400) == 300
    now[0] = 20
    assert shares.grant("a", 130) == 300
    now[0] = 31
    assert shares.grant("live", 1) == 900
    assert shares.grant("live", None) == 900
    now[0] = 60
    assert shares.grant("live", 1) == 900
