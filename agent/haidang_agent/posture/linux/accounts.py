"""Who can log in: passwd(5), shadow(5), group(5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.i18n import _
from haidang_agent.posture.check import Outcome, few_administrators
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from haidang_agent.posture.linux.machine import Machine

NO_LOGIN = ("/nologin", "/false", "/sync", "/halt", "/shutdown")
ADMINISTRATORS = frozenset({"sudo", "wheel", "admin"})
"""The groups that Debian, Ubuntu and the RHEL-likes let use sudo."""
PASSWD_FIELDS, GROUP_FIELDS, SHADOW_FIELDS = 7, 4, 2


def accounts_without_password(machine: Machine) -> Outcome:
    """An empty second field lets anybody in, where PAM allows it; that of passwd is looked at first."""
    users = _rows(machine, "/etc/passwd", PASSWD_FIELDS)
    count = sum(user[1] == "" for user in users)
    if any(user[1] == "x" for user in users) and not count:
        count = sum(row[1] == "" for row in _rows(machine, "/etc/shadow", SHADOW_FIELDS))
    if count:
        return Outcome(passed=False, found=_("{count} accounts without a password").format(count=count))
    return Outcome(passed=True, found=_("none"))


def second_root(machine: Machine) -> Outcome:
    count = sum(user[2].lstrip("0") == "" for user in _rows(machine, "/etc/passwd", PASSWD_FIELDS))
    return Outcome(count <= 1, _("{count} accounts with user id 0").format(count=count))


def guest_account(machine: Machine) -> Outcome:
    """An account `guest` with a login shell, or LightDM's guest session where it was asked for."""
    named = any(
        user[0] == "guest" and not user[6].endswith(NO_LOGIN) for user in _rows(machine, "/etc/passwd", PASSWD_FIELDS)
    )
    files = [machine.path("/etc/lightdm/lightdm.conf"), *sorted(machine.path("/etc/lightdm").glob("*.d/*.conf"))[:64]]
    texts = [machine.text(str(file.relative_to(machine.root))) or "" for file in files]
    settings = [line.replace(" ", "") for text in texts for line in text.splitlines()]
    if named or "allow-guest=true" in settings:
        return Outcome(passed=False, found=_("guests can log in"))
    return Outcome(passed=True, found=_("none"))


def administrators(machine: Machine) -> Outcome:
    groups = [row for row in _rows(machine, "/etc/group", GROUP_FIELDS) if row[0] in ADMINISTRATORS]
    users = _rows(machine, "/etc/passwd", PASSWD_FIELDS)
    numbers = {row[2] for row in groups}
    members = {name for row in groups for name in row[3].split(",") if name}
    members |= {user[0] for user in users if user[3] in numbers or user[2] == "0"}
    return few_administrators(len(members), machine.limits.administrators)


def _rows(machine: Machine, file: str, least_fields: int) -> list[list[str]]:
    text = machine.text(file)
    if text is None:
        raise UnreadError(_("there is no {file}").format(file=file))
    rows = (line.split(":") for line in text.splitlines() if not line.startswith(("#", "+", "-")))
    return [row for row in rows if len(row) >= least_fields]
