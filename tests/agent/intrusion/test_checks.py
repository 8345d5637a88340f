"""Active checks: what they find in a row opens and closes incidents; what could not look changes nothing."""

from __future__ import annotations

from threading import Event

import pytest
from haidang_advice.kinds import KINDS
from haidang_agent.intrusion import checks
from haidang_agent.intrusion.check import Check, Found, Site, discover
from haidang_agent.intrusion.checking import RETRY_SECONDS, SUSPICION_SECONDS, Checking, Pace
from haidang_agent.intrusion.checks.dhcp import question
from haidang_agent.intrusion.settings import Settings
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.incident import Evidence
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.lanwatch.protocols.dhcp import DISCOVER, Dhcp
from haidang_agent.probe import Host

from tests.agent.intrusion.cases import keeper
from tests.agent.lanwatch.building import mac
from tests.waiting import eventually

TELNET = Found("risky_port", "warning", {"ip": "10.0.0.9"}, Evidence("{port} is open", {"port": 23}))
OTHER = Found("risky_port", "critical", {"ip": "10.0.0.8"}, Evidence("{port} is open", {"port": 445}))
SITE = Site(Settings(), Host(), (), Event())


def nothing(_site: Site) -> list[Found]:
    return []


def never(_settings: Settings) -> float:
    return 3600.0


def opened(pace: Pace, kept, *runs: list[Found]) -> list[str]:
    """Addresses of the incidents that are open after these runs."""
    for found in runs:
        pace.judge(found, kept)
    return sorted(case.subject["ip"] for case in kept.open_of("ports"))


@pytest.mark.parametrize(
    ("opens_after", "closes_after", "runs", "expected"),
    [
        (1, 2, [[TELNET]], ["10.0.0.9"]),
        (1, 2, [[TELNET], []], ["10.0.0.9"]),
        (1, 2, [[TELNET], [], []], []),
        (1, 2, [[TELNET], [], [TELNET], []], ["10.0.0.9"]),
        (1, 1, [[TELNET], []], []),
        (2, 1, [[TELNET]], []),
        (2, 1, [[TELNET], [], [TELNET]], []),
        (2, 1, [[TELNET], [TELNET]], ["10.0.0.9"]),
        (1, 1, [[TELNET], [TELNET, OTHER], [OTHER]], ["10.0.0.8"]),
        (1, 2, [], []),
    ],
)
def test_results_in_a_row_open_and_close(opens_after, closes_after, runs, expected) -> None:
    check = Check("ports", nothing, never, opens_after=opens_after, closes_after=closes_after)

    assert opened(Pace(check), keeper(), *runs) == expected


def test_the_other_kinds_incidents_are_none_of_its_business() -> None:
    kept = keeper()
    opened(Pace(Check("ports", nothing, never)), kept, [TELNET])
    Pace(Check("names", nothing, never, closes_after=1)).judge([], kept)

    assert len(kept.open_of("ports")) == 1


def paced(**facts: bool) -> Pace:
    """Of an hourly check that began at 0 seconds."""
    pace = Pace(Check("ports", nothing, never, while_open=120))
    pace.begin(0, **facts)
    return pace


def due(pace: Pace, **facts: bool) -> float:
    """The first second at which it is."""
    return next(now for now in range(4000) if pace.is_due(now, Settings(), **facts))


def test_a_check_hurries_while_its_kind_is_open_and_looks_at_once_on_suspicion() -> None:
    assert due(paced()) == 3600
    assert due(paced(), hurried=True) == 120
    assert due(paced(), suspected=True) == 0
    assert due(paced(suspected=True), suspected=True) == SUSPICION_SECONDS


def test_what_could_not_look_tries_again_within_a_minute() -> None:
    pace = paced()
    pace.is_to_retry = True

    assert due(pace) == RETRY_SECONDS


def test_a_suspicion_lasts_until_somebody_looks() -> None:
    kept = keeper()
    kept.suspect("rogue_dhcp")

    assert kept.suspects(frozenset({"rogue_dhcp", "arp_spoof"}))
    assert not kept.suspects(frozenset({"arp_spoof"}))
    kept.dispel(frozenset({"rogue_dhcp"}))
    assert not kept.suspects(frozenset({"rogue_dhcp"}))


@pytest.mark.parametrize("check", discover().values(), ids=lambda check: check.name)
def test_a_check_is_well_declared(check: Check) -> None:
    assert check.every(Settings()) >= 0
    assert check.while_open > 0
    assert min(check.opens_after, check.closes_after) >= 1
    assert set(check.kinds) <= set(KINDS), "each kind has a title and says what to do"


def values(checking: Checking) -> dict[str, float]:
    return {sample.labels[0]: sample.value for sample in checking.samples()}


def check_file(name: str, does: str) -> str:
    return (
        "from haidang_agent.intrusion.check import Check\nfrom haidang_agent.probe import ProbeError\n"
        f"def run(site):\n    {does}\n"
        f"CHECK = Check('{name}', run, lambda settings: 0.05, kinds={{'{name}_kind': ('warning',)}})\n"
    )


def test_one_that_fails_says_so_and_the_next_one_runs(tmp_path, monkeypatch) -> None:
    """Files of a folder beside ours: one that cannot look, one that crashes, one that finds nothing."""
    what = {"denied": "raise ProbeError('denied', 'no')", "crash": "return 1 / 0", "fine": "return []"}
    for name, does in what.items():
        (tmp_path / f"{name}.py").write_text(check_file(name, does))
    monkeypatch.setattr(checks, "__path__", [str(tmp_path)])
    monkeypatch.setattr("haidang_agent.intrusion.checking.FIRST_SECONDS", 0.0)
    checking = Checking(Settings(), Host(), keeper())
    checking.start()
    try:
        eventually("all have run", lambda: len(values(checking)) == 3, seconds=5)
        assert values(checking) == {"denied": 0, "crash": 0, "fine": 1}
        assert checking.kinds() == {"fine_kind": ("warning",)}, "what could never look is not watched for"
    finally:
        checking.close()


@pytest.mark.parametrize(("name", "patience", "expected"), [("early", 900.0, {}), ("late", 0.0, {"late": 0})])
def test_one_that_waits_for_another_probe_fails_only_after_a_while(
    tmp_path, monkeypatch, caplog, name, patience, expected
) -> None:
    count = "memory = site.host.memory; memory.keep('tried', (memory.recall('tried') or 0) + 1)"
    text = check_file(name, f"{count}; raise NotYetError('unreadable', 'not told yet')")
    (tmp_path / f"{name}.py").write_text("from haidang_agent.intrusion.check import NotYetError\n" + text)
    monkeypatch.setattr(checks, "__path__", [str(tmp_path)])
    monkeypatch.setattr("haidang_agent.intrusion.checking.FIRST_SECONDS", 0.0)
    monkeypatch.setattr("haidang_agent.intrusion.checking.BEGINNING_SECONDS", patience)
    host = Host()
    checking = Checking(Settings(), host, keeper())
    checking.start()
    try:
        eventually("it was tried again", lambda: (host.memory.recall("tried") or 0) > 1, seconds=5)
        assert values(checking) == expected
        assert ("not told yet" in caplog.text) is bool(expected)
    finally:
        checking.close()


def test_one_can_be_switched_off() -> None:
    names = Checking(Settings(), Host(), keeper()).names()

    assert "dhcp" in names
    assert "dhcp" not in Checking(Settings(checks_off=("dhcp",)), Host(), keeper()).names()
    assert "dhcp" not in Checking(Settings(dhcp_ask_every_seconds=0), Host(), keeper()).names()


def test_the_dhcp_question_takes_no_lease() -> None:
    """A DISCOVER to everybody in the agent's own name, whose answer is to be broadcast; legal length and checksum."""
    data = question(mac("02:00:00:00:00:01"), b"\1\2\3\4")
    frame = dissect(Packet(1, 0.0, 1, 1, len(data), data))

    assert frame
    assert isinstance(frame.message, Dhcp)
    assert (frame.message.type, frame.message.transaction, frame.message.client_mac) == (
        DISCOVER, 0x01020304, mac("02:00:00:00:00:01"),
    )  # fmt: skip
    assert (frame.ports, frame.is_group, len(frame.payload)) == ((68, 67), True, 300)
    assert b"\x3d\x0e\x00haidang-agent" in frame.payload
    assert frame.payload[10] & 0x80
    words = [int.from_bytes(data[14 + at : 16 + at]) for at in range(0, 20, 2)]
    assert sum(words) % 0xFFFF == 0


def test_a_name_that_differs_from_the_file_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "one.py").write_text(check_file("other", "return []"))
    monkeypatch.setattr(checks, "__path__", [str(tmp_path)])

    with pytest.raises(RuntimeError, match="declares a check named 'other'"):
        discover()


def test_without_an_interface_there_is_nothing_to_ask() -> None:
    assert list(discover()["dhcp"].run(SITE)) == []
