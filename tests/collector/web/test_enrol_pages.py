"""Letting agents in: the token is shown once, in commands that work, and is kept nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.tokens import create_token, list_tokens
from haidang_collector.web.enrol_pages import commands, is_server

from tests.collector.access.house import NEAR, House, inhabited
from tests.collector.running import serving
from tests.collector.web.desk import HOSTILE, Desk, assert_harmless
from tests.collector.web.reading import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENROL = "/agents/enrol"
ASKED = {"uses": "2", "days": "30", "server": "https://collector.example:8080"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from inhabited(tmp_path)


@pytest.fixture
def near(house: House) -> Desk:
    return Desk(house, "near", "operator", district=NEAR)


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Where no token is made."""
    yield from inhabited(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="module")
def wrong(idle: House) -> Desk:
    """Who writes what cannot be."""
    return Desk(idle, "wrong", "operator", district=NEAR)


def command(text: str) -> str:
    """The one for Linux."""
    found = re.search(r'<pre class="copy"[^>]*>(.*?)</pre>', text, re.DOTALL)
    assert found is not None
    return unescape(found[1])


def test_a_token_is_made_and_shown_once(house: House, near: Desk) -> None:
    text = near.send(f"{ENROL}?unit=TH-001", ASKED, status=200).text

    token = command(text).split()[2]
    (made,) = list_tokens(house.database)
    assert (made.unit, made.uses_left, made.state) == ("TH-001", 2, "usable")
    assert timedelta(days=29) < made.expires_at - datetime.now(UTC) <= timedelta(days=30)
    assert house.deeds("token") == [("near", "token.made", made.id)]
    again = near.page(f"{ENROL}?unit=TH-001")
    assert made.id in again
    assert token not in again + near.page("/agents")
    assert "It is a secret" in Page(text).text
    assert 'class="segno"' in text, "the QR code"
    assert "http" not in near.get(ENROL).headers["Content-Security-Policy"]
    assert_harmless(text)


def test_the_command_enrols_an_agent(house: House, tmp_path: Path) -> None:
    """As it stands on the page, in a shell, at a collector that listens; the token is in no list of processes."""
    with serving(tmp_path, DATABASE_URL=house.settings.database_url) as served:
        text = Desk(house, "near", "operator", district=NEAR).send(
            f"{ENROL}?unit=TH-001", ASKED | {"server": served.url}, status=200
        ).text  # fmt: skip
        line = command(text).replace("sudo haidang-agent", f"{sys.executable} -m haidang_agent")
        line += f" --config {tmp_path / 'agent.toml'}"
        (tmp_path / "agent.toml").write_text(f'[agent]\nstate_dir = "{tmp_path}"\n')
        done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("of unit TH-001\n")
    assert [agent.unit for agent in house.registry.agents()] == ["TH-001"]


def test_the_token_goes_by_a_pipe() -> None:
    told = commands("https://collector.example", "TOKEN")

    assert told["linux"] == (
        r"printf '%s\n' TOKEN | sudo haidang-agent enrol --server https://collector.example --token-file -"
    )
    assert told["windows"] == "'TOKEN' | haidang-agent enrol --server https://collector.example --token-file -"


def test_the_installers_are_shown_with_this_centres_address(near: Desk) -> None:
    told = Page(near.send(f"{ENROL}?unit=TH-001", ASKED, status=200).text).text

    assert "sudo sh install.sh --server https://collector.example:8080" in told
    assert "-File install.ps1 -Server https://collector.example:8080 }" in told
    assert "in place of files.department.example" in told


def test_who_makes_another_token_need_not_write_the_address_again(near: Desk) -> None:
    page = Page(near.send(f"{ENROL}?unit=TH-001", ASKED, status=200).text)

    assert ASKED["server"] in page.values("value")


def test_the_installers_come_from_where_the_department_keeps_them(tmp_path: Path) -> None:
    for house in inhabited(tmp_path, bundles_url="https://files.example/haidang/"):
        near = Desk(house, "near", "operator", district=NEAR)
        told = Page(near.send(f"{ENROL}?unit=TH-001", ASKED, status=200).text).text

    assert "curl -fsSL https://files.example/haidang/haidang-agent-linux-x86_64.tar.gz |" in told
    assert " https://files.example/haidang/haidang-agent-windows-amd64.zip -OutFile" in told
    assert "files.department.example" not in told


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"server": "http://collector.example"}, "Write https://name"),
        ({"server": "https://x/; rm -rf /"}, "Write https://name"),
        ({"server": "https://$(reboot)"}, "Write https://name"),
        ({"server": "https://[::1"}, "Write https://name"),
        ({"server": HOSTILE}, "Write https://name"),
        ({"uses": "0"}, "Write a number from 1 to 500"),
        ({"uses": "501"}, "Write a number from 1 to 500"),
        ({"uses": HOSTILE}, "Write a number from 1 to 500"),
        ({"days": "365"}, ""),
    ],
)
def test_no_token_is_made_of_what_cannot_be(idle: House, wrong: Desk, changes: dict[str, str], said: str) -> None:
    answer = wrong.send(f"{ENROL}?unit=TH-001", ASKED | changes, status=422)

    assert said in Page(answer.text).text
    assert list_tokens(idle.database) == []
    assert_harmless(answer.text)


@pytest.mark.parametrize(
    ("url", "sound"),
    [
        ("https://a.example", True),
        ("https://[2001:db8::1]:8443", True),
        ("http://localhost:8080", True),
        ("http://a.example", False),
        ("https://a.example/path", False),
        ("https://a.example:0", False),
        ("https://a.example:99999", False),
        ("https://", False),
        ("ftp://a.example", False),
    ],
)
def test_the_address_is_one_that_agents_take(url: str, sound: bool) -> None:
    assert is_server(url) == sound


def test_units_are_looked_for_in_ones_scope(house: House, near: Desk) -> None:
    assert re.findall(r'href="/agents/enrol\?unit=([^"]+)"', near.page(ENROL)) == ["TH-001", "TH-002"]
    assert re.findall(r'href="/agents/enrol\?unit=([^"]+)"', near.page(f"{ENROL}?q=th-002")) == ["TH-002"]
    assert "TH-002" in Desk(house, "own", "operator", unit="TH-002").page(ENROL), "there is no choice"
    assert near.get(f"{ENROL}?unit=TH-003").status_code == 403
    near.post(ENROL, ASKED | {"unit": "TH-003"}, status=403)
    near.post(ENROL, ASKED | {"unit": "TH-999"}, status=403)
    assert list_tokens(house.database) == []


def test_open_tokens_are_revoked_by_whom_they_concern(house: House, near: Desk) -> None:
    ours, others = (
        create_token(house.database, unit, uses=1, lifetime=timedelta(days=1)).id for unit in ("TH-001", "TH-003")
    )
    page = near.page(ENROL)
    assert ours in page
    assert others not in page
    near.post(f"/agents/tokens/{others}/revoke", {}, status=403)
    near.post(f"/agents/tokens/{ours}/revoke", {"csrf": ""}, status=403)
    near.post("/agents/tokens/000000000000/revoke", {}, status=404)

    answer = near.post(f"/agents/tokens/{ours}/revoke", {})

    assert answer.headers["location"] == f"{ENROL}?unit=TH-001"
    assert {token.id: token.state for token in list_tokens(house.database)} == {ours: "revoked", others: "usable"}
    assert ours not in near.page(ENROL)
    assert house.deeds("token") == [("near", "token.revoked", ours)]


def test_readers_make_no_tokens(house: House) -> None:
    reader = Desk(house, "reader", "reader")

    assert reader.get(ENROL).status_code == 403
    reader.post(ENROL, ASKED | {"unit": "TH-001"}, status=403)
    assert ENROL not in reader.page("/agents") + reader.page("/registry/units/TH-001")
