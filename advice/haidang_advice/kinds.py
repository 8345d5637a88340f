"""The kinds of incidents on a LAN, for the person who looks after the network."""

from __future__ import annotations

from haidang_advice import N_, Kind

KINDS = {
    "arp_spoof": Kind(
        N_("ARP spoofing: a machine passes itself off as another"),
        N_(
            "Find the port of this MAC address in the switch, unplug the machine and look for malware on it. Change "
            "passwords that were used meanwhile. Turn on dynamic ARP inspection where the switch has it."
        ),
    ),
    "arp_scan": Kind(
        N_("ARP scan: a machine looks which addresses are in use"),
        N_(
            "Ask who runs a network scanner there; inventory software and this agent's own sweep do so too. If nobody "
            "knows of it, look for malware on that machine."
        ),
    ),
    "arp_storm": Kind(
        N_("ARP storm: far more ARP than the network needs"),
        N_("Unplug the machine that sends them, or look for a loop of cables; turn on storm control in the switch."),
    ),
    "l2_loop": Kind(
        N_("Loop: frames circulate between switches"),
        N_(
            "Look for a cable with both ends in switches or wall sockets of one network, and pull it out. Turn on "
            "spanning tree or loop protection in all switches."
        ),
    ),
    "ip_conflict": Kind(
        N_("Two machines have one IPv4 address"),
        N_("Let one of them get its address by DHCP, and keep fixed addresses out of the range that DHCP gives out."),
    ),
    "ipv6_address_conflict": Kind(
        N_("Two machines claim one IPv6 address"),
        N_(
            "Give one of them another address. If one machine claims everything, find its switch port by its MAC "
            "address and unplug it."
        ),
    ),
    "rogue_dhcp": Kind(
        N_("Unknown DHCP server: clients may get a false router"),
        N_(
            "Find the port of this MAC address in the switch. Most often it is a Wi-Fi router plugged in by its LAN "
            "socket: turn its DHCP off or remove it. Turn on DHCP snooping in the switches."
        ),
    ),
    "dhcp_starvation": Kind(
        N_("DHCP starvation: invented clients use up all addresses"),
        N_(
            "Find the port they come from in the switch and unplug it; clear the invented leases in the DHCP server. "
            "Limit the number of MAC addresses per switch port."
        ),
    ),
    "dhcp_flood": Kind(
        N_("DHCP flood: a machine overwhelms the DHCP server"),
        N_("Restart or unplug that machine; turn on DHCP rate limits in the switch."),
    ),
    "rogue_ra": Kind(
        N_("Unknown IPv6 router: traffic may take a false way"),
        N_(
            "Find the port of this MAC address in the switch; turn off Internet connection sharing on that machine, or"
            " remove it. Turn on RA guard in the switches."
        ),
    ),
    "dns_spoof": Kind(
        N_("Forged name answers: people may land on false websites"),
        N_(
            "Find the machine that answers by its MAC address and look for malware on it; check the name servers that "
            "the router gives out. Turn off LLMNR and NetBIOS on PCs."
        ),
    ),
    "udp_flood": Kind(
        N_("UDP flood: a machine is buried in packets"),
        N_(
            "Unplug the sending machine if it is one of yours and look for malware on it; if it comes from outside, "
            "ask the ISP to filter it."
        ),
    ),
    "gateway_mac_changed": Kind(
        N_("The router's address has moved to another machine"),
        N_(
            "If the router or its network card was replaced, nothing is to be done: it is accepted by itself. "
            "Otherwise find the port of this MAC address in the switch and unplug the machine."
        ),
    ),
    "stp_root_changed": Kind(
        N_("Another switch leads the network (spanning tree root)"),
        N_(
            "If a switch was replaced or the main one failed, look whether that is as intended. Otherwise find where "
            "this MAC address comes in and unplug it. Give the main switch the best priority, and turn on root guard "
            "and BPDU guard at the ports of PCs."
        ),
    ),
    "new_device": Kind(
        N_("Unknown device in a protected network"),
        N_(
            "Ask who connected it. If nobody knows of it, find the port of its MAC address in the switch and unplug "
            "it. It is taken for known after a day."
        ),
    ),
    "dns_tampered": Kind(
        N_("Name answers are tampered with: known sites lead elsewhere"),
        N_(
            "Look which name servers the router gives out by DHCP, and who changed them: reset the router's password "
            "and renew its software. Use the ISP's or the department's name servers."
        ),
    ),
    "tls_intercepted": Kind(
        N_("Encrypted connections are intercepted: certificates are not the true ones"),
        N_(
            "If the school or its ISP filters encrypted traffic on purpose, exempt the department's addresses from it."
            " Otherwise enter no passwords in this network, and look for the machine that stands between: false "
            "router, proxy settings, malware."
        ),
    ),
    "risky_port": Kind(
        N_("Devices offer risky services to the whole network"),
        N_(
            "Turn these services off, or allow them to the machines only that need them. Change default passwords and "
            "renew the software of cameras and routers. What is meant to be so can be excepted: risky_ports_allowed."
        ),
    ),
    "default_community": Kind(
        N_("Devices answer to SNMP's default password"),
        N_("Set another community, or use SNMP version 3; turn SNMP off where nobody needs it."),
    ),
}
"""By kind, which is also the label `kind` of `school_incident_active`."""
