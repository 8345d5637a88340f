"""How an incident is told to a person; what its kind is called, and what to do: haidang_advice.kinds."""

from __future__ import annotations

from haidang_agent.i18n import N_

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
    "service": N_("service"),
    "community": N_("community"),
    "issuer": N_("issuer of the certificate"),
}
"""The keys of an incident's subject."""
