from __future__ import annotations

from itertools import pairwise

from haidang_collector.simulate.grid import DAY, HOUR, RECENT_WINDOW, WINDOW, Grid

END = 1_795_500_000
OFFSET = 7 * HOUR
GRID = Grid(END - 100 * DAY, END, OFFSET)


def test_windows_follow_on_each_other_on_the_borders_of_blocks() -> None:
    windows = list(GRID.windows())

    assert windows[0][0] == GRID.begin
    assert windows[-1][1] == END + 1
    assert all(before[1] == after[0] and after[0] % RECENT_WINDOW == 0 for before, after in pairwise(windows))
    assert all(begin // WINDOW == (end - 1) // WINDOW for begin, end in windows)
    assert all(end - begin <= RECENT_WINDOW for begin, end in windows if end > END - 7 * DAY)


def test_the_end_of_each_day_is_told() -> None:
    midnights = {at for at in range(GRID.begin, END) if (at + OFFSET) % DAY == 0}

    for pace in ("often", "hourly", "daily", "compared"):
        assert midnights <= set(GRID.times(pace, GRID.begin, END + 1))


def test_what_panels_draw_has_no_gap_in_the_last_week() -> None:
    times = GRID.times("often", END - 7 * DAY, END + 1)

    assert times[-1] == END
    assert max(after - before for before, after in pairwise(times)) < 300


def test_a_window_holds_its_own_times_only() -> None:
    whole = GRID.times("often", GRID.begin, END + 1)
    parts = [at for begin, end in GRID.windows() for at in GRID.times("often", begin, end)]

    assert parts == list(whole)
