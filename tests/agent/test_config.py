"""agent.toml: what is read, what is refused and with which words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from haidang_agent.config import BadConfigError, load, merge, parse
from haidang_agent.tables import Portal

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
[server]
url = "https://collector.example:8080/"
ca = "/etc/haidang/ca.pem"
[agent]
roles = ["site", "router", "host"]
state_dir = "/var/lib/haidang"
listen = "127.0.0.1:9810"
push_interval = "15s"
[[wan]]
name = "wan1"
isp = "VNPT"
medium = "fibre"
interface = "eth0"
gateway = "203.0.113.1"
targets = ["198.51.100.1", "198.51.100.2"]
probe_interval = "1s"
[[lab]]
name = "lab-1"
cidr = "10.20.1.0/24"
declared = 40
level = "primary"
[[snmp]]
host = "10.20.0.1"
port = 161
community = "public"
wan_interfaces = { "pppoe-out1" = "wan1" }
[[service]]
name = "smas"
url = "https://smas.edu.vn/"
[probes.internet]
targets = ["192.0.2.1"]
"""

WAN = '[[wan]]\nname = "w"\nisp = "VNPT"\n'
BAD = {
    '[agent]\npush_intervall = "15s"': "[agent] push_intervall: unknown; did you mean 'push_interval'? Known are",
    '[agent]\npush_interval = "60s"': '[agent] push_interval = 60 s: must be from "1s" to "15s"',
    "[agent]\npush_interval = true": '[agent] push_interval = True: must be a duration such as "15s"',
    '[agent]\npush_interval = "fast"': "[agent] push_interval = 'fast': must be a duration",
    '[agent]\nroles = "site"': "[agent] roles = 'site': must be a list",
    '[agent]\nroles = ["teacher"]': "must be one of 'site', 'router', 'host'",
    "[agent]\nroles = []": "[agent] roles = []: give at least one",
    '[agent]\nprobes = ["wan9"]': "[agent] probes: there is no probe 'wan9'; known are",
    '[agent]\nlisten = "9810"': "[agent] listen = '9810': must be host:port",
    "[agent]\noutbox_max_mb = 1": "[agent] outbox_max_mb = 1: must be at least 5",
    '[agent]\noutbox_max_mb = "5"': "[agent] outbox_max_mb = '5': must be a whole number",
    "[server]": "[server] url is missing; add it",
    '[server]\nurl = "collector.example"': "write https://host:port",
    '[server]\nurl = "http://collector.example:8080"': "would send keys in clear text; write https://",
    '[server]\nurl = "https://collector.example/write"': "has a path",
    "[probes.wifi]\nx = 1": "[probes.wifi]: there is no such probe; known are",
    "[probes.internet]\ntargets = 5": "[probes.internet] targets = 5: must be a list",
    '[privacy]\nshare_identifiers = "yes"': "[privacy] share_identifiers = 'yes': must be true or false",
    '[wan]\nname = "wan1"': "[[wan]]: must be a list of tables",
    '[[wan]]\nname = "wan1"': "[[wan]] 1 isp is missing",
    '[[wan]]\nname = "w"\nisp = "VNPT"\nmedium = "glass"': "[[wan]] 1 medium = 'glass': must be one of 'fibre'",
    '[[lab]]\nname = "l"\ndeclared = 1.5': "[[lab]] 1 declared = 1.5: must be a whole number",
    "[prove]\nx = 1": "[prove]: unknown table; known are",
    "url = ": "is no TOML",
    "agent = 5": "[agent] = 5: must be a table",
    "probes = 5": "[probes]: must be tables",
    '[agent]\nlisten = "127.0.0.1:99999"': "[agent] listen = '127.0.0.1:99999': must be host:port",
    '[agent]\nlisten = "127.0.0.1:²"': "must be host:port",
    '[agent]\noutbox_max_age = "1s"': '[agent] outbox_max_age = 1 s: must be at least "1h"',
    f"[agent]\noutbox_max_mb = 1{'0' * 400}": "too large",
    "[agent]\npush_interval = nan": "must be a duration",
    '[[lab]]\nname = "l"\n[[lab]]\nname = "l"': "[[lab]] 'l': stands there 2 times; give each its own name",
    WAN + 'targets = ["vnpt.vn"]': "[[wan]] 'w' targets = 'vnpt.vn': must be an IP address",
    WAN + 'prefixes = ["203.0.113.1/24"]': "[[wan]] 'w' prefixes = '203.0.113.1/24': must be a network",
    WAN.replace('"w"', '" "'): "[[wan]] ' ' name = ' ': must be one line of text",
    WAN + 'interface = "a/b"': "[[wan]] 'w' interface = 'a/b': must be the name of an interface, as eth0: at most 15",
    WAN + 'port = "sixteen-letters-"': "[[wan]] 'w' port = 'sixteen-letters-': must be the name of an interface",
    WAN + 'interface = "eth0"\n' + WAN.replace('"w"', '"v"') + 'interface = "eth0"': (
        "[[wan]] 'w' and 'v' interface = 'eth0': is the same line; give each its own interface, or its own gateway"
    ),
    WAN + 'gateway = "2001:db8::1"': "[[wan]] 'w' gateway = '2001:db8::1': must be an IPv4 address",
    WAN + 'probe_interval = "50ms"': "[[wan]] 'w' probe_interval = 0.05: must be from",
}


def write(folder: Path, text: str) -> Path:
    file = folder / "agent.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_design_papers_example_is_read_whole(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))

    assert config.server is not None
    assert config.server.url.startswith("https://collector.example:8080")
    assert config.agent.push_interval == 15
    assert (config.wan[0].targets, config.wan[0].probe_interval) == (("198.51.100.1", "198.51.100.2"), 1)
    assert (config.lab[0].declared, config.lab[0].level) == (40, "primary")
    assert config.snmp[0].wan_interfaces == {"pppoe-out1": "wan1"}
    assert config.service[0].name == "smas"
    assert config.probes["internet"].targets == ("192.0.2.1",)


def test_a_secret_is_not_repeated(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD))

    assert "public" not in repr(config)
    with pytest.raises(BadConfigError) as refused:
        load(write(tmp_path, '[[snmp]]\nhost = "x"\ncommunity = 1234567'))
    assert "1234567" not in str(refused.value)


@pytest.mark.parametrize(("text", "said"), BAD.items(), ids=[text.replace("\n", " ") for text in BAD])
def test_a_fault_is_named_with_file_key_value_and_fix(tmp_path: Path, text: str, said: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(BadConfigError) as refused:
        load(file)

    assert str(refused.value).startswith(f"{file}: ")
    assert said in str(refused.value)


def test_all_faults_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadConfigError) as refused:
        load(write(tmp_path, '[agent]\nlissten = ""\nroles = 1\n[prove]\n[[lab]]\n'))

    assert len(refused.value.faults) == 4


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadConfigError, match="there is no such file; give another with --config"):
        load(tmp_path / "none.toml")


def test_the_portal_comes_from_the_centre_and_the_file_has_the_last_word(tmp_path: Path) -> None:
    centre = {"portal": {"url": "https://thcs.example/", "mail_domain": "thcs.edu.vn"}}
    file = write(tmp_path, '[portal]\nurl = "https://other.example/"\n')

    assert load(file, centre).portal == Portal("https://other.example/", "thcs.edu.vn")
    assert load(write(tmp_path, "")).portal == Portal()
    with pytest.raises(BadConfigError, match=r"\[portal\] link: unknown; .*url, mail_domain"):
        load(write(tmp_path, '[portal]\nlink = ""\n'))


def test_the_environment_counts_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAIDANG_SERVER_URL", "https://other.example")
    monkeypatch.setenv("HAIDANG_AGENT_OUTBOX_MAX_MB", "64")
    monkeypatch.setenv("HAIDANG_AGENT_ROLES", "host")
    monkeypatch.setenv("HAIDANG_PRIVACY_SHARE_IDENTIFIERS", "true")
    monkeypatch.setenv("HAIDANG_PROBES_INTERNET_TARGETS", "192.0.2.7, 192.0.2.8")
    config = load(write(tmp_path, GOOD))

    assert config.server is not None
    assert config.server.url == "https://other.example"
    assert (config.agent.outbox_max_mb, config.agent.roles) == (64, ("host",))
    assert config.privacy.share_identifiers
    assert config.probes["internet"].targets == ("192.0.2.7", "192.0.2.8")


def test_a_duration_in_the_environment_may_be_a_plain_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAIDANG_AGENT_PUSH_INTERVAL", "5")

    assert load(write(tmp_path, GOOD)).agent.push_interval == 5


@pytest.mark.parametrize("text", ["agent = 5", "probes = 5", "[probes]\ninternet = 5"])
def test_the_environment_over_what_is_no_table_changes_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("HAIDANG_AGENT_ROLES", "host")
    monkeypatch.setenv("HAIDANG_PROBES_INTERNET_TARGETS", "192.0.2.7")
    with pytest.raises(BadConfigError, match="must be"):
        load(write(tmp_path, text))


@pytest.mark.parametrize(
    ("centre", "said"),
    [
        ({"server": {"url": "https://other.example"}}, r"\[server\]: is for agent.toml only"),
        ({"privacy": {"share_identifiers": True}}, r"\[privacy\] share_identifiers: is for agent.toml only"),
        ({"agent": {"state_dir": "/tmp"}}, r"\[agent\] state_dir: is for agent.toml only"),
        ({"agent": 5}, r"\[agent\] = 5: must be a table"),
        ({"lab": [{"name": ["l"]}]}, "must be text"),
        ({"lab": [5]}, r"\[\[lab\]\] 2 = 5: must be a table"),
    ],
)
def test_what_the_centre_may_not_say_is_refused(tmp_path: Path, centre: dict, said: str) -> None:
    """Where reports go, and what stays in the school, is the school's own."""
    file = write(tmp_path, '[[lab]]\nname = "lab-1"')
    with pytest.raises(BadConfigError, match=said):
        load(file, centre)


def test_local_tables_count_over_the_centres_by_name() -> None:
    centre = {
        "agent": {"push_interval": "5s", "outbox_max_mb": 100},
        "service": [{"name": "smas", "url": "https://a.example"}, {"name": "pmis", "url": "https://b.example"}],
    }
    local = {"agent": {"push_interval": "10s"}, "service": [{"name": "smas", "url": "https://c.example"}]}
    config = parse(merge(centre, local), "test")

    assert (config.agent.push_interval, config.agent.outbox_max_mb) == (10, 100)
    assert {each.name: each.url for each in config.service} == {
        "smas": "https://c.example",
        "pmis": "https://b.example",
    }
