from __future__ import annotations

from collections import Counter

from haidang_collector.simulate.build import build
from haidang_collector.simulate.scenario import LEVEL_SHARES
from hypothesis import given
from hypothesis import strategies as st

from tests.collector.simulate.conftest import DAY


def test_the_same_seed_is_the_same_city_and_a_smaller_one_is_its_beginning() -> None:
    city = build(60, seed=7, day=DAY)

    assert build(60, seed=7, day=DAY) == city
    assert build(20, seed=7, day=DAY).units == city.units[:20]
    assert build(60, seed=8, day=DAY).units != city.units


def test_a_city_has_its_districts_and_all_levels_in_their_shares() -> None:
    city = build(2_500, seed=1, day=DAY)
    levels = Counter(unit.level for unit in city.units)

    assert len({unit.district for unit in city.units}) == 24
    assert all(abs(levels[level] / 2_500 - share) < 0.03 for level, share in LEVEL_SHARES.items())


def test_a_fifth_of_the_computers_is_off_and_some_units_are_not_heard() -> None:
    city = build(2_500, seed=1, day=DAY)
    rooms = [room for unit in city.units for room in unit.rooms]
    presence = Counter(unit.presence for unit in city.units)

    assert abs(sum(room.online for room in rooms) / sum(room.seen for room in rooms) - 0.8) < 0.01
    assert set(presence) == {"heard", "silent", "none"}


@given(st.integers(min_value=0, max_value=2**32))
def test_nothing_of_it_can_be_taken_for_real(seed: int) -> None:
    for unit in build(5, seed=seed, day=DAY).units:
        hosts = [unit.mail_domain or "", *(person.email for person in unit.people)]

        assert unit.code.startswith("SIM-")
        assert unit.name.endswith("(mô phỏng)")
        assert all(host.endswith((".invalid", ".khong-co-that.edu.vn")) for host in hosts)
        assert unit.portal is None or unit.portal.endswith(".invalid/")


@given(st.integers(min_value=0, max_value=2**32))
def test_what_is_true_of_a_unit_hangs_together(seed: int) -> None:
    for unit in build(5, seed=seed, day=DAY).units:
        assert set(unit.students) <= set(unit.stages)
        assert all(room.online <= room.seen for room in unit.rooms)
        assert len({room.name for room in unit.rooms}) == len(unit.rooms)
        assert any(line.up for line in unit.lines) or not any(room.reached for room in unit.rooms)
        assert unit.plan is None or unit.plan <= DAY
        assert unit.machines[0].roles == ("site", "host")
        assert all("site" not in machine.roles for machine in unit.machines[1:])
