"""Lines and ISPs: what was contracted against what was delivered, with the cause of each outage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as make
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards import look, names, parts
from dashboards.look import Look, link
from dashboards.page import ALL, choice, district, page
from dashboards.panels import HOURS, Panels, Row
from dashboards.table import SOURCE, Column

if TYPE_CHECKING:
    from dashboards.words import Words

WHERE = 'district=~"$district", isp=~"$isp"'
NAMED = "* on (unit) group_left (name) unit:school_name:info"
LINES = "district:school_wan_lines:count"
WINDOW = f'{WHERE}, window="$window"'
WATCHED = f"district:school_wan_observed_seconds:increase{{{WINDOW}}}"
FAULTS = f"district:school_wan_fault_seconds:increase{{{WINDOW}}}"
DAY = "last_over_time(district:school_wan_{}_seconds:sparse_day{}[35m])"
"""What is recorded every half hour of the day before it; looked for in a little more than that."""
DOWN_BY_ISP = f'sum by (isp) ({LINES}{{{WHERE}, state="down"}})'
DOWN = f"unit:school_wan_up{{{WHERE}}} == 0"
AVAILABLE = f"unit:school_wan_availability:ratio{{{WINDOW}}}"
MOVED = 'unit:school_wan_failovers:increase{district=~"$district", window="$window"}'
LAST_MOVE = 'unit:school_wan_last_failover:timestamp_seconds{district=~"$district"}'
LIGHT = 'unit:school_fibre_rx_power_dbm{district=~"$district"}'
HOUR_WATCHED = 3600
SHOWN = 20


def build(_: Words) -> sdk.Dashboard:
    show = Panels(_)
    return page(
        _,
        "links",
        title=_("Links and ISPs"),
        why=_("For whoever signs and renews contracts: what each ISP delivered, and whose fault each outage was."),
        variables=[
            district(_, all_of_them=True),
            _isp(_),
            choice(_, "window", _("Period"), {_("30 days"): "30d", _("1 day"): "1d"}),
        ],
        since="now-7d",
        panels=[
            Row(_("Now")),
            *_numbers(_, show),
            Row(_("ISPs: evidence for the contracts")),
            _isps(_, show),
            _causes(_, show),
            _availability(_, show),
            _lines_down(_, show),
            Row(_("Lines")),
            _down_now(_, show),
            _poor(_, show),
            _worst(_, show),
            _felt(_, show),
            _failovers(_, show),
            Row(_("Fibre")),
            _light(_, show),
        ],
    )


def _isp(_: Words) -> sdk.VariableModel:
    made = make.QueryVariable("isp").label(_("ISP")).query(f"label_values({LINES}, isp)").datasource(SOURCE)
    made = made.refresh(sdk.VariableRefresh.ON_DASHBOARD_LOAD).sort(sdk.VariableSort.ALPHABETICAL_ASC)
    made = made.include_all(True).all_value(ALL).current(sdk.VariableOption(text=_("All"), value="$__all"))
    return made.build()


def _share(faults: str, watched: str, total: str = "sum") -> str:
    """The share of the watched time without a fault of the line or the ISP; absent where it was watched too little."""
    return f"clamp_min(1 - {total} ({faults}) / ({total} ({watched}) >= {HOUR_WATCHED}), 0)"


def _numbers(_: Words, show: Panels) -> list[sdk.Panel]:
    lines = f"sum({LINES}{{{WHERE}}})"
    usual = f"unit:school_wan_usual{{{WHERE}}}"
    spare = f"unit:school_wan_active{{{WHERE}}} == 1 unless on (unit, wan, isp) unit:school_wan_usual"
    return [
        show.stat(
            lines, title=_("Lines"), why=_("Lines whose state is known now: what the other figures are parts of.")
        ),
        show.stat(
            f'sum({LINES}{{{WHERE}, state="down"}})',
            title=_("Lines down"),
            why=_("A school with a second line still works, but has lost its spare."),
            steps=look.NONE_IS_GOOD,
        ),
        show.stat(
            f"count(group by (unit, wan) (unit:school_wan_degraded{{{WHERE}}})) or {lines} * 0",
            title=_("Lines that work poorly"),
            why=_("They lose too much, answer too late, or receive too little light: often the day before an outage."),
            steps=look.NONE_IS_BEST,
        ),
        show.stat(
            f"count(group by (unit) ({spare} and on (unit) unit:school_wan_usual)) or count({usual}) * 0",
            title=_("Schools on a spare line"),
            why=_("They have Internet, and nothing left to fall back on."),
            steps=look.NONE_IS_BEST,
        ),
        show.stat(
            _share(FAULTS, WATCHED),
            title=_("Available, ${window:text}"),
            why=_("Share of the watched time without a fault of the line or the ISP: evidence for the contracts."),
            unit="percentunit",
            decimals=2,
            steps=look.OF_TIME,
        ),
        show.stat(
            f"sum({MOVED}) or {lines} * 0",
            title=_("Failovers, ${window:text}"),
            why=_("How often schools' traffic moved to another line: each time the second line earned its price."),
        ),
    ]


def _isps(_: Words, show: Panels) -> sdk.Panel:
    return show.table(
        {
            "available": _share(FAULTS, WATCHED, "sum by (isp)"),
            "fault": f"sum by (isp) ({FAULTS})",
            "watched": f"sum by (isp) ({WATCHED})",
            "lines": f"sum by (isp) ({LINES}{{{WHERE}}})",
            "down": DOWN_BY_ISP,
        },
        [
            Column("isp", _("ISP"), link=link(_, "links", ["district", "window"], isp="__data.fields.isp")),
            Column("lines", _("Lines"), width=80),
            Column("down", _("down"), "none", 0, look.NONE_IS_BEST, width=90),
            Column("available", _("Available"), "percentunit", 3, look.OF_TIME, width=110),
            Column("fault", _("Outages by its fault"), "s", 0, width=150),
            Column("watched", _("Watched for"), "s", 0, width=120),
        ],
        sort="available",
        title=_("ISPs, ${window:text}"),
        why=_("Time of all lines added up. Only faults of the line (no signal) and of the ISP's network count here."),
        width=12,
        height=10,
    )


def _causes(_: Words, show: Panels) -> sdk.Panel:
    return show.stacks(
        f"district:school_wan_outage_seconds:increase{{{WINDOW}}}",
        by="isp",
        split="cause",
        title=_("Outages of lines by cause, ${window:text}"),
        why=_("What the ISP has to answer for, and what the school: its router, or a service that was away for all."),
        unit="s",
        looks=names.causes(_),
        empty=_("none that is known of"),
    )


def _availability(_: Words, show: Panels) -> sdk.Panel:
    faults, watched = (DAY.format(each, f"{{{WHERE}}}") for each in ("fault", "observed"))
    return show.lines(
        {"{{isp}}": _share(faults, watched, "sum by (isp)")},
        title=_("Availability of ISPs, of the day before each moment"),
        why=_("A dip of one ISP alone is its fault; one of all at once is rather the power or the centre."),
        unit="percentunit",
        steps=look.OF_TIME,
        most=1,
        points=HOURS,
        looks=names.isps(),
    )


def _lines_down(_: Words, show: Panels) -> sdk.Panel:
    return show.lines(
        {"{{isp}}": DOWN_BY_ISP},
        title=_("Lines down over time"),
        why=_("A step up of one ISP is one outage of the ISP, however many schools it hits."),
        steps=look.NONE_IS_BEST,
        least=0,
        looks=names.isps(),
    )


def _down_now(_: Words, show: Panels) -> sdk.Panel:
    cause = "topk by (unit, wan) (1, unit:school_outage_active)"
    return show.table(
        {"down": f"(({DOWN}) * on (unit, wan) group_left (cause) {cause} or on (unit, wan) {DOWN}) {NAMED}"},
        [*_line(_), Column("cause", _("Cause"), looks=names.causes(_), width=190)],
        title=_("Lines down now"),
        why=_("Without a cause: nobody who is heard can tell it."),
        empty=_("none that is known of"),
        width=12,
    )


def _poor(_: Words, show: Panels) -> sdk.Panel:
    signs = {
        "loss": Look(_("loses packets"), look.BAD),
        "rtt": Look(_("answers late"), look.WARN),
        "light": Look(_("little light"), look.PURPLE),
    }
    return show.table(
        {"poor": f"unit:school_wan_degraded{{{WHERE}}} {NAMED}"},
        [*_line(_), Column("sign", _("Sign"), looks=signs, width=140)],
        title=_("Lines that work poorly now"),
        why=_("Call before it breaks: limits are those of the policy."),
        empty=_("none that is known of"),
        width=12,
    )


def _worst(_: Words, show: Panels) -> sdk.Panel:
    worst = f"bottomk({SHOWN}, {AVAILABLE})"
    lost = 'unit:school_outage_seconds:increase{wan!="", cause!="service", window="$window"}'
    return show.table(
        {
            "available": f"{worst} {NAMED}",
            "lost": f"sum by (unit, wan) ({lost} and on (unit, wan) {worst})",
        },
        [
            *_line(_),
            Column("available", _("Available"), "percentunit", 2, look.OF_TIME, width=110),
            Column("lost", _("Outages"), "s", 0, width=110),
        ],
        sort="available",
        title=_("Worst lines, ${window:text}"),
        why=_("Whoever was to blame: the school's router counts too."),
        width=14,
        height=10,
    )


def _felt(_: Words, show: Panels) -> sdk.Panel:
    felt = 'district:school_internet_outage_seconds:increase{district=~"$district", window="$window"}'
    return show.bars(
        {"{{cause}}": f"sum by (cause) ({felt})"},
        title=_("Time without Internet as schools felt it, ${window:text}"),
        why=_("Only what no spare line could help: all schools' time added up. Not to be added to outages of lines."),
        unit="s",
        looks=names.causes(_),
        empty=_("none that is known of"),
        width=10,
        height=10,
    )


def _failovers(_: Words, show: Panels) -> sdk.Panel:
    latest = f"topk({SHOWN}, {LAST_MOVE})"
    return show.table(
        {
            "when": f"{latest} * 1000 {NAMED}",
            "gap": f"max by (unit, from, to) (unit:school_wan_last_failover:duration_seconds and {latest})",
            "times": f"max by (unit, from, to) ({MOVED} and on (unit, from, to) {latest})",
        },
        [
            *parts.named(_),
            Column("from", _("From line"), width=110),
            Column("to", _("To line"), width=110),
            Column("when", _("When"), "dateTimeAsIso", width=170),
            Column("gap", _("Traffic stood for"), "s", 1, width=140),
            Column("times", _("Times, ${window:text}"), width=120),
        ],
        sort="-when",
        title=_("Latest failovers"),
        why=_("A short gap shows that the second line does its work; many in a day show a line that comes and goes."),
        empty=_("none that is known of"),
    )


def _light(_: Words, show: Panels) -> sdk.Panel:
    low = f"bottomk({SHOWN}, {LIGHT})"
    drop = f"(unit:school_fibre_rx_baseline:dbm - unit:school_fibre_rx_power_dbm) and on (unit, wan) {low}"
    return show.table(
        {
            "light": f"{low} {NAMED}",
            "usual": f"max by (unit, wan) (unit:school_fibre_rx_baseline:dbm and on (unit, wan) {low})",
            "drop": f"max by (unit, wan) ({drop} / on () group_left () policy:school_fibre_rx_drop:decibels)",
        },
        [
            *parts.named(_),
            Column("wan", _("Line"), width=110),
            Column("light", _("Light received"), "dBm", 1, width=130),
            Column("usual", _("Usual light"), "dBm", 1, width=120),
            Column("drop", _("Drop, of what is allowed"), "percentunit", 0, look.OF_LIMIT, width=180),
        ],
        sort="light",
        title=_("Fibres that receive least light"),
        why=_("A bent or dirty fibre loses light for weeks before it fails: the drop tells, not the level."),
        empty=_("no optical module tells"),
    )


def _line(_: Words) -> list[Column]:
    return [*parts.named(_), Column("wan", _("Line"), width=90), Column("isp", _("ISP"), width=90)]
