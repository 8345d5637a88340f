"""What a machine behind somebody else's router can say of the lines, and what it cannot."""

from __future__ import annotations

import pytest
from haidang_agent.probe import Evidence
from haidang_agent.tables import Wan
from haidang_agent.wan import site
from haidang_agent.wan.site import SiteLine

ONE, TWO = Wan("wan1", "VNPT"), Wan("wan2", "Viettel")
UP, DOWN = {"up": True, "since": None}, {"up": False, "since": 1.0}


def evidence(
    internet: dict | None = None, egress: dict | None = None, wan1: dict | None = None, wan2: dict | None = None
) -> Evidence:
    told = Evidence()
    for kind, subject, fact in (
        ("internet", "", internet), ("egress", "", egress), ("snmp_wan", "wan1", wan1), ("snmp_wan", "wan2", wan2),
    ):  # fmt: skip
        if fact is not None:
            told.tell(kind, subject, fact, 60)
    return told


def test_without_evidence_everything_is_unknown():
    assert site.look([ONE, TWO], evidence()) == dict.fromkeys(("wan1", "wan2"), SiteLine(None, None, None))


def test_the_internet_alone_says_nothing_of_two_lines():
    found = site.look([ONE, TWO], evidence(internet=DOWN))

    assert [line.up for line in found.values()] == [None, None]


def test_the_only_line_is_as_good_as_the_internet():
    assert site.look([ONE], evidence(internet=UP))["wan1"] == SiteLine(up=True, active=True, carrier=None)


def test_an_outage_behind_a_silent_router_may_be_the_routers_own():
    """Nobody tells of the line: it is not blamed."""
    assert site.look([ONE], evidence(internet=DOWN))["wan1"].up is None


def test_the_line_by_which_the_traffic_leaves_is_known_by_its_isp():
    found = site.look([ONE, TWO], evidence(internet=UP, egress={"isp": "Viettel", "hop": "x", "answers": True}))

    assert (found["wan1"].up, found["wan1"].active) == (None, False)
    assert (found["wan2"].up, found["wan2"].active) == (True, True)


@pytest.mark.parametrize(
    "egress",
    [
        {"isp": "FPT", "hop": "x", "answers": True},
        {"isp": None, "hop": "", "answers": False},
        {"isp": "VNPT", "hop": "", "answers": False},
    ],
)
def test_an_isp_that_is_no_line_of_ours_or_an_old_answer_proves_nothing(egress):
    found = site.look([ONE, TWO], evidence(internet=UP, egress=egress))

    assert {line.active for line in found.values()} == {None}


def test_what_the_router_says_counts_before_the_first_hop():
    told = evidence(
        internet=UP, egress={"isp": "Viettel", "hop": "x", "answers": True},
        wan1={"carrier": True, "default_route": True}, wan2={"carrier": True, "default_route": False},
    )  # fmt: skip
    found = site.look([ONE, TWO], told)

    assert found["wan1"] == SiteLine(up=True, active=True, carrier=True)
    assert found["wan2"] == SiteLine(up=None, active=False, carrier=True)


def test_a_dark_spare_line_is_down():
    told = evidence(internet=UP, wan1={"carrier": True, "default_route": True}, wan2={"carrier": False})

    assert site.look([ONE, TWO], told)["wan2"] == SiteLine(up=False, active=False, carrier=False, cause="carrier")


def test_a_line_switched_off_at_the_router_is_down_by_the_router():
    told = evidence(internet=UP, wan2={"admin": False, "carrier": False})

    assert site.look([ONE, TWO], told)["wan2"] == SiteLine(up=False, active=None, carrier=None, cause="router")


def test_the_isp_is_to_blame_where_the_active_line_is_lit_and_the_internet_gone():
    told = evidence(internet=DOWN, wan1={"carrier": True, "default_route": True}, wan2={"carrier": True})

    assert site.look([ONE, TWO], told)["wan1"] == SiteLine(up=False, active=True, carrier=True, cause="isp")


def test_who_does_not_reach_the_router_blames_no_line():
    told = evidence(internet=DOWN, wan1={"carrier": True, "default_route": True}, wan2={"carrier": True})

    assert site.look([ONE, TWO], told, cut_off=True)["wan1"] == SiteLine(up=None, active=True, carrier=True)


@pytest.mark.parametrize(
    ("lines", "egress", "cause"),
    [
        ([None], None, "router"),
        ([None], {"answers": False}, "router"),
        ([None], {"answers": True, "at": 5.0}, "isp"),
        ([None], {"answers": True, "at": 4.9}, "router"),
        ([True], None, "isp"),
        ([False], None, "carrier"),
        ([False], {"answers": True, "at": 5.0}, "carrier"),
        ([False, False], None, "carrier"),
        ([False, True], None, "isp"),
        ([False, None], None, "router"),
        ([], None, "router"),
    ],
)
def test_whose_fault_it_is_behind_the_router(lines, egress, cause):
    """By the carriers that the router tells of, and whether anything beyond it answers."""
    seen = {str(number): SiteLine(None, None, carrier) for number, carrier in enumerate(lines)}

    assert site.cause_behind_the_router(seen, evidence(egress=egress), since=5.0) == cause


def test_a_dark_spare_line_is_not_to_blame_for_the_internet():
    seen = {
        "wan1": SiteLine(up=False, active=True, carrier=True),
        "wan2": SiteLine(up=False, active=False, carrier=False),
    }

    assert site.cause_behind_the_router(seen, evidence(), since=5.0) == "isp"


def test_a_line_without_light_is_the_carriers_fault_even_where_the_link_stays_up():
    told = evidence(internet=DOWN, wan1={"carrier": True, "default_route": True, "dark": True})
    seen = site.look([ONE, TWO], told)

    assert (seen["wan1"].up, seen["wan1"].cause) == (False, "carrier")
    assert site.cause_behind_the_router(seen, told, since=1.0) == "carrier"
