"""A registry of two districts, two small dashboards, and a stand-in for Grafana."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from haidang_collector.cli import build
from haidang_collector.registry.location import sqlite_url
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from typer.testing import CliRunner

from tests.collector.grafana.stand_in import TOKEN, State, grafana

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

DISTRICTS = ("Quận 1", "Quận Gò Vấp")


class Run(Protocol):
    def __call__(self, *arguments: str, stdin: str | None = None) -> Result: ...


def board(name: str, *urls: str) -> dict[str, Any]:
    variable = {"name": "datasource", "type": "datasource", "regex": "/^Hải Đăng/", "current": {"value": "haidang"}}
    links = [{"title": url, "url": f"/d/hd-{url}-vi?x=/d/hd-{url}-vi"} for url in urls]
    menu = {"type": "dashboards", "tags": ["hai-dang", "vi"], "url": ""}
    return {
        "uid": f"hd-{name}-vi",
        "title": name,
        "tags": ["hai-dang", "vi"],
        "links": [menu],
        "templating": {"list": [variable]},
        "panels": [{"title": f"Panel of {name}", "links": links, "description": None}],
    }


@pytest.fixture
def dashboards(tmp_path: Path) -> Path:
    folder = tmp_path / "dashboards"
    (folder / "vi").mkdir(parents=True)
    for name, content in {"city": board("city", "school"), "school": board("school", "city", "school")}.items():
        (folder / "vi" / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with two units; made once, for the migrations take their time."""
    folder = tmp_path_factory.mktemp("filled")
    made = Registry(sqlite_url(folder))
    with made.database.write() as session:
        for number, district in enumerate(DISTRICTS):
            session.add(Unit(code=f"TH-{number}", name="T", district=district, level="primary", students={}))
    made.close()
    return folder


@pytest.fixture
def registry(filled: Path, tmp_path: Path) -> Iterator[Registry]:
    shutil.copytree(filled, tmp_path / "data")
    opened = Registry(sqlite_url(tmp_path / "data"))
    yield opened
    opened.close()


@pytest.fixture
def haidang(registry: Registry, dashboards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`haidang grafana ARGUMENTS` on that registry and those dashboards, with the stand-in's token."""
    monkeypatch.setenv("HAIDANG_GRAFANA_TOKEN", TOKEN)

    def run(*arguments: str, stdin: str | None = None) -> Result:
        more = ["--dashboards", str(dashboards)] if arguments[0] in ("push", "provision") else []
        return CliRunner().invoke(
            build(), ["grafana", *arguments, *more, "--data", str(tmp_path / "data")], input=stdin
        )

    return run


@pytest.fixture
def there() -> Iterator[State]:
    with grafana() as state:
        yield state
