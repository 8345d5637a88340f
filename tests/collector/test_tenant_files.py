"""A tenant for each district, by the files of `haidang tenants`: which rules run where, and what reaches whom.

There is no cluster of VictoriaMetrics in Debian: here each account is a VictoriaMetrics of its own, and nginx takes
the paths of vminsert and vmselect apart. With a real store of many tenants: `python -m scripts.drill.tenants`.
"""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import yaml
from haidang_agent.own_metrics import METRICS
from haidang_agent.registry import discover
from haidang_collector.cli import build
from haidang_collector.supervisor import victoria
from haidang_collector.supervisor.files import alerts_folder
from haidang_collector.tenant_files import is_of_city
from haidang_collector.tenants import CENTRE, CENTRE_ACCOUNT, account_of
from typer.testing import CliRunner

from tests.collector.running import DISTRICT, UNIT, database_url
from tests.collector.tenancy import ALERTS, OTHER, OTHER_UNIT, TENANTS, city, running
from tests.servers import free_port, get
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SCALE = Path(__file__).parents[2] / "compose/scale"
ACCOUNTS = {CENTRE: CENTRE_ACCOUNT, DISTRICT: account_of(DISTRICT), OTHER: account_of(OTHER)}
GROUPS = ("internet", "incidents", "glance")
FRONT = """\
daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{
  access_log off; client_max_body_size 64m; client_body_buffer_size 4m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $account $store {{ {stores} }}
  server {{
    listen 127.0.0.1:{port};
    location ~ ^/(insert|select)/(?<account>[0-9]+)/prometheus(?<rest>/.*)$ {{
      proxy_pass http://127.0.0.1:$store$rest$is_args$args;
    }}
    location / {{ return 200; }}
  }}
}}
"""


def all_rules() -> list[dict[str, Any]]:
    files = (alerts_folder() / "rules").glob("*.yml")
    groups = [group for file in files for group in yaml.safe_load(file.read_text("utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def test_rules_of_the_city_ask_for_nothing_that_only_a_districts_tenant_has() -> None:
    """
    What agents measure is in their district's tenant alone.
    """
    pushed = {metric.name for probe in discover().values() for metric in probe.metrics} | {
        each.name for each in METRICS
    }

    citys = [rule["expr"] for rule in all_rules() if is_of_city(rule)]
    asked = {name for expression in citys for name in re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*", expression)}

    assert "centre:haidang_cut_off:active" in asked
    assert not asked & pushed


def test_rules_of_a_district_lose_no_district() -> None:
    """
    Those that add up over something else than units or districts do so within one district, and are known.
    """
    over_all = re.compile(r"\b(?:sum|count|max|min|avg|group|quantile)(?: by \((?![^)]*(?:unit|district))[^)]*\) )?\(")

    districts = [rule for rule in all_rules() if not is_of_city(rule)]
    found = {rule.get("record") or rule["alert"] for rule in districts if over_all.search(rule["expr"])}

    assert found == {
        "AgentSilent",  # the calendar's school day
        "AgentsBehind",  # the collector's version
        "school:row:compliant",  # R5: the policy; R12: a service that no school of the district reaches is not theirs
        "school:row:evidence_age_seconds",  # R16: when the district's newest plan was told
    }


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as ending:
        yield ending


def cluster(stack: ExitStack, folder: Path) -> tuple[str, Callable[[str, str], list[dict[str, Any]]]]:
    """Where the paths of a cluster are, and how its tenants are asked."""
    ports = {whose: free_port() for whose in TENANTS}
    for port in ports.values():
        data = f"-storageDataPath={folder / str(port)}"
        command = [victoria.PROGRAM, data, f"-httpListenAddr=127.0.0.1:{port}", *victoria.OPTIONS]
        stack.enter_context(running(folder, str(port), command, f"http://127.0.0.1:{port}/health"))
    stores = " ".join(f"{ACCOUNTS[whose]} {port};" for whose, port in ports.items())
    front, config = free_port(), folder / "nginx.conf"
    config.write_text(FRONT.format(folder=folder, stores=stores, port=front), encoding="utf-8")
    url = f"http://127.0.0.1:{front}"
    stack.enter_context(running(folder, "nginx", ["nginx", "-c", str(config)], url))

    def ask(whose: str, expression: str) -> list[dict[str, Any]]:
        asked = urlencode({"query": expression})
        answer = json.loads(get(f"{url}/select/{ACCOUNTS[whose]}/prometheus/api/v1/query?{asked}"))
        return [each["metric"] | {"value": each["value"][1]} for each in answer["data"]["result"]]

    return url, ask


def test_each_district_alerts_by_itself_and_the_city_sees_all(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    An attack on a school of each of two districts: each tenant alerts of its own and holds nothing of the other; the
    city's rule counts both, and both tenants know what it says.
    """
    url, ask = cluster(stack, tmp_path)
    store = {
        "STORE": "victoriametrics-cluster",
        "STORE_TENANT": "district",
        "STORE_WRITE_URL": url + "/insert/{tenant}/prometheus/api/v1/write",
        "PROMETHEUS_URL": url + "/select/{tenant}/prometheus",
        "ALERTMANAGER_URL": url,
    }
    town = city(stack, tmp_path, store, ask, only=GROUPS)

    def all_know() -> bool:
        town.attack()
        return (town.alerts(), town.counted()) == (ALERTS, {whose: ["2"] for whose in TENANTS})

    def has_units(whose: str, districts: Sequence[str]) -> bool:
        return sorted(each["district"] for each in ask(whose, "school_unit_info")) == sorted(districts)

    eventually("each alerts, and the city's word is everywhere", all_know, seconds=60, every=2)
    for whose, other in ((DISTRICT, OTHER), (OTHER, DISTRICT)):
        assert ask(whose, f"{{district={json.dumps(other)}}}") == [], "a second district's series never reach the first"
        eventually("the city's facts", partial(ask, whose, "school_day"), seconds=60)
    facts = {DISTRICT: [DISTRICT], OTHER: [OTHER], CENTRE: [DISTRICT, OTHER]}
    for whose, districts in facts.items():
        eventually("its own facts, once", partial(has_units, whose, districts), seconds=60)
    assert ask(CENTRE, "school_incident_active") == [], "what agents measure is in their districts' tenants alone"

    for scope, expression, number in (
        (f"unit:{UNIT}", "school_incident_active", 1),
        (f"unit:{UNIT}", "unit:school_incident_kind:active", 1),
        ("city", "unit:school_incident_kind:active", 2),
    ):
        path = f"{town.collector}/api/v1/prom/{scope}/api/v1/query"
        answer = town.client.get(path, params={"query": expression}).json()
        assert len(answer["data"]["result"]) == number, "each once, for it is asked of one tenant"

    for name, value in (store | {"DATABASE_URL": database_url(tmp_path)}).items():
        monkeypatch.setenv(f"HAIDANG_{name}", value)
    top = CliRunner().invoke(build(), ["agents", "top", "--json"])
    assert {load["unit"] for load in json.loads(top.stdout)} == {UNIT, OTHER_UNIT}, "each tenant is asked"


@pytest.mark.parametrize("unit", ["haidang-vmagent.service", "haidang-vmalert@.service"])
def test_systemd_takes_the_units(unit: str) -> None:
    done = subprocess.run(["systemd-analyze", "verify", SCALE / unit], capture_output=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
