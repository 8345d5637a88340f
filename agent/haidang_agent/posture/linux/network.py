"""What others in the LAN reach: the firewall of input, listening sockets, name services, SMBv1."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from haidang_agent.i18n import _
from haidang_agent.posture.check import Outcome
from haidang_agent.posture.linux.machine import read
from haidang_agent.posture.open_ports import risky
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from pathlib import Path

    from haidang_agent.posture.linux.machine import Machine

COMMENT = re.compile(r"#.*")
SET = re.compile(r"\{[^{};]*\}")
"""In a rule; or a chain without a hook, which does not matter here."""
TABLE = re.compile(r"\btable\s+")
INPUT_CHAIN = re.compile(r"\{([^{}]*\bhook\s+input\b[^{}]*)\}")
OTHER_FAMILIES = ("ip6 ", "arp ", "bridge ", "netdev ")
"""Of nft(8), that leave IPv4 open; where no family is named it is `ip`."""
ALL_REFUSED = re.compile(r"(?:counter\s+)?(?:drop|reject(?: with .*)?)")
IPTABLES_POLICY = re.compile(r"^:INPUT DROP", re.MULTILINE)
IPTABLES_LAST = re.compile(r"-A INPUT -j (?:DROP|REJECT)\b.*")
TCP_LISTEN, UDP_OPEN = "0A", "07"
"""Socket states of /proc/net/tcp and udp."""
V4_LOOPBACK = re.compile(r"[0-9A-F]{6}7F")
V6_LOOPBACK = re.compile(r"0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F")
LLMNR, NETBIOS_NAMES = 5355, 137
"""RFC 4795, RFC 1002."""
OLD_DIALECTS = frozenset({"core", "coreplus", "lanman1", "lanman2", "nt1"})


def firewall(machine: Machine) -> Outcome:
    """By the kernel's rules where this user may read them, else by what is set up to start."""
    if not machine.is_this_one:
        return _set_up(machine)
    try:
        refuses = refuses_input(machine.run("nft", "-s", "-t", "list", "ruleset"))
    except UnreadError:
        return _set_up(machine)
    if refuses:
        return Outcome(passed=True, found=_("the kernel refuses what is not let in"))
    if "filter" in (read(_net(machine) / "ip_tables_names") or ""):  # iptables-legacy, which nft does not show
        refuses = _iptables_refuse(machine.run("iptables-legacy-save", "-t", "filter"))
    return Outcome(refuses, _("iptables refuses what is not let in") if refuses else _("the kernel lets everything in"))


def refuses_input(ruleset: str) -> bool:
    """`nft list ruleset`, or /etc/nftables.conf: a chain of input drops by policy, or by its last rule."""
    tables = TABLE.split(SET.sub("", COMMENT.sub("", ruleset)))
    chains = [chain for table in tables if not table.startswith(OTHER_FAMILIES) for chain in INPUT_CHAIN.findall(table)]
    return any(_refuses(chain) for chain in chains)


def _refuses(chain: str) -> bool:
    statements = [" ".join(part.split()) for part in re.split(r"[;\n]", chain) if part.strip()]
    return "policy drop" in statements or bool(ALL_REFUSED.fullmatch(statements[-1]))


def _iptables_refuse(saved: str) -> bool:
    """iptables-save(8), of the table `filter`: as above."""
    rules = [line for line in saved.splitlines() if line.startswith("-A INPUT")]
    return bool(IPTABLES_POLICY.search(saved) or (rules and IPTABLES_LAST.fullmatch(rules[-1])))


def _set_up(machine: Machine) -> Outcome:
    found = ""
    if re.search(r"^ENABLED=yes", machine.text("/etc/ufw/ufw.conf") or "", re.MULTILINE):
        found = "ufw"
    elif _starts(machine, "firewalld"):
        found = "firewalld"
    elif _starts(machine, "nftables") and refuses_input(machine.text("/etc/nftables.conf") or ""):
        found = "nftables"
    elif _iptables_refuse(machine.text("/etc/iptables/rules.v4") or ""):
        found = "iptables"
    if found:
        return Outcome(passed=True, found=_("{name} is set up to start").format(name=found))
    return Outcome(passed=False, found=_("none of ufw, firewalld, nftables and iptables is set up to start"))


def _starts(machine: Machine, service: str) -> bool:
    """By its name, for the link's target may be anywhere."""
    links = machine.path("/etc/systemd/system").glob("*.wants/*")
    return any(link.name == f"{service}.service" for link in links)


def listening(machine: Machine) -> Outcome:
    return risky(_open_ports(machine, "tcp", TCP_LISTEN), _open_ports(machine, "udp", UDP_OPEN))


def name_services(machine: Machine) -> Outcome:
    """LLMNR and NetBIOS names, which whoever is in the LAN may answer."""
    ports = _open_ports(machine, "udp", UDP_OPEN)
    found = [name for name, port in (("LLMNR", LLMNR), ("NetBIOS", NETBIOS_NAMES)) if port in ports]
    return Outcome(not found, ", ".join(found) or _("none"))


def _open_ports(machine: Machine, protocol: str, state: str) -> set[int]:
    texts = [read(_net(machine) / name) for name in (protocol, f"{protocol}6")]
    if texts[0] is None:
        raise UnreadError(_("there is no {file}").format(file=_net(machine) / protocol))
    rows = [line.split() for text in texts for line in (text or "").splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3:4] == [state] and not _is_local(row[1])}


def _net(machine: Machine) -> Path:
    return machine.proc / "net"


def _is_local(endpoint: str) -> bool:
    address = endpoint.partition(":")[0]
    return bool(V4_LOOPBACK.fullmatch(address) or V6_LOOPBACK.fullmatch(address))


def smb1(machine: Machine) -> Outcome:
    """Samba serves SMBv1 only where smb.conf(5) asks for it: since 4.11 the default is SMB2_02."""
    text = machine.text("/etc/samba/smb.conf")
    if text is None:
        return Outcome(passed=True, found=_("no Samba"))
    settings = [line.partition("=") for line in text.splitlines() if not line.lstrip().startswith(("#", ";"))]
    least = [
        value.strip().lower()
        for key, _equals, value in settings
        if " ".join(key.split()).lower() in ("server min protocol", "min protocol")
    ]
    if least and least[-1] in OLD_DIALECTS:
        return Outcome(passed=False, found=f"server min protocol = {least[-1].upper()}")
    return Outcome(passed=True, found=_("off"))
