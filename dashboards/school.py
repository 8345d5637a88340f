"""One school, for the technician who has to mend it: what is down, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import inside, look, names
from dashboards.look import link
from dashboards.page import district, page, unit
from dashboards.panels import Panels, Row
from dashboards.table import Column

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

    from dashboards.words import Words

HERE = '{unit="$unit"}'
HALF_A_YEAR = 180 * 86_400


def build(_: Words) -> Dashboard:
    show = Panels(_)
    return page(
        _,
        "school",
        title=_("School"),
        why=_("For a school's technician: what does not work, since when and why, and what to do about it."),
        variables=[district(_), unit(_)],
        panels=[
            Row("${unit:text}"),
            *_numbers(_, show),
            Row(_("Lines")),
            _lines(_, show),
            _line_states(_, show),
            _outages(_, show),
            _round_trip(_, show),
            _light(_, show),
            Row(_("The directive")),
            _rows(_, show),
            *inside.computers(_, show),
            Row(_("Security")),
            *inside.security(_, show),
            Row(_("Portal, mail and online systems")),
            *inside.services(_, show),
            Row(_("Machines with an agent")),
            inside.agents(_, show),
        ],
    )


def _numbers(_: Words, show: Panels) -> list[Panel]:
    felt = 'unit:school_outage_seconds:increase{unit="$unit", wan="", window="30d"}'
    active = f"count(unit:school_incident_kind:active{HERE}) or max(unit:school_incidents:active{HERE}) * 0"
    rows = 'max(unit:school_rows:count{unit="$unit", state="%s"})'
    critical = 'max(unit:school_posture_findings:count{unit="$unit", severity="critical"})'
    internet = show.stat(
        f"max(unit:school_internet_up{HERE})",
        title=_("Internet"),
        why=_("By the word of the school's agents, or by the silence of all of them."),
        looks=names.internet_values(_),
        link=link(_, "links", ["district"]),
    )
    without = show.stat(
        f'sum({felt}) or max(agent:school_outage_seconds:total{{unit="$unit", wan=""}}) * 0',
        title=_("Without Internet, 30 days"),
        why=_("As users felt it, whatever the cause. While no agent ran, nobody counted."),
        unit="s",
        steps=((None, look.GOOD), (3600, look.WARN), (8 * 3600, look.BAD)),
        link=link(_, "links", ["district"]),
    )
    counts = [
        (rows % "unmet", _("Rows not met"),
         _("Of the directive's sixteen; the table below says which."), look.NONE_IS_BEST, "district"),
        (rows % "unknown", _("Rows not known"),
         _("What nobody measured or declared: often it takes an agent, or one entry in the registry."),
         look.MORE_IS_UNKNOWN, "district"),
        (active, _("Incidents open"),
         _("Attacks on and faults of the local network that go on now. Not known: no agent watches it."),
         look.NONE_IS_GOOD, "security"),
        (critical, _("Critical weaknesses"),
         _("Of machines: each check that a machine fails. The table below says what to do."),
         look.NONE_IS_BEST, "security"),
    ]  # fmt: skip
    return [internet, without, *(
        show.stat(expr, title=title, why=why, steps=steps, link=link(_, to, ["district"]))
        for expr, title, why, steps, to in counts
    )]  # fmt: skip


def _outages(_: Words, show: Panels) -> Panel:
    seconds = 'unit:school_outage_seconds:increase{unit="$unit", window="%s"}'
    return show.table(
        {
            "month": _by_cause(seconds % "30d"),
            "day": _by_cause(seconds % "1d"),
            "open": _by_cause(f"unit:school_outage_active{HERE}"),
        },
        [
            Column("cause", _("Cause"), looks=names.causes(_), link=link(_, "links", ["district"])),
            Column("wan", _("Line"), looks={"-": look.Look(_("whole school"))}, width=130),
            Column("open", _("Now"), looks={"1": look.Look(_("outage"), look.BAD)}, width=100),
            Column("day", _("1 day"), "s", 0, width=80),
            Column("month", _("30 days"), "s", 0, width=80),
        ],
        sort="-month",
        title=_("Outages and their causes"),
        why=_(
            "Of the whole school, or of a line: power, LAN and router are the school's to mend, the rest is the ISP's."
        ),
        empty=_("none that is known of"),
        width=12,
        height=8,
    )


def _by_cause(outages: str) -> str:
    """The whole school's have no line: a name for that which is not empty."""
    return f'label_replace(max by (cause, wan) ({outages}), "wan", "-", "wan", "")'


def _lines(_: Words, show: Panels) -> Panel:
    availability = 'max by (wan) (unit:school_wan_availability:ratio{unit="$unit", window="%s"})'
    return show.table(
        {
            "line": f"max by (wan, isp, medium, evidence) (unit:school_wan_info{HERE})",
            "up": f"max by (wan) (unit:school_wan_up{HERE})",
            "active": f"max by (wan) (unit:school_wan_active{HERE})",
            "day": availability % "1d",
            "month": availability % "30d",
            "loss": f"max by (wan) (school_wan_loss_ratio{HERE})",
            "rtt": f"max by (wan) (school_wan_rtt_p95_seconds{HERE})",
            "light": f"max by (wan) (unit:school_fibre_rx_power_dbm{HERE})",
        },
        [
            Column("wan", _("Line"), link=link(_, "links", ["district"])),
            Column("isp", _("ISP")),
            Column("medium", _("Medium"), looks=names.media(_)),
            Column("evidence", _("known by"), looks=names.of(_, "evidence")),
            Column("up", _("State"), looks=names.internet_values(_)),
            Column("active", _("Carries the traffic"), looks=names.carries(_)),
            Column("day", _("Available, 1 day"), "percentunit", 2, look.OF_TIME),
            Column("month", _("Available, 30 days"), "percentunit", 2, look.OF_TIME),
            Column("loss", _("Loss"), "percentunit", 1, ((None, look.GOOD), (0.01, look.WARN), (0.05, look.BAD))),
            Column("rtt", _("Round trip, 95 %"), "s", 0),
            Column("light", _("Light received"), "dBm", 1),
        ],
        sort="wan",
        title=_("Lines to the Internet"),
        why=_("Which line carries the traffic, and how good each is: before calling an ISP, and after."),
        empty=_("No agent of this unit was told of a line."),
        height=6,
    )


def _line_states(_: Words, show: Panels) -> Panel:
    return show.states(
        {
            "Internet": f"max(unit:school_internet_up{HERE})",
            "{{wan}} {{isp}}": f"max by (wan, isp) (unit:school_wan_up{HERE})",
        },
        title=_("Internet and lines over time"),
        why=_("Lines that fail together have a cause in common: power, the router, or the same cable."),
        looks=names.internet_values(_),
        width=12,
        height=8,
    )


def _round_trip(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{wan}} {{isp}}": f"max by (wan, isp) (school_wan_rtt_p95_seconds{HERE})"},
        title=_("Round trip by line"),
        why=_(
            "Rises before a line is full; jumps when the ISP routes another way. 95th percentile of a minute's echoes."
        ),
        unit="s",
        least=0,
    )


def _light(_: Words, show: Panels) -> Panel:
    return show.lines(
        {
            "{{wan}}": f"max by (wan) (unit:school_fibre_rx_power_dbm:sampled{HERE})",
            _("usual") + " {{wan}}": f"max by (wan) (unit:school_fibre_rx_baseline:dbm{HERE})",
        },
        title=_("Light received on fibre"),
        why=_("A slow fall is a dirty connector or a bent cable, a step a splice; call before it is dark."),
        unit="dBm",
        decimals=1,
        empty=_("No optical module here tells its light."),
    )


def _rows(_: Words, show: Panels) -> Panel:
    judged = f"max by (row) (school:row:compliant{HERE})"
    apart = f"max by (row) (school:row:not_applicable{HERE}) + 1"
    rest = 'max by (row) (district:units:count{district="$district"}) * 0 + 3'
    return show.table(
        {
            "state": names.by_row(f"({judged} or {apart} or {rest})"),
            "source": names.by_row(f"group by (row, source) (school:row:source{HERE})"),
            "age": names.by_row(f"max by (row) (school:row:evidence_age_seconds{HERE})"),
        },
        [
            Column("row", _("Row of the directive"), looks=names.rows(_), link=link(_, "district", ["district"])),
            Column("state", _("State"), looks=names.row_numbers(_), width=140),
            Column("source", _("known by"), looks=names.of(_, "source"), width=150),
            Column("age", _("Age"), "s", 0, ((None, look.GOOD), (HALF_A_YEAR, look.WARN)), width=110),
        ],
        sort="row",
        title=_("The directive's rows in this school"),
        why=_("What the evaluation will say of this school, what that rests on, and how old it is."),
        width=12,
        height=17,
    )
