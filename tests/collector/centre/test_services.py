"""The list of online systems, from the command to what an agent is told."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_collector.access.audit import entries
from haidang_collector.access.visitor import Scope
from haidang_collector.centre.services import ChangedError, built_in, remove, set_service, shown, told
from haidang_collector.cli import build
from haidang_collector.registry.agent_config import set_tables, tables_for
from haidang_collector.registry.config_layers import Layer
from haidang_collector.registry.config_versions import put, staged, widen
from haidang_collector.registry.database import Database
from haidang_collector.registry.location import FILE_NAME
from haidang_collector.registry.store import Registry
from haidang_reach.address import parse
from typer.testing import CliRunner

from tests.collector.centre.seen import DISTRICT, register
from tests.postgresql import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

OTHER = {"name": "own", "url": "https://own.example/"}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(f"sqlite:///{tmp_path / FILE_NAME}")
    register(made, {"A": None})
    yield made
    made.close()


def services(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(build(), ["services", *arguments, "--data", str(folder)])


def test_the_directives_systems_are_told_on_request(registry: Registry, tmp_path: Path) -> None:
    set_tables(registry.database, None, {"agent": {"push_interval": "30s"}, "service": [OTHER]})
    assert services(tmp_path, "adopt").exit_code == 0
    tables = tables_for(registry.database, "A")

    assert tables["service"] == [OTHER, *built_in()]
    assert tables["agent"] == {"push_interval": "30s"}
    assert len({parse(service["url"]).host for service in built_in()}) == 14
    assert "told already" in services(tmp_path, "adopt").stderr


def test_the_department_edits_the_list(registry: Registry, tmp_path: Path) -> None:
    assert services(tmp_path, "list").stderr.startswith("agents are told of no online system")
    services(tmp_path, "set", "smas", "https://smas.edu.vn/")
    services(tmp_path, "set", "hcm", "https://hcm.edu.vn/")
    services(tmp_path, "set", "smas", "https://moi.example/", "--match", "Đăng nhập")
    assert services(tmp_path, "remove", "hcm").exit_code == 0
    smas = {"name": "smas", "url": "https://moi.example/", "match": "Đăng nhập"}

    assert json.loads(services(tmp_path, "list", "--json").stdout) == [smas]
    assert services(tmp_path, "list").stdout.split(maxsplit=2) == ["smas", "https://moi.example/", "Đăng nhập\n"]
    assert tables_for(registry.database, "A")["service"] == [smas]
    assert services(tmp_path, "remove", "hcm").exit_code == 2


def test_a_district_has_services_beside_and_over_the_citys(registry: Registry, tmp_path: Path) -> None:
    services(tmp_path, "set", "smas", "https://smas.edu.vn/")
    services(tmp_path, "set", "smas", "https://quan.example/", "--district", DISTRICT)
    services(tmp_path, "set", "public_enrolment", "https://ts.example/", "--district", DISTRICT)
    asked = {service["name"]: service["url"] for service in tables_for(registry.database, "A")["service"]}

    assert asked == {"smas": "https://quan.example/", "public_enrolment": "https://ts.example/"}
    assert len(json.loads(services(tmp_path, "list", "--json").stdout)) == 1
    assert len(json.loads(services(tmp_path, "list", "--district", DISTRICT, "--json").stdout)) == 2
    assert services(tmp_path, "set", "x", "https://x.example/", "--district", "nowhere").exit_code == 2
    assert services(tmp_path, "remove", "smas", "--district", DISTRICT).exit_code == 0
    assert "smas.edu.vn" in tables_for(registry.database, "A")["service"][0]["url"]


def test_every_deed_is_in_the_audit_log_with_who_did_it(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAIDANG_OPERATOR", "Cô Lan")
    services(tmp_path, "adopt")
    services(tmp_path, "set", "own", "https://own.example/", "--match", "Xin chào")
    services(tmp_path, "remove", "own")
    services(tmp_path, "remove", "own")
    deeds = [entry for entry in entries(registry.database, Scope())[0] if entry.what.startswith("service.")]

    assert [(entry.what, entry.subject) for entry in deeds[:2]] == [("service.removed", "own"), ("service.set", "own")]
    assert deeds[1].detail == {"name": "own", "url": "https://own.example/", "match": "Xin chào"}
    assert (deeds[2].what, deeds[2].subject.split()[0], len(deeds)) == ("service.adopted", "hcm", 3)
    assert {entry.who for entry in deeds} == {"Cô Lan"}


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "sqlite":
        yield request.getfixturevalue("registry").database
        return
    url = server().create()
    with closing(Database(url)) as made:
        made.upgrade()
        yield made
    server().drop(url)


def test_of_many_who_edit_at_once_nobody_loses_anything(shared: Database) -> None:
    names = [f"s{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as people:
        for name in names:
            people.submit(set_service, shared, {"name": name, "url": "https://x.example/"}, name)

    assert {service["name"] for service in told(shared)} == set(names)


def test_of_many_who_edit_the_same_at_once_only_the_first_does(shared: Database) -> None:
    set_service(shared, OTHER, "somebody")

    def edit(url: str) -> str | None:
        try:
            set_service(shared, {"name": "own", "url": url}, "somebody", seen=shown(OTHER))
        except ChangedError:
            return None
        return url

    with ThreadPoolExecutor(6) as people:
        done = [url for url in people.map(edit, [f"https://so-{number}.example/" for number in range(6)]) if url]
    with pytest.raises(ChangedError):
        remove(shared, "own", "somebody", seen=shown(OTHER))

    assert [service["url"] for service in told(shared)] == done
    assert len(done) == 1


def test_what_is_on_trial_is_kept_and_the_command_says_what_to_do(registry: Registry, tmp_path: Path) -> None:
    layer = Layer("district", DISTRICT)
    services(tmp_path, "set", "own", "https://own.example/", "--district", DISTRICT)
    put(registry.database, layer, {"service": []}, "Cô Lan", percent=10)
    refused = [
        services(tmp_path, "set", "own", "https://moi.example/", "--district", DISTRICT),
        services(tmp_path, "remove", "own", "--district", DISTRICT),
    ]

    assert [done.exit_code for done in refused] == [2, 2]
    assert f'(haidang units config --district "{DISTRICT}" --stage 100%)' in refused[0].stderr
    assert staged(registry.database, layer) == {"service": []}
    assert [service["url"] for service in told(registry.database, DISTRICT)] == ["https://own.example/"]
    assert services(tmp_path, "set", "own", "https://own.example/").exit_code == 0, "another layer's is free"
    widen(registry.database, layer, 100, "Cô Lan")
    assert services(tmp_path, "set", "own", "https://moi.example/", "--district", DISTRICT).exit_code == 0


def test_agents_ask_a_sectors_system_at_any_port(registry: Registry, tmp_path: Path) -> None:
    assert services(tmp_path, "set", "pmis", "http://pmis.example:9000/").exit_code == 0


def test_what_the_forms_do_not_show_stays(registry: Registry, tmp_path: Path) -> None:
    set_tables(registry.database, None, {"service": [{**OTHER, "status": [200, 401], "match": "x"}]})
    services(tmp_path, "set", "own", "https://moi.example/")

    assert tables_for(registry.database, "A")["service"] == [
        {"name": "own", "url": "https://moi.example/", "status": [200, 401]}
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("Smas!", "https://smas.edu.vn/"),
        ("smas", "smas.edu.vn"),
        ("smas", "https://admin:secret@smas.edu.vn/"),
        ("smas", "https://smas.edu.vn/", "--match", "a\nb"),
        ("public_-x", "https://x.example/"),
        ("public_", "https://x.example/"),
        ("public", "https://x.example/"),
        ("e-ict-", "https://e-ict.gov.vn/"),
        ("-x", "https://x.example/"),
        ("x" * 41, "https://x.example/"),
        ("public_x", "https://x.example:22/"),
    ],
)
def test_what_no_agent_could_ask_for_is_refused(registry: Registry, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    refused = services(tmp_path, "set", *arguments)

    assert refused.exit_code == 2
    assert "service" not in tables_for(registry.database, "A")
    assert refused.stderr
    assert "secret" not in refused.stderr
