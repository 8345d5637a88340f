"""`haidang-agent incidents` as a person types it, over what an agent has kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from haidang_agent.intrusion.evidence import Files, Kept
from haidang_agent.intrusion.keeper import Keeper
from haidang_agent.outbox import Outbox
from haidang_agent.probe import Memory, Totals

from tests.agent.intrusion.cases import NOW, incident, keeper
from tests.agent.lanwatch.building import PC, asks
from tests.agent.outboxes import at, snapshot

AGENT = Path(sys.executable).parent / "haidang-agent"
EVIL = "00:0c:29:00:20:66"


def run(folder: Path, *arguments: str, language: str = "en", command: str = "incidents") -> tuple[int, str, str]:
    (folder / "agent.toml").write_text(f'[agent]\nstate_dir = "{folder}"\nlisten = "127.0.0.1:1"\n')
    environment = {"PATH": os.environ["PATH"], "HAIDANG_LANG": language, "TZ": "UTC"}
    words = [str(AGENT), command, "--config", str(folder / "agent.toml"), *arguments]
    done = subprocess.run(words, env=environment, capture_output=True, timeout=60, check=False, text=True)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def store(folder: Path, memory: Memory) -> None:
    """As the agent does with each snapshot."""
    outbox = Outbox(folder / "outbox.db", max_bytes=5 << 20, max_age_seconds=86400.0)
    outbox.append(snapshot(1.0, 2.0), at(int(NOW * 1000)), {}, memory.copy())
    outbox.close()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A state folder: one attack goes on, with its frames; a conflict is over."""
    memory = Memory()
    book: Keeper = keeper(memory, Totals())
    case, _is_new = book.report("lan", incident(), NOW)
    assert case
    files = Files(tmp_path / "incidents")
    book.attach(case, files.begin(case.id, [Kept(NOW, 42, asks(PC, "10.0.0.2", "10.0.0.1"))], set()))
    conflict = incident("ip_conflict", "warning", ip="10.0.0.7", mac=PC, other_mac=EVIL)
    book.report("lan", conflict, NOW)
    book.close("lan", conflict, NOW + 60)
    book.store(NOW + 60)
    store(tmp_path, memory)
    return tmp_path


def test_json_has_who_when_and_where_the_frames_are(kept: Path) -> None:
    status, out, _ = run(kept, "--json")
    told = json.loads(out)

    assert status == 1
    assert told["problems"] == []
    attack, conflict = told["incidents"]
    assert Path(attack["file"]).read_bytes()[:4] == b"\x4d\x3c\xb2\xa1"
    assert {key: attack[key] for key in attack if key not in {"id", "file"}} == {
        "kind": "arp_spoof",
        "severity": "critical",
        "first_seen": "2026-09-21T14:13:20Z",
        "last_seen": "2026-09-21T14:13:20Z",
        "ended": None,
        "subject": {"ip": "10.0.0.1", "mac": EVIL},
        "evidence": "10.0.0.1 is taken",
    }
    assert (conflict["kind"], conflict["ended"], conflict["file"]) == ("ip_conflict", "2026-09-21T14:14:20Z", None)


def test_a_person_reads_what_it_is_and_what_to_do(kept: Path) -> None:
    status, out, words = run(kept)

    assert (status, words) == (1, "")
    head, attack, conflict = out.split("\n\n")
    assert head == "1 incidents go on, 1 are over"
    assert attack.startswith("CRITICAL  ARP spoofing: a machine passes itself off as another\n")
    assert f"address 10.0.0.1, MAC address {EVIL}" in attack
    assert "2026-09-21 14:13:20 … 2026-09-21 14:13:20, goes on" in attack
    assert f"{kept}/incidents/arp_spoof-20260921T141320Z-" in attack
    assert "what to do  Find the port of this MAC address in the switch" in attack
    assert "over since 2026-09-21 14:14:20" in conflict
    assert "what to do" not in conflict


def test_only_open_ones(kept: Path) -> None:
    _, out, _ = run(kept, "--open", "--json")

    assert [one["kind"] for one in json.loads(out)["incidents"]] == ["arp_spoof"]


def test_a_file_that_had_to_make_room_is_not_named(kept: Path) -> None:
    for file in (kept / "incidents").iterdir():
        file.unlink()
    _, out, _ = run(kept, "--open", "--json")

    assert json.loads(out)["incidents"][0]["file"] is None


def test_the_status_names_what_goes_on(kept: Path) -> None:
    _, out, _ = run(kept, "--json", command="status")
    rows = [row for row in json.loads(out)["status"] if row["what"] == "incident"]

    assert rows == [{"what": "incident", "of": "arp_spoof", "value": "critical"}]


def test_where_nothing_was_found_all_is_fine(tmp_path: Path) -> None:
    memory = Memory()
    keeper(memory)
    store(tmp_path, memory)

    assert run(tmp_path) == (0, "0 incidents go on, 0 are over\n", "")


def test_where_nobody_watched_that_is_said(tmp_path: Path) -> None:
    """No incident is not the same as none seen."""
    store(tmp_path, Memory())
    status, _, words = run(tmp_path)

    assert status == 0
    assert "this agent has not watched the network yet" in words


def test_where_no_agent_has_run_it_says_so(tmp_path: Path) -> None:
    status, out, words = run(tmp_path)

    assert (status, out) == (2, "")
    assert f"what the agent keeps in {tmp_path} cannot be read" in words
