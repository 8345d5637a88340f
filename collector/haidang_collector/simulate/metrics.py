"""What simulated agents report, by the names and labels of docs/metrics.md."""

from __future__ import annotations

from typing import Literal

from haidang_agent.probe import Metric

LINE, MOVE = ("wan", "isp"), ("from", "to")


def _metric(name: str, *labels: str, kind: Literal["gauge", "counter"] = "gauge") -> Metric:
    return Metric(name, "Simulated.", labels, kind)


INTERNET_UP = _metric("school_internet_up")
WAN_UP, WAN_ACTIVE = _metric("school_wan_up", *LINE), _metric("school_wan_active", *LINE)
WAN_CARRIER = _metric("school_wan_carrier", "wan")
WAN_INFO = _metric("school_wan_info", "wan", "isp", "medium", "evidence")
WAN_LOSS, WAN_JITTER = _metric("school_wan_loss_ratio", *LINE), _metric("school_wan_jitter_seconds", *LINE)
WAN_RTT, WAN_RTT_P95 = _metric("school_wan_rtt_seconds", *LINE), _metric("school_wan_rtt_p95_seconds", *LINE)
WAN_OBSERVED = _metric("school_wan_observed_seconds_total", *LINE, kind="counter")
WAN_RECEIVED = _metric("school_wan_receive_bytes_total", "wan", kind="counter")
WAN_SENT = _metric("school_wan_transmit_bytes_total", "wan", kind="counter")
RX_POWER, TX_POWER = _metric("school_fibre_rx_power_dbm", "wan"), _metric("school_fibre_tx_power_dbm", "wan")
WAN_CHANGES = _metric("school_wan_changes_total", *LINE, kind="counter")
FAILOVERS = _metric("school_wan_failovers_total", *MOVE, kind="counter")
LAST_MOVE = _metric("school_wan_last_failover_timestamp_seconds", *MOVE)
LAST_GAP = _metric("school_wan_last_failover_duration_seconds", *MOVE)
UNOBSERVED = _metric("school_unobserved_seconds_total", "reason", kind="counter")
BOOT = _metric("node_boot_time_seconds")
OUTAGES = _metric("school_outages_total", "cause", "wan", kind="counter")
OUTAGE_SECONDS = _metric("school_outage_seconds_total", "cause", "wan", kind="counter")
OUTAGE_ACTIVE = _metric("school_outage_active", "cause", "wan")
DEVICES = _metric("school_devices", "class", "state")
LAB_COMPUTERS = _metric("school_lab_computers", "lab", "state")
LAB_INTERNET_UP = _metric("school_lab_internet_up", "lab")
MACHINE_INFO = _metric("school_machine_info", "lab", "use")
EQUIPMENT = _metric("school_equipment", "kind", "source")
POSTURE = _metric("school_posture_check", "check", "severity")
INCIDENT_ACTIVE = _metric("school_incident_active", "kind", "severity")
INCIDENTS = _metric("school_incidents_total", "kind", "severity", kind="counter")
SERVICE_UP = _metric("school_service_up", "service", "phase")
SERVICE_FAULT = _metric("school_service_fault", "service", "fault")
SERVICE_SECONDS = _metric("school_service_duration_seconds", "service", "phase")
PORTAL_UP = _metric("school_portal_up")
PORTAL_FAULT = _metric("school_portal_fault", "fault")
PORTAL_TLS = _metric("school_portal_tls_expiry_timestamp_seconds")
PORTAL_CHANGED = _metric("school_portal_changed_timestamp_seconds")
PORTAL_LAG = _metric("school_portal_feed_lag_seconds")

CAUSES = ("power", "host", "lan", "router", "carrier", "isp", "service")
LINE_CAUSES = ("router", "carrier", "isp", "service")
INCIDENT_KINDS = {
    "arp_spoof": "critical", "arp_scan": "warning", "arp_storm": "warning", "l2_loop": "critical",
    "ip_conflict": "warning", "ipv6_address_conflict": "warning", "rogue_dhcp": "critical",
    "dhcp_starvation": "critical", "dhcp_flood": "warning", "rogue_ra": "critical", "dns_spoof": "critical",
    "udp_flood": "warning", "gateway_mac_changed": "warning", "dns_tampered": "critical",
    "tls_intercepted": "critical", "stp_root_changed": "warning", "new_device": "info", "risky_port": "warning",
    "default_community": "warning",
}  # fmt: skip
"""With the severity that a simulated one has."""
PHASES = ("resolve", "connect", "tls", "processing", "transfer")
"""Of asking a service; one that is down says nothing after TLS."""
SILENT = "no_answer"
"""The fault of what is down."""
UNNAMED = "name_unanswered"
"""The fault of all services where there is no Internet: the first phase ends there."""
