"""What each kind of incident is called, and what to do about it, for the person who looks after the network."""

from __future__ import annotations

from typing import NamedTuple

from haidang_agent.i18n import N_


class Words(NamedTuple):
    """Both are msgids."""

    title: str
    remedy: str


SEVERITY = {"critical": N_("CRITICAL"), "warning": N_("WARNING"), "info": N_("INFORMATION")}

SUBJECT = {
    "ip": N_("address"),
    "mac": N_("MAC address"),
    "other_mac": N_("MAC address of the other"),
    "true_mac": N_("MAC address of the real one"),
    "known_ip": N_("address of the known one"),
    "known_mac": N_("MAC address of the known one"),
    "client": N_("client"),
    "server": N_("server"),
    "name": N_("name"),
    "senders": N_("senders"),
    "source_ip": N_("sender"),
    "vlan": N_("VLAN"),
}
"""The keys of an incident's subject."""

KINDS = {
    "arp_spoof": Words(
        N_("ARP spoofing: a machine passes itself off as another"),
        N_(
            "Find the port of this MAC address in the switch, unplug the machine and look for malware on it. "
            "Change passwords that were used meanwhile. Turn on dynamic ARP inspection where the switch has it."
        ),
    ),
    "arp_scan": Words(
        N_("ARP scan: a machine looks which addresses are in use"),
        N_(
            "Ask who runs a network scanner there; inventory software and this agent's own sweep do so too. "
            "If nobody knows of it, look for malware on that machine."
        ),
    ),
    "arp_storm": Words(
        N_("ARP storm: far more ARP than the network needs"),
        N_("Unplug the machine that sends them, or look for a loop of cables; turn on storm control in the switch."),
    ),
    "l2_loop": Words(
        N_("Loop: frames circulate between switches"),
        N_(
            "Look for a cable with both ends in switches or wall sockets of one network, and pull it out. "
            "Turn on spanning tree or loop protection in all switches."
        ),
    ),
    "ip_conflict": Words(
        N_("Two machines have one IPv4 address"),
        N_("Let one of them get its address by DHCP, and keep fixed addresses out of the range that DHCP gives out."),
    ),
    "ipv6_address_conflict": Words(
        N_("Two machines claim one IPv6 address"),
        N_(
            "Give one of them another address. If one machine claims everything, find its switch port by its MAC "
            "address and unplug it."
        ),
    ),
    "rogue_dhcp": Words(
        N_("Unknown DHCP server: clients may get a false router"),
        N_(
            "Find the port of this MAC address in the switch. Most often it is a Wi-Fi router plugged in by its LAN "
            "socket: turn its DHCP off or remove it. Turn on DHCP snooping in the switches."
        ),
    ),
    "dhcp_starvation": Words(
        N_("DHCP starvation: invented clients use up all addresses"),
        N_(
            "Find the port they come from in the switch and unplug it; clear the invented leases in the DHCP server. "
            "Limit the number of MAC addresses per switch port."
        ),
    ),
    "dhcp_flood": Words(
        N_("DHCP flood: a machine overwhelms the DHCP server"),
        N_("Restart or unplug that machine; turn on DHCP rate limits in the switch."),
    ),
    "rogue_ra": Words(
        N_("Unknown IPv6 router: traffic may take a false way"),
        N_(
            "Find the port of this MAC address in the switch; turn off Internet connection sharing on that machine, "
            "or remove it. Turn on RA guard in the switches."
        ),
    ),
    "dns_spoof": Words(
        N_("Forged name answers: people may land on false websites"),
        N_(
            "Find the machine that answers by its MAC address and look for malware on it; check the name servers that "
            "the router gives out. Turn off LLMNR and NetBIOS on PCs."
        ),
    ),
    "udp_flood": Words(
        N_("UDP flood: a machine is buried in packets"),
        N_(
            "Unplug the sending machine if it is one of yours and look for malware on it; if it comes from outside, "
            "ask the ISP to filter it."
        ),
    ),
}
