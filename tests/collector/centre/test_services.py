"""The list of online systems, from the command to what an agent is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from haidang_collector.centre.services import built_in
from haidang_collector.cli import build
from haidang_collector.registry.agent_config import set_tables, tables_for
from haidang_collector.registry.location import FILE_NAME
from haidang_collector.registry.store import Registry
from haidang_reach.address import parse
from typer.testing import CliRunner

from tests.collector.centre.seen import register

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
    told = tables_for(registry.database, "A")

    assert told["service"] == [OTHER, *built_in()]
    assert told["agent"] == {"push_interval": "30s"}
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


@pytest.mark.parametrize(
    "arguments",
    [
        ("Smas!", "https://smas.edu.vn/"),
        ("smas", "smas.edu.vn"),
        ("smas", "https://admin:secret@smas.edu.vn/"),
        ("smas", "https://smas.edu.vn/", "--match", "a\nb"),
    ],
)
def test_what_no_agent_could_ask_for_is_refused(registry: Registry, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    refused = services(tmp_path, "set", *arguments)

    assert refused.exit_code == 2
    assert "service" not in tables_for(registry.database, "A")
    assert refused.stderr
    assert "secret" not in refused.stderr
