"""Services for parents: whoever tells of one, the centre asks for it, each page once, and tells what it found."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_collector.centre import public_services
from haidang_collector.centre.looking import CutOffError, Round
from haidang_collector.centre.services import set_service
from haidang_collector.centre.tables import ServiceLook
from haidang_collector.cli import build
from haidang_collector.registry.agent_config import set_tables, tables_for
from haidang_collector.registry.database import Database
from haidang_collector.registry.editing import remove_unit
from haidang_collector.registry.fact_import import import_facts
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.fact_table import read_facts
from haidang_collector.registry.location import FILE_NAME
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from haidang_reach.address import parse
from haidang_reach.answer import Answer
from haidang_reach.connecting import trusting
from haidang_reach.exchange import Way
from haidang_reach.resolving import Resolver
from sqlalchemy import func, select
from typer.testing import CliRunner

from tests.collector.centre.seen import DISTRICT, look, register, told
from tests.collector.running import database_url
from tests.postgresql import server
from tests.reach.websites import website
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.reach.websites import Website

UP, INFO, FAULT = (f"school_public_service_{name}" for name in ("centre_up", "info", "centre_fault"))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(database_url(tmp_path))
    register(made, {"A": None, "B": None})
    yield made
    made.close()


@pytest.fixture
def site() -> Iterator[Website]:
    with website() as running:
        running.pages["/"] = b"<p>Tuyen sinh</p>"
        yield running


def tell(registry: Registry, *rows: str) -> None:
    """Rows of a table as a school would write it."""
    table = "\n".join(["Mã đơn vị,Dịch vụ công,Địa chỉ dịch vụ,Mùa", *rows])
    kind = KINDS["public_services"]
    outcome = import_facts(registry.database, kind, read_facts(table.encode(), kind))
    assert outcome.applied, outcome.bad


def ask(registry: Registry, now: float) -> int:
    """How many questions were asked."""
    with closing(Resolver()) as resolver:
        way = Way(resolver, trusting(), now=lambda: now)
        questions = public_services.questions(public_services.told(registry.database))
        list(Round(registry.database, way).look([], questions))
        return len(questions)


def remaining(registry: Registry) -> dict[tuple[str, ...], float]:
    """After B was removed between the questions and their answers."""
    services = public_services.told(registry.database)
    remove_unit(registry.database, "B", lambda _: None)
    with closing(Resolver()) as resolver:
        way = Way(resolver, trusting())
        list(Round(registry.database, way).look([], public_services.questions(services)))
    return told(registry, UP)


def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}/"


def test_what_a_school_registers_is_told_to_its_agents_and_asked_for_by_the_centre(
    registry: Registry, site: Website
) -> None:
    tell(
        registry,
        f"A,Tuyển sinh đầu cấp,{site.url},",
        f"B,hoc phi,{nowhere()},Cả năm",
        f"B,lop_10,{site.url},he enrolment",
    )
    ask(registry, time.time())

    assert tables_for(registry.database, "A")["service"] == [
        {"name": "public_enrolment", "url": site.url, "match": "", "status": [], "family": ""}
    ]
    assert told(registry, UP) == {("A", "public_enrolment"): 1, ("B", "public_fees"): 0, ("B", "public_lop_10"): 1}
    assert told(registry, FAULT) == {("B", "public_fees", "refused"): 1}
    assert set(told(registry, INFO)) == {
        ("A", "public_enrolment", "enrolment", "127.0.0.1"), ("B", "public_fees", "year", "127.0.0.1"),
        ("B", "public_lop_10", "he", "127.0.0.1"), ("B", "public_lop_10", "enrolment", "127.0.0.1"),
    }  # fmt: skip


def test_the_same_page_of_many_units_is_asked_for_once(registry: Registry, site: Website) -> None:
    set_service(registry.database, {"name": "public_enrolment", "url": site.url, "match": "Tuyen"}, "somebody")

    assert ask(registry, time.time()) == 1
    assert site.asked == {"/": 1}
    assert told(registry, UP) == {("A", "public_enrolment"): 1, ("B", "public_enrolment"): 1}


def test_the_narrower_word_counts_the_citys_the_districts_the_registrys_the_units(
    registry: Registry, site: Website
) -> None:
    for district in ("", DISTRICT):
        wide = {"name": "public_results", "url": nowhere(), "match": district or "x"}
        set_service(registry.database, wide, "somebody", district)
    tell(registry, f"A,enrolment,{nowhere()},")
    set_tables(registry.database, "A", {"service": [{"name": "public_enrolment", "url": site.url}]})
    set_service(registry.database, {"name": "smas", "url": site.url}, "somebody")
    services = {(each.unit, each.service): each.asked for each in public_services.told(registry.database)}

    assert set(services) == {("A", "public_enrolment"), ("A", "public_results"), ("B", "public_results")}
    assert services["A", "public_enrolment"].url == site.url
    assert services["B", "public_results"].match == DISTRICT


def test_a_page_without_its_text_is_down_and_one_that_cannot_be_read_is_not_known(
    registry: Registry, site: Website
) -> None:
    for name, match in (("public_a", "Khong co"), ("public_b", "Tuyen")):
        set_service(registry.database, {"name": name, "url": f"{site.url}{name}", "match": match}, "somebody", DISTRICT)
    site.pages |= {"/public_a": b"<p>Tuyen sinh</p>", "/public_b": b"x" * 1_100_000}
    ask(registry, time.time())

    assert told(registry, UP) == {("A", "public_a"): 0, ("B", "public_a"): 0}
    assert {key[2] for key in told(registry, FAULT)} == {"mismatch", "unread"}


def test_what_was_not_asked_for_lately_or_at_another_address_is_not_told(registry: Registry, site: Website) -> None:
    tell(registry, f"A,enrolment,{site.url},", f"B,enrolment,{site.url},")
    ask(registry, time.time() - 3610)
    assert told(registry, UP) == {}
    ask(registry, time.time())
    tell(registry, f"A,enrolment,{nowhere()},")

    assert told(registry, UP) == {("B", "public_enrolment"): 1}


def test_portals_that_answer_say_that_it_is_not_the_centre_that_is_cut_off(registry: Registry, site: Website) -> None:
    tell(registry, *(f"A,s{number},{nowhere()},Cả năm" for number in range(5)))
    with pytest.raises(CutOffError, match="none of 5 addresses"):
        ask(registry, time.time())
    assert told(registry, UP) == {}
    tell(registry, f"B,enrolment,{site.url},")
    ask(registry, time.time())

    assert sorted(told(registry, UP).values()) == [0, 0, 0, 0, 0, 1]


def test_a_unit_that_is_removed_meanwhile_keeps_no_other_from_being_told(registry: Registry, site: Website) -> None:
    tell(registry, f"A,enrolment,{site.url},", f"B,enrolment,{site.url},")

    assert remaining(registry) == {("A", "public_enrolment"): 1}


def test_an_address_that_is_none_is_at_fault_and_hides_nothing(registry: Registry, site: Website) -> None:
    tell(registry, f"A,enrolment,{site.url},")
    set_tables(registry.database, "B", {"service": [{"name": "public_fees", "url": "http://[bad/"}]})
    ask(registry, time.time())

    assert told(registry, UP) == {("A", "public_enrolment"): 1, ("B", "public_fees"): 0}
    assert told(registry, FAULT) == {("B", "public_fees", "name_unknown"): 1}
    assert ("B", "public_fees", "fees", "") in told(registry, INFO)


@pytest.mark.parametrize(
    "entry",
    [{"name": "public_x"}, {"name": "public_"}, {"name": "public_x", "url": "http://127.0.0.1/\0"},
     {"name": "public_x", "url": "http://127.0.0.1/" + "x" * 500}, {"name": "public_" + "x" * 40, "url": "http://x/"}],
)  # fmt: skip
def test_what_could_not_be_kept_is_not_asked_for(registry: Registry, entry: dict[str, str]) -> None:
    set_tables(registry.database, "A", {"service": [entry]})

    assert public_services.told(registry.database) == []


def test_what_the_city_says_of_its_page_is_not_asked_of_a_schools_own(registry: Registry, site: Website) -> None:
    wide = {"name": "public_enrolment", "url": nowhere(), "match": "Cua thanh pho", "status": [204], "family": "ipv6"}
    set_tables(registry.database, None, {"service": [wide]})
    tell(registry, f"A,enrolment,{site.url},")
    set_service(registry.database, {"name": "public_enrolment", "url": site.url}, "somebody", DISTRICT)
    services = {each.unit: each.asked for each in public_services.told(registry.database)}

    assert services["A"] == public_services.Asked(site.url)
    assert services["B"].match == ""
    assert tables_for(registry.database, "A")["service"][0]["match"] == ""


def test_command_names_each_service(tmp_path: Path, site: Website) -> None:
    made = Registry(f"sqlite:///{tmp_path / FILE_NAME}")
    register(made, {"A": None})
    tell(made, f"A,enrolment,{site.url},")
    made.close()
    arguments = ["portals", "check", "--inside", "--data", str(tmp_path)]
    shown, document = (CliRunner().invoke(build(), [*arguments, *more]) for more in ([], ["--json"]))

    assert shown.stdout.split() == ["A", "public_enrolment", "up"]
    assert json.loads(document.stdout)["services"] == [
        {"unit": "A", "service": "public_enrolment", "url": site.url, "fault": None, "detail": ""}
    ]
    assert CliRunner().invoke(build(), arguments[:2] + arguments[3:]).stdout.split()[:3] == [
        "A", "public_enrolment", "unreachable",
    ]  # fmt: skip


def test_who_looks_beside_the_service_keeps_it_from_nothing() -> None:
    """
    On PostgreSQL writers do not wait in turn, and each round has an order of its own.
    """
    url = server().create()
    with closing(Database(url)) as database:
        database.upgrade()
        with database.write() as session:
            session.add_all(
                Unit(code=f"U{number}", name="x", district=DISTRICT, level="primary", students={})
                for number in range(100)
            )
        set_service(database, {"name": "public_x", "url": "http://x.example/"}, "somebody")
        looks = [(service, Answer(parse(service.asked.url))) for service in public_services.told(database)]
        rounds = [looks, looks[::-1], looks[50:] + looks[:50], looks[::2] + looks[1::2]]
        with ThreadPoolExecutor(len(rounds)) as lookers:
            list(lookers.map(lambda seen: public_services.keep(database, seen, 1.0), rounds))
        with database.read() as connection:
            assert connection.scalar(select(func.count()).select_from(ServiceLook)) == len(looks) == 100
    server().drop(url)


def test_a_unit_that_was_looked_at_can_be_removed(registry: Registry, site: Website) -> None:
    register(registry, {"A": site.url})
    tell(registry, f"A,enrolment,{site.url},")
    look(registry, time.time())
    ask(registry, time.time())
    remove_unit(registry.database, "A", lambda _: None)

    assert told(registry, UP) == {}
    assert told(registry, "school_portal_centre_up") == {}
