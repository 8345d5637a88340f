"""One district: what its office is answerable for, and every unit of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import look, names, parts
from dashboards.look import link
from dashboards.page import district, page
from dashboards.panels import Panels, Row
from dashboards.table import Column

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

    from dashboards.words import Words

HERE = '{district="$district"}'


def build(_: Words) -> Dashboard:
    show = Panels(_)
    return page(
        _,
        "district",
        title=_("District"),
        why=_("For a district's office: how its units stand, and which of them need help first."),
        variables=[district(_)],
        panels=[
            Row(_("Now in ${district}")),
            *parts.numbers(_, show, "district", HERE, ("district",)),
            Row(_("Units")),
            _units(_, show),
            Row(_("The directive")),
            parts.rows(_, show, "district", HERE, link(_, "students", ["district"])),
            _levels(_, show),
            _isps(_, show),
            Row(_("Trend")),
            parts.internet(_, show, "district", HERE),
            parts.trend(_, show, "district", HERE),
        ],
    )


def _units(_: Words, show: Panels) -> Panel:
    there = link(_, "school", ["district"], unit="__data.fields.unit")
    names_here = f"max by (unit, name) (unit:school_name:info{HERE})"
    rows = 'max by (unit) (unit:school_rows:count{district="$district", state="%s"})'
    return show.table(
        {
            "unmet": f"{rows % 'unmet'} * on (unit) group_left (name) {names_here}",
            "unknown": rows % "unknown",
            "internet": f"max by (unit) (unit:school_internet_up{HERE})",
            "lines": 'count by (unit) (unit:school_wan_up{district="$district"} == 0)'
            f" or max by (unit) (unit:school_wan_up{HERE}) * 0",
            "missing": f"max by (unit) (school:computers_missing{HERE})",
            "findings": 'max by (unit) (unit:school_posture_findings:count{district="$district", severity="critical"})',
            "incidents": f"count by (unit) (unit:school_incident_kind:active{HERE})"
            f" or max by (unit) (unit:school_incidents:active{HERE}) * 0",
        },
        [
            Column("name", _("Unit"), link=there),
            Column("unit", _("Code"), link=there, width=120),
            Column("internet", _("Internet"), looks=names.internet_values(_), width=110),
            Column("lines", _("Lines down"), "none", 0, look.NONE_IS_BEST, width=110),
            Column("unmet", _("Rows not met"), "none", 0, look.NONE_IS_BEST, width=110),
            Column("unknown", _("Rows not known"), "none", 0, look.MORE_IS_UNKNOWN, width=110),
            Column("missing", _("Computers missing"), "none", 0, look.NONE_IS_BEST, width=110),
            Column("findings", _("Critical weaknesses"), "none", 0, look.NONE_IS_BEST, width=110),
            Column("incidents", _("Incidents open"), "none", 0, look.NONE_IS_GOOD, width=110),
        ],
        sort="-unmet",
        title=_("All units"),
        why=_("A click on a name opens the school. An empty cell is not known, which is neither good nor zero."),
        height=16,
    )


def _levels(_: Words, show: Panels) -> Panel:
    units = f"district:school_level_units:count{HERE}"
    return show.stacks(
        units,
        by="level",
        split="band",
        percent=True,
        title=_("Units by students per computer"),
        why=_("How many units of a level keep to its limit, and how far the others are from it."),
        bars=names.of(_, "level"),
        looks=names.bands(_),
        width=10,
        height=8,
        link=link(_, "students", ["district"]),
    )


def _isps(_: Words, show: Panels) -> Panel:
    watched, fault = (f"district:school_wan_{each}_seconds:increase" for each in ("observed", "fault"))
    lines = "district:school_wan_lines:count"
    return show.table(
        {
            "month": f"1 - sum by (isp) ({fault}{_of('30d')}) / (sum by (isp) ({watched}{_of('30d')}) >= 3600)",
            "lines": f"sum by (isp) ({lines}{HERE})",
            "down": f'sum by (isp) ({lines}{{district="$district", state="down"}}) or sum by (isp) ({lines}{HERE}) * 0',
        },
        [
            Column("isp", _("ISP"), link=link(_, "links", ["district"])),
            Column("lines", _("Lines"), width=80),
            Column("down", _("down"), "none", 0, look.NONE_IS_BEST, width=90),
            Column("month", _("Available, 30 days"), "percentunit", 2, look.OF_TIME, width=140),
        ],
        sort="month",
        title=_("ISPs"),
        why=_("Share of the watched time without a fault of the line or the ISP: evidence for the contracts."),
        width=10,
        height=9,
    )


def _of(window: str) -> str:
    return f'{{district="$district", window="{window}"}}'
