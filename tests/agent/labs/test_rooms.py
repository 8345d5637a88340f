"""Which room a device stands in: machines before ports before VLAN before subnets."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from haidang_agent.labs.ports import Place
from haidang_agent.labs.rooms import Rooms, Whereabouts
from haidang_agent.tables import Lab
from hypothesis import given
from hypothesis import strategies as st

MAC, OTHER = "8c:ec:4b:00:00:01", "8c:ec:4b:00:00:02"
KINDS = {
    "by machine": {"machines": (MAC.upper().replace(":", "-"),)},
    "by port": {"ports": ("sw1 Gi1-8",)},
    "by VLAN": {"vlan": 20},
    "by subnet": {"subnets": ("10.20.1.0/24", "2001:db8:20::/64")},
}
HERE = Whereabouts(frozenset({MAC}), (ip_address("10.20.1.7"),), (Place("sw1", "Gi7", 20),))
ELSEWHERE = Whereabouts(frozenset({OTHER}), (ip_address("10.99.0.1"),), (Place("sw1", "Gi9", 30),))


def rooms(**labs: dict[str, object]) -> Rooms:
    return Rooms(Lab(name, **facts) for name, facts in labs.items())


def stands(found: Rooms, where: Whereabouts = HERE, before: str = "", crowds: dict | None = None) -> str:
    return found.room_of(where, before, crowds or {})


@given(st.sets(st.sampled_from(sorted(KINDS)), min_size=1), st.randoms())
def test_the_most_exact_way_that_is_configured_holds(kinds, order):
    """Whatever the rooms' order."""
    labs = [Lab(kind, **KINDS[kind]) for kind in sorted(kinds)]
    order.shuffle(labs)
    found = Rooms(labs)

    assert stands(found) == next(kind for kind in KINDS if kind in kinds)
    assert stands(found, ELSEWHERE) == ""


@given(st.lists(st.integers(8, 30), unique=True, min_size=1))
def test_of_nested_subnets_the_longest_prefix_holds(lengths):
    found = Rooms(Lab(f"/{length}", cidr=str(ip_network(("10.20.1.7", length), strict=False))) for length in lengths)

    assert stands(found) == f"/{max(lengths)}"
    assert not found.disputed


def test_ipv6_does_as_well():
    where = Whereabouts(frozenset({MAC}), (ip_address("2001:db8:20::5"),))

    assert stands(rooms(lab=KINDS["by subnet"]), where) == "lab"


@pytest.mark.parametrize(
    ("kind", "missing"),
    [("by port", {"places": ()}), ("by VLAN", {"places": ()}), ("by subnet", {"ips": ()})],
)
def test_a_device_stays_in_its_room_while_what_would_tell_is_not_known(kind, missing):
    """A switch that does not answer moves nobody; a device that is known to be elsewhere has gone."""
    found = Rooms([Lab("lab", **KINDS[kind]), Lab("hall", cidr="10.20.0.0/16")])
    unknown = Whereabouts(HERE.macs, **({"ips": HERE.ips, "places": HERE.places} | missing))

    assert stands(found, unknown, "lab") == "lab"
    assert stands(found, ELSEWHERE, "lab") == ""
    assert stands(found, unknown, "closed room") != "closed room"


def test_the_switch_port_with_the_fewest_devices_is_the_nearest():
    """An uplink that a range holds by mistake has the whole school behind it."""
    found = rooms(near={"ports": ("sw1 Gi1-8",)}, uplink={"ports": ("sw2 1-48",)})
    where = Whereabouts(frozenset({MAC}), (), (Place("sw2", "48", None), Place("sw1", "Gi7", None)))

    assert stands(found, where, crowds={("sw2", "48"): 90, ("sw1", "Gi7"): 1}) == "near"
    assert stands(found, where, crowds={("sw2", "48"): 1, ("sw1", "Gi7"): 1}) == ""


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ({"cidr": "10.20.1.0/24"}, {"subnets": ("10.20.3.0/24", "10.20.1.0/24")}, "subnet"),
        ({"vlan": 20}, {"vlan": 20}, "VLAN"),
        ({"ports": ("sw1 Gi1-8",)}, {"ports": ("sw1 Gi8",)}, "port"),
        ({"machines": (MAC,)}, {"machines": (MAC.upper(),)}, "machine"),
    ],
)
def test_what_two_rooms_claim_tells_neither_of_them(one, other, kind):
    found = rooms(a=one, b=other, c={"cidr": "10.88.0.0/16"})
    where = Whereabouts(HERE.macs, HERE.ips, (Place("sw1", "Gi8", 20),))

    assert stands(found, where) == ""
    assert set(found.disputed) == {"a", "b"}
    assert f"'a' and 'b' claim the same {kind}: neither is counted" in found.disputed["a"]


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"cidr": "10.20.1.5/24"}, r"cidr: 10\.20\.1\.5/24 has host bits set; write as 10\.20\.1\.0/24"),
        ({"subnets": ("lab",)}, r"subnets: 'lab' does not appear .*; write as 10\.20\.1\.0/24"),
        ({"vlan": 4095}, r"vlan = 4095: not in 1…4094"),
        ({"vlan": -1}, r"vlan = -1: not in 1…4094"),
        ({"ports": ("sw1",)}, r"ports: 'sw1' names no port; write as"),
        ({"machines": ("PC-07",)}, r"machines: 'pc:07' is no MAC address; write as 8c:ec:4b:00:00:01"),
    ],
)
def test_bad_input_is_named_with_the_fix(facts, fault):
    with pytest.raises(ValueError, match=rf"\[\[lab\]\] 'lab-9' {fault}"):
        Rooms([Lab("lab-9", **facts)])


def test_a_name_that_the_roll_call_cannot_carry_is_refused():
    with pytest.raises(ValueError, match=r"\[\[lab\]\] 'xxx.*name: has more than 100 characters"):
        Rooms([Lab("x" * 101)])


@pytest.mark.parametrize(
    ("subnets", "within"),
    [
        (("10.20.1.0/24",), True),
        (("10.20.1.0/24", "10.20.3.128/25"), True),
        (("10.20.1.0/24", "10.21.0.0/24"), False),
        (("10.0.0.0/8",), False),
        (("2001:db8::/64",), False),
        ((), False),
    ],
)
def test_a_room_is_in_sight_where_all_its_subnets_are_swept(subnets, within):
    (room,) = rooms(lab={"subnets": subnets}).rooms.values()

    assert room.is_within([ip_network("192.0.2.0/24"), ip_network("10.20.0.0/22")]) is within
