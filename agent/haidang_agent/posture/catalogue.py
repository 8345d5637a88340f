"""Every check, once: what must be so, how bad it is where it is not, what to do, and who asks for it.

CIS sections are those of "CIS Debian Linux 12 Benchmark" v1.1.0 and "CIS Microsoft Windows 11 Enterprise Benchmark"
v3.0.0 by title, for numbers move between versions.
"""

from __future__ import annotations

from haidang_agent.i18n import N_
from haidang_agent.posture.check import Check

LINUX, WINDOWS = frozenset({"linux"}), frozenset({"win32"})
BOTH = LINUX | WINDOWS

CHECKS = (
    Check(
        "system_supported",
        "critical",
        N_("The operating system still gets security updates"),
        N_("Move to a release that is supported, or take the machine off the network."),
        "the makers' life-cycle pages, in end_of_life.toml",
        BOTH,
    ),
    Check(
        "security_updates_overdue",
        "critical",
        N_("No security update waits for long"),
        N_("Install the updates now (apt upgrade; Windows Update), and let them install by themselves from now on."),
        "CIS Debian: Ensure updates, patches, and additional security software are installed; CIS Windows: Configure "
        "Automatic Updates",
        BOTH,
    ),
    Check(
        "security_updates",
        "warning",
        N_("All security updates are installed"),
        N_("Install the updates (apt upgrade; Windows Update)."),
        "CIS Debian: Ensure updates, patches, and additional security software are installed; Lynis PKGS-7392",
        BOTH,
    ),
    Check(
        "reboot",
        "warning",
        N_("No update waits for a restart"),
        N_("Restart the machine; it runs the old, vulnerable code until then."),
        "Debian Policy: reboot-required; Microsoft: Component Based Servicing; Lynis KRNL-5830",
        BOTH,
    ),
    Check(
        "firewall",
        "critical",
        N_("The firewall is on, for every kind of network"),
        N_("Turn it on: ufw enable; in Windows for the domain, private and public profile."),
        "CIS Debian: Host Based Firewall; CIS Windows: Windows Defender Firewall, Firewall state; Lynis FIRE-4590",
        BOTH,
    ),
    Check(
        "antivirus",
        "critical",
        N_("An antivirus is there, on and up to date"),
        N_("Turn Microsoft Defender on and let it update, or renew the antivirus that replaced it."),
        "CIS Windows: Microsoft Defender Antivirus",
        WINDOWS,
    ),
    Check(
        "disk_encryption",
        "warning",
        N_("The disk is encrypted where the machine leaves its room"),
        N_("Turn on BitLocker, or install again with an encrypted disk (LUKS); keep the recovery key at the school."),
        "CIS Windows: BitLocker Drive Encryption; SMBIOS 3.6, 7.4.1 for what leaves the room",
        BOTH,
    ),
    Check(
        "screen_lock",
        "warning",
        N_("The screen locks by itself"),
        N_("Set the lock to 15 minutes at most, with a password to come back."),
        "CIS Windows: Interactive logon: Machine inactivity limit; CIS Debian: GNOME screen locks",
        BOTH,
    ),
    Check(
        "guest_account",
        "warning",
        N_("No guest can log in"),
        N_("Disable the guest account."),
        "CIS Windows: Accounts: Guest account status",
        BOTH,
    ),
    Check(
        "passwords",
        "critical",
        N_("No account is without a password"),
        N_("Give each such account a password, or disable it."),
        "CIS Debian: Ensure /etc/shadow password fields are not empty; Lynis AUTH-9283",
        BOTH,
    ),
    Check(
        "second_root",
        "critical",
        N_("Only root has user id 0"),
        N_("Find out who made the other account; give it a user id of its own, and sudo if it needs it."),
        "CIS Debian: Ensure root is the only UID 0 account; Lynis AUTH-9204",
        LINUX,
    ),
    Check(
        "administrators",
        "info",
        N_("Few accounts may administer the machine"),
        N_("Take pupils' and teachers' daily accounts out of the administrators."),
        "CIS Controls v8, 5.4",
        BOTH,
    ),
    Check(
        "remote_desktop",
        "critical",
        N_("Remote Desktop is off, or asks for the password first (NLA)"),
        N_("Turn Remote Desktop off, or allow it only with Network Level Authentication."),
        "CIS Windows: Require user authentication for remote connections by using NLA",
        WINDOWS,
    ),
    Check(
        "ssh_root_login",
        "critical",
        N_("Root can't log in by SSH with a password"),
        N_("Write PermitRootLogin no into /etc/ssh/sshd_config, then: systemctl reload ssh"),
        "CIS Debian: Ensure sshd PermitRootLogin is disabled; Lynis SSH-7408",
        LINUX,
    ),
    Check(
        "ssh_password_login",
        "warning",
        N_("SSH asks for a key, not for a password"),
        N_("Give administrators keys, then write PasswordAuthentication no and KbdInteractiveAuthentication no."),
        "sshd_config(5); Mozilla, OpenSSH guidelines",
        LINUX,
    ),
    Check(
        "ssh_empty_passwords",
        "critical",
        N_("SSH takes no empty password"),
        N_("Write PermitEmptyPasswords no into /etc/ssh/sshd_config, then: systemctl reload ssh"),
        "CIS Debian: Ensure sshd PermitEmptyPasswords is disabled",
        LINUX,
    ),
    Check(
        "smb1",
        "critical",
        N_("SMBv1 is off"),
        N_(
            "Remove the feature SMB 1.0/CIFS; in Samba write server min protocol = SMB2. Old copiers need new firmware."
        ),
        "CIS Windows: Configure SMB v1 server; Microsoft: Stop using SMB1",
        BOTH,
    ),
    Check(
        "name_services",
        "info",
        N_("No name service that anybody in the LAN can answer (LLMNR, NetBIOS)"),
        N_("Turn LLMNR off by policy (systemd-resolved: LLMNR=no) and NetBIOS over TCP/IP in the adapters."),
        "CIS Windows: Turn off multicast name resolution, NetBT NodeType; RFC 4795",
        BOTH,
    ),
    Check(
        "autorun",
        "warning",
        N_("Nothing starts by itself from a USB stick"),
        N_("Turn off AutoPlay for all drives by policy (NoDriveTypeAutoRun = 255)."),
        "CIS Windows: Turn off Autoplay",
        WINDOWS,
    ),
    Check(
        "open_services",
        "warning",
        N_("No risky service is open to the LAN"),
        N_("Stop the service, let it listen on 127.0.0.1 only, or let the firewall keep others out."),
        "CIS Debian: Configure Server Services",
        BOTH,
    ),
    Check(
        "clock",
        "warning",
        N_("The clock is synchronised"),
        N_("Turn on systemd-timesyncd or chrony; in Windows: w32tm /resync"),
        "CIS Debian: Ensure time synchronization is in use; Lynis TIME-3104",
        BOTH,
    ),
    Check(
        "own_files",
        "critical",
        N_("The agent's own keys are closed to others"),
        N_("Let only root and the agent's user read agent.toml and credentials.json (chmod o-rwx)."),
        "Hải Đăng: docs/operations.md",
        BOTH,
    ),
)
"""In the order a person reads them where they are equally bad."""
