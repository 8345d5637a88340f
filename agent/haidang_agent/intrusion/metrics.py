"""What leaves the school: how many incidents of which kind and severity, never who or what."""

from __future__ import annotations

from haidang_agent.probe import Metric

LABELS = ("kind", "severity")
ACTIVE = Metric(
    "school_incident_active",
    "Incidents of the school's network that are going on, 0 for each kind that is watched for.",
    LABELS,
)
TOTAL = Metric(
    "school_incidents_total",
    "Incidents so far, each counted once when it is a minute old or over, with the worst severity it had by then.",
    LABELS,
    "counter",
)
FRAMES = Metric("haidang_intrusion_frames_total", "Frames that were looked into.", (), "counter")
LOST = Metric(
    "haidang_intrusion_frames_lost_total",
    "Frames that should have been looked into and came too fast for the time this machine may give to it.",
    (),
    "counter",
)
INTERFACES = Metric("haidang_intrusion_interfaces", "Network interfaces that are watched.")
CHECK = Metric(
    "haidang_intrusion_check_success", "1 if an active check could look the last time it ran, else 0.", ("check",)
)
METRICS = (ACTIVE, TOTAL, FRAMES, LOST, INTERFACES, CHECK)
