"""The `portal` probe: what is known of the unit's site; what is not known is absent, also after a restart."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from haidang_agent.portal.watching import FILE
from haidang_agent.probe import Host, Moment, NothingToMeasureError, ProbeError, Watch
from haidang_agent.probes.portal import PROBE, Portal, Settings
from haidang_agent.tables import Portal as Table
from haidang_agent.tables import Seconds

from tests.agent.website.hostile import dripping, serving
from tests.reach.feeds import News, at, page, rss
from tests.reach.websites import Website, website
from tests.waiting import eventually

OLD = ["Kế hoạch năm học của nhà trường", "Danh sách học sinh giỏi cấp thành phố"]
NEW = "Lịch kiểm tra cuối học kỳ một các khối lớp"
LETTER = News("Công văn về tổ chức kỳ thi học sinh giỏi", "https://so.example/7", at(25, 6))
START = at(25, 8).timestamp()
AT_ONCE = Settings(spread=Seconds(0.0))


@dataclass
class Clock:
    now: float = START

    def moment(self) -> Moment:
        """A machine whose own clock is wrong."""
        return Moment("", 0.0, 0.0, self.now)


@dataclass
class School:
    site: Website
    department: Website
    state_dir: Path
    clock: Clock = field(default_factory=Clock)

    @contextlib.contextmanager
    def probe(self) -> Iterator[Portal]:
        table = Table(self.site.url, department_feed=f"{self.department.url}rss")
        host = Host(watch=Watch(portal=table), state_dir=self.state_dir, time=self.clock)
        with contextlib.closing(Portal(AT_ONCE, host)) as probe:
            yield probe

    def shows(self, *titles: str, head: str = "") -> None:
        self.site.pages["/"] = page(titles, head).encode()


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[Website, Website]]:
    with website() as site, website() as department:
        yield site, department


@pytest.fixture
def school(sites: tuple[Website, Website], tmp_path: Path) -> School:
    for site in sites:
        site.pages, site.headers = {}, {}
    return School(*sites, tmp_path)


def look(probe: Portal) -> dict[str, float]:
    samples = list(probe.collect())
    assert all(sample.metric in PROBE.metrics for sample in samples)
    return {metric.name + "".join(labels): value for metric, value, labels in samples}


def test_what_is_known_of_a_site_at_first_sight(school: School) -> None:
    school.shows(*OLD)
    with school.probe() as probe:
        assert look(probe) == {"school_portal_up": 1, "school_portal_feed_found": 0}


def test_a_feed_tells_its_newest_item_and_when_content_changed(school: School) -> None:
    school.shows(*OLD)
    school.site.pages["/rss"] = rss([News("Tin", "https://thcs.example/1", at(24, 8))])
    with school.probe() as probe:
        assert look(probe) == {
            "school_portal_up": 1,
            "school_portal_feed_found": 1,
            "school_portal_feed_valid": 1,
            "school_portal_feed_newest_timestamp_seconds": at(24, 8).timestamp(),
            "school_portal_changed_timestamp_seconds": at(24, 8).timestamp(),
        }


def test_a_change_is_seen_over_a_restart(school: School) -> None:
    school.shows(*OLD)
    with school.probe() as probe:
        look(probe)
        school.shows(NEW, *OLD)
        school.clock.now += 600
        assert "school_portal_changed_timestamp_seconds" not in look(probe)
    school.clock.now += 600
    with school.probe() as probe:
        assert look(probe)["school_portal_changed_timestamp_seconds"] == START + 600


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"url": 1}', '{"url": "x", "memory": {}}', "[" * 100_000])
def test_a_broken_memory_is_forgotten(school: School, broken: str, caplog: pytest.LogCaptureFixture) -> None:
    school.shows(*OLD)
    (school.state_dir / FILE).write_text(broken.replace('"x"', f'"{school.site.url}"'))
    with school.probe() as probe:
        assert look(probe)["school_portal_up"] == 1
    with school.probe() as probe:
        look(probe)

    forgotten = [record for record in caplog.records if "is forgotten" in record.message]
    assert len(forgotten) == (broken != '{"url": 1}'), "said once, for it is written anew"


def test_the_memory_of_another_site_is_none_of_this_ones(school: School) -> None:
    school.shows(*OLD)
    with school.probe() as probe:
        look(probe)
    school.site = Website(school.site.url + "vi/")
    school.department.pages = {}
    with school.probe() as probe:
        assert look(probe)["school_portal_up"] == 0


def test_news_that_is_missing_lags(school: School) -> None:
    school.shows(*OLD)
    school.department.pages["/rss"] = rss([LETTER])
    with school.probe() as probe:
        assert look(probe)["school_portal_feed_lag_seconds"] == 2 * 3600
        school.shows(LETTER.title, *OLD)
        assert look(probe)["school_portal_feed_lag_seconds"] == 0


def test_a_feed_without_news_asks_nothing(school: School) -> None:
    school.shows(*OLD)
    school.department.pages["/rss"] = rss([])
    with school.probe() as probe:
        assert look(probe)["school_portal_feed_lag_seconds"] == 0


@pytest.mark.parametrize(
    "feed", [None, b"<rss>", b"<rss><channel><item><title>khong ngay</title></item></channel></rss>"]
)
def test_without_the_departments_feed_there_is_no_lag(
    school: School, feed: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    school.shows(*OLD)
    school.department.pages = {} if feed is None else {"/rss": feed}
    with school.probe() as probe:
        for _ in range(2):
            assert "school_portal_feed_lag_seconds" not in look(probe)

    assert len([record for record in caplog.records if "Department" in record.message]) == 1, "said once"


def test_a_site_that_is_down(school: School, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    school.department.pages["/rss"] = rss([LETTER])
    with school.probe() as probe:
        assert look(probe) == {"school_portal_up": 0, "school_portal_faultstatus": 1}

    assert "404" in caplog.text


def test_a_folder_that_cannot_be_written_is_said(school: School, caplog: pytest.LogCaptureFixture) -> None:
    school.shows(*OLD)
    school.state_dir = school.state_dir / "khong-co"
    with school.probe() as probe:
        assert look(probe)["school_portal_up"] == 1

    assert "cannot be written" in caplog.text


def test_closing_ends_a_look_at_once() -> None:
    with serving(dripping(b"", b"", 1)) as port:
        probe = Portal(AT_ONCE, Host(watch=Watch(portal=Table(f"http://127.0.0.1:{port}/"))))
        ended: list[str] = []

        def run() -> None:
            try:
                list(probe.collect())
            except NothingToMeasureError as why:
                ended.append(str(why))

        running = threading.Thread(target=run, daemon=True)
        running.start()
        probe.close()
        eventually("the look is over", lambda: not running.is_alive(), seconds=5, every=0.02)

    assert ended == ["the agent ends"]


@pytest.mark.parametrize("host", [Host(), Host(watch=Watch(portal=Table()))])
def test_without_a_portal_there_is_nothing_to_measure(host: Host) -> None:
    with pytest.raises(NothingToMeasureError):
        Portal(Settings(), host)


@pytest.mark.parametrize(("settings", "table", "named"), [
    (Settings(), Table("thcs.example"), "url"), (Settings(), Table("https://u:secret@thcs.example/"), "url"),
    (Settings(), Table("https://thcs.example/", department_feed="so.example"), "department_feed"),
    (Settings(spread=Seconds(3600.0)), Table("https://thcs.example/"), "spread"),
    (Settings(proxy="socks5://10.0.0.1"), Table("https://thcs.example/"), "proxy"),
    (Settings(ca="/khong/co.pem"), Table("https://thcs.example/"), "ca"),
])  # fmt: skip
def test_what_is_misconfigured(settings: Settings, table: Table, named: str) -> None:
    with pytest.raises(ProbeError, match=named) as refused:
        Portal(settings, Host(watch=Watch(portal=table)))

    assert refused.value.reason == "misconfigured"
    assert "secret" not in str(refused.value)
