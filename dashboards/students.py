"""Students per teaching computer (row R4): by level, against the limits in force, and who moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import look, names, parts
from dashboards.look import link
from dashboards.page import choice, district, page
from dashboards.panels import Panels, Row
from dashboards.table import Column

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

    from dashboards.words import Words

HERE = '{district=~"$district"}'
COUNTED, COMPUTERS = (
    f"sum by (level) (district:school_{each}_counted:count{HERE})" for each in ("students", "computers")
)
LIMIT = 'max by (level) (policy:school_limit:value{row="R4", limit="students_per_computer"})'
RATIO = f"school:students_per_computer:ratio{HERE}"
THEN = f"{RATIO} offset $since"
MOVED = f"topk(20, abs({RATIO} - {THEN}) > 0.05)"
"""A twentieth of a student is rounding, not news."""


def build(_: Words) -> Dashboard:
    show = Panels(_)
    return page(
        _,
        "students",
        title=_("Students per computer"),
        why=_(
            "Row R4: whether there are computers enough to teach with, where most are missing, and what has changed."
        ),
        variables=[district(_, all_of_them=True), choice(_, "since", _("Compared with"), _times(_))],
        panels=[
            Row(_("Against the limit")),
            _levels(_, show),
            _distribution(_, show),
            Row(_("Where computers are missing")),
            _districts(_, show),
            _worst(_, show),
            Row(_("What has changed")),
            _changes(_, show),
            _moved(_, show),
            _trend(_, show),
        ],
    )


def _times(_: Words) -> dict[str, str]:
    """Two terms are about 120 days apart."""
    return {
        _("last term (120 days ago)"): "120d",
        _("yesterday"): "1d",
        _("30 days ago"): "30d",
        _("a year ago"): "365d",
    }


def _levels(_: Words, show: Panels) -> Panel:
    ratio = f"{COUNTED} / ({COMPUTERS} > 0)"
    return show.table(
        {
            "ratio": ratio,
            "limit": LIMIT,
            "share": f"{ratio} / on (level) {LIMIT}",
            "students": COUNTED,
            "computers": COMPUTERS,
            "unknown": 'sum by (level) (district:school_level_units:count{district=~"$district", band="unknown"})',
        },
        [
            Column("level", _("Level"), looks=names.of(_, "level")),
            Column("ratio", _("Students per computer"), "none", 1, width=150),
            Column("limit", _("At most"), width=90),
            Column("share", _("Share of the limit"), "percentunit", 0, look.OF_LIMIT, width=140),
            Column("students", _("Students"), "locale", width=110),
            Column("computers", _("Computers"), "locale", 0, width=110),
            Column("unknown", _("Units not known"), "none", 0, look.MORE_IS_UNKNOWN, width=130),
        ],
        sort="level",
        title=_("Students per computer by level"),
        why=_(
            "All units of the level together, of those whose students and rooms are counted; limits are the policy's."
        ),
        width=14,
        height=8,
    )


def _distribution(_: Words, show: Panels) -> Panel:
    return show.stacks(
        f"district:school_level_units:count{HERE}",
        by="level",
        split="band",
        title=_("Units by how far they are from the limit"),
        why=_("An average hides that some have plenty and others nothing."),
        bars=names.of(_, "level"),
        looks=names.bands(_),
        width=10,
        height=8,
    )


def _districts(_: Words, show: Panels) -> Panel:
    ratio = "district:school_students_per_computer:ratio"
    levels = [Column(level, each.text, "none", 1, width=110) for level, each in names.levels(_).items()]
    asks = {"missing": f"sum by (district) (district:school_computers_missing:count{HERE})"}
    asks |= {
        level: f'max by (district) ({ratio}{{district=~"$district", level="{level}"}})' for level in names.levels(_)
    }
    return show.table(
        asks,
        [
            Column("district", _("District"), link=link(_, "district", district=parts.DISTRICT)),
            Column("missing", _("Computers missing"), "none", 0, look.NONE_IS_BEST, width=130),
            *levels,
        ],
        sort="-missing",
        title=_("Computers missing by district"),
        why=_("Where a purchase does most. Beside it, how many students share a computer, by level."),
        width=10,
        height=14,
    )


def _worst(_: Words, show: Panels) -> Panel:
    worst = f"topk(25, unit:school_students_per_computer:limit_ratio{HERE} > 1)"
    return show.table(
        {
            "share": f"{worst} * on (unit) group_left (name) unit:school_name:info{HERE}",
            "ratio": f"max by (unit, level) ({RATIO} and on (unit, level) {worst})",
            "missing": f"max by (unit, level) (school:computers_needed:count{HERE} and on (unit, level) {worst})",
        },
        [
            *parts.unit(_),
            Column("level", _("Level"), looks=names.of(_, "level"), width=150),
            Column("ratio", _("Students per computer"), "none", 1, width=120),
            Column("share", _("Share of the limit"), "percentunit", 0, look.OF_LIMIT, width=110),
            Column("missing", _("Missing before sharing"), width=120),
        ],
        sort="-share",
        title=_("Units furthest above the limit"),
        why=_("Units without any computer have no ratio: they are the band 'no computer' above."),
        empty=_("none that is known of"),
        width=14,
        height=14,
    )


def _changes(_: Words, show: Panels) -> Panel:
    change = f"({RATIO} - {THEN})"
    here = f"count({RATIO})"
    return show.stat(
        {
            _("better"): f"count({change} < -0.05) or {here} * 0",
            _("worse"): f"count({change} > 0.05) or {here} * 0",
            _("as before"): f"count(abs({change}) <= 0.05) or {here} * 0",
            _("not known then"): f"count({RATIO} unless {THEN}) or {here} * 0",
        },
        title=_("Levels of units, compared with ${since:text}"),
        why=_("A unit with several levels counts once for each. Fewer students per computer is better."),
        width=24,
        height=4,
    )


def _moved(_: Words, show: Panels) -> Panel:
    return show.table(
        {
            "change": f"({RATIO} - {THEN}) * on (unit) group_left (name) unit:school_name:info{HERE}"
            f" and on (unit, level) {MOVED}",
            "now": f"max by (unit, level) ({RATIO} and on (unit, level) {MOVED})",
            "then": f"max by (unit, level) ({THEN} and on (unit, level) {MOVED})",
        },
        [
            *parts.unit(_),
            Column("level", _("Level"), looks=names.of(_, "level"), width=150),
            Column("then", _("then"), "none", 1, width=80),
            Column("now", _("now"), "none", 1, width=80),
            Column("change", _("Change"), "none", 1, ((None, look.GOOD), (0, look.WARN)), width=90),
        ],
        sort="change",
        title=_("Who moved most since ${since:text}"),
        why=_("A fall is computers bought or repaired; a rise is more students, or computers that are no longer seen."),
        empty=_("nobody, or nothing is known of that time"),
        width=14,
        height=12,
    )


def _trend(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{level}}": f"{COUNTED} / ({COMPUTERS} > 0)"},
        title=_("Students per computer over the school year"),
        why=_("Whether purchases keep up with students."),
        looks=names.levels(_),
        least=0,
        over=parts.SCHOOL_YEAR,
        width=10,
        height=12,
    )
