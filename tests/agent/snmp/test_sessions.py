"""Both sessions, by the same promises: over gufo-snmp and over pysnmp."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from random import Random

import pytest
from haidang_agent.snmp.bounded import BoundedSession
from haidang_agent.snmp.opening import SESSIONS, libraries, open_session
from haidang_agent.snmp.session import Limits, ObjectId, SnmpError
from haidang_agent.tables import Snmp

from tests.agent.namespaces import Namespace
from tests.agent.snmp.responder import BULK, GET, NEXT, Device, Lies, Responder, encoded
from tests.lab import Node

SYSTEM = "1.3.6.1.2.1.1"
TABLE = "1.3.6.1.2.1.2.2.1"
COLUMN = f"{TABLE}.10"
QUICK = Limits(answer_seconds=0.4, total_seconds=60.0)
"""For devices that fall silent: the waits of a question that nobody answers are 0.4, 0.8 and 1.6 s."""
HASTY = Limits(answer_seconds=0.1, total_seconds=60.0)
"""For those that never say a true word."""


def table(rows: int, columns: int = 3) -> Device:
    """Counters of `rows` interfaces, and what stands before and behind them."""
    values = {f"{TABLE}.{10 + column}.{row}": encoded("65", b"%d" % (row * 1000 + column))
              for column in range(columns) for row in range(1, rows + 1)}  # fmt: skip
    return Device(values | {f"{SYSTEM}.1.0": encoded("4", b"A device"), "1.3.6.1.2.1.31.9.1": encoded("2", b"7")})


@pytest.fixture(params=tuple(SESSIONS))
def library(request: pytest.FixtureRequest) -> str:
    assert request.param in libraries(), "tests run where both are installed"
    return request.param


@contextmanager
def asking(
    device: Device, library: str, lies: Lies | None = None, limits: Limits | None = None
) -> Iterator[tuple[BoundedSession, Responder]]:
    limits = limits or (QUICK if lies else Limits())
    with (
        Responder({"s3cret": device}, lies) as responder,
        open_session(Snmp("127.0.0.1", responder.port, community="s3cret"), limits, library) as session,
    ):
        yield session, responder


def test_every_type_comes_out_as_the_session_promises(library):
    values = {
        "1.0": ("4", b"text", b"text"),
        "2.0": ("6", b"1.3.6.1.4.1.14988.1", ObjectId("1.3.6.1.4.1.14988.1")),
        "3.0": ("67", b"4294967295", 4294967295),
        "4.0": ("2", b"-40", -40),
        "5.0": ("65", b"4294967295", 4294967295),
        "6.0": ("66", b"1", 1),
        "7.0": ("70", b"18446744073709551615", 2**64 - 1),
        "8.0": ("64", b"192.0.2.1", IPv4Address("192.0.2.1")),
        "9.0": ("4", b"", b""),
        "10.0": ("4x", b"00ff80", b"\x00\xff\x80"),
    }
    told = {f"{SYSTEM}.{oid}": encoded(tag, raw) for oid, (tag, raw, _) in values.items()}
    device = Device(told | {f"{SYSTEM}.11.0": encoded("5", b"")})

    with asking(device, library) as (session, _):
        walked = session.walk(SYSTEM)
        got = session.get([f"{SYSTEM}.{oid}" for oid in (*values, "11.0", "12.0")])

    assert list(walked.items()) == [(oid, value) for oid, (_, _, value) in values.items()]
    assert {type(value) for value in walked.values()} == {int, bytes, ObjectId, IPv4Address}
    assert got == {f"{SYSTEM}.{oid}": value for oid, value in walked.items()}
    assert session.problems == []


def test_a_walk_holds_what_lies_below_in_the_devices_order_and_no_more(library):
    with asking(table(120), library) as (session, responder):
        rows = session.walk(COLUMN)
        rest = session.walk("1.3.6.1.2.1.31")
        nothing = session.walk("1.3.6.1.2.1.99")

    assert list(rows.items()) == [(str(row), row * 1000) for row in range(1, 121)]
    assert rest == {"9.1": 7}
    assert (nothing, session.problems) == ({}, [])
    assert {tag for tag, *_ in responder.asked} == {BULK}
    assert len(responder.asked) <= 8


def test_rows_of_null_are_no_end(library):
    """A UPS answers NULL for what it does not measure, one row after another, and goes on behind them."""
    rows = {f"{COLUMN}.{row}": encoded("5", b"") for row in range(1, 60)}

    with asking(Device(rows | {f"{COLUMN}.60": encoded("2", b"1")}), library) as (session, _):
        assert session.walk(COLUMN) == {"60": 1}
        assert session.walk(f"{COLUMN}.5") == {}


@pytest.mark.parametrize(
    "lies",
    [
        Lies(bulk="refused"), Lies(bulk="silent"), Lies(too_big_over=8), Lies(too_big_over=1),
        Lies(cut_at=300), Lies(most_bytes=9000), Lies(delay=0.6),
    ],
    ids=lambda lies: str(lies)[5:60],
)  # fmt: skip
def test_a_device_that_cannot_do_bulk_or_is_slow_is_read_whole_all_the_same(library, lies):
    """Refused, dropped, cut off, larger than the library reads, or later than the first wait."""
    device = table(30, columns=2)
    if lies.most_bytes > 1400:
        for row in range(1, 31):
            device.rows[tuple(map(int, f"{COLUMN}.{row}".split(".")))] = encoded("4", b"x" * 250)

    with asking(device, library, lies) as (session, _):
        session.get([f"{SYSTEM}.1.0"])
        first, second = session.walk(COLUMN), session.walk(f"{TABLE}.11")

    assert (len(first), len(second), session.problems) == (30, 30, [])


def test_what_a_refusal_taught_is_remembered(library):
    """After two refusals GETBULK is not tried again."""
    with asking(table(5, columns=4), library, Lies(bulk="refused")) as (session, responder):
        for column in range(10, 14):
            session.walk(f"{TABLE}.{column}")

    assert [tag for tag, *_ in responder.asked].count(BULK) == 2


def test_a_device_that_goes_in_circles_is_left_with_what_was_new(library):
    circle = {f"{COLUMN}.40": f"{COLUMN}.10"}

    with asking(table(60), library, Lies(circle=circle)) as (session, responder):
        rows = session.walk(COLUMN)

    assert list(rows) == [str(row) for row in range(1, 41)]
    assert session.problems == [f"{COLUMN}: goes in circles at 10"]
    assert len(responder.asked) < 10


def test_a_device_that_repeats_its_last_row_for_ever_is_left(library):
    circle = {f"{COLUMN}.3": f"{COLUMN}.3"}

    with asking(table(5), library, Lies(circle=circle)) as (session, _):
        assert list(session.walk(COLUMN)) == ["1", "2", "3"]

    assert session.problems == [f"{COLUMN}: goes in circles at 3"]


def test_rows_out_of_order_are_used_and_named(library):
    order = {f"{COLUMN}.1": f"{COLUMN}.3", f"{COLUMN}.3": f"{COLUMN}.2", f"{COLUMN}.2": f"{COLUMN}.4"}

    with asking(table(5), library, Lies(circle=order)) as (session, _):
        assert list(session.walk(COLUMN)) == ["1", "3", "2", "4", "5"]

    assert session.problems == [f"{COLUMN}: rows out of order, as 2"]


def test_one_object_that_the_device_fails_at_hides_no_other(library):
    """GET is asked again in halves; a walk that breaks off midway keeps its rows, and says so."""
    broken = (f"{COLUMN}.4",)

    with asking(table(8), library, Lies(broken=broken)) as (session, _):
        got = session.get([f"{COLUMN}.{row}" for row in range(1, 9)])
        walked = session.walk(COLUMN)

    assert sorted(got) == [f"{COLUMN}.{row}" for row in (1, 2, 3, 5, 6, 7, 8)]
    assert list(walked) == ["1", "2", "3"]
    assert session.problems == [f"{COLUMN}.4: genErr", f"{COLUMN}: genErr"]


def test_silence_midway_keeps_what_came_and_is_not_waited_for_again_and_again(library):
    with asking(table(100), library, Lies(falls_silent_after=3)) as (session, _):
        began = time.monotonic()
        rows = session.walk(COLUMN)
        later = [session.walk(f"{TABLE}.{column}") for column in range(11, 40)]

    assert 25 < len(rows) < 100
    assert not any(later)
    assert session.problems[0] == f"{COLUMN}: no answer"
    assert session.problems[-1].endswith("not asked: the device had fallen silent")
    assert session.silent
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "garbage",
    [b"\x30\x03\x02\x01", b"no SNMP", b"\0", b"\x30\x0c\x02\x01\x01\x04\x06s3cret\xa2", b"\x30\x84\xff\xff\xff\xff"],
    ids=["cut off", "text", "a zero", "a tag without a length", "an endless length"],
)
def test_a_device_that_only_ever_sends_nonsense_ends_in_time(library, garbage):
    with asking(table(100), library, Lies(garbage=garbage), HASTY) as (session, _):
        try:
            told = (session.get([f"{SYSTEM}.1.0"]), session.walk(COLUMN))
        except SnmpError:
            told = ({}, {})  # pysnmp does not tell nonsense from silence

    assert told == ({}, {})


def test_rows_time_and_bytes_are_bounded(library):
    limits = Limits(rows=40, value_bytes=10)
    device = table(60)
    device.rows[tuple(map(int, f"{SYSTEM}.1.0".split(".")))] = encoded("4", b"y" * 3000)

    with asking(device, library, limits=limits) as (session, _):
        assert len(session.walk(COLUMN)) == 40
        assert session.get([f"{SYSTEM}.1.0"]) == {f"{SYSTEM}.1.0": b"y" * 10}

    assert session.problems == [
        f"{COLUMN}: more than 40 rows; the rest was not read",
        f"{SYSTEM}.1.0: 3000 bytes long; the first 10 are kept",
    ]


def test_time_in_all_is_bounded_and_begins_anew_with_renew(library):
    limits = Limits(answer_seconds=1.0, total_seconds=2.0)

    with asking(table(400), library, Lies(delay=0.3), limits) as (session, _):
        began = time.monotonic()
        partly = session.walk(COLUMN)
        took = time.monotonic() - began
        session.renew()
        again = session.walk(f"{COLUMN}.7")

    assert 0 < len(partly) < 400
    assert took < 20
    assert (again, session.problems) == ({}, [])


def test_64_kilobytes_of_description_hurt_nothing_else(library):
    device = table(3)
    device.rows[tuple(map(int, f"{SYSTEM}.1.0".split(".")))] = encoded("4", b"z" * 65000)
    device.rows[tuple(map(int, f"{SYSTEM}.5.0".split(".")))] = encoded("4", b"name")

    with asking(device, library) as (session, _):
        told = session.get([f"{SYSTEM}.1.0", f"{SYSTEM}.5.0"])

    assert told[f"{SYSTEM}.5.0"] == b"name"
    assert len(told.get(f"{SYSTEM}.1.0", b"")) <= QUICK.value_bytes
    assert len(session.problems) == 1


def test_late_answers_to_earlier_requests_are_not_taken_for_this_ones(library):
    """The first wait ends before the device answers: that answer must not fill in for the next question."""
    with asking(table(3), library, Lies(delay=0.6)) as (session, _):
        one = session.get([f"{COLUMN}.1"])
        two = session.get([f"{COLUMN}.2"])

    assert (one, two) == ({f"{COLUMN}.1": 1000}, {f"{COLUMN}.2": 2000})


@pytest.mark.parametrize("community", ["wrong", "s3cret"])
def test_no_answer_at_all_is_an_error_without_the_secret(library, community):
    lies = Lies(falls_silent_after=0)

    with Responder({"s3cret": table(1)}, lies) as responder:
        target = Snmp("127.0.0.1", responder.port, community=community)
        with (
            open_session(target, HASTY, library) as session,
            pytest.raises(SnmpError, match="does not answer") as error,
        ):
            session.walk(COLUMN)

    assert community not in str(error.value)
    assert f"127.0.0.1:{responder.port}" in str(error.value)


def test_a_closed_port_is_no_answer(library):
    with Responder({}) as responder:
        port = responder.port
    with open_session(Snmp("127.0.0.1", port), QUICK, library) as session, pytest.raises(SnmpError):
        session.get([f"{SYSTEM}.1.0"])


def test_where_no_way_leads_is_an_error_and_no_crash(library):
    """As while a machine starts, before it has a network."""
    with (
        Namespace() as lonely,
        Node(lonely.name).inside(),
        pytest.raises(SnmpError, match=r"203\.0\.113\.9"),
        open_session(Snmp("203.0.113.9", community="s3cret"), QUICK, library) as session,
    ):
        session.get([f"{SYSTEM}.1.0"])


def test_an_unknown_name_is_told_at_once(library):
    with pytest.raises(SnmpError, match=r"router\.invalid: no such host"):
        open_session(Snmp("router.invalid"), QUICK, library)


def test_gets_are_few(library):
    with asking(table(30), library) as (session, responder):
        session.get([f"{COLUMN}.{row}" for row in range(1, 31)])

    assert [tag for tag, *_ in responder.asked] == [GET, GET]
    assert NEXT not in {tag for tag, *_ in responder.asked}


@pytest.mark.parametrize("seed", range(6))
def test_answers_with_bytes_changed_added_or_lost_never_crash(library, seed):
    limits = Limits(answer_seconds=0.02, tries=2, total_seconds=2.0)

    with asking(table(40), library, Lies(damage=Random(seed)), limits) as (session, _):
        for oid in (COLUMN, f"{TABLE}.11", "1.3.6.1.2.1.31"):
            session.renew()
            try:
                rows = session.walk(oid)
            except SnmpError:
                rows = {}
            assert len(rows) <= 41
