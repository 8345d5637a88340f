"""From registered portals, on real servers, to what GET /metrics/registry tells of them."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_collector.centre.looking import CutOffError, PublicResolver, Round
from haidang_collector.centre.ports import asked_ports, parse_ports
from haidang_collector.centre.records import targets
from haidang_collector.cli import build
from haidang_collector.registry.agent_config import set_tables
from haidang_collector.registry.editing import remove_unit
from haidang_collector.registry.location import FILE_NAME
from haidang_collector.registry.store import Registry
from haidang_reach.address import parse
from haidang_reach.connecting import trusting
from haidang_reach.exchange import Question, Way, exchange
from haidang_reach.resolving import Resolver
from haidang_reach.waiting import Loop
from typer.testing import CliRunner

from tests.collector.centre.seen import look, register, tell_feed, told
from tests.collector.running import database_url
from tests.reach.feeds import VIETNAM, News, page, rss
from tests.reach.websites import website
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

    from tests.reach.websites import Website

HOUR = 3600.0
OLD = ["Kế hoạch tuyển sinh lớp sáu năm học mới", "Lịch kiểm tra học kỳ một toàn trường"]
NEW = "Hội khỏe Phù Đổng cấp trường khai mạc sáng nay"
INSIDE = (
    "10.0.0.1", "169.254.169.254", "100.64.0.1", "192.0.0.192", "0.0.0.0", "224.0.0.1", "2130706433", "127.1", "[::1]",
    "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[fd00::1]", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[64:ff9b::10.0.0.1]",
    "[64:ff9b:1::1]", "[2002:7f00:1::1]",
)  # fmt: skip
"""Also as addresses of IPv6 that a gateway takes for one of IPv4 (RFC 6052, RFC 3056)."""
ANNOUNCED = '<link rel="alternate" type="application/rss+xml" href="/tin.xml">'


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(database_url(tmp_path))
    yield made
    made.close()


@pytest.fixture
def school() -> Iterator[Website]:
    with website() as site:
        site.headers["Content-Type"] = "text/html; charset=utf-8"
        site.pages["/"] = page(OLD).encode()
        yield site


@pytest.fixture
def department() -> Iterator[Website]:
    with website() as site:
        yield site


def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}/"


def news(title: str, hours_ago: float) -> News:
    published = dt.datetime.now(VIETNAM) - dt.timedelta(hours=hours_ago)
    return News(title, f"https://so.example/{abs(hash(title))}", published)


def haidang(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(build(), ["portals", "check", *arguments, "--data", str(folder)])


def test_one_that_opens_and_one_that_does_not(registry: Registry, school: Website) -> None:
    register(registry, {"A": school.url, "B": nowhere(), "C": None})
    now = time.time()
    looks = look(registry, now)

    assert {unit: found.front.fault for unit, found in looks.items()} == {"A": None, "B": "refused"}
    assert told(registry, "school_portal_centre_up") == {("A",): 1, ("B",): 0}
    assert told(registry, "school_portal_centre_fault") == {("B", "refused"): 1}
    assert told(registry, "school_portal_centre_feed_found") == {("A",): 0}
    assert told(registry, "school_portal_centre_feed_valid") == {}
    assert told(registry, "school_portal_centre_looked_timestamp_seconds") == {("A",): now, ("B",): now}


def test_feed_and_how_far_it_is_behind_the_departments(
    registry: Registry, school: Website, department: Website
) -> None:
    read, missing = news("Công văn hướng dẫn thi học sinh giỏi cấp quận", 30), news("Tập huấn phòng cháy", 5)
    department.pages["/rss"] = rss([read, missing])
    school.pages |= {"/": page(OLD, ANNOUNCED).encode(), "/tin.xml": rss([read])}
    register(registry, {"A": school.url})
    tell_feed(registry, f"{department.url}rss")
    now = time.time()
    look(registry, now)

    assert told(registry, "school_department_feed_valid") == {(): 1}
    assert told(registry, "school_portal_centre_feed_valid") == {("A",): 1}
    assert told(registry, "school_portal_centre_feed_lag_seconds")[("A",)] == pytest.approx(5 * HOUR, abs=HOUR / 10)
    newest = told(registry, "school_portal_centre_feed_newest_timestamp_seconds")[("A",)]
    assert now - newest == pytest.approx(30 * HOUR, abs=HOUR / 10)


def test_a_broken_feed_is_said_and_without_the_departments_nobody_lags(
    registry: Registry, school: Website, department: Website
) -> None:
    department.pages["/rss"] = b"<html>no feed</html>"
    school.pages |= {"/": page(OLD, ANNOUNCED).encode(), "/tin.xml": b"<rss><channel>"}
    register(registry, {"A": school.url})
    tell_feed(registry, f"{department.url}rss")
    found = look(registry, time.time())["A"]

    assert found.feed == "broken"
    assert found.why
    assert told(registry, "school_portal_centre_feed_valid") == {("A",): 0}
    assert told(registry, "school_department_feed_valid") == {(): 0}
    assert told(registry, "school_portal_centre_feed_lag_seconds") == {}


def test_a_feed_of_the_department_without_dates_is_none(registry: Registry, department: Website) -> None:
    department.pages["/rss"] = b"<rss version='2.0'><channel><item><title>Tin</title></item></channel></rss>"
    tell_feed(registry, f"{department.url}rss")
    look(registry, time.time())

    assert told(registry, "school_department_feed_valid") == {(): 0}


def test_a_change_is_new_text_that_stays_from_round_to_round(registry: Registry, school: Website) -> None:
    register(registry, {"A": school.url})
    began = time.time() - HOUR / 2
    look(registry, began)
    school.pages["/"] = page([NEW, *OLD]).encode()
    look(registry, began + 600)
    assert told(registry, "school_portal_centre_changed_timestamp_seconds") == {}
    look(registry, began + 1200)

    assert told(registry, "school_portal_centre_changed_timestamp_seconds") == {("A",): began + 600}


def test_what_was_not_looked_at_for_an_hour_or_at_another_address_is_not_told(
    registry: Registry, school: Website
) -> None:
    register(registry, {"A": school.url, "B": school.url})
    look(registry, time.time() - HOUR - 10)
    assert told(registry, "school_portal_centre_up") == {}
    look(registry, time.time())
    register(registry, {"B": nowhere()})

    assert told(registry, "school_portal_centre_up") == {("A",): 1}


def test_where_nothing_at_all_is_reached_nothing_is_known(registry: Registry, school: Website) -> None:
    register(registry, {"A": school.url})
    look(registry, time.time())
    register(registry, {unit: nowhere() for unit in "ABCDE"} | {"A": school.url.replace("127.0.0.1", "127.0.0.9")})

    with pytest.raises(CutOffError, match="none of 5 addresses"):
        look(registry, time.time())
    assert told(registry, "school_portal_centre_up") == {}


def test_a_unit_that_is_removed_meanwhile_keeps_no_other_from_being_told(registry: Registry, school: Website) -> None:
    register(registry, {"A": school.url, "B": school.url})
    wanted = targets(registry.database)
    remove_unit(registry.database, "B", lambda _: None)
    with closing(Resolver()) as resolver:
        list(Round(registry.database, Way(resolver, trusting())).look(wanted, {}))

    assert told(registry, "school_portal_centre_up") == {("A",): 1}


def test_a_name_that_leads_inside_is_not_asked(school: Website) -> None:
    with closing(PublicResolver(4, parse_ports("1-65535"))) as resolver, Loop() as loop:
        way = Way(resolver, trusting())
        hosts = (school.url, school.url.replace("127.0.0.1", "localhost"), *(f"http://{host}/" for host in INSIDE))
        answers = list(loop.run((0.0, exchange(Question(parse(address), 5.0), way)) for address in hosts))

    assert {str(answer.address): answer.detail for answer in answers if "--inside" not in answer.detail} == {}
    assert {answer.fault for answer in answers} == {"unreachable"}
    assert not school.asked


def test_a_port_that_is_not_the_webs_is_not_asked_wherever_a_page_leads() -> None:
    with closing(PublicResolver(4, asked_ports({}))) as resolver, Loop() as loop:
        question = Question(parse("http://1.1.1.1:22/"), 5.0)
        (answer,) = loop.run([(0.0, exchange(question, Way(resolver, trusting())))])

    assert (answer.fault, answer.detail) == (
        "unreachable", "1.1.1.1: the centre does not ask at port 22, but at 80, 443, 8080, 8443 (HAIDANG_PORTAL_PORTS)",
    )  # fmt: skip


def test_command_names_what_is_not_asked_for_its_port_and_claims_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Registry(f"sqlite:///{tmp_path / FILE_NAME}")
    register(made, {"A": "http://1.1.1.1:25/"})
    set_tables(made.database, "A", {"service": [{"name": "public_x", "url": "http://1.1.1.1:22/"}]})
    done = haidang(tmp_path, "--json")
    seen = json.loads(done.stdout)

    assert done.exit_code == 1
    assert [row["fault"] for row in seen["portals"] + seen["services"]] == ["port_refused"] * 2
    assert "port 25, but at 80, 443, 8080, 8443" in seen["portals"][0]["detail"]
    assert told(made, "school_portal_centre_up") == {}
    assert told(made, "school_public_service_centre_up") == {}
    made.close()
    monkeypatch.setenv("HAIDANG_PORTAL_PORTS", "all")
    assert (haidang(tmp_path).exit_code, haidang(tmp_path).stderr) == (
        2, "HAIDANG_PORTAL_PORTS='all': 'all' is no port: write numbers and ranges, as 80,443,8000-8999\n",
    )  # fmt: skip


def test_command_shows_and_keeps(tmp_path: Path, school: Website) -> None:
    made = Registry(f"sqlite:///{tmp_path / FILE_NAME}")
    register(made, {"A": school.url, "B": nowhere()})
    made.close()
    done = haidang(tmp_path, "--inside", "--json")
    found = {row["unit"]: row for row in json.loads(done.stdout)["portals"]}

    assert done.exit_code == 1
    assert {unit: (row["fault"], row["feed"]) for unit, row in found.items()} == {
        "A": (None, "none"), "B": ("refused", None),
    }  # fmt: skip
    assert haidang(tmp_path, "A", "--inside").stdout.split() == ["A", "up", "none"]
    assert haidang(tmp_path, "A").stdout.split()[:2] == ["A", "unreachable"]


def test_as_a_service_it_says_each_round_and_goes_on(tmp_path: Path, school: Website) -> None:
    made = Registry(f"sqlite:///{tmp_path / FILE_NAME}")
    register(made, {"A": school.url})
    program = "from haidang_collector.cli import main; main()"
    command = [sys.executable, "-c", program, "portals", "check", "--every", "1", "--inside", "--data", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        still_there = process.poll() is None
        process.terminate()

    assert said == "portals: 1, down: 0; services: 0, down: 0; mail domains: 0\n"
    assert still_there
    assert told(made, "school_portal_centre_up") == {("A",): 1}
    made.close()


def test_command_says_why_it_cannot_look(tmp_path: Path) -> None:
    made = Registry(f"sqlite:///{tmp_path / FILE_NAME}")
    register(made, {"A": None})
    assert (haidang(tmp_path).exit_code, haidang(tmp_path).stderr.split(":")[0]) == (2, "nothing to look at")
    register(made, {unit: nowhere() for unit in "ABCDE"})
    made.close()
    done = haidang(tmp_path, "--inside")

    assert (done.exit_code, done.stderr.strip()) == (
        2, "none of 5 addresses was reached: this machine has no way to them",
    )  # fmt: skip
    assert haidang(tmp_path, "--ca", str(tmp_path / "none.pem")).exit_code == 2
