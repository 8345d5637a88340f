"""Totals that stand on counters which wrap, start anew and lie."""

import pytest
from haidang_agent.snmp.counters import FASTEST_BYTES_PER_SECOND, Look, counted
from haidang_agent.snmp.wan_poll import Running
from hypothesis import assume, given
from hypothesis import strategies as st

MINUTE = 6000
GIGABIT = 125_000_000.0


@pytest.mark.parametrize(
    ("before", "now", "speed", "bytes_counted"),
    [
        (Look(1000, 64, 100), Look(5000, 64, 6100), GIGABIT, 4000),
        (Look(2**32 - 100, 32, 100), Look(50, 32, 6100), GIGABIT, 150),  # wrapped
        (Look(2**64 - 100, 64, 100), Look(50, 64, 6100), None, 150),
        (Look(2**32 - 100, 32, 100), Look(50, 32, 6100), None, 150),
        (Look(5000, 64, 100), Look(4000, 64, 6100), None, 0),  # went back
        (Look(5000, 32, 100), Look(4000, 32, 6100), None, 0),
        (Look(2**31, 32, 100), Look(0, 32, 6100), 12_500.0, 0),  # 10 minutes of 100 kbit/s are no 2 GB
        (Look(5000, 64, 900_000), Look(7000, 64, 3000), GIGABIT, 0),  # the device started anew
        (Look(5000, 64, 100, 7), Look(7000, 64, 6100, 8), GIGABIT, 0),  # this counter did
        (Look(5000, 32, 100), Look(7000, 64, 6100), GIGABIT, 0),  # another counter than before
        (Look(5000, 64, 2**32 - 3000), Look(7000, 64, 3000), GIGABIT, 2000),  # only the uptime wrapped
        (Look(0, 64, 100), Look(10**15, 64, 6100), None, 0),  # no line is that fast
        (Look(5000, 64, 100), Look(5000, 64, 100), GIGABIT, 0),
        (Look(5000, 64, 100), Look(6000, 64, 100), GIGABIT, 0),  # in no time
    ],
)
def test_only_what_was_counted_is_added(before, now, speed, bytes_counted):
    assert counted(before, now, speed) == bytes_counted


LOOKS = st.builds(
    Look, st.integers(0, 2**64 - 1), st.sampled_from((32, 64)), st.integers(0, 2**32 - 1), st.integers(0, 2)
).map(lambda look: Look(look.count % (1 << look.bits), look.bits, look.ticks, look.discontinuity))
SPEEDS = st.none() | st.floats(1e3, 1.25e10)


@given(st.lists(LOOKS, min_size=1, max_size=30), SPEEDS)
def test_a_total_never_goes_back_and_never_jumps(looks, speed):
    """Whatever a device shows."""
    running, before = Running(), 0
    for previous, look in zip([looks[0], *looks], looks, strict=False):
        total = running.add(look, speed)
        ticks = (look.ticks - previous.ticks) % 2**32
        assert 0 <= total - before <= FASTEST_BYTES_PER_SECOND * ticks / 100
        before = total


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 7_000_000_000), max_size=20), st.sampled_from((32, 64)))
def test_an_honest_counter_is_followed_exactly_over_any_number_of_wraps(start, amounts, bits):
    """A minute at 1 Gbit/s is 7.5 GB; a 32-bit counter can be followed up to one turn a look."""
    assume(bits == 64 or all(amount < 2**32 - 1 for amount in amounts))
    running, count, ticks = Running(), start, 0
    running.add(Look(count, bits, ticks), GIGABIT)
    for amount in amounts:
        count, ticks = (count + amount) % (1 << bits), ticks + MINUTE
        running.add(Look(count, bits, ticks), GIGABIT)

    assert running.total == sum(amounts)


@given(LOOKS, st.integers(0, 2**70))
def test_it_goes_on_after_a_restart_of_ours(look, total):
    kept = Running(total, look).stored()

    assert Running.restored(kept) == Running(total, look)


@pytest.mark.parametrize("kept", [None, 7, {}, {"total": "x", "last": None}, {"total": 1, "last": {"nonsense": 2}}])
def test_nothing_of_use_kept_begins_anew(kept):
    assert Running.restored(kept) == Running()
