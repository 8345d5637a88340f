"""The wheel alone, in a virtual environment far from the checkout: everything that is read at run time is in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.packaging.wheelhouse import build, take
from tests.servers import free_port, get, prometheus, wait_until_ready

pytestmark = pytest.mark.timeout(300)
"""Seconds, the fixtures included: a virtual environment each, on a machine that may be busy."""
CODE = tuple(f"{part}/haidang_{part}" for part in ("advice", "agent", "collector", "isps", "reach"))
PLACED = {
    "alerts": "haidang_collector/alerts",
    "dashboards/json": "haidang_collector/dashboards",
    "docs/runbooks": "haidang_collector/runbooks",
    "packaging": "haidang_agent/packaging",
}

COMPOSED = {
    f"compose/{name}" for name in ("compose.yaml", "Dockerfile", "prometheus.yml", "nginx.conf", ".env.example")
}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands. What haidang needs is this environment's own; haidang is the wheel's."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, timeout=280)
    python = venv / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, timeout=280)
    (site,) = (venv / "lib").glob("python3*/site-packages")
    (site / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return venv / "bin"


def run(installed: Path, *words: str, more: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """From a folder and with variables that lead nowhere else."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HAIDANG_", "PYTHON"))}
    command, clean = [str(installed / words[0]), *words[1:]], clean | (more or {})
    return subprocess.run(command, cwd=installed, env=clean, capture_output=True, text=True, timeout=280, check=False)


def test_every_file_beside_the_code_is_in_it(wheel: Path) -> None:
    source = wheel.parent / "source"
    with zipfile.ZipFile(wheel) as packed:
        there = set(packed.namelist())
    placed = dict.fromkeys(CODE, "") | PLACED
    wanted = {
        (place or folder.rpartition("/")[2]) + f"/{path.relative_to(source / folder)}"
        for folder, place in placed.items()
        for path in (source / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }

    assert wanted - there == set()


def test_nothing_is_in_it_but_ours(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        tops = {name.partition("/")[0] for name in packed.namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {Path(folder).name for folder in CODE}


def test_the_sdist_has_the_rest_too_and_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(wheel.parent / "source", source)
    take(source, ".gitignore", "ansible", "compose")
    build(source, tmp_path)

    (sdist,), (again,) = tmp_path.glob("*.tar.gz"), tmp_path.glob("*.whl")
    with tarfile.open(sdist) as packed:
        there = {name.partition("/")[2] for name in packed.getnames()}
    with zipfile.ZipFile(wheel) as ours, zipfile.ZipFile(again) as theirs:
        assert (again.name, sorted(theirs.namelist())) == (wheel.name, sorted(ours.namelist()))
    beside = [path for name in ("ansible", "packaging", "alerts") for path in (source / name).rglob("*")]
    wanted = {str(path.relative_to(source)) for path in beside if path.is_file()} | COMPOSED
    assert wanted - there == set()


def test_the_agent_measures(installed: Path, tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(f'[agent]\nstate_dir = "{tmp_path}"\nprobes = ["machine", "inventory"]\n', encoding="utf-8")

    done = run(installed, "haidang-agent", "once", "--config", str(config))

    assert 'haidang_probe_success{probe="machine"} 1' in done.stdout, done.stderr


def test_the_agent_speaks_vietnamese(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "vi_VN.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)

    assert "cấu hình" in run(installed, "haidang-agent", "doctor").stdout


def test_the_centre_serves_its_pages(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    command = [str(installed / "haidang"), "serve", "--listen", f"127.0.0.1:{port}", "--data", str(tmp_path)]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(f"{url}/healthz", process, seconds=90)
        for path in ("/", "/runbooks/WanDown", "/static/style.css", "/openapi.json", "/metrics/registry"):
            assert get(url + path, seconds=60), path
        asked = urllib.request.Request(url, headers={"Accept-Language": "vi"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert 'lang="vi"' in answer.read().decode()
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_dashboards_are_laid_out_for_grafana(installed: Path, wheel: Path, tmp_path: Path) -> None:
    done = run(installed, "haidang", "grafana", "provision", str(tmp_path / "grafana"), "--data", str(tmp_path))

    assert done.returncode == 0, done.stderr
    boards = {path.name for path in (wheel.parent / "source/dashboards/json").glob("*.json")}
    assert boards <= {path.name for path in tmp_path.rglob("*.json")}


def test_the_evaluation_is_written(installed: Path, tmp_path: Path) -> None:
    with prometheus(tmp_path) as store:
        told = {"HAIDANG_PROMETHEUS_URL": store.url}
        done = run(installed, "haidang", "evaluate", "--format", "html", "--data", str(tmp_path), more=told)

    assert '<html lang="vi">' in done.stdout, done.stderr
    assert "không áp dụng" in done.stdout
