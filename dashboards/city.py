"""The whole city at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import look, names, parts
from dashboards.look import link
from dashboards.page import choice, page
from dashboards.panels import Panels, Row
from dashboards.table import Column

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

    from dashboards.words import Words

WORST = 'topk(15, unit:school_rows:count{state="unmet"} > 0)'


def build(_: Words) -> Dashboard:
    show = Panels(_)
    return page(
        _,
        "city",
        title=_("City"),
        why=_("For the Department: how the city's schools stand, and where to look first."),
        variables=[choice(_, "row", _("Row of the directive"), _choices(_))],
        panels=[
            Row(_("Now")),
            *parts.numbers(_, show, "city", "", ()),
            Row(_("The directive")),
            parts.rows(_, show, "city", "", link(_, "city", row="__data.fields.row")),
            _of_row(_, show),
            Row(_("Where to look first")),
            _without_internet(_, show),
            _worst(_, show),
            Row(_("Districts and ISPs")),
            _districts(_, show),
            _isps(_, show),
            _rows_of_districts(_, show),
            Row(_("Trend")),
            parts.internet(_, show, "city", ""),
            parts.trend(_, show, "city", ""),
        ],
    )


def _choices(_: Words) -> dict[str, str]:
    return {each.text: row for row, each in names.rows(_).items()}


def _of_row(_: Words, show: Panels) -> Panel:
    states = names.by_row("district:row_units:count")
    return show.stacks(
        f'{states} and on (row) label_replace(vector(1), "row", "$row", "", "")',
        by="district",
        split="state",
        percent=True,
        title=_("Districts: ${row:text}"),
        why=_("Where the row that is chosen above is met, and where it isn't even known."),
        looks=names.row_states(_),
        width=10,
        height=17,
        link=link(_, "district", district="__data.fields[0]"),
    )


def _without_internet(_: Words, show: Panels) -> Panel:
    return show.table(
        {
            "silence": "(unit:haidang_silence:seconds and on (unit) (unit:school_internet_up == 0)"
            " or (unit:school_internet_up == 0) * 0)"
            " * on (unit) group_left (name) unit:school_name:info",
        },
        [
            *parts.unit(_),
            Column("silence", _("Not heard for"), "s", 0, width=140),
        ],
        sort="-silence",
        title=_("Units without Internet now"),
        why=_(
            "A few seconds only: the agent is still heard, over another way, and says itself that there is no Internet."
        ),
        empty=_("none that is known of"),
        width=10,
    )


def _worst(_: Words, show: Panels) -> Panel:
    return show.table(
        {
            "unmet": f"{WORST} * on (unit) group_left (name) unit:school_name:info",
            "unknown": f'max by (unit) (unit:school_rows:count{{state="unknown"}} and on (unit) {WORST})',
            "missing": f"max by (unit) (school:computers_missing and on (unit) {WORST})",
        },
        [
            *parts.unit(_),
            Column("unmet", _("Rows not met"), "none", 0, look.NONE_IS_BEST, width=110),
            Column("unknown", _("Rows not known"), "none", 0, look.MORE_IS_UNKNOWN, width=110),
            Column("missing", _("Computers missing"), "none", 0, look.NONE_IS_BEST, width=110),
        ],
        sort="-unmet",
        title=_("Units worst off"),
        why=_("The fifteen units with the most rows not met: where a visit does most."),
        empty=_("none that is known of"),
        width=14,
    )


def _districts(_: Words, show: Panels) -> Panel:
    internet = "sum by (district) (district:school_internet:count"
    return show.table(
        {
            "units": f"{internet})",
            "down": f'{internet}{{state="down"}})',
            "unknown": f'{internet}{{state="unknown"}})',
            "incidents": 'sum by (district) (district:school_incidents:count{severity="critical"})',
            "missing": "sum by (district) (district:school_computers_missing:count)",
        },
        [
            Column("district", _("District"), link=link(_, "district", district=parts.DISTRICT)),
            Column("units", _("Units"), width=80),
            Column("down", _("Without Internet"), "none", 0, look.NONE_IS_GOOD, width=110),
            Column("unknown", _("not known"), "none", 0, look.MORE_IS_UNKNOWN, width=100),
            Column("incidents", _("Critical incidents"), "none", 0, look.NONE_IS_GOOD, width=110),
            Column("missing", _("Computers missing"), "none", 0, look.NONE_IS_BEST, width=110),
        ],
        sort="-down",
        title=_("Districts"),
        why=_("The way down: a click on a district's name opens it."),
        width=14,
        height=11,
    )


def _rows_of_districts(_: Words, show: Panels) -> Panel:
    rows = [Column(row, f"R{int(row[1:])}", "percentunit", 0, look.OF_ALL) for row in names.rows(_)]
    return show.grid(
        names.by_row("sum by (district, row) (district:row_compliant:ratio)"),
        by="district",
        columns=[
            Column("row", _("District"), link=link(_, "district", district="__data.fields[0]"), width=150),
            *rows,
        ],
        title=_("Share met by district and row"),
        why=_(
            "A red column is a task for the Department, a red line one for a district. Grey: nobody could be judged."
        ),
        height=16,
    )


def _isps(_: Words, show: Panels) -> Panel:
    ratio, lines = "isp:school_wan_availability:ratio", "district:school_wan_lines:count"
    return show.table(
        {
            "month": f'max by (isp) ({ratio}{{window="30d"}})',
            "day": f'max by (isp) ({ratio}{{window="1d"}})',
            "lines": f"sum by (isp) ({lines})",
            "down": f'sum by (isp) ({lines}{{state="down"}}) or sum by (isp) ({lines}) * 0',
        },
        [
            Column("isp", _("ISP"), link=link(_, "links")),
            Column("lines", _("Lines"), width=70),
            Column("down", _("down"), "none", 0, look.NONE_IS_BEST, width=80),
            Column("day", _("Available, 1 day"), "percentunit", 2, look.OF_TIME, width=120),
            Column("month", _("Available, 30 days"), "percentunit", 2, look.OF_TIME, width=120),
        ],
        sort="month",
        title=_("ISPs"),
        why=_("Share of the watched time without a fault of the line or the ISP: evidence for the contracts."),
        width=10,
        height=11,
    )
