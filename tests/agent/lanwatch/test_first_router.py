"""Live: a router or DHCPv6 server in a network that has had no IPv6 for long, and when a rogue router is over."""

from __future__ import annotations

from haidang_agent.probe import Memory

from tests.agent.lanwatch.building import (
    EVIL,
    GATEWAY,
    OTHER,
    PC,
    PC_IP,
    ROUTER,
    Timed,
    asks,
    datagram,
    found,
    look,
    router_advertisement,
)
from tests.agent.lanwatch.live import AGENT, changes, told, watching

HOUR, DAY = 3600.0, 86400.0
OWN, FALSE = "2001:db8:1::", "2001:db8:bad::"
OPENED, CLOSED = ("opened", "rogue_ra", "warning"), ("closed", "rogue_ra", "warning")


def quiet_lan(since: float, until: float) -> list[Timed]:
    """A PC asks for its IPv4 router now and then, and nobody speaks of IPv6."""
    return [(since + 30.0 * step, asks(PC, PC_IP, GATEWAY)) for step in range(int((until - since) / 30))]


def routes(
    who: str, since: float, until: float, *, every: float = 200.0, lifetime: int = 1800, managed: bool = False
) -> list[Timed]:
    said = router_advertisement(who, f"fe80::{who[-2:]}", prefix=FALSE, lifetime=lifetime, managed=managed)
    return [(since + every * step, said) for step in range(max(1, int((until - since) / every)))]


def dhcpv6_answer(who: str) -> bytes:
    content = bytes([2, 0, 0, 7]) + bytes([0, 1, 0, 2]) + b"pc" + bytes([0, 2, 0, 4]) + b"evil"
    return datagram((who, "fe80::66", 547), (PC, "fe80::2", 546), content)


def rogue_ra(frames: list[Timed], until: float | None = None, memory: Memory | None = None):
    return told(watching(memory), frames, until, {"rogue_ra"})


def test_the_honest_routers_word_is_not_the_rogues():
    honest = [(float(when), router_advertisement(ROUTER, "fe80::1")) for when in range(0, 3000, 4)]
    (incident,) = look(sorted([*honest, (10.5, router_advertisement(EVIL, "fe80::bad", prefix=FALSE))])).incidents

    assert incident.last_seen - incident.first_seen == 0.0
    assert rogue_ra([*honest, (10.5, router_advertisement(EVIL, "fe80::bad", prefix=FALSE))]) == [OPENED, CLOSED]


def test_a_rogue_that_goes_on_is_one_incident_whatever_its_interval():
    """RFC 4861 lets a router speak every 4 s to every 30 minutes, by default every 200 to 600 s."""
    honest = [(200.0 * step, router_advertisement(ROUTER, "fe80::1")) for step in range(54)]
    for every in (4.0, 200.0, 600.0):
        assert rogue_ra(honest + routes(EVIL, 10, 3 * HOUR, every=every)) == [OPENED]


def test_a_rogue_that_spoke_often_is_over_within_minutes():
    honest = [(30.0 * step, router_advertisement(ROUTER, "fe80::1")) for step in range(60)]
    closed = [
        change.state for change in changes(watching(), honest + routes(EVIL, 10, 600, every=30), 600 + 330)
    ]  # fmt: skip

    assert closed[-1] == "closed"


def test_a_rogue_that_takes_leave_is_over_soon():
    honest = [(10.0 * step, router_advertisement(ROUTER, "fe80::1")) for step in range(7)]
    leave = [(20.0, router_advertisement(EVIL, "fe80::66", prefix=FALSE, lifetime=0))]

    assert rogue_ra([*honest, *routes(EVIL, 15, 16), *leave]) == [OPENED, CLOSED]
    assert rogue_ra([*honest, *routes(EVIL, 15, 16)]) == [OPENED]


def test_who_takes_leave_and_comes_back_in_turn_is_one_incident():
    honest = [(10.0 * step, router_advertisement(ROUTER, "fe80::1")) for step in range(30)]
    hello, leave = (router_advertisement(EVIL, "fe80::66", prefix=FALSE, lifetime=each) for each in (1800, 0))

    assert rogue_ra([*honest, *((15.0 + 20 * turn, (hello, leave)[turn % 2]) for turn in range(12))]) == [
        OPENED,
        CLOSED,
    ]


def test_a_router_known_anew_shows_up_one_that_spoke_before():
    """The honest one was silent for longer than it is remembered, and the other has not spoken since."""
    honest = [(when, router_advertisement(ROUTER, "fe80::1")) for when in (0.0, 4000.0)]
    result = look(sorted([*honest, (3900.0, router_advertisement(EVIL, "fe80::66", prefix=FALSE))]))

    assert [(one.kind, one.subject["mac"]) for one in result.incidents] == [("rogue_ra", EVIL)]


def test_a_router_in_a_network_that_had_none_for_an_hour():
    states = list(changes(watching(), quiet_lan(0, 2 * HOUR) + routes(EVIL, 1.5 * HOUR, 1.6 * HOUR)))

    assert [(one.state, one.incident.kind, one.incident.severity) for one in states[:1]] == [OPENED]
    assert states[0].incident.subject == {"ip": "fe80::66", "mac": EVIL}
    assert "2001:db8:bad::/64" in states[0].incident.evidence.told(str)


def test_one_that_is_no_way_out_but_sends_clients_to_a_dhcpv6_server():
    """As mitm6 does: lifetime 0, managed."""
    attack = routes(EVIL, 1.5 * HOUR, 1.6 * HOUR, lifetime=0, managed=True)
    hub = routes(EVIL, 1.5 * HOUR, 1.6 * HOUR, lifetime=0)

    assert rogue_ra(quiet_lan(0, 1.6 * HOUR) + attack) == [OPENED]
    assert rogue_ra(quiet_lan(0, 1.6 * HOUR) + hub) == []


def test_a_router_of_the_first_hour_is_the_schools():
    frames = quiet_lan(0, 3 * HOUR) + routes(ROUTER, 0.8 * HOUR, 1 * HOUR)

    assert rogue_ra(frames + routes(ROUTER, 2.5 * HOUR, 2.6 * HOUR)) == []
    assert rogue_ra(frames + routes(OTHER, 2.5 * HOUR, 2.6 * HOUR)) == []


def test_in_a_capture_file_nothing_is_expected():
    assert found(sorted(quiet_lan(0, 2 * HOUR) + routes(EVIL, 1.5 * HOUR, 1.6 * HOUR))) == []
    assert found(sorted([*quiet_lan(0, 2 * HOUR), (1.5 * HOUR, dhcpv6_answer(EVIL))])) == []


def test_an_hour_that_the_clock_jumped_over_was_not_watched():
    assert (
        rogue_ra([*quiet_lan(0, 300), *quiet_lan(9 * HOUR, 9.01 * HOUR), *routes(ROUTER, 9.1 * HOUR, 9.1 * HOUR)]) == []
    )


def test_what_was_learnt_is_known_after_a_restart():
    memory = Memory()
    rogue_ra(quiet_lan(0, 1.5 * HOUR), memory=memory)

    assert rogue_ra(quiet_lan(2 * HOUR, 2.1 * HOUR) + routes(EVIL, 2.05 * HOUR, 2.06 * HOUR), memory=memory) == [OPENED]

    memory = Memory()
    rogue_ra(quiet_lan(0, 0.5 * HOUR) + routes(ROUTER, 10, 0.4 * HOUR), memory=memory)

    later = quiet_lan(12 * HOUR, 15 * HOUR) + routes(ROUTER, 14.5 * HOUR, 14.9 * HOUR)
    assert rogue_ra(later, memory=memory) == []


def test_a_new_router_is_accepted_after_a_day():
    memory, start = Memory(), 1.5 * HOUR
    frames = quiet_lan(0, start + 1.1 * DAY) + routes(ROUTER, start, start + 1.1 * DAY)

    assert rogue_ra(frames, memory=memory) == [OPENED, CLOSED]
    assert (
        rogue_ra(quiet_lan(2 * DAY, 2 * DAY + 2 * HOUR) + routes(ROUTER, 2 * DAY, 2 * DAY + HOUR), memory=memory) == []
    )


def test_a_few_minutes_every_day_are_not_accepted():
    visits = [frame for day in range(3) for frame in routes(EVIL, 2 * HOUR + day * DAY, 2.2 * HOUR + day * DAY)]

    assert rogue_ra(quiet_lan(0, 2.5 * DAY) + visits) == [OPENED, CLOSED] * 3


def test_this_machine_itself_may_be_the_router():
    assert rogue_ra(quiet_lan(0, 2 * HOUR) + routes(AGENT, 1.5 * HOUR, 1.6 * HOUR)) == []


def test_a_lone_dhcpv6_server_in_a_network_without_ipv6():
    frames = [*quiet_lan(0, 1.6 * HOUR), (1.5 * HOUR, dhcpv6_answer(EVIL))]

    assert told(watching(), frames, None, {"rogue_dhcp"}) == [("opened", "rogue_dhcp", "warning")]
    assert told(watching(), frames + routes(ROUTER, 10, 0.5 * HOUR), None, {"rogue_dhcp"}) == []
    assert told(watching(), [(1.0, dhcpv6_answer(EVIL))], None, {"rogue_dhcp"}) == []
