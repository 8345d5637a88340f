"""Default communities against real snmpd; what is sent, byte by byte; only where it is allowed."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from haidang_agent.intrusion.checks.default_community import ANSWER, CHECK, COMMUNITIES, question
from haidang_agent.intrusion.settings import Settings
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.intrusion.looking import look
from tests.agent.namespaces import Lan, Namespace
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SWITCH = ("02:00:00:00:00:02", "10.9.0.2", "network")
PRINTER = ("02:00:00:00:00:03", "10.9.0.3", "printer")


@contextmanager
def snmpd(machine: Namespace, folder: Path, *lines: str) -> Iterator[None]:
    folder.mkdir()
    (folder / "snmpd.conf").write_text("\n".join(("agentaddress udp:161", *lines)) + "\n")
    log = folder / "log"
    words = ("snmpd", "-f", "-C", "-c", f"{folder}/snmpd.conf", "-Lf", str(log), "-I", "-smux", "-p", f"{folder}/pid")
    process = subprocess.Popen(machine.command("env", f"SNMP_PERSISTENT_DIR={folder}", *words))
    try:
        eventually("snmpd runs", lambda: "NET-SNMP version" in log.read_text(errors="replace"), seconds=20)
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan(pcs=2) as made:
        yield made


def test_public_is_a_warning_and_private_is_critical(lan: Lan, tmp_path: Path) -> None:
    with (
        snmpd(lan.pcs[0], tmp_path / "switch", "rocommunity public", "rwcommunity private"),
        snmpd(lan.pcs[1], tmp_path / "printer", "rocommunity public"),
    ):
        looked = look(lan.agent, "default_community", devices=[SWITCH, PRINTER])
        printer_alone = look(lan.agent, "default_community", devices=[PRINTER])

    assert looked.found == {
        ("public",): (
            "warning", 'the community "public" is answered by 10.9.0.2 (network), 10.9.0.3 (printer)',
        ),
        ("private",): ("critical", 'the community "private" is answered by 10.9.0.2 (network)'),
    }  # fmt: skip
    assert {key: severity for key, (severity, _) in printer_alone.found.items()} == {("public",): "info"}


def test_another_community_is_none_and_mended_is_over(lan: Lan, tmp_path: Path) -> None:
    with snmpd(lan.pcs[0], tmp_path / "before", "rocommunity public"):
        before = look(lan.agent, "default_community", devices=[SWITCH])
    with snmpd(lan.pcs[0], tmp_path / "after", "rocommunity Zq3-not-default"):
        kept = look(lan.agent, "default_community", devices=[SWITCH], memory=before.memory)
        after = look(
            lan.agent, "default_community", devices=[SWITCH], memory=before.memory,
            default_communities_every_seconds=0.001,
        )  # fmt: skip

    assert before.found == kept.found != {}
    assert after.found == {}


def test_silence_costs_little(lan: Lan) -> None:
    began = time.monotonic()
    looked = look(lan.agent, "default_community", devices=[SWITCH, PRINTER])

    assert (looked.found, looked.problem) == ({}, "")
    assert time.monotonic() - began < 60


def test_it_runs_only_where_it_is_allowed() -> None:
    assert CHECK.every(Settings()) == 0
    assert CHECK.every(Settings(allow_default_communities=True)) == 60
    assert CHECK.every(Settings(allow_default_communities=True, default_communities_every_seconds=0)) == 0


@pytest.mark.parametrize("community", COMMUNITIES)
@pytest.mark.parametrize("version", [0, 1])
def test_the_question_reads_one_value_and_writes_nothing(community: str, version: int) -> None:
    sent = question(community, version, 0x10ABCDEF)

    assert sent == bytes.fromhex("30") + bytes([len(sent) - 2]) + bytes([2, 1, version, 4, len(community)]) + (
        community.encode() + bytes.fromhex("a01c 0204 10abcdef 020100 020100 300e 300c 0608 2b06010201010200 0500")
    )
    assert COMMUNITIES == ("public", "private")


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_answer_is_read_or_not(before: bytes, behind: bytes) -> None:
    whole = b"\x30\x20\x02\x01\x01\x04\x06public\xa2\x13\x02\x04" + before[:4].ljust(4, b"\0") + behind
    told = ANSWER.match(whole)

    assert told is not None
    assert told[1] == b"public"
    assert ANSWER.match(before) is None or before[:1] == b"\x30"
