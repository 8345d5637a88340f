"""Probes with a short time to live, in the virtual school: PC, router, ISP, Internet, centre."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from haidang_agent.platform.hops import FARTHEST, Step, _sender, ask
from hypothesis import given
from hypothesis import strategies as st

from tests.lab import VirtualSchool

if TYPE_CHECKING:
    from collections.abc import Iterator

CENTRE = VirtualSchool.centre_address
THE_WAY = {1: "10.20.0.1", 2: "203.0.113.1", 3: "10.255.0.2", 4: CENTRE}
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"]
ASK = """\
import json, sys
from haidang_agent.platform.hops import Step, ask
answers = ask([Step(sys.argv[1], ttl) for ttl in range(1, 5)], 2)
print(json.dumps({step.ttl: who for step, who in answers.items()}))
"""


@pytest.fixture(scope="module", params=[False, True], ids=["icmp", "udp"])
def built(request: pytest.FixtureRequest) -> Iterator[VirtualSchool]:
    with VirtualSchool(isps=("VNPT",), pcs=1, deny_ping=request.param) as school:
        yield school


@pytest.fixture
def school(built: VirtualSchool) -> Iterator[VirtualSchool]:
    yield built
    built.repair_all()


def trace(school: VirtualSchool, *steps: Step, wait: float = 2.0) -> dict[int, str]:
    with school.pc(1).inside():
        answers = ask(steps or [Step(CENTRE, ttl) for ttl in THE_WAY], wait)
    return {step.ttl: who for step, who in answers.items()}


def test_every_router_on_the_way_answers_at_its_distance_and_then_the_target(school: VirtualSchool) -> None:
    began = time.monotonic()

    assert trace(school, wait=60) == THE_WAY
    assert time.monotonic() - began < 30, "it returns with the last answer"


def test_no_privilege_is_needed(school: VirtualSchool) -> None:
    answer = school.pc(1).run(*NOBODY, sys.executable, "-W", "error", "-c", ASK, CENTRE, check=True, cwd="/")

    assert {int(ttl): who for ttl, who in json.loads(answer.stdout).items()} == THE_WAY


def test_a_router_that_drops_what_goes_beyond_it_answers_itself(school: VirtualSchool) -> None:
    school.cut_isp("VNPT")

    assert trace(school, wait=0.5) == {1: "10.20.0.1", 2: "203.0.113.1"}
    assert trace(school, Step("203.0.113.1", FARTHEST)) == {FARTHEST: "203.0.113.1"}


@pytest.mark.parametrize("fault", ["cut_fibre", "cut_gateway"])
def test_what_a_router_cannot_reach_it_says_in_the_isps_name_and_is_not_taken_for_the_isp(
    school: VirtualSchool, fault: str
) -> None:
    """
    Its "host unreachable", 3 s later, comes from its address on the line, 203.0.113.2.
    """
    getattr(school, fault)("VNPT")

    assert trace(school, wait=3.5) == {1: "10.20.0.1"}


def test_what_cannot_leave_this_machine_is_answered_by_nobody(school: VirtualSchool) -> None:
    """
    No route; and a neighbour that is not there, of which the kernel tells by an ICMP error from its own address.
    """
    school.pc(1).ip("route del default")

    try:
        assert trace(school, Step(CENTRE, 3), Step("10.20.0.77", 4), wait=3.5) == {}
    finally:
        school.pc(1).ip(f"route add default via {school.router_address}")


def test_no_socket_is_left_behind(school: VirtualSchool) -> None:
    def open_files() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    trace(school)
    before = open_files()
    trace(school, Step(CENTRE, 4), Step("240.0.0.1", 1))

    assert open_files() == before


def error(*, origin: int = 2, kind: int = 11, family: int = socket.AF_INET) -> bytes:
    """A sock_extended_err of linux/errqueue.h and the sockaddr_in after it, as this machine lays them out."""
    offender = family.to_bytes(2, sys.byteorder) + bytes(2) + socket.inet_aton("203.0.113.1") + bytes(8)
    return (113).to_bytes(4, sys.byteorder) + bytes([origin, kind, 0, 0]) + bytes(8) + offender


def test_the_sender_is_read_from_an_icmp_error_alone() -> None:
    assert _sender(error(), CENTRE) == "203.0.113.1"
    assert _sender(error(kind=3), "203.0.113.1") == "203.0.113.1"
    assert _sender(error(kind=3), CENTRE) is None, "unreachable, in whose name ever"
    assert _sender(error(origin=1), CENTRE) is None, "this machine's own"
    assert _sender(error(family=socket.AF_UNSPEC), CENTRE) is None
    assert _sender(error()[:-1], CENTRE) is None


@given(st.binary(max_size=64))
def test_nothing_in_the_error_queue_makes_the_reader_fail(data: bytes) -> None:
    who = _sender(data, CENTRE)

    assert who is None or socket.inet_aton(who) == data[20:24]
