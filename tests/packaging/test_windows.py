"""Windows' installer: its scripts parse, the agent understands them, and the command lines are Windows' own."""

from __future__ import annotations

import re
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

import pytest
import tree_sitter
import tree_sitter_powershell
from haidang_agent import cli
from haidang_agent.commands.service import first_config
from haidang_agent.config import parse
from haidang_agent.platform import windows_service
from haidang_collector.web.enrol_pages import installers
from hypothesis import given
from hypothesis import strategies as st

from tests.packaging.wheelhouse import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOWS = ROOT / "packaging/windows"
SCRIPTS = sorted(WINDOWS.glob("*.ps1"))
MARK = b"\xef\xbb\xbf"
RELEASE = PureWindowsPath(r"C:\Program Files\Haidang\releases\1")
STATE = PureWindowsPath(r"C:\ProgramData\Haidang")
PYTHON = PureWindowsPath(r"C:\Program Files\Python313\python.exe")
NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
CMDLETS = {
    "Copy-Item", "ForEach-Object", "Get-Acl", "Get-AuthenticodeSignature", "Get-ChildItem", "Get-FileHash",
    "Get-ItemProperty", "Get-UICulture", "Join-Path", "New-Item", "New-Object", "Out-Null", "Remove-Item",
    "Resolve-Path", "Select-Object", "Split-Path", "Start-Process", "Start-Sleep", "Test-Path", "Where-Object",
    "Write-Host", "Write-Output",
}  # fmt: skip
"""Of Windows PowerShell 5.1."""
SYNTAX = {
    "icacls": re.compile(
        r"icacls (?P<path>\S+)"
        r"( /setowner \S+ /T| /reset /T| /inheritance:[edr] /grant(:r)?( \*S-1-[0-9-]+:(\([A-Z]+\))*(F|M|RX|R|W))+) /Q"
    ),
    "netsh": re.compile(
        r"netsh advfirewall firewall (delete rule \"name=[\w ]+\""
        r"|add rule \"name=[\w ]+\" dir=(in|out) action=(allow|block|bypass) protocol=(TCP|UDP) localport=\d+"
        r' "program=[^"]+" profile=(public|private|domain|any))'
    ),
    "schtasks": re.compile(r"schtasks /(Create /TN \\\S+ /XML \S+ /F|Delete /TN \\\S+ /F|End /TN \\\S+|Run /TN \\\S+)"),
}
"""From Microsoft's pages of the three commands."""


def parsed(script: bytes) -> tree_sitter.Node:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    return parser.parse(script.removeprefix(MARK)).root_node


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(script: Path) -> None:
    assert not parsed(script.read_bytes()).has_error


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_windows_powershell_reads_them_as_utf_8(script: Path) -> None:
    """Without the mark version 5.1 takes the system's own code page, and the Vietnamese is lost."""
    assert script.read_bytes().startswith(MARK)


def commands(node: tree_sitter.Node) -> Iterator[str]:
    """Names of all that a script calls."""
    if node.type == "command_name":
        yield (node.text or b"").decode()
    for child in node.children:
        yield from commands(child)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_is_called_is_the_scripts_own_or_powershells(script: Path) -> None:
    made = set(re.findall(r"^function ([\w-]+)", script.read_text("utf-8-sig"), re.MULTILINE))

    assert set(commands(parsed(script.read_bytes()))) - made - CMDLETS == set()


def test_what_the_enrol_page_says_is_powershell_that_runs_the_installer() -> None:
    line = parsed(installers("https://collector.example:8080")["windows"].encode())

    assert not line.has_error
    assert list(commands(line)) == [
        "cd",
        "New-Item",
        "New-Guid",
        "Invoke-WebRequest",
        "Expand-Archive",
        "cd",
        "powershell",
    ]


def test_the_agent_understands_what_it_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    text = (WINDOWS / "install.ps1").read_text("utf-8-sig")
    options = set(re.findall(r"'(--(?:server|ca|role|lab))'", text))
    others = "".join((WINDOWS / name).read_text("utf-8-sig") for name in ("releases.py", "uninstall.ps1"))
    actions = set(re.findall(r"['\"]service['\"], ['\"](\w+)", text + others))
    actions |= set(re.findall(r"haidang_agent service (\w+)", others))
    with pytest.raises(SystemExit) as ended:
        cli.main(["service", "--help"])

    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert (len(options), actions) == (4, {"install", "start", "remove"})
    assert [word for word in (*options, *actions) if word not in told] == []


@pytest.mark.parametrize(
    "steps",
    [
        windows_service.installing(PureWindowsPath(r"C:\Temp\task.xml"), STATE, PYTHON),
        windows_service.starting(),
        windows_service.removing(),
    ],
)
def test_command_lines_are_as_windows_documents_them(steps: list[windows_service.Command]) -> None:
    for step in steps:
        assert SYNTAX[step.words[0]].fullmatch(str(step)), str(step)


def test_only_the_agent_and_administrators_read_the_state() -> None:
    lines = [str(step) for step in windows_service.installing(PureWindowsPath("t.xml"), STATE, PYTHON)]

    rights = [line for line in lines if "/grant" in line]
    assert len(rights) == 1
    assert "/inheritance:r" in rights[0]
    assert re.findall(r"\*(S-1-[0-9-]+):\S+?([FM]) ", rights[0]) == [
        ("S-1-5-18", "F"), ("S-1-5-32-544", "F"), ("S-1-5-19", "M"),
    ]  # fmt: skip
    assert str(STATE / "*") in lines[lines.index(rights[0]) + 1], "what was in there before has no rights of its own"


def test_the_task_runs_the_agent_as_local_service_from_the_start() -> None:
    task = ET.fromstring(windows_service.task_xml(RELEASE).replace('encoding="UTF-16"', ""))

    def text(path: str) -> str | None:
        return task.findtext("/".join(NAMESPACE + part for part in path.split("/")))

    assert task.tag == f"{NAMESPACE}Task"
    assert text("Principals/Principal/UserId") == "S-1-5-19"
    assert text("Principals/Principal/RunLevel") == "LeastPrivilege"
    assert text("Triggers/BootTrigger") == ""
    assert text("Triggers/TimeTrigger/Repetition/Interval") == "PT5M"
    assert text("Settings/ExecutionTimeLimit") == "PT0S"
    assert text("Settings/MultipleInstancesPolicy") == "IgnoreNew"
    assert text("Actions/Exec/Command") == str(RELEASE / "Scripts" / "python.exe")


def test_a_folder_with_an_ampersand_stays_one() -> None:
    odd = PureWindowsPath(r"C:\A & B")

    task = ET.fromstring(windows_service.task_xml(odd).replace('encoding="UTF-16"', ""))

    assert task.findtext(f".//{NAMESPACE}Command") == str(odd / "Scripts" / "python.exe")


@given(
    ca=st.sampled_from(["", r"C:\ProgramData\Haidang\ca.pem"]),
    lab=st.text(st.characters(exclude_categories=["C"]), max_size=30),
)
def test_the_first_configuration_is_one(ca: str, lab: str) -> None:
    config = parse(tomllib.loads(first_config("https://centre.example:8080", ca, ["host"], lab)), "agent.toml")

    assert config.server is not None
    assert (config.server.ca, config.agent.roles, config.agent.lab) == (ca, ("host",), lab)


def test_without_windows_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["service", "install"])

    assert ended.value.code == 2
    assert "systemd" in capsys.readouterr().err


def test_the_installer_leaves_the_checks_to_python() -> None:
    text = (WINDOWS / "install.ps1").read_text("utf-8-sig")

    assert re.findall(r"Test-Fitness \(?@\('(\w+)'", text) == ["bundle", "machine", "state", "token"]
    assert set(re.findall(r"options \+= '(--[\w-]+)'", text)) == {"--later", "--dry-run"}
