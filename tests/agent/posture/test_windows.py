"""What Windows tells, judged; the answers are written by us, after Microsoft's documents, in several languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from haidang_agent.posture.check import Finding
from haidang_agent.posture.examine import Place, of_windows
from haidang_agent.posture.windows import SCRIPT
from haidang_agent.powershell.answer import parse
from haidang_agent.powershell.asking import ask
from haidang_agent.unread import UnreadError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.posture.trees import NOW

ANSWERS = Path(__file__).with_name("answers")
ALL = sorted(path.stem for path in ANSWERS.glob("*.json"))
NAMES = sorted(json.loads((ANSWERS / "windows_7_vi.json").read_text(encoding="utf-8")))

FAILED = {
    "windows_7_vi": {
        "system_supported", "security_updates", "security_updates_overdue", "firewall", "antivirus", "screen_lock",
        "guest_account", "passwords", "remote_desktop", "smb1", "name_services", "autorun", "open_services", "clock",
        "own_files",
    },
    "windows_10_vi": {"system_supported", "reboot", "antivirus", "smb1"},
    "windows_11_fr": {"security_updates", "clock"},
    "server_2019_de": {
        "security_updates", "security_updates_overdue", "reboot", "administrators", "name_services", "autorun",
        "open_services",
    },
}  # fmt: skip
UNREAD = {
    "windows_7_vi": {},
    "windows_10_vi": {
        "disk_encryption": "Truy cập bị từ chối. (Exception from HRESULT: 0x80041003)",
        "screen_lock": "each user sets it, and nobody is logged in",
    },
    "windows_11_fr": {},
    "server_2019_de": {"screen_lock": "Zugriff verweigert"},
}


def answer(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))
    return told


def findings(told: object) -> dict[str, Finding]:
    said = parse("\ufeff" + json.dumps(told))
    return {finding.check.id: finding for finding in of_windows(said, Place(NOW))}


def found(name: str, check: str, **changed: object) -> tuple[str, str]:
    """The finding of an answer of which some sections are changed."""
    finding = findings(answer(name) | changed)[check]
    return finding.state, finding.found


@pytest.mark.parametrize("name", ALL)
def test_whole_answers(name: str) -> None:
    told = findings(answer(name))

    assert {check for check, finding in told.items() if finding.state == "fail"} == FAILED[name]
    assert {check: finding.found for check, finding in told.items() if finding.state == "unread"} == UNREAD[name]
    assert len(told) == 18


@pytest.mark.parametrize(
    ("build", "server", "sku", "state", "until"),
    [
        (26100, False, 48, "pass", "2026-10-13"),
        (22631, False, 48, "fail", "2025-11-11"),
        (22631, False, 4, "pass", "2026-11-10"),
        (19044, False, 125, "pass", "2027-01-12"),
        (19044, False, 191, "pass", "2032-01-13"),
        (14393, True, 8, "pass", "2027-01-12"),
        (9600, False, 101, "fail", "2023-01-10"),
        (99999, False, 48, "unread", "2026-11-25"),
    ],
)
def test_support_by_build_and_edition(build: int, server: bool, sku: int, state: str, until: str) -> None:
    system = {"build": build, "server": server, "sku": sku, "caption": "Microsoft Windows"}

    assert found("windows_11_fr", "system_supported", system=system)[0] == state
    assert until in found("windows_11_fr", "system_supported", system=system)[1]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (397568, ("pass", "on and up to date")),
        (397584, ("fail", "out of date")),
        (393472, ("fail", "off")),
        (401664, ("fail", "off")),
    ],
)
def test_the_state_of_the_security_center(state: int, expected: tuple[str, str]) -> None:
    """0x61100 on; 0x61110 with old signatures; 0x60100 off; 0x62100 snoozed."""
    assert found("windows_10_vi", "antivirus", antivirus=[{"state": state}]) == expected


@pytest.mark.parametrize(
    ("row", "state"),
    [({"on": True, "age_days": 8}, "fail"), ({"on": False, "age_days": 0}, "fail"), ({"on": True}, "unread")],
)
def test_defender_on_a_server(row: dict[str, object], state: str) -> None:
    assert found("server_2019_de", "antivirus", antivirus=[row])[0] == state


def test_a_search_of_long_ago_does_not_say_that_no_update_waits() -> None:
    """But what waited then still waits; a PC that never searched knows nothing."""
    old = {"at": int(NOW) - 8 * 86400}
    for searched, days in ((old, 8), ({"at": None}, 20717)):
        expected = ("unread", f"updates were last looked for {days} days ago")
        assert found("windows_10_vi", "security_updates", searched=searched) == expected
        assert found("windows_10_vi", "security_updates_overdue", searched=searched) == expected
    assert found("windows_11_fr", "security_updates", searched=old)[0] == "fail"


def test_profiles_that_are_off_are_named() -> None:
    assert found("windows_7_vi", "firewall") == ("fail", "off for: public")
    assert found("windows_7_vi", "firewall", firewall={"1": True})[0] == "unread"


def test_smb1_is_off_by_registry_or_without_the_feature() -> None:
    for smb1, state in (((None, 2), "pass"), ((None, 3), "pass"), ((0, 1), "pass"), ((1, 1), "fail")):
        assert found("windows_10_vi", "smb1", smb1={"registry": smb1[0], "feature": smb1[1]})[0] == state
    assert found("windows_7_vi", "smb1", smb1={"registry": 0, "feature": None})[0] == "pass"
    assert found("windows_10_vi", "smb1", smb1={"registry": None, "feature": None})[0] == "unread"


def test_the_users_own_screen_savers() -> None:
    users = [{"active": "1", "secure": "1", "timeout": "900"}]
    assert found("windows_10_vi", "screen_lock", screen_users=users)[0] == "pass"
    users.append({"active": "1", "secure": "1", "timeout": "3600"})
    assert found("windows_10_vi", "screen_lock", screen_users=users)[0] == "fail"


def test_disabled_administrators_are_not_counted() -> None:
    assert found("windows_10_vi", "administrators") == ("pass", "1 accounts, of at most 3")
    assert found("server_2019_de", "administrators") == ("fail", "5 accounts, of at most 3")


def test_remote_desktop_is_off_where_nothing_is_set() -> None:
    assert found("windows_10_vi", "remote_desktop", remote_desktop={"denied": None, "nla": None}) == ("pass", "off")


def test_a_section_that_fails_leaves_its_checks_unread_with_windows_own_words() -> None:
    told = findings({"errors": dict.fromkeys(NAMES, "Access denied\r\n")})

    assert {finding.state for finding in told.values()} == {"unread"}
    assert {finding.found for finding in told.values()} == {"Access denied"}


def test_sections_that_are_missing_are_unread() -> None:
    told = findings({})

    assert {finding.state for finding in told.values()} == {"unread"}
    assert told["clock"].found == "Windows did not tell clock"


@pytest.mark.parametrize("said", ["", "[]", "Die Benennung wurde nicht erkannt", '{"errors": 1}', "[" * 100_000])
def test_what_is_no_answer(said: str) -> None:
    with pytest.raises(UnreadError):
        parse(said)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["build", "sku", "state", "sid", "disabled", "timeout", "feature", "running", "protection", "1"])


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), JSON | st.lists(JSON) | st.dictionaries(KEYS, JSON)))
def test_whatever_windows_tells_is_judged_or_unread(told: dict[str, Any]) -> None:
    told["errors"] = {}

    assert {finding.state for finding in findings(told).values()} <= {"pass", "fail", "unread"}


def powershell(folder: Path, script: str) -> None:
    """A program in the place of Windows' own."""
    program = folder / "System32/WindowsPowerShell/v1.0/powershell.exe"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_powershell_gets_the_script_and_the_agents_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    powershell(tmp_path, f'echo "$@" > {tmp_path}/words; cat {ANSWERS}/windows_7_vi.json')

    assert ask(SCRIPT, Path("agent.toml")).table("system")["build"] == 7601
    assert (tmp_path / "words").read_text().endswith(f" -File {SCRIPT} agent.toml\n")


def test_where_powershell_is_missing_or_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    with pytest.raises(UnreadError, match="PowerShell failed: No such file"):
        ask(SCRIPT)
    powershell(tmp_path, "echo 'running scripts is disabled on this system' >&2; exit 1")
    with pytest.raises(UnreadError, match="PowerShell did not answer as asked"):
        ask(SCRIPT)


def test_the_script_is_for_the_oldest_powershell_and_tells_every_section() -> None:
    """PowerShell 2.0 reads a script without byte order mark as ANSI, and has no CIM and no JSON."""
    text = SCRIPT.read_bytes().decode("ascii")

    for too_new in ("Get-Cim", "ConvertTo-Json", "Get-NetTCP", "Get-LocalUser", "Get-SmbServer", "Get-MpComputer"):
        assert too_new not in text.replace("no ConvertTo-Json", "")
    for name in set(NAMES) - {"errors"}:
        assert f"Section '{name}'" in text or f"Many '{name}'" in text
