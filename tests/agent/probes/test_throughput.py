"""The `throughput` probe, against a real server: on loopback, and through the lines of the virtual school."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from haidang_agent.probe import Evidence, Host, Memory, Moment, NothingToMeasureError, ProbeError, Totals, Watch
from haidang_agent.probes.throughput import BYTES, PROBE, RATE, TIME, Settings, Throughput
from haidang_agent.tables import Wan

from tests.agent.probes.transfer_server import transfer_server
from tests.lab import VirtualSchool
from tests.lab.ca import CertificateAuthority
from tests.waiting import eventually

NIGHT = 1_795_624_200.0  # 2026-11-25 23:30 in Ho Chi Minh City
NOON = NIGHT - 11.5 * 3600
AT_ONCE = {"window": "00:00-24:00", "spread": 0.0, "max_seconds": 20.0, "budget_bytes": 1_000_000}
RECEIVE = ("", "", "receive")


def is_about(found: float, limit: float) -> bool:
    """What a limit of so much lets through: never more, and less only as far as the machine is busy."""
    return 0.5 * limit < found < 1.1 * limit


@dataclass
class SetClock:
    """A clock that tests set; `centre` None: never heard of it."""

    centre: float | None = NIGHT
    monotonic: float = 1000.0
    boot: str = "b1"
    wall: float = NIGHT

    def moment(self) -> Moment:
        return Moment(self.boot, self.monotonic, self.wall, self.centre)

    def pass_by(self, seconds: float) -> None:
        self.monotonic += seconds
        self.wall += seconds
        if self.centre is not None:
            self.centre += seconds


@dataclass
class School:
    """What outlives the process, and how the probe is started on it."""

    clock: SetClock = field(default_factory=SetClock)
    totals: Totals = field(default_factory=Totals)
    memory: Memory = field(default_factory=Memory)
    evidence: Evidence = field(default_factory=Evidence)
    wan: tuple[Wan, ...] = ()

    def start(self, **settings: object) -> Throughput:
        watch = Watch(roles=("router",), wan=self.wan)
        host = Host(totals=self.totals, memory=self.memory, evidence=self.evidence, time=self.clock, watch=watch)
        return PROBE.start(Settings(**{**AT_ONCE, **settings}), host)

    def restart(self) -> None:
        """As the outbox keeps it: JSON."""
        self.memory = Memory(json.loads(json.dumps(self.memory.copy())))
        self.totals = Totals(self.totals.copy())


def values(probe: Throughput) -> dict[tuple[str, ...], float]:
    return {(metric.name, *labels): value for metric, value, labels in probe.collect()}


def busy() -> bool:
    return any(thread.name == "throughput" for thread in threading.enumerate())


def after_test(probe: Throughput, seconds: float = 20.0) -> dict[tuple[str, ...], float]:
    """Start a test and wait for its end; raises what the probe then says."""
    values(probe)
    eventually("the end of the test", lambda: not busy(), seconds=seconds, every=0.02)
    return values(probe)


@pytest.fixture
def server():
    with transfer_server() as running:
        yield running


@pytest.fixture
def school():
    return School()


def test_off_by_default(school):
    with pytest.raises(NothingToMeasureError):
        PROBE.start(Settings(), Host())


@pytest.mark.parametrize("path", ["/file", "/endless"])
def test_a_test_keeps_to_rate_and_budget_and_says_what_it_measured(school, server, path):
    """Whether or not the server tells a length."""
    probe = school.start(url=server.url + path, max_bytes_per_second=1_000_000)

    found = after_test(probe)

    assert is_about(found[RATE.name, *RECEIVE], 1_000_000)
    assert 900_000 < found[BYTES.name, "", "receive"] <= 1_000_000
    assert found[TIME.name, "", ""] == NIGHT
    assert len(server.asked) == 4


def test_both_directions_share_the_budget(school, server):
    probe = school.start(url=server.url + "/file", upload_url=server.url + "/sink", max_bytes_per_second=1_000_000)

    found = after_test(probe)

    assert is_about(found[RATE.name, "", "", "transmit"], 1_000_000)
    assert 450_000 < found[BYTES.name, "", "receive"] <= 500_000
    assert 450_000 < found[BYTES.name, "", "transmit"] == server.received["/sink"] <= 500_000


def test_time_ends_a_test_and_what_came_until_then_is_the_figure(school, server):
    """A server that trickles 20 kB/s on each of four connections for a second: that is what came through."""
    probe = school.start(url=server.url + "/slow", max_seconds=1.0)

    found = after_test(probe)

    assert is_about(found[RATE.name, *RECEIVE], 80_000)
    assert is_about(found[BYTES.name, "", "receive"], 80_000)


def test_time_ends_an_upload_in_good_order(school, server):
    """The rest of the chunk is sent, the server answers, and nothing is said that has not arrived."""
    probe = school.start(
        url=server.url + "/file",
        upload_url=server.url + "/sink",
        max_bytes_per_second=100_000,
        budget_bytes=4_000_000,
        max_seconds=1.0,
    )

    found = after_test(probe)

    assert is_about(found[RATE.name, "", "", "transmit"], 100_000)
    assert found[BYTES.name, "", "transmit"] == pytest.approx(server.received["/sink"], rel=0.1)


@pytest.mark.parametrize(
    ("path", "reason", "text"),
    [
        ("/silent", "timeout", "nothing came through in 1 s; is there a route"),
        ("/never", "timeout", "nothing came through in 1 s"),
        ("/cut", "unreadable", "IncompleteRead"),
        ("/small", "unreadable", "too few to tell; offer a larger file"),
        ("/missing", "unreadable", "it answers 404 Not Found"),
        ("/moved", "unreadable", "it answers 302, look elsewhere"),
    ],
)
def test_a_server_that_is_no_use_gives_no_figure_and_a_reason(school, server, path, reason, text):
    probe = school.start(url=server.url + path, max_seconds=1.0 if reason == "timeout" else 20.0)

    with pytest.raises(ProbeError, match=re.escape(text)) as failed:
        after_test(probe)

    assert failed.value.reason == reason
    assert server.url.partition("//")[2] in failed.value.detail
    assert {asked for asked, _ in server.asked} == {path}, "no redirect was followed"


def test_a_dead_server_is_tried_again_after_an_hour_and_not_before(school):
    with transfer_server() as gone:
        url = gone.url
    probe = school.start(url=url + "/file")
    with pytest.raises(ProbeError, match="Connection refused"):
        after_test(probe)

    for seconds, tested in ((3599, False), (1, True)):
        school.clock.pass_by(seconds)
        before = school.memory.recall("throughput")
        with pytest.raises(ProbeError):
            after_test(probe)
        assert (school.memory.recall("throughput") != before) is tested


def test_what_failed_is_absent_and_the_other_direction_stays(school, server, caplog):
    probe = school.start(url=server.url + "/file", upload_url=server.url + "/refuse", max_bytes_per_second=1_000_000)

    found = after_test(probe)

    assert (RATE.name, *RECEIVE) in found
    assert (RATE.name, "", "", "transmit") not in found
    assert re.search(r"the default path: transmit with 127\.0\.0\.1:\d+: it answers 413", caplog.text)


def test_a_certificate_of_another_authority_is_refused(school, tmp_path):
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    ours, theirs = CertificateAuthority(tmp_path / "ours"), CertificateAuthority(tmp_path / "theirs")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ours.issue("127.0.0.1"))

    with transfer_server(tls=context) as server:
        refused = School().start(url=server.url + "/file", ca=str(theirs.certificate))
        with pytest.raises(ProbeError, match="its certificate is not trusted"):
            after_test(refused)
        asked_before = list(server.asked)
        trusted = school.start(
            url=server.url + "/file",
            upload_url=server.url + "/sink",
            ca=str(ours.certificate),
            max_bytes_per_second=1_000_000,
        )
        found = after_test(trusted)

    assert asked_before == []
    assert is_about(found[RATE.name, *RECEIVE], 1_000_000)
    assert is_about(found[RATE.name, "", "", "transmit"], 1_000_000)


def test_only_inside_the_window_by_the_centres_clock(school, server):
    """The PC's own clock says night all the time; half past eleven in the morning is not 22:00-05:00."""
    school.clock.centre = NOON
    probe = school.start(url=server.url + "/small", window="22:00-05:00")
    values(probe)
    outside = busy(), list(server.asked)

    school.clock.pass_by(NIGHT - NOON)
    with pytest.raises(ProbeError):
        after_test(probe)

    assert outside == (False, [])
    assert server.asked


def test_no_test_before_the_centres_time_is_known(school, server):
    """The PC's own clock says night; it may be wrong by years."""
    school.clock.centre = None
    probe = school.start(url=server.url + "/small")

    values(probe)

    assert not busy()
    assert server.asked == []


def test_tests_are_spread_over_the_time_after_they_are_due(school, server):
    """Or a whole city would ask at 22:00:00."""
    waits = []
    for _ in range(20):
        probe = school.start(url=server.url + "/small", spread=7200.0, window="22:00-05:00")
        values(probe)
        waits.append(probe._starts - school.clock.monotonic)

    assert not busy()
    assert server.asked == []
    assert 0 <= min(waits) < 3600 < max(waits) <= 7200


@pytest.mark.parametrize(
    ("kind", "subject", "fact"), [("internet", "", {"up": False, "since": 1.0}), ("snmp_wan", "", {"carrier": False})]
)
def test_no_test_while_there_is_no_line(school, server, kind, subject, fact):
    school.evidence.tell(kind, subject, fact, 60)
    probe = school.start(url=server.url + "/small")

    values(probe)

    assert not busy()
    assert server.asked == []


def test_the_months_budget_holds_over_restarts_until_the_next_month(school, server, caplog):
    """Three tests of up to 1 MB fit into 3.5 MB; in December it begins anew."""
    settings = {
        "url": server.url + "/file",
        "max_bytes_per_second": 4_000_000,
        "month_budget_bytes": 3_500_000,
        "every": 86400.0,
    }
    totals = []
    for _day in range(25, 32):
        found = after_test(school.start(**settings))
        totals.append(round(found[BYTES.name, "", "receive"] / 1e6))
        school.restart()
        school.clock.pass_by(86400)

    assert totals == [1, 2, 3, 3, 3, 3, 4]
    assert "the budget of 2026-11 is used up" in caplog.text


def test_figures_outlive_a_restart_with_the_time_they_were_measured_at(school, server):
    before = after_test(school.start(url=server.url + "/file", max_bytes_per_second=1_000_000))
    school.restart()
    school.clock.boot, school.clock.monotonic = "b2", 5.0
    school.clock.pass_by(3600)

    after = values(school.start(url=server.url + "/file", max_bytes_per_second=1_000_000))

    assert after == before
    assert not busy(), "the next test is due a day after the last, whichever boot that was in"


def test_a_failed_test_takes_the_old_figure_away(school, server):
    after_test(school.start(url=server.url + "/file", max_bytes_per_second=1_000_000))
    school.clock.pass_by(86400)

    with pytest.raises(ProbeError, match="404"):
        after_test(school.start(url=server.url + "/missing"))


def test_close_ends_a_test_at_once_and_leaves_the_old_figure(school, server):
    """Neither thread nor connection is left; what was moved is counted, what was measured is not told."""
    before = after_test(school.start(url=server.url + "/file", max_bytes_per_second=1_000_000))
    school.clock.pass_by(86400)
    probe = school.start(url=server.url + "/slow", max_seconds=30.0)
    values(probe)
    eventually("traffic", lambda: server.sent["/slow"] > 4000, seconds=5, every=0.01)

    began = time.monotonic()
    probe.close()

    assert time.monotonic() - began < 15
    assert not busy()
    after = values(probe)
    assert after[RATE.name, *RECEIVE] == before[RATE.name, *RECEIVE]
    assert after[TIME.name, "", ""] == NIGHT
    slow = after[BYTES.name, "", "receive"] - before[BYTES.name, "", "receive"]
    assert 4_000 <= slow <= server.sent["/slow"]


def test_close_wakes_a_test_that_waits_for_a_silent_server(school, server):
    probe = school.start(url=server.url + "/silent", max_seconds=30.0)
    values(probe)
    eventually("the requests", lambda: len(server.asked) == 4, seconds=5, every=0.01)

    began = time.monotonic()
    probe.close()

    assert time.monotonic() - began < 15
    assert not busy()


def test_a_crash_makes_no_test_free(school, server):
    """What is stored while a test runs has its whole budget booked, and when it began."""
    probe = school.start(url=server.url + "/slow", max_seconds=30.0, month_budget_bytes=1_500_000)
    values(probe)
    eventually("traffic", lambda: server.sent["/slow"] > 4000, seconds=5, every=0.01)
    school.restart()
    probe.close()
    asked = len(server.asked)

    for seconds in (3600, 86400):
        school.clock.pass_by(seconds)
        assert values(school.start(url=server.url + "/slow", month_budget_bytes=1_500_000))
        assert not busy()

    assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"url": "ftp://h/f"}, "url: 'ftp://h/f' is no address; write https://host/path"),
        ({"url": "https://h:99999/f"}, "url: is no address"),
        ({"url": "https://u:geheim@h/f"}, "url: holds a user name"),
        ({"upload_url": "nothing"}, "upload_url: 'nothing' is no address"),
        ({"url": "https://h/f", "ca": "/nowhere.pem"}, "ca: /nowhere.pem holds no certificates"),
        ({"window": "22-05"}, "'22-05' is no window; write as 22:00-05:00"),
        ({"window": "05:00-05:00"}, "is no window"),
        ({"window": "22:00-22:00"}, "is no window"),
        ({"window": "23:59-24:00", "max_seconds": 60.0}, "window is shorter than a test may take; give it 75 s"),
        ({"time_zone": "Asia/Sai_Gon"}, "there is no time zone 'Asia/Sai_Gon' here"),
        ({"time_zone": "../etc/passwd"}, "there is no time zone"),
        ({"month_budget_bytes": 999_999}, "month_budget_bytes is less than one test's"),
        ({"streams": 0}, "streams must be at least 1"),
        ({"streams": 17, "max_seconds": 61.0}, "max_seconds must be at most 60, streams must be at most 16"),
        ({"max_bytes_per_second": 1}, "max_bytes_per_second must be at least 10000"),
    ],
)
def test_settings_by_which_nothing_could_be_measured_are_refused_with_the_fix(school, settings, text):
    with pytest.raises(ProbeError, match=re.escape(text)) as refused:
        school.start(**{"url": "http://127.0.0.1/f", **settings})

    assert refused.value.reason == "misconfigured"
    assert refused.value.detail.startswith("[probes.throughput] ")
    assert "geheim" not in refused.value.detail


@pytest.fixture(scope="module")
def city():
    with VirtualSchool(isps=("VNPT", "Viettel"), pcs=0) as built:
        yield built


@pytest.fixture
def lines(city):
    """Two lines with routes of their own, as multi-WAN routers have them; the first carries the traffic."""
    city.router.make_tables()
    yield city
    city.repair_all()


@pytest.fixture
def distant(lines):
    """The department's server."""
    with ExitStack() as stack:
        with lines.centre.inside():
            running = stack.enter_context(transfer_server(lines.centre_address))
        yield running


TWO_WANS = (Wan("line-a", "VNPT", interface="wan1"), Wan("line-b", "Viettel", interface="wan2"))


def test_each_line_is_measured_by_itself(lines, distant):
    """Within 10 % of what the line is limited to, up and down, whichever line the routes prefer."""
    lines.limit("VNPT", 20)
    lines.limit("Viettel", 40)
    settings = {"url": distant.url + "/file", "upload_url": distant.url + "/sink", "budget_bytes": 16_000_000}

    with lines.router.inside():
        found = after_test(School(wan=TWO_WANS).start(**settings, max_seconds=30.0), seconds=60)

    for wan, isp, mbit in (("line-a", "VNPT", 20), ("line-b", "Viettel", 40)):
        for direction in ("receive", "transmit"):
            assert is_about(found[RATE.name, wan, isp, direction] * 8e-6, mbit)
            assert 7_000_000 < found[BYTES.name, wan, direction] <= 8_000_000
    assert {asker for _, asker in distant.asked} == {isp.customer for isp in lines.isps.values()}


def test_a_dead_line_has_no_figure_and_the_other_has(lines, distant, caplog):
    lines.cut_isp("Viettel")
    settings = {"url": distant.url + "/file", "max_bytes_per_second": 1_000_000, "max_seconds": 2.0}

    with lines.router.inside():
        found = after_test(School(wan=TWO_WANS).start(**settings))

    assert {name for name in found if name[0] != BYTES.name} == {
        (RATE.name, "line-a", "VNPT", "receive"),
        (TIME.name, "line-a", "VNPT"),
    }
    assert found[BYTES.name, "line-b", "receive"] == 0
    assert "throughput of line-b: receive with 192.0.2.10:" in caplog.text
    assert "nothing came through in 2 s; is there a route by wan2?" in caplog.text


def test_a_line_without_light_is_left_out(lines, distant):
    """What SNMP tells of the other line does not keep this one from its test."""
    school = School(wan=TWO_WANS)
    school.evidence.tell("snmp_wan", "line-b", {"carrier": False}, 60)

    with lines.router.inside():
        after_test(school.start(url=distant.url + "/file", max_bytes_per_second=1_000_000))

    assert {asker for _, asker in distant.asked} == {lines.isps["VNPT"].customer}


def test_an_interface_that_is_not_there_is_named(school, server):
    school.wan = (Wan("line-a", "VNPT", interface="ppp9"),)

    with pytest.raises(ProbeError, match=r"by ppp9: .*No such device"):
        after_test(school.start(url=server.url + "/file"))
