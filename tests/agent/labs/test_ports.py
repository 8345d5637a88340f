"""Switch ports as people write them, against those that a switch names."""

from __future__ import annotations

import pytest
from haidang_agent.labs.ports import Place, Ports
from hypothesis import given
from hypothesis import strategies as st

STEMS = st.sampled_from(["Gi1/0/", "ether", "sfp-sfpplus", "Slot: 1 Port: ", "ge-0/0/", "A"])
NUMBERS = st.integers(0, 5000)


def holds(spec: str, host: str, port: str) -> bool:
    return any(ports.hold(Place(host, port, None)) for ports in Ports.read(spec))


@given(STEMS, NUMBERS, NUMBERS, NUMBERS)
def test_a_range_holds_the_numbers_from_its_first_to_its_last(stem, one, other, number):
    first, last = sorted((one, other))

    assert holds(f"sw1 {stem}{first}-{last}", "sw1", f"{stem}{number}") == (first <= number <= last)


@given(STEMS, STEMS, NUMBERS, NUMBERS)
def test_a_single_port_holds_itself_alone(stem, another, number, other):
    assert holds(f"sw1 {stem}{number}", "sw1", f"{another}{other}") == ((stem, number) == (another, other))


@pytest.mark.parametrize(
    ("spec", "held", "not_held"),
    [
        ("10.20.0.2 Gi1/0/1-24", ["Gi1/0/1", "gi1/0/24"], ["Gi1/0/25", "Gi1/0/", "Gi2/0/1", "Gi1/0/1-24x"]),
        ("10.20.0.2 eth5", ["eth5", "ETH5"], ["eth55", "eth", "eth5.20"]),
        ("10.20.0.2 Gi1/0/1-2, Gi2/0/1-2,eth9", ["Gi2/0/2", "eth9"], ["Gi1/0/3", "Gi3/0/1"]),
        ("10.20.0.2 LAN1-2", ["LAN1", "LAN2", "LAN1-2"], ["LAN3"]),
        ("10.20.0.2 ether2-master", ["ether2-master"], ["ether2"]),
        ("10.20.0.2 17-24", ["17", "20"], ["Gi17", "25"]),
    ],
)
def test_ports_are_held_by_their_names(spec, held, not_held):
    assert [port for port in [*held, *not_held] if holds(spec, "10.20.0.2", port)] == held
    assert not any(holds(spec, "10.20.0.3", port) for port in held)


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("10.20.0.2", "names no port; write as 10.20.0.2 Gi1/0/1-24"),
        ("", "names no port"),
        ("10.20.0.2 Gi1,,Gi2", "names no port"),
        ("10.20.0.2 Gi1/0/24-1", "'gi1/0/24-1' ends before it begins; write the lower number first"),
    ],
)
def test_what_is_no_port_is_refused_with_the_fix(spec, fault):
    with pytest.raises(ValueError, match=fault):
        Ports.read(spec)


@given(STEMS, st.tuples(NUMBERS, NUMBERS), STEMS, st.tuples(NUMBERS, NUMBERS))
def test_ranges_overlap_exactly_where_a_port_is_in_both(stem, bounds, another, others):
    (first, last), (low, high) = sorted(bounds), sorted(others)
    (one,), (two,) = Ports.read(f"sw1 {stem}{first}-{last}"), Ports.read(f"sw1 {another}{low}-{high}")

    assert (
        one.overlap(two)
        == two.overlap(one)
        == (stem == another and bool(set(range(first, last + 1)) & set(range(low, high + 1))))
    )
    assert not one.overlap(Ports.read(f"sw2 {another}{low}-{high}")[0])


@given(
    st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1), STEMS, NUMBERS, st.none() | st.integers(1, 4094)
)
def test_a_place_is_read_as_a_sweep_tells_it(host, stem, number, vlan):
    text = f"{host} {stem}{number}" + (f" VLAN {vlan}" if vlan else "")

    assert Place.read(text) == Place(host, f"{stem}{number}", vlan)


def test_no_place_is_read_from_nothing():
    assert Place.read("") is None
