"""`haidang simulate --fast-forward`: two months of a small city in a real store, which rules and evaluation read."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from haidang_collector.centre import school_time
from haidang_collector.cli import build
from haidang_collector.policy.policy import load
from haidang_collector.simulate.build import build as build_city
from haidang_collector.simulate.build import today
from haidang_collector.simulate.expected import limits_on
from haidang_collector.simulate.flow import since_of
from haidang_collector.simulate.outages import Outages, monthly
from haidang_collector.simulate.past import Period, chapters
from haidang_collector.simulate.standing import row_states
from haidang_collector.simulate.year import judged
from haidang_collector.supervisor import victoria
from typer.testing import CliRunner

from tests.collector.simulate.running_city import RULES
from tests.servers import Prometheus, free_port, get, wait_until_ready
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result

UNITS, DAYS = 12, 45
BACK = 20
"""Days before today whose end is looked at."""
CHECKED = {
    "school:row:compliant": {"R6", "R15"},
    "unit:school_wan_availability:ratio": set(),
    "district:units:count": set(),
    "district:row_units:count": set(),
    "district:row_compliant:ratio": set(),
    "district:row_unknown:count": set(),
    "district:school_fibre:count": set(),
    "district:school_internet:count": set(),
    "district:school_wan_lines:count": set(),
    "district:school_posture_findings:count": set(),
    "district:school_computers_missing:count": set(),
    "district:school_students_per_computer:ratio": set(),
    "city:row_units:count": set(),
    "city:row_compliant:ratio": set(),
    "city:row_unknown:count": set(),
    "city:school_fibre:count": set(),
    "city:school_internet:count": set(),
    "city:school_computers_missing:count": set(),
}
"""What rules can be asked for at any time, of what is written; of some only these rows."""


@dataclass
class Filled:
    folder: Path
    store: Prometheus
    told: dict[str, Any]


def haidang(*arguments: object) -> Result:
    return CliRunner().invoke(build(), list(map(str, arguments)))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("year")
    done = haidang("simulate", "--units", UNITS, "--fast-forward", f"{DAYS}d", "--data", folder, "--json")
    assert done.exit_code == 0, done.stderr
    with _keeping(folder) as store:
        yield Filled(folder, store, json.loads(done.stdout))


@contextmanager
def _keeping(folder: Path) -> Iterator[Prometheus]:
    """A Prometheus there that keeps as long as that of `haidang up`."""
    settings = folder / "quiet.yml"
    settings.write_text("global: {}\n")
    store = Prometheus(folder / "prometheus", free_port(), "")
    command = [
        shutil.which("prometheus") or "prometheus",
        f"--config.file={settings}",
        f"--storage.tsdb.path={store.folder / 'data'}",
        "--storage.tsdb.retention.time=400d",
        f"--web.listen-address=127.0.0.1:{store.port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until_ready(f"{store.url}/-/ready", process)
        yield store
    finally:
        process.kill()
        process.wait()


def _period(told: dict[str, Any]) -> Period:
    last = date.fromisoformat(told["day"])
    return Period(last - timedelta(days=DAYS), last, school_time.load())


def test_the_evaluation_of_a_day_long_ago_finds_what_was_true_then(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAIDANG_PROMETHEUS_URL", filled.store.url)
    period = _period(filled.told)
    day = period.last - timedelta(days=BACK)

    told = haidang("evaluate", "--at", day, "--json", "--data", filled.folder)
    document = json.loads(told.stdout)

    at = period.midnight(day + timedelta(days=1))
    limits_then = judged(period, limits_on(period.last, load(), period.calendar))
    limits = [each.limits for each in limits_then if each.begin <= at][-1]
    city = build_city(UNITS, seed=1, day=period.last)
    expected = {}
    for unit in city.units:
        then = next(each for each in reversed(chapters(unit, city, period)) if each.begin <= period.morning(day))
        expected[unit.code] = row_states(then.unit, limits, watched=then.watched)
    assert told.exit_code == 0, told.stderr
    assert expected == {
        unit["code"]: {row: judged["state"] for row, judged in unit["rows"].items()} for unit in document["units"]
    }


@cache
def _rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load(file.read_text()) for file in RULES.glob("*.yml")]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("name", CHECKED)
def test_what_is_written_is_what_the_rule_says_of_the_rest(filled: Filled, name: str) -> None:
    period = _period(filled.told)
    rules = [
        rule
        for rule in _rules()
        if rule.get("record") == name and (not CHECKED[name] or rule["labels"]["row"] in CHECKED[name])
    ]
    rows = f'{{row=~"{"|".join(CHECKED[name])}"}}' if CHECKED[name] else ""
    for back in (DAYS - 10, BACK, 1):
        at = period.midnight(period.last - timedelta(days=back))
        evaluated: dict[object, float] = {}
        for rule in rules:
            evaluated |= _series(filled.store.query(rule["expr"], at=at), rule.get("labels", {}))

        written = _series(filled.store.query(f"{name}{rows}", at=at), {})
        assert written
        assert written == pytest.approx(evaluated)


def _series(found: list[dict[str, Any]], labels: dict[str, str]) -> dict[object, float]:
    return {
        tuple(sorted({**each["metric"], **labels, "__name__": ""}.items())): float(each["value"][1]) for each in found
    }


def test_a_school_is_without_internet_as_long_as_its_outages_last(filled: Filled) -> None:
    period = _period(filled.told)
    city = build_city(UNITS, seed=1, day=period.last)
    outages = Outages(monthly(city.seed, period))
    unit = next(unit for unit in city.units if unit.presence == "heard" and all(line.up for line in unit.lines))
    down = [each for each in outages.of(unit, since_of(chapters(unit, city, period))) if not each.wan]

    said = filled.store.query(f'unit:school_internet_up{{unit="{unit.code}"}}[31d]', at=period.midnight(period.last))
    points = {float(at): value for at, value in said[0]["values"]}

    assert points
    assert {at for at, value in points.items() if value == "0"} == {
        at for at in points if any(each.begin <= at < each.end for each in down)
    }


def test_agents_are_in_the_registry_and_speak_of_themselves_in_the_past(filled: Filled) -> None:
    agents = {each["agent"] for each in json.loads(haidang("agents", "list", "--json", "--data", filled.folder).stdout)}
    told = filled.store.query("count by (agent) (last_over_time(agent:school_wan_observed_seconds:total[1d]))")

    assert told
    assert {each["metric"]["agent"] for each in told} <= agents


def test_a_store_that_holds_data_is_refused_and_left_alone(filled: Filled) -> None:
    before = sorted(filled.folder.rglob("chunks/*"))

    refused = haidang("simulate", "--units", UNITS, "--fast-forward", "2d", "--data", filled.folder)

    assert refused.exit_code == 2
    assert "holds data already" in refused.stderr
    assert sorted(filled.folder.rglob("chunks/*")) == before


@pytest.mark.parametrize("past", ["23h", "400d"])
def test_a_past_that_is_too_short_or_too_long_is_refused(tmp_path: Path, past: str) -> None:
    refused = haidang("simulate", "--units", 3, "--fast-forward", past, "--data", tmp_path)

    assert refused.exit_code == 2
    assert "1 to 399 days" in refused.stderr
    assert not (tmp_path / "prometheus" / "data").exists()


def test_a_victoriametrics_is_filled_while_it_runs_and_only_once(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        shutil.which(victoria.PROGRAM) or victoria.PROGRAM,
        f"-storageDataPath={tmp_path / 'store'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        *victoria.OPTIONS,
    ]
    fill = ("simulate", "--units", 3, "--fast-forward", "3d", "--data", tmp_path, "--victoriametrics", url)
    with (tmp_path / "store.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until_ready(f"{url}/health", process)
        done = haidang(*fill, "--json")
        midnight = _period({"day": today().isoformat()}).midnight(today())
        asked = f"{url}/api/v1/query?query=count(unit:school_info)&time={midnight:.0f}"

        assert done.exit_code == 0, done.stderr
        assert eventually(
            "the units", lambda: json.loads(get(asked))["data"]["result"][0]["value"][1] == "3", seconds=30
        )
        again = haidang(*fill)
        assert again.exit_code == 2
        assert "'SIM-0000" in again.stderr
    finally:
        process.kill()
        process.wait()


def test_a_victoriametrics_that_is_away_is_bad_input(tmp_path: Path) -> None:
    away = f"http://127.0.0.1:{free_port()}"

    refused = haidang("simulate", "--units", 3, "--fast-forward", "3d", "--data", tmp_path, "--victoriametrics", away)

    assert refused.exit_code == 2
    assert "refused" in refused.stderr


class _SaysHello(BaseHTTPRequestHandler):
    """As a web server of something else does, whatever it is asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")


def test_another_server_than_a_victoriametrics_is_bad_input(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _SaysHello) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        refused = haidang(
            "simulate", "--units", 3, "--fast-forward", "3d", "--data", tmp_path, "--victoriametrics", url
        )
        server.shutdown()

    assert refused.exit_code == 2
    assert "does not answer as a VictoriaMetrics" in refused.stderr


def test_an_address_that_is_none_is_bad_input(tmp_path: Path) -> None:
    refused = haidang(
        "simulate", "--units", 3, "--fast-forward", "3d", "--data", tmp_path, "--victoriametrics", "http://store:port"
    )

    assert refused.exit_code == 2
    assert "write it as http://127.0.0.1:8428" in refused.stderr


def test_without_promtool_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    refused = haidang("simulate", "--units", 3, "--fast-forward", "3d", "--data", tmp_path)

    assert refused.exit_code == 2
    assert "promtool is not on PATH" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_registry_with_real_units_is_refused_and_no_store_begun(tmp_path: Path) -> None:
    example = RULES.parents[1] / "docs/examples/units.csv"
    assert haidang("units", "import", example, "--data", tmp_path).exit_code == 0

    refused = haidang("simulate", "--units", 3, "--fast-forward", "3d", "--data", tmp_path)

    assert refused.exit_code == 2
    assert "no simulated ones" in refused.stderr
    assert not (tmp_path / "prometheus").exists()


def test_an_address_of_a_store_without_a_past_to_write_is_bad_usage(tmp_path: Path) -> None:
    refused = haidang("simulate", "--units", 3, "--victoriametrics", "http://127.0.0.1:1", "--data", tmp_path)

    assert refused.exit_code == 2
    assert "--fast-forward" in refused.stderr
