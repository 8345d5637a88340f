"""What agents found of themselves, on the unit's page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from haidang_collector.doctor.records import Examination, ToldCheck, keep
from haidang_collector.registry.models import Agent

from tests.collector.web.reading import Page

if TYPE_CHECKING:
    from tests.collector.web.conftest import Web

FULL = ToldCheck("disk", "fail", "disk_full", "")
LIMITED = ToldCheck("probe", "warn", "right_missing", "lan")
SOUND = ToldCheck("clock", "ok", "", "")


def tell(web: Web, agent: str, *checks: ToldCheck, ago: timedelta = timedelta(0)) -> None:
    assert keep(web.registry.database, Examination(agent, datetime.now(UTC) - ago, "0.1.0", checks))


def test_faults_are_told_in_the_readers_words_with_what_to_do(city: Web) -> None:
    tell(city, "a-UP", LIMITED, SOUND, FULL)

    vietnamese = Page(city.page("/units/UP?lang=vi")).text
    english = Page(city.page("/units/UP?lang=en")).text

    assert "ổ đĩa cần sửa Dọn bớt ổ đĩa: nếu không, số đo sẽ không giữ lại được." in vietnamese
    assert "phép đo lan chạy được nhưng còn hạn chế" in vietnamese
    assert english.index("Free some space: measurements can't be kept otherwise.") < english.index("probe lan")
    assert "Older than a day" not in english


def test_an_old_one_is_marked_and_a_sound_one_says_so(city: Web) -> None:
    tell(city, "a-UP", SOUND, ago=timedelta(days=2))

    text = Page(city.page("/units/UP?lang=en")).text

    assert "Older than a day: it may be otherwise by now." in text
    assert "1 check, nothing to mend." in text


def test_a_unit_shows_its_own_agents_only(city: Web) -> None:
    tell(city, "a-DOWN", FULL)

    assert "Free some space" not in city.page("/units/UP?lang=en")
    assert "Free some space" in city.page("/units/DOWN?lang=en")
    city.log_in(district="Quận 1")
    city.page("/units/DOWN", status=403)


def test_what_a_newer_agent_tells_is_shown_as_far_as_it_is_known(city: Web) -> None:
    tell(city, "a-UP", ToldCheck("fuse box", "fail", "fuse_blown", "<b>"))

    page = city.page("/units/UP?lang=en")

    assert "fuse box &lt;b&gt;" in page
    assert "renew the centre" in page


def test_many_agents_fill_no_page(city: Web) -> None:
    for number in range(12):
        city.add(f"X{number}", "Trường", heard=3)
        with city.registry.database.write() as session:
            agent = session.get(Agent, f"a-X{number}")
            assert agent is not None
            agent.unit = "UP"
        tell(city, f"a-X{number}", SOUND if number else FULL, ago=timedelta(hours=number))

    text = Page(city.page("/units/UP?lang=en")).text

    assert text.count("check, nothing to mend.") == 9
    assert text.index("a-X0 ·") < text.index("a-X1 ·"), "who has most to mend stands first"
    assert "2 more agents told of themselves." in text
