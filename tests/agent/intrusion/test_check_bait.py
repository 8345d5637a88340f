"""Who answers for PCs that do not exist (as Responder does), and who answers for itself alone."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import pytest
from haidang_agent.intrusion.checks.bait import CHECK, made_up, netbios_question
from haidang_agent.intrusion.names import question
from haidang_agent.intrusion.settings import Settings
from haidang_agent.lanwatch.protocols.dns import netbios_name, read

from tests.agent.intrusion.looking import look
from tests.agent.intrusion.watched import Watched
from tests.agent.namespaces import Lan, Namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

LIAR = Path(__file__).with_name("liar.py")
LIARS_MAC = "02:00:00:00:00:02"
CHECKED = ("haidang_intrusion_check_success", "bait")


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Lan(pcs=1) as made:
        yield made


@contextmanager
def liar(machine: Namespace, *words: str) -> Iterator[IO[str]]:
    """What it is asked for."""
    with subprocess.Popen(
        machine.command(sys.executable, str(LIAR), *words), stdout=subprocess.PIPE, text=True
    ) as process:
        said = cast("IO[str]", process.stdout)
        try:
            assert said.readline() == "ready\n"
            yield said
        finally:
            process.kill()


@pytest.mark.parametrize("protocols", [["llmnr"], ["netbios"], ["llmnr", "netbios", "mdns"]], ids="+".join)
def test_who_answers_whatever_is_asked_for_is_told_by_the_watch(lan: Lan, tmp_path: Path, protocols: list[str]) -> None:
    with liar(lan.pcs[0], *protocols), Watched(lan.agent, tmp_path, dhcp_ask_every_seconds=0) as watched:
        told = watched.until("the liar is told", lambda told: told.open, seconds=45)

    assert [(case["kind"], case["severity"], case["subject"]) for case in told.open] == [
        ("dns_spoof", "critical", {"mac": LIARS_MAC})
    ]


def test_by_mdns_alone_it_is_found_by_the_check(lan: Lan) -> None:
    with liar(lan.pcs[0], "mdns"):
        looked = look(lan.agent, "bait")

    ((subject, (severity, sentence)),) = looked.found.items()
    assert (subject, severity, looked.problem) == ((LIARS_MAC,), "critical", "")
    assert sentence.startswith("10.9.0.2 answers by mDNS for desktop-")


def test_whom_the_watch_tells_of_the_check_leaves_alone(lan: Lan) -> None:
    with liar(lan.pcs[0], "llmnr", "netbios", "mdns") as asked:
        assert look(lan.agent, "bait").found == {}
        names = {asked.readline().strip() for _ in range(7)}

    assert len(names) == 4, "three by LLMNR and by NetBIOS, another by mDNS"


def test_who_answers_for_itself_alone_is_none(lan: Lan, tmp_path: Path) -> None:
    with (
        liar(lan.pcs[0], "llmnr", "netbios", "mdns", "only=PC-12") as asked,
        Watched(lan.agent, tmp_path, dhcp_ask_every_seconds=0, bait_every_seconds=1) as watched,
    ):
        for _ in range(14):
            asked.readline()
        told = watched.until("it has looked", lambda told: CHECKED in told.values)

    assert told.open == []
    assert told.values[CHECKED] == 1


def test_an_interface_without_a_way_out_is_no_silence(lan: Lan) -> None:
    lan.agent.nft("table ip t {\nchain o {\ntype filter hook output priority 0\nudp dport 5355 reject\n}\n}\n")

    assert look(lan.agent, "bait").problem.startswith("unreadable: no question could be sent")


def test_the_names_look_like_a_pcs() -> None:
    name = made_up()
    said = read(netbios_question(name, 7))

    assert len(name) == 15
    assert name != made_up()
    assert (said.id, said.is_response, netbios_name(said.name)) == (7, False, (name.lower(), 0))
    assert read(question(name, 9, recursion=False)).name == name.lower()


def test_it_can_be_switched_off() -> None:
    assert CHECK.every(Settings(bait_every_seconds=0)) == 0
