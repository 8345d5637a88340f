"""What the city's dashboard and a district's both show: `level` is "city" or "district", `where` a matcher or empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import look, names
from dashboards.look import Look, link
from dashboards.table import Column

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Panel

    from dashboards.panels import Panels
    from dashboards.words import Words

SCHOOL_YEAR = "300d"
DISTRICT = "__data.fields.district"
FOLLOWED = {
    "R01": look.BLUE,
    "R02": look.SKY,
    "R03": look.GREEN,
    "R04": look.ORANGE,
    "R08": look.VERMILLION,
    "R09": look.PURPLE,
}
"""Rows whose trend is shown: a graph of sixteen lines says nothing."""


def numbers(_: Words, show: Panels, level: str, where: str, carried: tuple[str, ...]) -> list[Panel]:
    """The line of large figures at the top."""
    internet = f"{level}:school_internet:count"
    critical = f"{level}:school_incidents:count{_and(where, 'severity', 'critical')}"
    figures = [
        (f"{internet}{where}", _("Units"),
         _("All units of the registry: what the other figures are parts of."), look.PLAIN, "students"),
        (f"{internet}{_and(where, 'state', 'down')}", _("Units without Internet"),
         _("They can't teach, report or read news now. Units of which nothing is known are not in it."),
         look.NONE_IS_GOOD, "links"),
        (f"{internet}{_and(where, 'state', 'unknown')}", _("Units not known"),
         _("No agent of theirs is heard and none is expected to be, so nobody can say whether they have Internet."),
         look.MORE_IS_UNKNOWN, "system"),
        (critical, _("Critical incidents open"),
         _("Attacks on schools' networks that go on now. Networks that no agent watches are not in it."),
         look.NONE_IS_GOOD, "security"),
        (f"{level}:school_computers_missing:count{where}", _("Computers missing"),
         _("Teaching computers that units lack by the limits of row R4; only of units whose rooms are counted."),
         look.NONE_IS_BEST, "students"),
        (f"district:school_lan_watched:count{where}", _("Networks watched"),
         _("Units whose local network an agent watches for attacks. In the others nobody would see one."),
         look.PLAIN, "security"),
    ]  # fmt: skip
    return [
        show.stat(f"sum({counted})", title=title, why=why, steps=steps, link=link(_, to, carried))
        for counted, title, why, steps, to in figures
    ]


def rows(_: Words, show: Panels, level: str, where: str, to: str) -> Panel:
    """Every row of the directive; a click on its name goes to `to`, with `$row` set."""
    asks = {"share": names.by_row(f"sum by (row) ({level}:row_compliant:ratio{where})")}
    columns = [
        Column("row", _("Row of the directive"), looks=names.rows(_), link=to, width=260),
        Column("share", _("Share met"), "percentunit", 0, look.OF_ALL, bar=True, most=1),
    ]
    for state, face in names.row_states(_).items():
        asks[state] = names.by_row(f"sum by (row) ({level}:row_units:count{_and(where, 'state', state)})")
        columns.append(Column(state, face.text, width=95))
    return show.table(
        asks,
        columns,
        sort="row",
        title=_("The directive's rows against 100 %"),
        why=_(
            "The share is of units that could be judged: those not known are in no share, and are a task of their own."
        ),
        width=14,
        height=17,
    )


def trend(_: Words, show: Panels, level: str, where: str) -> Panel:
    """The share of the rows that are followed, over a school year."""
    looks = {row: Look(names.rows(_)[row].text, colour) for row, colour in FOLLOWED.items()}
    chosen = "|".join(f"R{int(row[1:])}" for row in FOLLOWED)
    ratio = f'{level}:row_compliant:ratio{{row=~"{chosen}"{where and ", " + where.strip("{}")}}}'
    return show.lines(
        {"{{row}}": names.by_row(ratio)},
        title=_("Share met over the school year"),
        why=_("Whether the year's work shows. A line ends where nobody could be judged."),
        unit="percentunit",
        steps=look.OF_ALL,
        least=0,
        most=1,
        looks=looks,
        over=SCHOOL_YEAR,
    )


def internet(_: Words, show: Panels, level: str, where: str) -> Panel:
    """Units without Internet, and those not known, over the time range."""
    states = {state: each for state, each in names.internet_states(_).items() if state != "up"}
    lost = f"{level}:school_internet:count{_and(where, 'state', 'down|unknown', '=~')}"
    return show.lines(
        {"{{state}}": f"sum by (state) ({lost})"},
        title=_("Units without Internet over time"),
        why=_("A step up of many units at once is an ISP or a power cut, not the schools."),
        steps=look.NONE_IS_GOOD,
        least=0,
        looks=states,
    )


def unit(_: Words) -> list[Column]:
    """Name, code and district of a table's unit, with the ways to them."""
    there = link(_, "school", district=DISTRICT, unit="__data.fields.unit")
    return [
        Column("name", _("Unit"), link=there),
        Column("unit", _("Code"), link=there, width=110),
        Column("district", _("District"), link=link(_, "district", district=DISTRICT), width=130),
    ]


def named(_: Words, width: int = 150) -> list[Column]:
    """Name and district of a table's unit, with the way to it; `width` is the district's."""
    there = link(_, "school", district=DISTRICT, unit="__data.fields.unit")
    return [Column("name", _("Unit"), link=there), Column("district", _("District"), width=width)]


def _and(where: str, label: str, value: str, operator: str = "=") -> str:
    """The matcher `where`, and one more."""
    return "{" + ", ".join(filter(None, [where.strip("{}"), f'{label}{operator}"{value}"'])) + "}"
