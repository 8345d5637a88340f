"""The checks of a machine's posture, in the order a person reads them where they are equally bad."""

from __future__ import annotations

from haidang_advice import N_, Check

CHECKS = {
    "system_supported": Check(
        "critical",
        N_("The operating system still gets security updates"),
        N_("Move to a release that is supported, or take the machine off the network."),
    ),
    "security_updates_overdue": Check(
        "critical",
        N_("No security update waits for long"),
        N_("Install the updates now (apt upgrade; Windows Update), and let them install by themselves from now on."),
    ),
    "security_updates": Check(
        "warning",
        N_("All security updates are installed"),
        N_("Install the updates (apt upgrade; Windows Update)."),
    ),
    "reboot": Check(
        "warning",
        N_("No update waits for a restart"),
        N_("Restart the machine; it runs the old, vulnerable code until then."),
    ),
    "firewall": Check(
        "critical",
        N_("The firewall is on, for every kind of network"),
        N_("Turn it on: ufw enable; in Windows for the domain, private and public profile."),
    ),
    "antivirus": Check(
        "critical",
        N_("An antivirus is there, on and up to date"),
        N_("Turn Microsoft Defender on and let it update, or renew the antivirus that replaced it."),
    ),
    "disk_encryption": Check(
        "warning",
        N_("The disk is encrypted where the machine leaves its room"),
        N_("Turn on BitLocker, or install again with an encrypted disk (LUKS); keep the recovery key at the school."),
    ),
    "screen_lock": Check(
        "warning",
        N_("The screen locks by itself"),
        N_("Set the lock to 15 minutes at most, with a password to come back."),
    ),
    "guest_account": Check(
        "warning",
        N_("No guest can log in"),
        N_("Disable the guest account."),
    ),
    "passwords": Check(
        "critical",
        N_("No account is without a password"),
        N_("Give each such account a password, or disable it."),
    ),
    "second_root": Check(
        "critical",
        N_("Only root has user id 0"),
        N_("Find out who made the other account; give it a user id of its own, and sudo if it needs it."),
    ),
    "administrators": Check(
        "info",
        N_("Few accounts may administer the machine"),
        N_("Take pupils' and teachers' daily accounts out of the administrators."),
    ),
    "remote_desktop": Check(
        "critical",
        N_("Remote Desktop is off, or asks for the password first (NLA)"),
        N_("Turn Remote Desktop off, or allow it only with Network Level Authentication."),
    ),
    "ssh_root_login": Check(
        "critical",
        N_("Root can't log in by SSH with a password"),
        N_("Write PermitRootLogin no into /etc/ssh/sshd_config, then: systemctl reload ssh"),
    ),
    "ssh_password_login": Check(
        "warning",
        N_("SSH asks for a key, not for a password"),
        N_("Give administrators keys, then write PasswordAuthentication no and KbdInteractiveAuthentication no."),
    ),
    "ssh_empty_passwords": Check(
        "critical",
        N_("SSH takes no empty password"),
        N_("Write PermitEmptyPasswords no into /etc/ssh/sshd_config, then: systemctl reload ssh"),
    ),
    "smb1": Check(
        "critical",
        N_("SMBv1 is off"),
        N_(
            "Remove the feature SMB 1.0/CIFS; in Samba write server min protocol = SMB2. Old copiers need new firmware."
        ),
    ),
    "name_services": Check(
        "info",
        N_("No name service that anybody in the LAN can answer (LLMNR, NetBIOS)"),
        N_("Turn LLMNR off by policy (systemd-resolved: LLMNR=no) and NetBIOS over TCP/IP in the adapters."),
    ),
    "autorun": Check(
        "warning",
        N_("Nothing starts by itself from a USB stick"),
        N_("Turn off AutoPlay for all drives by policy (NoDriveTypeAutoRun = 255)."),
    ),
    "open_services": Check(
        "warning",
        N_("No risky service is open to the LAN"),
        N_("Stop the service, let it listen on 127.0.0.1 only, or let the firewall keep others out."),
    ),
    "clock": Check(
        "warning",
        N_("The clock is synchronised"),
        N_("Turn on systemd-timesyncd or chrony; in Windows: w32tm /resync"),
    ),
    "own_files": Check(
        "critical",
        N_("The agent's own keys are closed to others"),
        N_("Let only root and the agent's user read agent.toml and credentials.json (chmod o-rwx)."),
    ),
}
"""By id, which is also the label `check` of `school_posture_check`."""
