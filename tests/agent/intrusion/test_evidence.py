"""Files of frames: sound, private, bounded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from haidang_agent.intrusion.evidence import MOST_BYTES, MOST_FILES, MOST_FRAMES, RECENT_BYTES, Files, Kept, Recent
from haidang_agent.lanwatch.analyse import analyse
from haidang_agent.lanwatch.pcap import read_packets
from haidang_agent.lanwatch.problems import Problems

from tests.agent.lanwatch.building import EVIL, OTHER, PC, ROUTER, START, asks, mac, replies

ATTACK = [Kept(START, 60, replies(ROUTER, "10.0.0.1", PC, "10.0.0.2")), *(
    Kept(START + count, 60, replies(EVIL, "10.0.0.1", PC, "10.0.0.2")) for count in range(4)
)]  # fmt: skip


def packets(file: Path) -> list[bytes]:
    problems = Problems()
    with file.open("rb") as stream:
        found = [packet.data for packet in read_packets(stream, problems)]
    assert problems.told(translated=False) == []
    return found


def test_the_file_shows_the_attack_again(tmp_path: Path) -> None:
    files = Files(tmp_path / "incidents")
    name = files.begin("arp_spoof-1", ATTACK[:3], set())
    for frame in ATTACK[3:]:
        files.add(name, frame)

    with (tmp_path / "incidents" / name).open("rb") as stream:
        (incident,) = analyse(stream).incidents
    assert (incident.kind, incident.subject["mac"]) == ("arp_spoof", EVIL)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        name = Files(tmp_path / "incidents").begin("x", ATTACK, set())
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "incidents" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "incidents").stat().st_mode) == 0o700


def test_a_file_does_not_grow_beyond_its_bounds(tmp_path: Path) -> None:
    files = Files(tmp_path)
    small = files.begin("small", ATTACK, set())
    large = files.begin("large", [Kept(START, 1500, bytes(1500))] * 500, {small})
    for _ in range(500):
        files.add(small, ATTACK[0])
        files.add(large, Kept(START, 1500, bytes(1500)))

    assert len(packets(tmp_path / small)) == MOST_FRAMES
    assert MOST_BYTES - 2000 < (tmp_path / large).stat().st_size <= MOST_BYTES + 24


def test_old_files_make_room_those_of_no_case_first(tmp_path: Path) -> None:
    files = Files(tmp_path)
    first = files.begin("first", ATTACK, set())
    for number in range(2 * MOST_FILES):
        files.begin(f"later-{number}", ATTACK, {first})

    names = {file.name for file in tmp_path.iterdir()}
    assert len(names) == MOST_FILES
    assert {first, f"later-{2 * MOST_FILES - 1}.pcap"} <= names


def test_a_case_that_is_forgotten_takes_no_more_frames(tmp_path: Path) -> None:
    files = Files(tmp_path)
    forgotten, kept = (files.begin(name, ATTACK[:1], {"forgotten.pcap", "kept.pcap"}) for name in ("forgotten", "kept"))
    files.begin("new", ATTACK, {kept})
    for name in (forgotten, kept):
        files.add(name, ATTACK[1])

    assert [len(packets(tmp_path / name)) for name in (forgotten, kept)] == [1, 2]


def test_where_it_cannot_be_written_the_reason_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    files = Files(tmp_path / "file")

    assert files.begin("x", ATTACK, set()) == ""
    assert "evidence cannot be written" in files.problem


def test_frames_about_somebody_are_those_that_name_him() -> None:
    recent = Recent()
    mine = Kept(START, 60, asks(EVIL, "10.0.0.66", "10.0.0.1"))
    recent.add(mine)
    recent.add(Kept(START, 60, asks(OTHER, "10.0.0.3", "10.0.0.1")))

    assert recent.about([mac(EVIL)]) == [mine]
    assert len(recent.about([])) == 2


def test_only_the_last_frames_are_remembered() -> None:
    recent = Recent()
    for number in range(10_000):
        recent.add(Kept(number, 1500, bytes(1500)))
    frames = recent.about([])

    assert frames[-1].time == 9999
    assert sum(len(frame.data) for frame in frames) <= RECENT_BYTES
