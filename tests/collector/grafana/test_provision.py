from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml
from haidang_collector.access.visitor import Scope
from haidang_collector.grafana import tokens
from haidang_collector.registry.models import Unit

if TYPE_CHECKING:
    from pathlib import Path

    from haidang_collector.registry.store import Registry

    from tests.collector.grafana.conftest import Run


def provision(haidang: Run, folder: Path, *more: str) -> dict[str, str]:
    """Deed by file."""
    result = haidang("provision", str(folder), "--path", "/etc/grafana/provisioning", "--json", *more)
    assert result.exit_code == 0, result.output
    return {file["name"]: file["deed"] for file in json.loads(result.stdout)["files"]}


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


def environment(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / "tokens.env").read_text().splitlines())


def test_files_hold_what_push_would_put_there(haidang: Run, registry: Registry, tmp_path: Path) -> None:
    provision(haidang, tmp_path / "out")

    sources = {source["uid"]: source for source in read(tmp_path / "out/datasources/haidang.yml")["datasources"]}
    providers = {one["folderUid"]: one for one in read(tmp_path / "out/dashboards/haidang.yml")["providers"]}
    one = sources["haidang-quan-1"]
    assert sources.keys() == providers.keys() == {"haidang", "haidang-quan-1", "haidang-quan-go-vap"}
    assert one["url"] == "http://127.0.0.1:8080/api/v1/prom/district:Qu%E1%BA%ADn%201"
    assert one["secureJsonData"] == {"httpHeaderValue1": "Bearer ${HAIDANG_GRAFANA_TOKEN_QUAN_1}"}
    assert providers["haidang-quan-1"]["options"] == {"path": "/etc/grafana/provisioning/boards/haidang-quan-1"}
    content = json.loads((tmp_path / "out/boards/haidang-quan-1/school.json").read_text())
    assert content["uid"] == "hd-school-vi-quan-1"
    token = environment(tmp_path / "out")["HAIDANG_GRAFANA_TOKEN_QUAN_1"]
    assert tokens.scope_of(registry.database, token) == Scope(district="Quận 1")


def test_tokens_stand_in_a_file_of_their_own_for_its_owner(haidang: Run, tmp_path: Path) -> None:
    provision(haidang, tmp_path / "out")

    held = environment(tmp_path / "out").values()
    assert (tmp_path / "out/tokens.env").stat().st_mode & 0o777 == 0o600
    others = [file.read_text() for file in (tmp_path / "out").rglob("*.*") if file.name != "tokens.env"]
    assert not [token for token in held for text in others if token in text]


def test_a_second_run_changes_nothing(haidang: Run, registry: Registry, tmp_path: Path) -> None:
    assert set(provision(haidang, tmp_path / "out").values()) == {"created"}

    assert set(provision(haidang, tmp_path / "out").values()) == {"unchanged"}
    assert len(tokens.all_tokens(registry.database)) == 3


def test_only_what_differs_is_written(haidang: Run, registry: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    provision(haidang, folder)
    held = environment(folder)
    revoked = next(fact for fact in tokens.all_tokens(registry.database) if fact.scope == "district:Quận 1")
    tokens.revoke(registry.database, revoked.id, "test")
    (folder / "boards/haidang/city.json").write_text("{}")
    (folder / "boards/haidang/old.json").write_text("{}")
    (folder / "boards/haidang/notes.txt").write_text("somebody's")

    deeds = {name: deed for name, deed in provision(haidang, folder).items() if deed != "unchanged"}

    assert deeds == {
        "boards/haidang/city.json": "updated",
        "boards/haidang/old.json": "removed",
        "tokens.env": "updated",
    }
    after = environment(folder)
    assert {name for name in held if held[name] != after[name]} == {"HAIDANG_GRAFANA_TOKEN_QUAN_1"}
    assert (folder / "boards/haidang/notes.txt").exists()


def test_a_dollar_in_a_name_is_no_variable_of_grafanas(haidang: Run, registry: Registry, tmp_path: Path) -> None:
    with registry.database.write() as session:
        session.add(Unit(code="X", name="T", district="$HOME", level="primary", students={}))
    provision(haidang, tmp_path / "out", "--only", "district:$HOME")

    (source,) = read(tmp_path / "out/datasources/haidang.yml")["datasources"]
    (provider,) = read(tmp_path / "out/dashboards/haidang.yml")["providers"]
    assert source["name"] == provider["folder"] == "Hải Đăng · $$HOME"


def test_a_folder_that_cannot_be_written_is_one_line(haidang: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = haidang("provision", str(tmp_path / "file"))

    assert result.exit_code == 1
    assert str(tmp_path / "file") in result.stderr
