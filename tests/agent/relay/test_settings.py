"""[relay] and [server] relay: what may stand in agent.toml, and who may say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from haidang_agent.config import BadConfigError, load
from haidang_agent.relay.settings import Networks

if TYPE_CHECKING:
    from pathlib import Path

SERVER = '[server]\nurl = "https://collector.example:8080"\n'


def read(folder: Path, text: str, centre: dict[str, object] | None = None) -> None:
    (folder / "agent.toml").write_text(text)
    load(folder / "agent.toml", centre)


@pytest.mark.parametrize(
    "text",
    [
        '[relay]\nlisten = "0.0.0.0:9196"\n',
        '[relay]\nlisten = "[::]:9196"\nclients = ["2001:db8::/64", "192.168.1.0/24"]\nmax_mb = 5\n',
        SERVER + 'relay = "http://192.168.1.10:9196"\n',
        '[server]\nurl = "http://localhost:8080"\nrelay = "http://127.0.0.1:9196/"\n',
    ],
)
def test_sound_ones(tmp_path: Path, text: str) -> None:
    read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[relay]\nlisten = "9196"\n', r"\[relay\] listen = '9196': must be host:port"),
        ('[relay]\nlisten = "relay.school:9196"\n', r"\[relay\] listen"),
        ('[relay]\nlisten = "0.0.0.0:99999"\n', r"no port above 65535"),
        ('[relay]\nclients = ["192.168.1.1/24"]\n', r"\[relay\] clients = '192.168.1.1/24': must be a network"),
        (
            '[server]\nurl = "https://a..b"\n[relay]\nlisten = "0.0.0.0:9196"\n',
            "is no host that a relay could go to",
        ),
        ("[relay]\nmax_mb = 1\n", r"\[relay\] max_mb = 1: must be at least 5"),
        (SERVER + 'relay = "https://192.168.1.10:9196"\n', r"\[server\] relay = .*write http://host:port"),
        (SERVER + 'relay = "http://10.0.0.1:9196"\n[relay]\nlisten = "0.0.0.0:9196"\n', "through a relay itself"),
        ('[server]\nurl = "http://127.0.0.1:8080"\nrelay = "http://10.0.0.1:9196"\n', "keys in clear text"),
    ],
)
def test_faults_say_what_to_write(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(BadConfigError, match=fault):
        read(tmp_path, text)


def test_the_centre_opens_no_port_at_a_school_and_leads_nobody_elsewhere(tmp_path: Path) -> None:
    for told in ({"relay": {"listen": "0.0.0.0:9196"}}, {"server": {"relay": "http://10.0.0.1:9196"}}):
        with pytest.raises(BadConfigError, match=r"is for agent\.toml only"):
            read(tmp_path, SERVER, told)


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.168.200.7", True),
        ("10.1.2.3", True),
        ("172.31.0.1", True),
        ("127.0.0.1", True),
        ("fd00::1", True),
        ("fe80::1", True),
        ("172.32.0.1", False),
        ("8.8.8.8", False),
        ("100.64.0.1", False),
        ("2001:db8::1", False),
        ("0.0.0.0", False),
    ],
)
def test_without_networks_it_is_for_private_addresses(address: str, inside) -> None:
    assert Networks([]).hold(address) is inside


def test_with_networks_it_is_for_those_alone() -> None:
    networks = Networks(["192.168.1.0/24", "2001:db8::/64"])
    assert networks.hold("192.168.1.9")
    assert networks.hold("2001:db8::9")
    assert not networks.hold("192.168.2.9")
    assert not networks.hold("127.0.0.1")
