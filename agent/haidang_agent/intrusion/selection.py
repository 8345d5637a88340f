"""Which frames leave the kernel: those that detectors need, whole; of all others one in 256, its first bytes.

Whole: ARP, broadcasts, DHCP, DHCPv6, IPv6 neighbour and router discovery, LLMNR, NetBIOS names, DNS from and to this
machine (on a router: through it), spanning tree, CDP, LLDP, VRRP, HSRP and GLBP. The sample shows who forwards for
others. Floods of UDP are told by looking at all of it for a second now and then (`udp`).
"""

from __future__ import annotations

from haidang_agent.intrusion.bpf import PACKET_TYPE, RANDOM, VLAN_PRESENT, Program
from haidang_agent.lanwatch.datagrams import (
    DESTINATION,
    FRAGMENT,
    HOP_BY_HOP,
    ICMPV6,
    IPV6_HEAD,
    ROUTING,
    UDP,
)
from haidang_agent.lanwatch.frames import (
    ETHERNET_HEAD,
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    ETHERTYPE_LLDP,
    LARGEST_LENGTH,
    VLAN_TAGS,
)
from haidang_agent.lanwatch.protocols import dhcp, dhcpv6, dns, redundancy

WHOLE, HEAD = 1600, 128
"""Bytes of a frame that are kept."""
SAMPLED = 0xFF
"""One in so many, plus one, of the frames that no detector asks for."""
TO_US, FROM_US = 0, 4
"""Packet types PACKET_HOST and PACKET_OUTGOING (packet(7))."""
TAG_BYTES = 4
OFFSET_OF_FRAGMENT = 0x1FFF
BROADCAST_HIGH, BROADCAST_LOW = 0xFFFFFFFF, 0xFFFF
FIRST_ND, LAST_ND = 133, 137
"""ICMPv6 types of neighbour discovery (RFC 4861)."""
HIDDEN = (HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION)
"""Extension headers, behind which a router advertisement may hide from switches (RFC 7113)."""
WANTED_PORTS = (
    dhcp.CLIENT_PORT, dhcp.SERVER_PORT, dhcpv6.CLIENT_PORT, dhcpv6.SERVER_PORT, dns.LLMNR_PORT, dns.NBNS_PORT,
    redundancy.HSRP_PORT, redundancy.GLBP_PORT,
)  # fmt: skip


def selection(*, udp: bool = False, tagged: bool = True) -> bytes:
    """The program for a socket of Ethernet frames.

    `udp`: the heads of all unicast UDP as well. `tagged`: also frames of VLANs, which a sub-interface may see too.
    """
    program = Program()
    if not tagged:
        program.load_byte(VLAN_PRESENT)
        program.equal(0, otherwise="not ours")
    program.load_half(ETHERNET_HEAD - 2)
    for tag in sorted(VLAN_TAGS):
        program.equal(tag, then="tagged")
    _look(program, "plain", ETHERNET_HEAD, udp=udp)
    program.label("tagged")
    _look(program, "in VLAN", ETHERNET_HEAD + TAG_BYTES, udp=udp)
    program.label("not ours")
    program.drop()
    return program.assemble()


def _look(program: Program, name: str, at: int, *, udp: bool) -> None:
    """At a frame whose content begins at `at`, by its ethertype before that."""
    whole, head, sample, v4, v6 = (f"{name} {end}" for end in ("whole", "head", "sample", "IPv4", "IPv6"))
    program.load_half(at - 2)
    program.equal(ETHERTYPE_IPV4, then=v4)
    program.equal(ETHERTYPE_IPV6, then=v6)
    program.equal(ETHERTYPE_ARP, then=whole)
    program.equal(ETHERTYPE_LLDP, then=whole)
    program.greater(LARGEST_LENGTH, then=sample)
    program.load_byte(0)
    program.any_bit(1, then=whole, otherwise=sample)
    program.label(v4)
    _look_at_ipv4(program, name, at)
    _look_at_ports(program, f"{name} v4", (whole, head if udp else sample, sample), at, behind=True)
    program.label(v6)
    _look_at_ipv6(program, name, at)
    _look_at_ports(program, f"{name} v6", (whole, head if udp else sample, sample), at + IPV6_HEAD, behind=False)
    program.label(sample)
    program.load_word(RANDOM)
    program.any_bit(SAMPLED, otherwise=head)
    program.drop()
    program.label(head)
    program.keep(HEAD)
    program.label(whole)
    program.keep(WHOLE)


def _look_at_ipv4(program: Program, name: str, at: int) -> None:
    """Goes on behind it with the ports of a UDP datagram."""
    unicast = f"{name} unicast"
    program.load_word(0)
    program.equal(BROADCAST_HIGH, otherwise=unicast)
    program.load_half(4)
    program.equal(BROADCAST_LOW, then=f"{name} whole")
    program.label(unicast)
    program.load_byte(at + 9)
    program.equal(redundancy.VRRP_PROTOCOL, then=f"{name} whole")
    program.equal(UDP, otherwise=f"{name} sample")
    program.load_half(at + 6)
    program.any_bit(OFFSET_OF_FRAGMENT, then=f"{name} sample")
    program.measure_ip_head(at)


def _look_at_ipv6(program: Program, name: str, at: int) -> None:
    """As for IPv4. Of messages behind extension headers those to a group are kept: honest ones are few."""
    program.load_byte(at + 6)
    program.equal(UDP, then=f"{name} v6 ports")
    program.equal(redundancy.VRRP_PROTOCOL, then=f"{name} whole")
    program.equal(ICMPV6, then=f"{name} ICMPv6")
    for header in HIDDEN:
        program.equal(header, then=f"{name} hidden")
    program.jump(f"{name} sample")
    program.label(f"{name} hidden")
    program.load_byte(0)
    program.any_bit(1, then=f"{name} whole", otherwise=f"{name} sample")
    program.label(f"{name} ICMPv6")
    program.load_byte(at + IPV6_HEAD)
    program.greater(LAST_ND, then=f"{name} sample")
    program.greater(FIRST_ND - 1, then=f"{name} whole", otherwise=f"{name} sample")


def _look_at_ports(program: Program, name: str, ends: tuple[str, str, str], at: int, *, behind: bool) -> None:
    """`ends`: for wanted ports, for other UDP to one machine, for the rest."""
    whole, other, sample = ends
    load = program.load_half_behind_head if behind else program.load_half
    program.label(f"{name} ports")
    for place in (at, at + 2):
        load(place)
        for port in WANTED_PORTS:
            program.equal(port, then=whole)
        program.equal(dns.DNS_PORT, then=f"{name} DNS")
    program.label(f"{name} not DNS")
    program.load_byte(0)
    program.any_bit(1, then=sample, otherwise=other)
    program.label(f"{name} DNS")
    program.load_word(PACKET_TYPE)
    program.equal(TO_US, then=whole)
    program.equal(FROM_US, then=whole, otherwise=sample)
