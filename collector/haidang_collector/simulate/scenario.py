"""How good a simulated city is: shares of units, each from 0 to 1, that the seed then deals out."""

from __future__ import annotations

from dataclasses import dataclass

LEVEL_SHARES = {
    "kindergarten": 0.40,
    "primary": 0.28,
    "lower_secondary": 0.16,
    "upper_secondary": 0.07,
    "mixed": 0.06,
    "continuing": 0.03,
}
STUDENTS = {
    "kindergarten": (80, 450),
    "primary": (350, 1800),
    "lower_secondary": (400, 1900),
    "upper_secondary": (500, 2000),
    "continuing": (100, 900),
}
"""Fewest and most, by level."""
STAGES_OF_MIXED = (
    ("primary", "lower_secondary"),
    ("lower_secondary", "upper_secondary"),
    ("primary", "lower_secondary", "upper_secondary"),
)
LIMITS = {"primary": 24, "lower_secondary": 16, "upper_secondary": 12}
"""Students per computer that a good school keeps to: directive 540/GDĐT-TTTT, § II.7."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """The defaults are a city that has work left to do: most rows are met by most, none by all."""

    silent: float = 0.08
    without_agent: float = 0.12
    fibre: float = 0.9
    medium_unknown: float = 0.04
    second_isp: float = 0.35
    line_down: float = 0.01
    students_unknown: float = 0.03
    no_computers: float = 0.02
    rooms_undeclared: float = 0.05
    enough_computers: float = 0.6
    fewer_than_declared: float = 0.1
    shared_room: float = 0.25
    room_cut_off: float = 0.03
    room_unjudged: float = 0.06
    switched_off: float = 0.2
    """Of the computers in rooms."""
    equipped: float = 0.85
    equipment_undeclared: float = 0.1
    groups_untold: float = 0.05
    groups_equipped: float = 0.7
    wifi: float = 0.8
    projection: float = 0.85
    camera: float = 0.8
    posture_failing: float = 0.15
    attacked: float = 0.01
    portal: float = 0.93
    portal_neglected: float = 0.12
    mail: float = 0.88
    service_down: float = 0.01
    public_service: float = 0.5
    blocked: float = 0.02
    """Of the portals: those that open elsewhere, and not inside the school."""
    server: float = 0.02
    contacts_complete: float = 0.92
    contacts_untold: float = 0.03
    plan: float = 0.86


DEFAULT = Scenario()


@dataclass(frozen=True, slots=True)
class Past:
    """What was not yet so when the past began, as shares of those that have it today; and how often things fail."""

    agent_later: float = 0.25
    fibre_later: float = 0.25
    second_isp_later: float = 0.3
    computers_later: float = 0.4
    mended: float = 0.2
    """Machines that had one more critical finding."""
    attacked: float = 0.06
    """Units whose LAN was attacked once, and is no longer; while agents report: a month, of each unit."""
    officer_later: float = 0.2
    portal_later: float = 0.1
    plan: float = 0.8
    """Units whose plan came in the school year before."""
    power_cuts: float = 0.3
    """A month, of each district."""
    isp_outages: float = 0.15
    """A month, of each ISP in each district."""
    line_cuts: float = 0.25
    """A month, of each line."""
    router_faults: float = 0.1
    """A month, of each unit."""


PAST = Past()


@dataclass(frozen=True, slots=True)
class Live:
    """How a city moves while its agents report: as in its past, but so fast that half an hour shows something."""

    as_often: float = 200.0
    """Times the rates of Past, at all hours."""
    as_short: float = 15.0
    """Outages last that part of what they last in a past: in all, lines are down 13 times as long as there."""
    rooms_used: float = 0.7
    """Of the rooms, in each hour of school."""


LIVE = Live()
