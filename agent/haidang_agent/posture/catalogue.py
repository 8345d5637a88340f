"""Every check, once: who asks for it, and where it can be read; what must be so, and what to do: haidang_advice.checks.

CIS sections are those of "CIS Debian Linux 12 Benchmark" v1.1.0 and "CIS Microsoft Windows 11 Enterprise Benchmark"
v3.0.0 by title, for numbers move between versions.
"""

from __future__ import annotations

from haidang_advice import checks

from haidang_agent.posture.check import Check

LINUX, WINDOWS = frozenset({"linux"}), frozenset({"win32"})
BOTH = LINUX | WINDOWS

_ASKED_FOR = {
    "system_supported": ("the makers' life-cycle pages, in end_of_life.toml", BOTH),
    "security_updates_overdue": (
        (
            "CIS Debian: Ensure updates, patches, and additional security software are installed; CIS Windows: "
            "Configure Automatic Updates"
        ),
        BOTH,
    ),
    "security_updates": (
        "CIS Debian: Ensure updates, patches, and additional security software are installed; Lynis PKGS-7392",
        BOTH,
    ),
    "reboot": ("Debian Policy: reboot-required; Microsoft: Component Based Servicing; Lynis KRNL-5830", BOTH),
    "firewall": (
        ("CIS Debian: Host Based Firewall; CIS Windows: Windows Defender Firewall, Firewall state; Lynis FIRE-4590"),
        BOTH,
    ),
    "antivirus": ("CIS Windows: Microsoft Defender Antivirus", WINDOWS),
    "disk_encryption": ("CIS Windows: BitLocker Drive Encryption; SMBIOS 3.6, 7.4.1 for what leaves the room", BOTH),
    "screen_lock": ("CIS Windows: Interactive logon: Machine inactivity limit; CIS Debian: GNOME screen locks", BOTH),
    "guest_account": ("CIS Windows: Accounts: Guest account status", BOTH),
    "passwords": ("CIS Debian: Ensure /etc/shadow password fields are not empty; Lynis AUTH-9283", BOTH),
    "second_root": ("CIS Debian: Ensure root is the only UID 0 account; Lynis AUTH-9204", LINUX),
    "administrators": ("CIS Controls v8, 5.4", BOTH),
    "remote_desktop": ("CIS Windows: Require user authentication for remote connections by using NLA", WINDOWS),
    "ssh_root_login": ("CIS Debian: Ensure sshd PermitRootLogin is disabled; Lynis SSH-7408", LINUX),
    "ssh_password_login": ("sshd_config(5); Mozilla, OpenSSH guidelines", LINUX),
    "ssh_empty_passwords": ("CIS Debian: Ensure sshd PermitEmptyPasswords is disabled", LINUX),
    "smb1": ("CIS Windows: Configure SMB v1 server; Microsoft: Stop using SMB1", BOTH),
    "name_services": ("CIS Windows: Turn off multicast name resolution, NetBT NodeType; RFC 4795", BOTH),
    "autorun": ("CIS Windows: Turn off Autoplay", WINDOWS),
    "open_services": ("CIS Debian: Configure Server Services", BOTH),
    "clock": ("CIS Debian: Ensure time synchronization is in use; Lynis TIME-3104", BOTH),
    "own_files": ("Hải Đăng: docs/operations.md", BOTH),
}

CHECKS = tuple(Check(name, *checks.CHECKS[name], *asked) for name, asked in _ASKED_FOR.items())
"""In the order a person reads them where they are equally bad."""
