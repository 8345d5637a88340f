"""The checks of `haidang-agent doctor`, and what to do about what each may find.

A remedy names no host, address or user: with the state it is all that `doctor --send` tells the centre of a check.
"""

from __future__ import annotations

from haidang_advice import N_

CHECKS = (
    N_("configuration"),
    N_("state folder"),
    N_("disk"),
    N_("enrolment"),
    N_("default route"),
    N_("proxy"),
    N_("name"),
    N_("connection"),
    N_("relay"),
    N_("certificate"),
    N_("collector"),
    N_("store"),
    N_("version"),
    N_("clock"),
    N_("service"),
    N_("running agent"),
    N_("outbox"),
    N_("computer room"),
    N_("unit key"),
    N_("roll call"),
    N_("firewall"),
    N_("probe"),
    N_("ping"),
)
"""In the order in which the doctor asks. The English word is the id of the check."""

REMEDIES = {
    "configuration_faulty": N_(
        "Mend the lines of agent.toml that `haidang-agent check-config` names, then run this again."
    ),
    "folder_closed": N_("Run as administrator (root), or as the user the agent runs as."),
    "disk_full": N_("Free some space: measurements can't be kept otherwise."),
    "disk_small": N_("Free some space, or set [agent] outbox_max_mb lower."),
    "not_enrolled": N_("Ask your district for a token, then: haidang-agent enrol --server URL --token-file FILE"),
    "key_of_another": N_(
        "The service can't read it. Give it to the user that owns the state folder: chown --reference=/var/lib/haidang "
        "/var/lib/haidang/credentials.json"
    ),
    "no_server": N_("Write [server] url into agent.toml."),
    "no_route": N_(
        "Plug the network cable in or join the Wi-Fi, and let this machine get its address by itself (DHCP). If others "
        "have no Internet either, look at the router."
    ),
    "router_silent": N_(
        "Look at the cable, at the switch and at the router: switch the router off for ten seconds and on again."
    ),
    "proxy_set": N_(
        "The agent goes past proxies. Let the firewall pass this machine straight to the collector's address and port."
    ),
    "name_unknown": N_("Look at the DNS setting of this machine and of the router, and at [server] url."),
    "no_connection": N_(
        "Is there Internet? Does a firewall block this port? Ask the district whether the collector runs."
    ),
    "relay_away": N_(
        "Is the relay's machine on, and its agent running? Is the address in [server] relay right? Does the firewall "
        "there let the port of [relay] listen in?"
    ),
    "relay_closed": N_(
        "At the relay's machine: is this computer's network among [relay] clients? Is [server] url there the same as "
        "here?"
    ),
    "relay_cut_off": N_(
        "Is there Internet at the relay's machine? Until then measurements are kept there, or wait here; nothing is "
        "lost."
    ),
    "relay_full": N_(
        "Mend this machine's way to the collector, or set [relay] max_mb higher. The other computers keep the rest."
    ),
    "relay_waits": N_("Nothing is lost: it is handed over by itself as soon as the way to the collector is mended."),
    "ca_unusable": N_("Get the department's CA file anew, and set [server] ca to it."),
    "client_certificate_unusable": N_(
        "Get the school's client certificate and key anew, in PEM and without a password; the agent's user must be "
        "able to read both files."
    ),
    "certificate_untrusted": N_(
        "Set [server] ca to the department's CA file. If the issuer is not the department's, a filter or a login page "
        "of the network stands in between: open any web page and log in, or exempt the collector from the filter."
    ),
    "clock_breaks_trust": N_(
        "Set this machine's clock and time zone, then run this again. If they are right, tell the district: the "
        "collector's certificate has to be renewed."
    ),
    "no_tls": N_(
        "Is the port in [server] url right? Does a login page of the network stand in between? Open any web page and "
        "log in, then run this again."
    ),
    "collector_silent": N_("Ask the district whether the collector runs."),
    "pin_unknown": N_(
        "Ask the district whether the collector has a new certificate, and of what fingerprint; only then add it to "
        "[server] pins."
    ),
    "client_certificate_wanted": N_(
        "Ask the district for the school's client certificate and its key, and name both files as [server] client_cert "
        "and client_key."
    ),
    "revoked": N_(
        "This agent was revoked, or the collector is another one: enrol again with --force, then restart the agent."
    ),
    "no_collector": N_("Is [server] url right? Does a login page stand in between?"),
    "collector_troubled": N_("Tell the district; the agent keeps everything meanwhile."),
    "store_away": N_(
        "Tell the district that the centre's store does not answer. The agent keeps everything and sends it later."
    ),
    "behind": N_("Ask the district for the agent of the centre's version, and install it over this one."),
    "clock_off": N_("Measurements carry the centre's time all the same; set the clock for the machine's own sake."),
    "no_service": N_("Install the agent as a service, so that it starts with the machine."),
    "not_at_boot": N_("Let it start with the machine: systemctl enable haidang-agent"),
    "service_stopped": N_("Start it: systemctl enable --now haidang-agent"),
    "service_fails": N_(
        "See why it ended: journalctl -u haidang-agent -n 50; mend that, then: systemctl restart haidang-agent"
    ),
    "task_off": N_(r"Switch it on as administrator: schtasks /Change /TN \Haidang\Agent /ENABLE"),
    "agent_away": N_("Start the agent: its service, or by hand: haidang-agent run"),
    "port_taken": N_("Stop that program, or set [agent] listen to another port; then restart the agent."),
    "agent_hidden": N_('Set [agent] listen = "127.0.0.1:9810", so that this machine can ask its agent how it fares.'),
    "restart": N_("Restart the agent: systemctl restart haidang-agent; in Windows restart the machine."),
    "outbox_closed": N_(
        "Free some space, see to it that the agent's user may write its state folder, then restart the agent."
    ),
    "outbox_full": N_(
        "Old measurements are given up by now. Mend the way to the collector, or set [agent] outbox_max_mb higher."
    ),
    "outbox_waits": N_(
        "Nothing is lost yet: they are sent by themselves as soon as the way to the collector is mended."
    ),
    "room_unknown": N_("Register this room with the unit's computer rooms at the centre, or mend [agent] lab."),
    "room_faulty": N_("Mend this computer room where it is registered: its computers are not counted until then."),
    "no_rooms": N_(
        "If the school has computer rooms, register them at the centre, so that their computers are counted."
    ),
    "no_unit_key": N_("The centre tells it by itself: let the agent run until it has reached the collector once."),
    "roll_call_taken": N_("Stop the other program that has UDP port 9811; this computer is not counted in its room."),
    "firewall_closed": N_(
        "Let UDP port 9811 in from the school's network (ufw allow 9811/udp), so that this computer is counted in its "
        "room."
    ),
    "not_on_this_system": N_("Nothing to mend here: let an agent on another system measure this."),
    "right_missing": N_("It measures less without. Let the service have this right, or run it as root."),
    "probe_fails": N_("See what it says: haidang-agent once --probe NAME, with the name of this probe."),
    "no_ping": N_('It connects by TCP instead. For ping: sysctl -w net.ipv4.ping_group_range="0 2147483647"'),
}
"""By case, which names what was found."""
