"""Services and portals, rows R9 to R13: the sector's systems as schools see them, and the schools' own sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import look, names, parts
from dashboards.look import Look
from dashboards.page import district, page
from dashboards.panels import HOURS, Panels, Row
from dashboards.table import Column

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

    from dashboards.words import Words

WHERE = 'district=~"$district"'
NAMED = "* on (unit) group_left (name) unit:school_name:info"
ROWS = "R9|R10|R11|R12|R13"
ASKED = f"district:school_service_asked:sparse{{{WHERE}}}"
USABLE = f"district:school_service_usable:sparse{{{WHERE}}}"
TOOK = f"district:school_service_duration_seconds:sparse_median{{{WHERE}}}"
LATELY = "[35m]"
"""What is recorded every half hour is looked for in a little more than that."""
EACH, HALF_HOUR = "[$__interval]", "30m"
"""All that was recorded since the moment before."""
SHOWN = 20
SOON: look.Steps = ((None, look.BAD), (7 * 86_400, look.WARN), (21 * 86_400, look.GOOD))
"""Until a certificate ends."""
SLOW: look.Steps = ((None, look.GOOD), (2, look.WARN), (5, look.BAD))
"""Seconds that people wait for a page."""


def build(_: Words) -> Dashboard:
    show = Panels(_)
    return page(
        _,
        "services",
        title=_("Services and portals"),
        why=_(
            "Whether schools can use the sector's online systems, and whether their own sites and mail are as asked."
        ),
        variables=[district(_, all_of_them=True)],
        since="now-7d",
        panels=[
            Row(_("The directive's rows R9 to R13")),
            _shares(_, show),
            _states(_, show),
            Row(_("The sector's online systems, as seen from the schools")),
            _systems(_, show),
            _usable(_, show),
            _durations(_, show),
            Row(_("Schools' own portals, mail and services")),
            _portal_checks(_, show),
            _mail_checks(_, show),
            _public(_, show),
            _expiring(_, show),
            _unchanged(_, show),
            _news(_, show),
        ],
    )


def _shares(_: Words, show: Panels) -> Panel:
    return show.bars(
        {"{{row}}": names.by_row(f"{_units('met')} / ({_units('met|unmet')} > 0)")},
        title=_("Share met"),
        why=_("Of the units that could be judged."),
        unit="percentunit",
        decimals=0,
        most=1,
        steps=look.OF_ALL,
        looks={row: Look(each.text) for row, each in names.rows(_).items() if f"R{int(row[1:])}" in ROWS.split("|")},
        width=10,
    )


def _units(states: str) -> str:
    """How many units are in one of the states, by row."""
    return f'sum by (row) (district:row_units:count{{{WHERE}, row=~"{ROWS}", state=~"{states}"}})'


def _states(_: Words, show: Panels) -> Panel:
    units = f'district:row_units:count{{{WHERE}, row=~"{ROWS}"}}'
    return show.stacks(
        names.by_row(units),
        by="row",
        split="state",
        title=_("Units by state"),
        why=_("How many could not be judged: their portals and services are not told, or no agent looks."),
        looks=names.row_states(_),
        width=14,
        height=8,
    )


def _systems(_: Words, show: Panels) -> Panel:
    return show.table(
        {
            "now": _share_usable("last_over_time", LATELY),
            "day": _share_usable("sum_over_time", "[1d]"),
            "schools": f"sum by (service) (last_over_time({ASKED}{LATELY}))",
            "took": f"quantile by (service) (0.5, last_over_time({TOOK}{LATELY}))",
        },
        [
            Column("service", _("System")),
            Column("now", _("Usable now from"), "percentunit", 0, look.OF_ALL, width=140),
            Column("day", _("Usable, 1 day"), "percentunit", 1, look.OF_TIME, width=130),
            Column("schools", _("Schools that ask"), width=140),
            Column("took", _("Answers in"), "s", 2, SLOW, width=120),
        ],
        sort="now",
        title=_("The sector's online systems"),
        why=_(
            "A system that no school reaches is the system's fault, one that some don't reach is theirs or an ISP's."
        ),
        height=12,
    )


def _share_usable(over: str, window: str) -> str:
    """Of the schools that asked, by service."""
    usable, asked = (f"sum by (service) ({over}({each}{window}))" for each in (USABLE, ASKED))
    return f"{usable} / {asked}"


def _usable(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{service}}": _share_usable("sum_over_time", EACH)},
        title=_("Share of schools that can use each system"),
        why=_("When a system failed, and for whom: evidence for whoever runs it."),
        unit="percentunit",
        steps=look.OF_ALL,
        least=0,
        most=1,
        points=HOURS,
        apart=HALF_HOUR,
    )


def _durations(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{service}}": f"quantile by (service) (0.5, avg_over_time({TOOK}{EACH}))"},
        title=_("How long each system takes to answer"),
        why=_("All phases together, of the middle school of the middle district. A slow system is not used."),
        unit="s",
        steps=SLOW,
        least=0,
        points=HOURS,
        apart=HALF_HOUR,
    )


def _portal_checks(_: Words, show: Panels) -> Panel:
    return _checks(
        _,
        show,
        "district:school_portal",
        {
            "declared": _("is registered"),
            "reached": _("answers"),
            "tls": _("has a valid certificate"),
            "changed": _("has changed lately"),
        },
        title=_("Portals"),
        why=_("Row R9. Of the units of which it is known; all that are registered count in the first."),
    )


def _mail_checks(_: Words, show: Panels) -> Panel:
    return _checks(
        _,
        show,
        "district:school_mail",
        {
            "domain": _("education domain"),
            "leaders": _("leaders use it"),
            "mx": _("takes mail (MX)"),
            "spf": _("SPF is set"),
            "dmarc": _("DMARC is set"),
        },
        title=_("E-mail"),
        why=_("Row R11. Without SPF and DMARC anybody can write in the school's name."),
    )


def _checks(_: Words, show: Panels, metric: str, texts: dict[str, str], *, title: str, why: str) -> Panel:
    met, known = (f"sum by (check) ({metric}:{each}{{{WHERE}}})" for each in ("met", "known"))
    return show.bars(
        {"{{check}}": f"{met} / {known}"},
        title=title,
        why=why,
        unit="percentunit",
        decimals=0,
        most=1,
        steps=look.OF_ALL,
        looks={check: Look(text) for check, text in texts.items()},
    )


def _public(_: Words, show: Panels) -> Panel:
    return show.table(
        {"state": f"(unit:school_public_service:state{{{WHERE}}} == 0) {NAMED}"},
        [*parts.named(_, 130), Column("service", _("Service"), width=150)],
        title=_("Services for parents that were not usable"),
        why=_("Row R13: in the enrolment season each hour counts."),
        empty=_("none that is known of"),
        width=8,
        height=8,
    )


def _expiring(_: Words, show: Panels) -> Panel:
    left = f"bottomk({SHOWN}, unit:school_portal_expiry:timestamp_seconds{{{WHERE}}} - time())"
    return show.table(
        {"left": f"{left} {NAMED}"},
        [*parts.named(_, 130), Column("left", _("Valid for"), "s", 0, SOON, width=130)],
        sort="left",
        title=_("Certificates that end soonest"),
        why=_("An expired one frightens parents away. Below zero it has ended."),
        width=8,
    )


def _unchanged(_: Words, show: Panels) -> Panel:
    age = f"topk({SHOWN}, time() - unit:school_portal_changed:timestamp_seconds{{{WHERE}}})"
    limit = 'policy:school_limit:value{row="R9", limit="portal_changed_within_seconds"}'
    return show.table(
        {"age": f"{age} {NAMED}", "of": f"max by (unit) ({age} / on () group_left () {limit})"},
        [
            *parts.named(_, 130),
            Column("age", _("Unchanged for"), "s", 0, width=120),
            Column("of", _("of what is allowed"), "percentunit", 0, look.OF_LIMIT, width=120),
        ],
        sort="-age",
        title=_("Portals left unchanged longest"),
        why=_("Row R9 asks for portals that are really used."),
        width=8,
    )


def _news(_: Words, show: Panels) -> Panel:
    worst = f"bottomk({SHOWN}, min by (unit, district) (unit:school_news_on_time:ratio{{{WHERE}}}))"
    return show.table(
        {"share": f"{worst} {NAMED}"},
        [*parts.named(_, 130), Column("share", _("On time"), "percentunit", 0, look.OF_ALL, width=110)],
        sort="share",
        title=_("News taken in latest, 30 days"),
        why=_("Row R10: the worse of both deadlines."),
        width=8,
    )
