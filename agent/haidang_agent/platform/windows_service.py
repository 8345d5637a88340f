"""The agent as a scheduled task of Windows: what has to be done, as command lines, so that it can be read and tried.

A task and no service, for a service must answer the service manager and a Python program needs a wrapper for that. It
runs as LOCAL SERVICE, starts with the machine, and is started again within RETRY where it has ended.
Syntax: Microsoft's pages of schtasks, icacls and netsh advfirewall; the task's XML: [MS-TSCH] 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from haidang_agent.rollcall.message import PORT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import PureWindowsPath

TASK = r"\Haidang\Agent"
RULE = "Haidang agent"
RETRY = "PT5M"
LOCAL_SYSTEM, LOCAL_SERVICE, ADMINISTRATORS = "S-1-5-18", "S-1-5-19", "S-1-5-32-544"
"""Well-known security identifiers, for the names are translated."""

XML = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Hai Dang agent: measures this school's network and this machine</Description>
  </RegistrationInfo>
  <Triggers>
    <BootTrigger/>
    <TimeTrigger>
      <Repetition><Interval>{retry}</Interval></Repetition>
      <StartBoundary>2020-01-01T00:00:00</StartBoundary>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="agent">
      <UserId>{user}</UserId>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>7</Priority>
  </Settings>
  <Actions Context="agent">
    <Exec>
      <Command>{command}</Command>
      <Arguments>-I -m haidang_agent run</Arguments>
    </Exec>
  </Actions>
</Task>
"""


@dataclass(frozen=True, slots=True)
class Command:
    """`may_fail` where there may be nothing to end or to delete."""

    words: tuple[str, ...]
    may_fail: bool = False

    def __str__(self) -> str:
        return " ".join(f'"{word}"' if " " in word else word for word in self.words)


def task_xml(release: PureWindowsPath) -> str:
    """The task that runs the agent of this virtual environment; for a file in UTF-16."""
    return XML.format(retry=RETRY, user=LOCAL_SERVICE, command=escape(str(release / "Scripts" / "python.exe")))


def installing(task_file: PureWindowsPath, state: PureWindowsPath, python: PureWindowsPath) -> Sequence[Command]:
    """State that only the agent and administrators read, the roll call let in, the task made (not yet started).

    `python` is the one that the virtual environment was made from: the one in there starts it, and it listens. The
    state is taken over first, for ProgramData lets anybody make a folder, own it, and keep rights to a file in it.
    """
    rights = (
        f"*{LOCAL_SYSTEM}:(OI)(CI)F",
        f"*{ADMINISTRATORS}:(OI)(CI)F",
        f"*{LOCAL_SERVICE}:(OI)(CI)M",
    )
    traffic = ("dir=in", "action=allow", "protocol=UDP", f"localport={PORT}", f"program={python}", "profile=any")
    return (
        Command(("icacls", str(state), "/setowner", f"*{ADMINISTRATORS}", "/T", "/Q")),
        Command(("icacls", str(state), "/inheritance:r", "/grant:r", *rights, "/Q")),
        Command(("icacls", str(state / "*"), "/reset", "/T", "/Q")),
        Command(("netsh", "advfirewall", "firewall", "delete", "rule", f"name={RULE}"), may_fail=True),
        Command(("netsh", "advfirewall", "firewall", "add", "rule", f"name={RULE}", *traffic)),
        Command(("schtasks", "/Create", "/TN", TASK, "/XML", str(task_file), "/F")),
    )


def starting() -> Sequence[Command]:
    """One that still runs, of an older release, ends first."""
    return (
        Command(("schtasks", "/End", "/TN", TASK), may_fail=True),
        Command(("schtasks", "/Run", "/TN", TASK)),
    )


def removing() -> Sequence[Command]:
    """Task and firewall rule; folders are the uninstaller's."""
    return (
        Command(("schtasks", "/End", "/TN", TASK), may_fail=True),
        Command(("schtasks", "/Delete", "/TN", TASK, "/F"), may_fail=True),
        Command(("netsh", "advfirewall", "firewall", "delete", "rule", f"name={RULE}"), may_fail=True),
    )
