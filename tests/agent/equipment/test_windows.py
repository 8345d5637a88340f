"""What Windows tells, counted; the answers are written by us, after Microsoft's documents, in several languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from haidang_agent.equipment import windows
from haidang_agent.equipment.look import KINDS, Found, counted, look
from haidang_agent.powershell.answer import parse
from haidang_agent.probe import Host
from haidang_agent.unread import UnreadError
from hypothesis import given, settings
from hypothesis import strategies as st

ANSWERS = Path(__file__).with_name("answers")
TELLING = Path(windows.__file__).parents[1] / "powershell/telling.ps1"


def answer(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))
    return told


def found(told: object) -> Found:
    return counted(windows.readers(parse("\ufeff" + json.dumps(told))))


def one(kind: str, **changed: object) -> int:
    """The count of an answer of which some sections are changed."""
    return found(answer("windows_7_vi") | changed).counts[kind]


@pytest.mark.parametrize(
    ("name", "webcams", "printers", "displays"),
    [("windows_7_vi", 1, 1, 0), ("windows_10_en", 3, 0, 1), ("windows_11_fr", 0, 2, 1)],
)
def test_whole_answers(name: str, webcams: int, printers: int, displays: int) -> None:
    assert found(answer(name)) == Found({"webcam": webcams, "printer": printers, "display": displays}, {})


def test_what_a_server_does_not_tell() -> None:
    assert found(answer("server_2019_de")) == Found(
        {"webcam": 0}, {"printer": "Spooler", "display": "Nicht unterstützt"}
    )


@pytest.mark.parametrize("port", ["USB001", "usb12", "DOT4_001", "LPT1:", "LPT2", "COM3:", "EPUSB1:", "BRUSB:"])
def test_a_port_on_this_machine(port: str) -> None:
    assert one("printer", usb=[], printers=[{"port": port, "driver": "Canon LBP2900"}]) == 1


@pytest.mark.parametrize(
    "port",
    [
        "",
        "FILE:",
        "nul:",
        "TS001",
        "IP_192.0.2.7",
        "192.0.2.7",
        "WSD-1",
        "\\\\pc\\LPT1",
        "COMPANY",
        "USB Virtual",
        None,
    ],
)
def test_a_port_elsewhere_or_nowhere(port: object) -> None:
    assert one("printer", usb=[], printers=[{"port": port, "driver": "Canon LBP2900"}]) == 0


def test_two_of_one_model_that_are_on_are_two() -> None:
    usb = [
        {"id": f"USB\\VID_03F0&PID_2B17\\{serial}", "compatible": "USB\\Class_07", "camera": False} for serial in "AB"
    ]
    queues = [{"port": f"USB00{i}", "driver": "HP LaserJet 1020"} for i in (1, 2)]

    assert one("printer", usb=usb, printers=queues) == 2


def test_a_screen_without_edid_is_no_projector() -> None:
    """Windows tells its size as 0, as it does of a projector."""
    screen = {"name": "", "width": 0, "height": 0, "technology": 0}

    assert one("display", screens=[screen | {"model": "Default_Monitor"}]) == 0
    assert one("display", screens=[screen | {"model": "SEC3051"}]) == 1


def test_sections_that_are_missing_are_unread() -> None:
    assert found({}).unread.keys() == set(KINDS)
    assert found({"errors": {"usb": "Access denied\r\n"}}).unread["webcam"] == "Access denied"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ["id", "compatible", "camera", "port", "driver", "width", "height", "technology", "model", "name"]
)
SECTIONS = st.sampled_from(["usb", "printers", "screens"])


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(SECTIONS, JSON | st.lists(st.dictionaries(KEYS, JSON), max_size=3)))
def test_whatever_windows_tells_is_counted_or_unread(told: dict[str, Any]) -> None:
    all_of_it = found(told | {"errors": {}})

    assert all_of_it.counts.keys() | all_of_it.unread.keys() == set(KINDS)
    assert all(0 <= count <= 3 for count in all_of_it.counts.values())


def powershell(folder: Path, script: str) -> None:
    """A program in the place of Windows' own."""
    program = folder / "System32/WindowsPowerShell/v1.0/powershell.exe"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_powershell_gets_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    powershell(tmp_path, f'echo "$@" > {tmp_path}/words; cat {ANSWERS}/windows_11_fr.json')

    assert len(windows.ask().rows("screens")) == 3
    assert (tmp_path / "words").read_text().endswith(f" -File {windows.SCRIPT}\n")


def test_windows_is_asked_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    powershell(tmp_path, f"cat {ANSWERS}/windows_10_en.json")
    monkeypatch.setattr("sys.platform", "win32")

    assert look(Host(proc=tmp_path, sys=tmp_path)).counts == {"webcam": 3, "printer": 0, "display": 1}


def test_where_powershell_is_missing_or_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    with pytest.raises(UnreadError, match="PowerShell failed: No such file"):
        windows.ask()
    powershell(tmp_path, "echo 'running scripts is disabled on this system' >&2; exit 1")
    with pytest.raises(UnreadError, match="PowerShell did not answer as asked"):
        windows.ask()


def test_the_script_is_for_the_oldest_powershell_and_tells_every_section() -> None:
    """PowerShell 2.0 reads a script without byte order mark as ANSI, and has no CIM and no JSON."""
    text = windows.SCRIPT.read_bytes().decode("ascii") + TELLING.read_bytes().decode("ascii")

    for too_new in ("Get-Cim", "ConvertTo-Json", "Get-Printer", "Get-PnpDevice", "$PSScriptRoot", "-in "):
        assert too_new not in text.replace("no ConvertTo-Json", "")
    for name in ("usb", "printers", "screens"):
        assert f"Many '{name}'" in text
    assert "..\\powershell\\telling.ps1" in text
