"""`haidang-agent analyse` as a person types it: output, words, exit status."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.agent.lanwatch.building import Timed, asks, packet, pcap, replies

AGENT = Path(sys.executable).parent / "haidang-agent"
ROUTER, PC, EVIL = "3c:52:82:00:00:01", "00:1f:16:00:10:02", "00:0c:29:00:20:66"
QUIET: list[Timed] = [(0.0, asks(PC, "10.0.0.2", "10.0.0.1")), (0.1, replies(ROUTER, "10.0.0.1", PC, "10.0.0.2"))]
ATTACK = QUIET + [(5.0 + count, replies(EVIL, "10.0.0.1", PC, "10.0.0.2")) for count in range(4)]


def run(*arguments: str | Path, language: str = "en", stdin: bytes = b"") -> tuple[int, str, str]:
    environment = {"PATH": os.environ["PATH"], "HAIDANG_LANG": language, "TZ": "UTC"}
    done = subprocess.run(
        [AGENT, "analyse", *arguments], env=environment, input=stdin, capture_output=True, timeout=60, check=False
    )
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def written(folder: Path, frames: list[Timed]) -> Path:
    file = folder / "lab-1.pcap"
    file.write_bytes(pcap(frames))
    return file


def test_json_has_the_agreed_fields(tmp_path: Path) -> None:
    status, out, _ = run("--json", written(tmp_path, ATTACK))
    told = json.loads(out)

    assert status == 1
    assert told == {
        "packets": 6,
        "incidents": [
            {
                "kind": "arp_spoof",
                "severity": "critical",
                "first_seen": "2023-11-14T22:13:25.000000Z",
                "last_seen": "2023-11-14T22:13:28.000000Z",
                "subject": {"ip": "10.0.0.1", "mac": EVIL, "true_mac": ROUTER},
                "packet": 4,
                "evidence": f"{EVIL} keeps telling others that 10.0.0.1 is there (4 replies in the last minute that "
                f"nobody asked for), while {ROUTER} has that address",
            }
        ],
        "dhcp_servers": [],
        "problems": [],
    }


def test_a_person_reads_what_it_is_and_what_to_do(tmp_path: Path) -> None:
    status, out, words = run(written(tmp_path, ATTACK))

    assert (status, words) == (1, "")
    assert out.startswith("6 packets, 1 incidents\n\nCRITICAL  ARP spoofing: a machine passes itself off as another\n")
    assert "2023-11-14 22:13:25 … 2023-11-14 22:13:28" in out
    assert f"address 10.0.0.1, MAC address {EVIL}, MAC address of the real one {ROUTER}" in out
    assert "what to do  Find the port of this MAC address in the switch" in out


def test_a_person_may_read_it_in_vietnamese(tmp_path: Path) -> None:
    _, out, _ = run(written(tmp_path, ATTACK), language="vi_VN.UTF-8")

    assert "NGHIÊM TRỌNG  Giả mạo ARP" in out
    assert "việc cần làm" in out


def test_nothing_found_is_fine(tmp_path: Path) -> None:
    assert run(written(tmp_path, QUIET)) == (0, "2 packets, 0 incidents\n", "")


def test_information_alone_is_no_alarm(tmp_path: Path) -> None:
    routed = [(count / 10, packet((ROUTER, f"8.8.8.{count}"), (PC, "10.0.0.2"))) for count in range(4)]
    sweep = [(1 + count / 10, asks(ROUTER, "10.0.0.1", f"10.0.0.{count}")) for count in range(200)]
    status, out, _ = run("--json", written(tmp_path, routed + sweep))

    assert status == 0
    assert [one["severity"] for one in json.loads(out)["incidents"]] == ["info"]


def test_a_capture_from_a_pipe() -> None:
    assert run("-", stdin=pcap(ATTACK))[0] == 1


def test_what_could_not_be_read_is_said(tmp_path: Path) -> None:
    file = written(tmp_path, QUIET)
    file.write_bytes(file.read_bytes()[:-7])

    assert run(file) == (0, "1 packets, 0 incidents\n", "the file is cut off after packet 1\n")
    assert json.loads(run("--json", file)[1])["problems"] == ["the file is cut off after packet 1"]


def test_link_types_that_are_not_read_are_said(tmp_path: Path) -> None:
    file = tmp_path / "wifi.pcap"
    file.write_bytes(pcap(QUIET, link=105))
    status, out, _ = run("--json", file)

    assert (status, json.loads(out)["problems"]) == (
        0, ["2 packets of link type 105 (IEEE 802.11) were not looked into (first: packet 1)"],
    )  # fmt: skip


def test_what_is_no_capture_is_bad_input(tmp_path: Path) -> None:
    letter = tmp_path / "letter.pcap"
    letter.write_text("Kính gửi")

    for file in (letter, tmp_path / "missing.pcap", tmp_path):
        status, out, words = run(file)
        assert (status, out) == (2, "")
        assert words.startswith(f"{file}: ")


def test_progress_is_told_on_a_terminal_only(tmp_path: Path) -> None:
    file = written(tmp_path, [(count / 1000, QUIET[0][1]) for count in range(20_000)])
    ours, theirs = pty.openpty()
    try:
        subprocess.run([AGENT, "analyse", file], stdout=subprocess.DEVNULL, stderr=theirs, timeout=60, check=False)
        assert b"\r10000 packets" in os.read(ours, 1000)
    finally:
        os.close(ours)
        os.close(theirs)
    assert run(file)[2] == ""
