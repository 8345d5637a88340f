"""Linux: read natively, by files below a root folder and a few commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.posture.linux import accounts, network, ssh, system, updates

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_agent.posture.check import Outcome
    from haidang_agent.posture.linux.machine import Machine

READERS: dict[str, Callable[[Machine], Outcome]] = {
    "system_supported": system.supported_system,
    "security_updates": updates.security_updates,
    "security_updates_overdue": updates.overdue_security_updates,
    "reboot": system.reboot,
    "firewall": network.firewall,
    "disk_encryption": system.encryption,
    "screen_lock": system.screen_lock,
    "guest_account": accounts.guest_account,
    "passwords": accounts.accounts_without_password,
    "second_root": accounts.second_root,
    "administrators": accounts.administrators,
    "ssh_root_login": ssh.root_login,
    "ssh_password_login": ssh.password_login,
    "ssh_empty_passwords": ssh.empty_passwords,
    "smb1": network.smb1,
    "name_services": network.name_services,
    "open_services": network.listening,
    "clock": system.clock,
    "own_files": system.own_files,
}
"""By the check's id; each raises UnreadError."""
