"""Each check of a Linux machine, on trees of files that are and are not as they should be."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from haidang_agent.posture.linux.network import refuses_input
from haidang_agent.posture.linux.system import own_files

from tests.agent.posture.trees import NOW, PASSWD, UDP_HEAD, Tree

DEBIAN_12 = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n'
UFW_RULES = """table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy %s;
		counter jump ufw-before-input
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
}
"""


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (DEBIAN_12, True),
        ("ID=debian\nVERSION_ID=11\n", False),
        ('ID=ubuntu\nVERSION_ID="20.04"\n', False),
        ('ID="almalinux"\nVERSION_ID="9.6"\n', True),
        ('NAME="CentOS Stream"\nID="centos"\nVERSION_ID="9"\n', True),
        ('NAME="CentOS Linux"\nID="centos"\nVERSION_ID="8"\n', False),
        ("ID=rhel\nVERSION_ID='7.9'\n", False),
        ("ID=debian\nPRETTY_NAME=forky\n", "forky is not in our table of 2026-11-25"),
        ("PRETTY_NAME=?\n", "? is not in our table of 2026-11-25"),
    ],
)
def test_support_of_the_system(tmp_path: Path, release: str, expected: object) -> None:
    assert Tree(tmp_path, **{"etc/os-release": release}).check("system_supported") == expected


def test_support_ends_with_its_last_day(tmp_path: Path) -> None:
    tree = Tree(tmp_path, **{"etc/os-release": DEBIAN_12})
    last = datetime(2028, 6, 30, 23, 59, 59, tzinfo=UTC).timestamp()

    assert tree.check("system_supported", last) is True
    assert tree.check("system_supported", last + 1) is False


def test_without_os_release_the_support_is_unknown(tmp_path: Path) -> None:
    assert Tree(tmp_path).check("system_supported") == "there is no /etc/os-release"


def test_a_restart_that_a_package_asked_for(tmp_path: Path) -> None:
    tree = Tree(tmp_path, **{"proc/sys/kernel/osrelease": "6.1.0-9-amd64\n"})
    assert tree.check("reboot") is True
    tree.write({"run/reboot-required": ""})
    assert tree.check("reboot") is False


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        (["6.1.0-9-amd64"], True),
        (["6.1.0-9-amd64", "6.1.0-10-amd64"], False),
        (["6.1.0-9-amd64", "6.1.0-8-amd64"], True),
        (["6.1.0-9-amd64", "6.1.0-10-rt"], True),
        (["6.1.0-10-amd64"], True),
    ],
)
def test_a_newer_kernel_of_the_running_flavour(tmp_path: Path, installed: list[str], expected: bool) -> None:
    """A container, whose kernel is not in its own /boot, waits for nothing."""
    tree = Tree(tmp_path, **{"proc/sys/kernel/osrelease": "6.1.0-9-amd64\n"})
    tree.write({f"boot/vmlinuz-{release}": "" for release in installed})

    assert tree.check("reboot") is expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, False),
        ({"etc/ufw/ufw.conf": "# comment\nENABLED=yes\nLOGLEVEL=low\n"}, True),
        ({"etc/ufw/ufw.conf": "ENABLED=no\n"}, False),
        ({"etc/iptables/rules.v4": "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"}, True),
        ({"etc/iptables/rules.v4": "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\nCOMMIT\n"}, False),
        (
            {"etc/iptables/rules.v4": "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 23 -j DROP\nCOMMIT\n"},
            False,
        ),
        ({"etc/iptables/rules.v4": "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j REJECT --reject-with x\nCOMMIT\n"}, True),
        ({"etc/nftables.conf": UFW_RULES % "drop"}, False),
    ],
)
def test_firewalls_that_are_set_up_to_start(tmp_path: Path, files: dict[str, str], expected: bool) -> None:
    assert Tree(tmp_path, **files).check("firewall") is expected


def test_a_unit_that_starts(tmp_path: Path) -> None:
    """nftables.service starts a firewall only where its file refuses something."""
    tree = Tree(tmp_path, **{"etc/nftables.conf": UFW_RULES % "accept"})
    tree.link("etc/systemd/system/sysinit.target.wants/nftables.service", "/lib/systemd/system/nftables.service")
    assert tree.check("firewall") is False
    tree.write({"etc/nftables.conf": UFW_RULES % "drop"})
    assert tree.check("firewall") is True
    tree.remove("etc/systemd")
    tree.link("etc/systemd/system/multi-user.target.wants/firewalld.service", "/lib/systemd/system/firewalld.service")
    assert tree.outcome("firewall").found == "firewalld is set up to start"


def chain(*rules: str, table: str = "inet filter", policy: str = "accept") -> str:
    lines = "".join(f"\t\t{rule}\n" for rule in rules)
    hook = f"\t\ttype filter hook input priority filter; policy {policy};\n"
    return f"table {table} {{\n\tchain i {{\n{hook}{lines}\t}}\n}}\n"


@pytest.mark.parametrize(
    ("ruleset", "expected"),
    [
        (UFW_RULES % "drop", True),
        (UFW_RULES % "accept", False),
        ("", False),
        (chain("tcp dport { 22, 80 } accept", "counter reject with icmpx admin-prohibited"), True),
        (chain("ip saddr 10.0.0.9 drop"), False),
        (chain("tcp dport 23 drop", "counter drop", "tcp dport 22 accept"), False),
        (chain('iifname "lo" accept', "drop # the rest"), True),
        (chain("accept # policy drop"), False),
        (chain(table="ip6 filter", policy="drop"), False),
        (chain(table="ip6 filter", policy="drop") + chain(table="ip filter", policy="drop"), True),
        ("flush ruleset\ntable filter { chain x { type filter hook input priority 0; policy drop; } }", True),
        ("table inet a { set s { type ipv4_addr; } chain x { type filter hook input priority 0; drop } }", True),
    ],
)
def test_rules_that_refuse_what_is_not_let_in(ruleset: str, expected: bool) -> None:
    """A rule against one machine or port lets all others in."""
    assert refuses_input(ruleset) is expected


def socket_table(*rows: tuple[str, str]) -> str:
    lines = (
        f"   {n}: {local} 00000000:0000 {state} 00000000:00000000 00:00000000\n"
        for n, (local, state) in enumerate(rows)
    )
    return UDP_HEAD + "".join(lines)


def test_listening_to_the_lan(tmp_path: Path) -> None:
    """3306 on every address is; 5432 on 127.0.0.1 and ::1, and a connection to a Telnet server, are not."""
    tree = Tree(tmp_path, **{"proc/net/udp": socket_table()})
    local = [("0100007F:1538", "0A"), ("0100000A:0017", "01")]
    tree.write(
        {
            "proc/net/tcp": socket_table(*local),
            "proc/net/tcp6": socket_table(
                ("0" * 24 + "01000000:1538", "0A"), ("0" * 16 + "FFFF00000100007F:0CEA", "0A")
            ),
        }
    )
    assert tree.check("open_services") is True
    tree.write({"proc/net/tcp": socket_table(*local, ("00000000:0CEA", "0A"))})
    assert tree.outcome("open_services") == (False, "MySQL (3306/tcp)")
    tree.write({"proc/net/tcp": socket_table(), "proc/net/udp": socket_table(("0900140A:0045", "07"))})
    assert tree.outcome("open_services") == (False, "TFTP (69/udp)")


def test_name_services_that_anybody_may_answer(tmp_path: Path) -> None:
    tree = Tree(tmp_path, **{"proc/net/udp": socket_table(("0100007F:14EB", "07"), ("00000000:0044", "07"))})
    assert tree.check("name_services") is True
    tree.write({"proc/net/udp6": socket_table(("0" * 32 + ":14EB", "07"))})
    assert tree.outcome("name_services") == (False, "LLMNR")


def test_without_socket_tables_nothing_is_known(tmp_path: Path) -> None:
    assert Tree(tmp_path).check("open_services") == f"there is no {tmp_path}/proc/net/tcp"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[global]\n  workgroup = TRUONG\n", True),
        ("[global]\n  Server  Min Protocol = NT1\n", False),
        ("[global]\n  ; server min protocol = NT1\n", True),
        ("[global]\n  min protocol = lanman1\n  server min protocol = SMB2\n", True),
    ],
)
def test_smb1_in_samba(tmp_path: Path, text: str, expected: bool) -> None:
    assert Tree(tmp_path).check("smb1") is True
    assert Tree(tmp_path, **{"etc/samba/smb.conf": text}).check("smb1") is expected


def test_accounts_without_a_password(tmp_path: Path) -> None:
    """In shadow, or in passwd, which also those who may not read shadow see."""
    tree = Tree(tmp_path, **{"etc/passwd": PASSWD})
    assert tree.check("passwords") == "there is no /etc/shadow"
    tree.write({"etc/shadow": "root:*:19000:0:99999:7:::\nan:$y$j9T$abc:19000:0:99999:7:::\n"})
    assert tree.check("passwords") is True
    tree.write({"etc/shadow": "root:*:19000:0:99999:7:::\nan::19000:0:99999:7:::\n"})
    assert tree.outcome("passwords") == (False, "1 accounts without a password")
    tree.remove("etc/shadow")
    tree.write({"etc/passwd": PASSWD + "hs::1001:1001::/home/hs:/bin/sh\n", "etc/shadow": "root:*:1:::::: \n"})
    assert tree.check("passwords") is False


def test_a_second_root(tmp_path: Path) -> None:
    tree = Tree(tmp_path, **{"etc/passwd": PASSWD})
    assert tree.check("second_root") is True
    tree.write({"etc/passwd": PASSWD + "toor:x:00:0::/root:/bin/sh\n"})
    assert tree.check("second_root") is False


def test_guests(tmp_path: Path) -> None:
    tree = Tree(tmp_path, **{"etc/passwd": PASSWD + "guest:x:1001:1001::/:/usr/sbin/nologin\n"})
    assert tree.check("guest_account") is True
    tree.write({"etc/lightdm/lightdm.conf.d/50.conf": "[Seat:*]\nallow-guest = true\n"})
    assert tree.check("guest_account") is False
    tree.write({"etc/lightdm/lightdm.conf.d/50.conf": "", "etc/passwd": PASSWD + "guest:x:1001:1001::/:/bin/bash\n"})
    assert tree.check("guest_account") is False


def test_administrators_are_counted_once(tmp_path: Path) -> None:
    """Of sudo's groups by name and by first group, and whoever has user id 0."""
    tree = Tree(tmp_path, **{"etc/passwd": PASSWD + "binh:x:1001:27::/:/bin/sh\n"})
    tree.write({"etc/group": "root:x:0:\nsudo:x:27:an,binh\nwheel:x:10:an\naudio:x:29:chi,dung\n"})
    assert tree.outcome("administrators") == (True, "3 accounts, of at most 3")
    tree.write({"etc/group": "root:x:0:\nsudo:x:27:an,binh,chi\n"})
    assert tree.outcome("administrators") == (False, "4 accounts, of at most 3")


def disk(tree: Tree, number: str, uuid: str = "", below: str = "") -> None:
    tree.write({f"sys/dev/block/{number}/dm/uuid": uuid})
    if below:
        tree.link(f"sys/dev/block/{number}/slaves/dm", str(tree.root / "sys/dev/block" / below))


@pytest.mark.parametrize(("uuid", "expected"), [("CRYPT-LUKS2-0a1b-crypt\n", True), ("LVM-abc\n", False)])
def test_a_laptops_disk(tmp_path: Path, uuid: str, expected: bool) -> None:
    """LVM on LUKS: the device of / is not encrypted itself, that below it is."""
    tree = Tree(tmp_path, **{"sys/class/dmi/id/chassis_type": "10\n"})
    tree.write({"proc/self/mountinfo": "21 1 253:1 / / rw,relatime - ext4 /dev/mapper/vg-root rw\n"})
    assert tree.check("disk_encryption") == "the file system of / is on no device of its own"
    disk(tree, "253:0", uuid)
    disk(tree, "253:1", "LVM-xyz\n", below="253:0")
    assert tree.check("disk_encryption") is expected


def test_a_desktop_need_not_be_encrypted(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    assert tree.check("disk_encryption") == "the firmware does not tell what kind of machine this is"
    tree.write({"sys/class/dmi/id/chassis_type": "3\n"})
    assert tree.outcome("disk_encryption") == (True, "stays in its room")


def test_the_screens_lock(tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    assert tree.outcome("screen_lock") == (True, "no desktop")
    tree.write({"usr/share/wayland-sessions/gnome.desktop": ""})
    assert tree.check("screen_lock") == "each user sets it; no system-wide setting in /etc/dconf/db"
    tree.write({"etc/dconf/db/local.d/00-lock": "[org/gnome/desktop/screensaver]\nlock-enabled=true\n"})
    assert tree.check("screen_lock") is True
    tree.write({"etc/dconf/db/local.d/01": "[org/gnome/desktop/screensaver]\nlock-enabled = false\n"})
    assert tree.check("screen_lock") is False


def test_the_agents_own_files(tmp_path: Path) -> None:
    """A file that everybody may read counts only in a folder that everybody may enter."""
    tree, own = Tree(tmp_path, **{"etc/haidang/agent.toml": ""}), tmp_path / "etc/haidang/agent.toml"
    files = (own, tmp_path / "absent.json")
    for mode, folder, expected in ((0o644, 0o755, False), (0o640, 0o755, True), (0o644, 0o750, True)):
        own.chmod(mode)
        own.parent.chmod(folder)
        assert own_files(tree.machine(own_files=files)).passed is expected
    assert tree.check("own_files") == "none of the agent's files is there"


def test_a_file_without_end_is_not_read(tmp_path: Path) -> None:
    tree = Tree(tmp_path, **{"etc/passwd": PASSWD * 20_000})

    assert tree.check("second_root") == f"{tmp_path}/etc/passwd is larger than 1 MB"


def test_a_captured_tree_has_no_clock(tmp_path: Path) -> None:
    assert Tree(tmp_path).check("clock", NOW) == "a captured tree has no clock"
