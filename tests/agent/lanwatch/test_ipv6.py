"""Rogue routers and address conflicts of IPv6."""

from __future__ import annotations

from tests.agent.lanwatch.building import advertises, found, look, router_advertisement, solicits

ROUTER, PC, EVIL = "3c:52:82:00:00:01", "00:1f:16:00:10:02", "00:0c:29:00:20:66"
OWN, FALSE = "2001:db8:1::", "2001:db8:bad::"


def test_a_second_router_with_another_prefix():
    frames = [
        (0, router_advertisement(ROUTER, "fe80::1", prefix=OWN)),
        (9, router_advertisement(EVIL, "fe80::66", prefix=FALSE)),
    ]
    (incident,) = look(frames).incidents

    assert (incident.kind, incident.severity) == ("rogue_ra", "warning")
    assert incident.subject == {"ip": "fe80::66", "mac": EVIL, "known_mac": ROUTER}
    assert "prefix 2001:db8:bad::/64 (preference 0) instead of 2001:db8:1::/64" in incident.evidence.told(str)


def test_a_second_router_that_puts_itself_first():
    frames = [(0, router_advertisement(ROUTER, "fe80::1")), (9, router_advertisement(EVIL, "fe80::66", preference=1))]

    assert found(frames) == [("rogue_ra", "warning")]


def test_a_pair_of_routers_with_one_prefix_is_information():
    frames = [(count, router_advertisement(ROUTER, "fe80::1")) for count in range(5)]
    frames += [(count + 0.5, router_advertisement(EVIL, "fe80::2")) for count in range(5)]

    assert found(frames) == [("rogue_ra", "info")]


def test_somebody_else_takes_the_routers_leave():
    """The classic denial of service: the router's own address, lifetime 0, another card."""
    frames = [(0, router_advertisement(ROUTER, "fe80::1")), (9, router_advertisement(EVIL, "fe80::1", lifetime=0))]
    (incident,) = look(frames).incidents

    assert (incident.kind, incident.severity, incident.subject["mac"]) == ("rogue_ra", "critical", EVIL)


def test_a_router_takes_leave_and_comes_back():
    frames = [
        (count, router_advertisement(ROUTER, "fe80::1", lifetime=0 if count == 5 else 1800)) for count in range(10)
    ]

    assert found(frames) == []


def test_a_router_that_is_replaced():
    frames = [(0, router_advertisement(ROUTER, "fe80::1")), (1, router_advertisement(ROUTER, "fe80::1", lifetime=0))]

    assert found([*frames, (60, router_advertisement(EVIL, "fe80::66", prefix=FALSE))]) == []


def test_a_smart_home_hub_offers_no_way_out():
    hub = router_advertisement(EVIL, "fe80::77", prefix="fd00:1::", lifetime=0)

    assert found([(0, router_advertisement(ROUTER, "fe80::1")), (5, hub), (9, hub)]) == []


def test_routers_that_stand_in_for_each_other():
    """VRRP for IPv6: a virtual MAC address moves."""
    virtual = "00:00:5e:00:02:01"
    frames = [(count, router_advertisement(virtual if count % 2 else ROUTER, "fe80::1")) for count in range(8)]

    assert found(frames) == []


def test_a_flood_of_routers_is_one_incident():
    frames = [
        (
            count / 10,
            router_advertisement(f"02:00:00:00:00:{count:02x}", f"fe80::{count + 1:x}", prefix=f"2001:db8:{count:x}::"),
        )
        for count in range(200)
    ]

    assert found(frames) == [("rogue_ra", "critical")]


def test_advertisements_from_afar_are_not_believed():
    frames = [
        (0, router_advertisement(ROUTER, "fe80::1")),
        (9, router_advertisement(EVIL, "2001:db8::66", prefix=FALSE)),
    ]

    assert found([*frames, (10, router_advertisement(EVIL, "fe80::66", prefix=FALSE, hops=64))]) == []


def test_an_address_that_another_has():
    (incident,) = look([(0, solicits(PC, "fe80::5")), (0.1, advertises(EVIL, "fe80::5"))]).incidents

    assert (incident.kind, incident.severity) == ("ipv6_address_conflict", "warning")
    assert incident.subject == {"ip": "fe80::5", "mac": PC, "other_mac": EVIL}


def test_two_that_try_one_address_at_once():
    assert found([(0, solicits(PC, "fe80::5")), (0.5, solicits(EVIL, "fe80::5"))]) == [
        ("ipv6_address_conflict", "warning")
    ]


def test_who_denies_everybody_an_address_is_one_incident():
    frames = []
    for count in range(20):
        target = f"fe80::{count + 16:x}"
        frames += [(count, solicits(f"00:1f:16:00:10:{count:02x}", target)), (count + 0.1, advertises(EVIL, target))]
    (incident,) = look(frames).incidents

    assert (incident.severity, incident.subject) == ("critical", {"mac": EVIL})


def test_two_that_advertise_one_address():
    answers = [(0, solicits(PC, "fe80::5", source="fe80::2"))]
    answers += [
        (0.1, advertises(ROUTER, "fe80::5", solicited=True)),
        (0.2, advertises(EVIL, "fe80::5", solicited=True)),
    ]

    assert found(answers) == [("ipv6_address_conflict", "warning")]


def test_addresses_tried_won_and_advertised():
    frames = []
    for count in range(30):
        card, target = f"00:1f:16:00:10:{count:02x}", f"fe80::{count + 16:x}"
        frames += [
            (count, solicits(card, target)),
            (count + 0.4, solicits(card, target)),
            (count + 1.5, advertises(card, target)),
        ]

    assert found(frames) == []


def test_a_proxy_gives_way_to_the_owner():
    """RFC 4389: a proxy does not override."""
    frames = []
    for count in range(5):
        frames += [(count, advertises(ROUTER, "fe80::5", override=False)), (count + 0.1, advertises(PC, "fe80::5"))]

    assert found(frames) == []


def test_an_address_that_moves_to_a_new_card():
    assert (
        found([(0, advertises(PC, "fe80::5")), (60, advertises(EVIL, "fe80::5")), (120, advertises(EVIL, "fe80::5"))])
        == []
    )
