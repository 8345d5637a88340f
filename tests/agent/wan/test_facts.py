"""Which interfaces carry the school's traffic, by routes and rules as real routers have them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from haidang_agent.wan.facts import DefaultRoute, Facts, Hop, Link, Rule, below

MAIN, LOCAL = 254, 255
GATEWAY = IPv4Address("203.0.113.1")
AS_USUAL = (Rule(0, LOCAL), Rule(32766, MAIN), Rule(32767, 253))
OWN = {"wan1": IPv4Address("203.0.113.2"), "wan2": IPv4Address("203.0.113.18")}


def route(*interfaces: str, table: int = MAIN, metric: int = 0, dead: str = "") -> DefaultRoute:
    return DefaultRoute(table, metric, tuple(Hop(name, GATEWAY, usable=name != dead) for name in interfaces))


def active(*routes: DefaultRoute, rules: tuple[Rule, ...] = ()) -> set[str]:
    return set(Facts({}, OWN, routes, (*AS_USUAL, *rules)).active_interfaces())


def test_one_route():
    assert active(route("wan1")) == {"wan1"}


def test_no_route():
    assert active() == set()


def test_the_lowest_metric_wins_whatever_the_order():
    assert active(route("wan1", metric=200), route("wan2", metric=100)) == {"wan2"}


def test_a_route_whose_link_is_down_is_passed_over():
    assert active(route("wan1", metric=1, dead="wan1"), route("wan2", metric=2)) == {"wan2"}


def test_load_shared_by_a_multipath_route_is_several_active():
    assert active(route("wan1", "wan2")) == {"wan1", "wan2"}
    assert active(route("wan1", "wan2", dead="wan1")) == {"wan2"}


def test_load_divided_by_source_adds_to_the_rest():
    """`ip rule from 10.20.0.128/25 lookup 102`, the others by the main table."""
    half = Rule(102, 102, source=IPv4Network("10.20.0.128/25"))

    assert active(route("wan1"), route("wan2", table=102), rules=(half,)) == {"wan1", "wan2"}


def test_a_rule_for_all_of_the_schools_networks_leaves_nothing_for_the_main_table():
    """A daemon that moves the LAN by `ip rule from 10.20.0.0/24 lookup 102`, or by `iif lan`."""
    lan = {"lan": IPv4Network("10.20.0.0/24"), "wan1": IPv4Network("203.0.113.0/28")}
    routes = (route("wan1"), route("wan2", table=102))
    by_source = Rule(102, 102, source=IPv4Network("10.20.0.0/16"))
    by_interface = Rule(102, 102, incoming="lan", selective=True, only_incoming=True)

    for rule in (by_source, by_interface):
        assert Facts({}, OWN, routes, (*AS_USUAL, rule), lan).active_interfaces() == {"wan2"}
    more = lan | {"lab": IPv4Network("10.30.0.0/24")}
    assert Facts({}, OWN, routes, (*AS_USUAL, by_source), more).active_interfaces() == {"wan1", "wan2"}


def test_load_divided_by_mark_adds_to_the_rest():
    """mwan3: fwmark 0x100/0x3f00 lookup 1."""
    marked = tuple(Rule(2000 + table, table, selective=True) for table in (1, 2))

    assert active(
        route("wan1", table=1), route("wan2", table=2), route("wan1"), rules=marked
    ) == {"wan1", "wan2"}  # fmt: skip


def test_rules_for_the_routers_own_answers_say_nothing_of_the_school():
    """`ip rule from 203.0.113.18 lookup 102`: what came in by wan2 is answered by wan2."""
    answers = Rule(102, 102, source=IPv4Network("203.0.113.18/32"))

    assert active(route("wan1"), route("wan2", table=102), rules=(answers,)) == {"wan1"}


def test_rules_for_what_comes_in_by_a_line_say_nothing_of_the_school():
    incoming = Rule(101, 102, incoming="wan2", selective=True)

    assert active(route("wan1"), route("wan2", table=102), rules=(incoming,)) == {"wan1"}


def test_rules_for_what_comes_in_by_the_lan_do():
    guests = Rule(101, 102, incoming="lan.20", selective=True)

    assert active(route("wan1"), route("wan2", table=102), rules=(guests,)) == {"wan1", "wan2"}


def test_a_rule_for_everything_ends_the_search():
    assert active(route("wan1"), route("wan2", table=102), rules=(Rule(100, 102),)) == {"wan2"}


def test_a_rule_to_a_table_without_a_default_route_does_not():
    assert active(route("wan1"), rules=(Rule(100, 102), Rule(101, 103))) == {"wan1"}


def test_a_vpn_for_everything_as_wg_quick_makes_it():
    """`table main suppress_prefixlength 0`, then `not fwmark 51820 lookup 51820`."""
    rules = (Rule(32764, MAIN, skips_default=True), Rule(32765, 51820))

    assert active(route("wan1"), route("wg0", table=51820), rules=rules) == {"wg0"}


def test_traffic_refused_on_purpose_is_carried_by_nothing():
    assert active(DefaultRoute(MAIN, 0, ()), route("wan1", metric=10)) == set()


def test_a_blackhole_below_a_dead_route_holds():
    assert active(route("wan1", dead="wan1"), DefaultRoute(MAIN, 4294967295, ()), route("wan2", table=9)) == set()


def test_no_rules_at_all_is_no_traffic():
    assert Facts({}, {}, (route("wan1"),), ()).active_interfaces() == set()


def test_a_gateway_is_that_of_any_table():
    facts = Facts({}, {}, (DefaultRoute(MAIN, 0, (Hop("ppp0", None),)), route("wan2", table=102)), AS_USUAL)

    assert facts.gateway("wan2") == GATEWAY
    assert facts.gateway("ppp0") is None
    assert facts.gateway("gone") is None


def links(*rows: tuple[str, int, int | None]) -> Facts:
    return Facts({
        name: Link(name, index, switched_on=True, carrier=True, ethernet=True, lower=lower)
        for name, index, lower in rows
    })  # fmt: skip


def test_below_a_vlan_is_its_port():
    facts = links(("eth0", 2, None), ("eth0.35", 5, 2), ("eth0.35.7", 6, 5))

    assert [link.name for link in below(facts, "eth0.35.7")] == ["eth0.35.7", "eth0.35", "eth0"]
    assert [link.name for link in below(facts, "eth0")] == ["eth0"]


def test_below_an_interface_that_is_gone_is_nothing():
    assert list(below(links(("eth0", 2, None)), "ppp0")) == []


def test_below_a_vlan_whose_port_is_in_another_namespace_or_a_ring_it_ends():
    """veth peers name each other."""
    assert [link.name for link in below(links(("a", 2, 9)), "a")] == ["a"]
    assert [link.name for link in below(links(("a", 2, 3), ("b", 3, 2)), "a")] == ["a", "b"]
