from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from haidang_collector.registry.location import sqlite_url
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import Applicant, enrol

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.commands.conftest import Haidang

HOSTS = """\
host,unit,address,roles,os,groups,ansible_user,ansible_port
th-01-server,TH-MAU-01,10.20.0.12,site host,linux,,admin,
thcs-02-lab,THCS-MAU-02,,host,windows,,,5986
centre,,192.0.2.10,,,collector prometheus,root,
"""


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    file = tmp_path / "hosts.csv"
    file.write_text(HOSTS, encoding="utf-8")
    return file


def test_hosts_stand_in_groups_by_district_level_role_and_system(haidang: Haidang, hosts: Path) -> None:
    told = json.loads(haidang("inventory", "--list", "--hosts", hosts).stdout)
    groups = {name: group["hosts"] for name, group in told.items() if name != "_meta"}

    assert groups == {
        "agents": ["th-01-server", "thcs-02-lab"],
        "collector": ["centre"],
        "district_quan_mau_bac": ["th-01-server"],
        "district_quan_mau_nam": ["thcs-02-lab"],
        "level_lower_secondary": ["thcs-02-lab"],
        "level_primary": ["th-01-server"],
        "linux": ["th-01-server", "centre"],
        "prometheus": ["centre"],
        "role_host": ["th-01-server", "thcs-02-lab"],
        "role_site": ["th-01-server"],
        "windows": ["thcs-02-lab"],
    }


def test_hosts_know_their_unit_and_how_they_are_reached(haidang: Haidang, hosts: Path) -> None:
    told = json.loads(haidang("inventory", "--hosts", hosts).stdout)["_meta"]["hostvars"]

    assert told["th-01-server"] == {
        "ansible_user": "admin",
        "ansible_host": "10.20.0.12",
        "unit": "TH-MAU-01",
        "district": "Quận Mẫu Bắc",
        "level": "primary",
        "agent_roles": ["site", "host"],
    }
    assert told["thcs-02-lab"]["ansible_port"] == "5986"
    assert told["centre"] == {"ansible_user": "root", "ansible_host": "192.0.2.10"}


def test_one_host_and_the_file_say_the_same_as_the_list(haidang: Haidang, hosts: Path) -> None:
    listed = json.loads(haidang("inventory", "--list", "--hosts", hosts).stdout)
    file = yaml.safe_load(haidang("inventory", "--yaml", "--hosts", hosts).stdout)["all"]
    one = json.loads(haidang("inventory", "--host", "centre", "--hosts", hosts).stdout)

    assert one == listed["_meta"]["hostvars"]["centre"]
    assert file["hosts"] == listed["_meta"]["hostvars"]
    assert {name: list(group["hosts"]) for name, group in file["children"].items()} == {
        name: group["hosts"] for name, group in listed.items() if name != "_meta"
    }


def test_the_table_may_be_named_by_the_environment(
    haidang: Haidang, hosts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAIDANG_HOSTS", str(hosts))

    assert "centre" in json.loads(haidang("inventory", "--list").stdout)["_meta"]["hostvars"]


def test_without_a_table_the_enrolled_agents_are_told(haidang: Haidang, tmp_path: Path) -> None:
    token = haidang("tokens", "create", "TH-MAU-01").stdout.strip()
    registry = Registry(sqlite_url(tmp_path / "data"))
    enrolled = enrol(registry.database, Applicant(token, "k" * 43, ("router",), "0.1.0", "win32"))
    registry.close()
    told = json.loads(haidang("inventory").stdout)

    assert enrolled is not None
    assert told["_meta"]["hostvars"][enrolled.agent]["agent_id"] == enrolled.agent
    assert told["district_quan_mau_bac"] == told["role_router"] == told["windows"] == {"hosts": [enrolled.agent]}


def test_who_is_revoked_is_in_no_group_that_playbooks_play_on(haidang: Haidang, tmp_path: Path) -> None:
    """
    Or an upgrade would end at a machine that the centre no longer hears.
    """
    token = haidang("tokens", "create", "TH-MAU-01", "--uses", "2").stdout.strip()
    registry = Registry(sqlite_url(tmp_path / "data"))
    stays, gone = (
        enrol(registry.database, Applicant(token, letter * 43, ("site",), "0.1.0", "linux")) for letter in "ab"
    )
    registry.close()
    assert stays is not None
    assert gone is not None
    haidang("agents", "revoke", gone.agent)

    told = json.loads(haidang("inventory").stdout)

    variables = told.pop("_meta")["hostvars"]
    assert told.pop("revoked") == {"hosts": [gone.agent]}
    assert set(told.pop("linux")["hosts"]) == {stays.agent, gone.agent}, "how it is reached"
    assert {"agents", "role_site", "district_quan_mau_bac"} <= told.keys()
    assert all(group == {"hosts": [stays.agent]} for group in told.values())
    assert variables[gone.agent]["unit"] == "TH-MAU-01"


def test_districts_of_like_names_have_groups_of_their_own(empty: Haidang, tmp_path: Path) -> None:
    units, hosts = tmp_path / "units.csv", tmp_path / "hosts.csv"
    units.write_text("code,name,district,level\nA,Trường A,Quận Mẫu,primary\nB,Trường B,Quan Mau,primary\n", "utf-8")
    hosts.write_text("host,unit\na,A\nb,B\n", "utf-8")
    empty("units", "import", units)
    told: dict[str, Any] = json.loads(empty("inventory", "--hosts", hosts).stdout)
    districts = {name: group["hosts"] for name, group in told.items() if name.startswith("district_")}

    assert sorted(districts.values()) == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no CSV with a line of column names"),
        ("host,address\n", "has no column 'unit'"),
        ("host,unit,mac\n", "column 'mac' is unknown"),
        ("host,unit,unit\n", "a column is there twice"),
        ("host,unit\na,NOWHERE\n", "line 2: the registry has no unit 'NOWHERE'"),
        ("host,unit\na,TH-MAU-01\na,TH-MAU-01\n", "line 3: host 'a' was there before"),
        ("host,unit\n\na;b,TH-MAU-01\n", "line 3: host 'a;b'"),
        ("host,unit\na\n", "line 2 has 1 columns, the first line 2"),
        ("host,unit\na,\n", "line 2: a has neither a unit nor"),
        ("host,unit,roles\na,TH-MAU-01,boss\n", "line 2: role 'boss'"),
        ("host,unit,os\na,TH-MAU-01,beos\n", "line 2: os 'beos'"),
        ("host,unit,groups\na,,All-of-them\n", "line 2: group 'All-of-them'"),
        ('host,unit\n"a,TH-MAU-01\n', "is no CSV"),
    ],
)
def test_a_table_that_is_wrong_is_refused_by_line(haidang: Haidang, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "hosts.csv"
    file.write_text(text, encoding="utf-8")
    result = haidang("inventory", "--list", "--hosts", file)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_bytes_that_are_no_text_are_refused(haidang: Haidang, tmp_path: Path) -> None:
    file = tmp_path / "hosts.csv"
    file.write_bytes(b"host,unit\n\xff,TH-MAU-01\n")

    assert "is not in UTF-8" in haidang("inventory", "--hosts", file).stderr
    assert "No such file" in haidang("inventory", "--hosts", tmp_path / "none.csv").stderr


def test_an_unknown_host_and_two_orders_at_once_are_refused(haidang: Haidang, hosts: Path) -> None:
    unknown = haidang("inventory", "--host", "nobody", "--hosts", hosts)

    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert haidang("inventory", "--list", "--host", "centre", "--hosts", hosts).exit_code == 2
