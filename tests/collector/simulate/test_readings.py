from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.probe import Metric
from haidang_agent.registry import discover
from haidang_collector.simulate import metrics
from haidang_collector.simulate.build import build
from haidang_collector.simulate.readings import Readings

from tests.collector.simulate.conftest import DAY

if TYPE_CHECKING:
    from haidang_agent.probe import Sample

MORNING = 1_795_500_000.0


def said(samples: list[Sample]) -> dict[tuple[str, tuple[str, ...]], float]:
    return {(sample.metric.name, sample.labels): sample.value for sample in samples}


def test_what_probes_measure_too_has_their_labels() -> None:
    real = {metric.name: metric for probe in discover().values() for metric in probe.metrics}
    simulated = [metric for metric in vars(metrics).values() if isinstance(metric, Metric)]
    shared = [metric for metric in simulated if metric.name in real]

    assert len(shared) > 20
    assert {metric.name: (set(metric.labels), metric.kind) for metric in shared} == {
        metric.name: (set(real[metric.name].labels), real[metric.name].kind) for metric in shared
    }


def test_no_series_is_told_twice() -> None:
    for unit in build(100, seed=2, day=DAY).units:
        for machine in unit.machines:
            samples = Readings(unit, machine, 2).at(MORNING)

            assert len(said(samples)) == len(samples)


def test_counters_only_rise() -> None:
    for unit in build(30, seed=2, day=DAY).units:
        readings = Readings(unit, unit.machines[0], 2)
        before, after = readings.at(MORNING), readings.at(MORNING + 7200)
        counters = {sample.metric.name for sample in before if sample.metric.kind == "counter"}
        earlier = {key: value for key, value in said(before).items() if key[0] in counters}

        assert earlier
        assert all(said(after)[key] >= value for key, value in earlier.items())


def test_a_room_is_told_as_it_was_built() -> None:
    unit = next(unit for unit in build(50, seed=2, day=DAY).units if unit.rooms and unit.rooms[0].reached is not None)
    room = unit.rooms[0]

    at_site = said(Readings(unit, unit.machines[0], 2).at(MORNING))

    assert at_site["school_lab_computers", (room.name, "seen")] == room.seen
    assert at_site["school_lab_computers", (room.name, "online")] == room.online
    assert at_site["school_lab_internet_up", (room.name,)] == room.reached


def test_a_host_agent_speaks_of_its_machine_alone() -> None:
    unit = next(unit for unit in build(50, seed=2, day=DAY).units if len(unit.machines) > 1)
    names = {sample.metric.name for sample in Readings(unit, unit.machines[1], 2).at(MORNING)}

    assert "school_posture_check" in names
    assert not names & {"school_internet_up", "school_devices", "school_wan_up"}
