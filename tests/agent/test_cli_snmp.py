"""`haidang-agent snmp` as a person types it: tables, JSON, exit status, and where the secrets come from."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.snmp.recording import RECORDINGS
from tests.agent.snmp.responder import Device, Lies, Responder
from tests.agent.snmp.snmpd import AUTH_SECRET, PRIV_SECRET, Snmpd

AGENT = Path(sys.executable).parent / "haidang-agent"
COMMUNITY = "s3cret"


@pytest.fixture
def router() -> Iterator[Responder]:
    with Responder({COMMUNITY: Device.read(RECORDINGS / "router.snmprec")}) as responder:
        yield responder


@pytest.fixture
def snmp(tmp_path):
    config = tmp_path / "agent.toml"
    config.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n')

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": os.environ["PATH"], "HAIDANG_LANG": "en", **environment}
        command = [AGENT, "snmp", *arguments, "--config", config]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr
        assert COMMUNITY not in done.stdout + done.stderr
        return done

    run.config = config
    return run


def test_a_person_sees_tables(router, snmp):
    done = snmp(f"127.0.0.1:{router.port}", HAIDANG_SNMP_COMMUNITY=COMMUNITY)

    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "device router MikroTik RB5009" in lines
    assert "ether1 wan VNPT ethernetCsmacd 1 Gbit/s up up 02:aa:bb:cc:00:01" in lines
    assert "default route 203.0.113.1 (pppoe-out1)" in lines
    assert 'wan_interfaces = { "ether1" = "wan1", "sfp1" = "wan2", "pppoe-out1" = "wan3" }' in lines


def test_json_has_the_keys_that_others_read(router, snmp):
    done = snmp(f"127.0.0.1:{router.port}", "--community", COMMUNITY, "--json")
    told = json.loads(done.stdout)

    assert done.returncode == 0
    assert {"system", "device", "interfaces", "optics", "arp", "fdb", "printer", "problems"} <= told.keys()
    assert {"object_id", "descr", "name", "uptime_seconds"} <= told["system"].keys()
    assert {"class", "vendor", "model", "reasons"} <= told["device"].keys()
    assert told["interfaces"][0].items() >= {
        "index": 1, "name": "ether1", "alias": "wan VNPT", "type": "ethernetCsmacd", "speed_bps": 10**9,
        "mac": "02:aa:bb:cc:00:01", "admin": "up", "oper": "up", "in_octets": 5 * 10**9, "out_octets": 17 * 10**9,
    }.items()  # fmt: skip
    assert told["arp"][0].keys() >= {"ip", "mac"}
    assert (told["optics"], told["fdb"], told["printer"], told["problems"]) == ([], [], None, [])


def test_what_agent_toml_says_of_the_device_is_used(router, snmp):
    with snmp.config.open("a") as file:
        file.write(f'[[snmp]]\nhost = "127.0.0.1"\nport = {router.port}\ncommunity = "{COMMUNITY}"\n')

    assert snmp("127.0.0.1").returncode == 0


def test_a_secret_may_stand_in_a_file(router, snmp, tmp_path):
    (tmp_path / "community").write_text(f"{COMMUNITY}\n")

    assert snmp(f"127.0.0.1:{router.port}", "--community", f"@{tmp_path}/community").returncode == 0


def test_a_device_that_tells_something_wrongly_is_exit_1_with_what_is_sound(snmp):
    device = Device.read(RECORDINGS / "router.snmprec")
    circle = {"1.3.6.1.2.1.2.2.1.8.12": "1.3.6.1.2.1.2.2.1.8.1"}
    with Responder({COMMUNITY: device}, Lies(circle=circle)) as responder:
        done = snmp(f"127.0.0.1:{responder.port}", "--community", COMMUNITY, "--json")

    told = json.loads(done.stdout)
    assert done.returncode == 1
    assert told["problems"] == ["1.3.6.1.2.1.2.2.1.8: goes in circles at 1"]
    assert [interface["oper"] for interface in told["interfaces"]] == ["up", "up", "down", "up", "up"]
    assert "goes in circles" in done.stderr


def test_a_silent_device_is_exit_1_and_says_what_to_look_at(snmp):
    with Responder({}) as responder:
        done = snmp(f"127.0.0.1:{responder.port}", "--community", COMMUNITY, "--timeout", "0.1")

    assert (done.returncode, done.stdout) == (1, "")
    assert f"127.0.0.1:{responder.port} does not answer: it is off or unreachable" in done.stderr


def test_version_3_with_keys_from_the_environment(snmp, tmp_path):
    (tmp_path / "snmpd").mkdir()
    with Snmpd(tmp_path / "snmpd") as device:
        keys = {"HAIDANG_SNMP_AUTH": f"sha256:{AUTH_SECRET}", "HAIDANG_SNMP_PRIV": f"aes:{PRIV_SECRET}"}
        done = snmp(f"127.0.0.1:{device.port}", "--user", "sha256aes", "--json", **keys)

    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert told["system"]["location"] == "Phòng máy 1"
    assert "softwareLoopback" in [interface["type"] for interface in told["interfaces"]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["127.0.0.1:99999"], "is no port"),
        (["127.0.0.1:http"], "is no port"),
        (["[::1"], "write as [2001:db8::1]:161"),
        ([":161"], "has no host"),
        (["127.0.0.1", "--auth", "sha:12345678"], "need --user"),
        (["127.0.0.1", "--user", "u", "--priv", "aes:12345678"], "--priv needs --auth"),
        (["127.0.0.1", "--user", "u", "--auth", "sha:short"], "at least 8 characters"),
        (["127.0.0.1", "--community", "@/nowhere/at/all"], "cannot be read"),
        (["127.0.0.1", "--timeout", "0"], "must be above 0"),
    ],
)
def test_bad_usage_is_exit_2(snmp, arguments, words):
    done = snmp(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
