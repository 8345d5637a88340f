"""Security: attacks that go on, weaknesses by age, what nobody looks at, and the servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import look, names, parts
from dashboards.look import Look
from dashboards.page import district, page
from dashboards.panels import Panels, Row
from dashboards.table import Column

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

    from dashboards.words import Words

WHERE = 'district=~"$district"'
NAMED = "* on (unit) group_left (name) unit:school_name:info"
SEVERE = f'{WHERE}, severity="critical"'
CRITICAL = f"unit:school_posture_findings:count{{{SEVERE}}}"
PORTS = f"unit:school_outside_port:open{{{WHERE}}}"
REVIEWED = f"unit:school_machines_reviewed:count{{{WHERE}}}"
SHOWN = 20


def build(_: Words) -> Dashboard:
    show = Panels(_)
    return page(
        _,
        "security",
        title=_("Security"),
        why=_("For whoever is responsible for the safety of schools' networks: what is under way, and what lies open."),
        variables=[district(_, all_of_them=True)],
        since="now-7d",
        panels=[
            Row(_("Now")),
            *_numbers(_, show),
            Row(_("Incidents")),
            _incidents(_, show),
            _incidents_over_time(_, show),
            Row(_("Weaknesses of machines")),
            _checks(_, show),
            _ages(_, show),
            _findings_over_time(_, show),
            _worst(_, show),
            Row(_("Websites, routers and servers")),
            _websites(_, show),
            _ports(_, show),
            _servers(_, show),
            Row(_("What nobody watches")),
            _blind(_, show),
        ],
    )


def _numbers(_: Words, show: Panels) -> list[Panel]:
    units = f"sum(district:school_internet:count{{{WHERE}}})"
    return [
        show.stat(
            f"sum(district:school_incidents:count{{{SEVERE}}})",
            title=_("Critical incidents open"),
            why=_("Attacks on schools' networks that go on now. Networks that no agent watches are not in it."),
            steps=look.NONE_IS_GOOD,
        ),
        show.stat(
            f"sum(district:school_lan_watched:count{{{WHERE}}}) / {units}",
            title=_("Share of networks watched"),
            why=_("Of all units. Where nobody watches, no incident is not good news."),
            unit="percentunit",
            steps=look.OF_ALL,
        ),
        show.stat(
            f"sum({REVIEWED})",
            title=_("Machines reviewed"),
            why=_("How many machines told of their security lately enough to count as reviewed."),
        ),
        show.stat(
            f"sum(district:school_posture_findings:count{{{SEVERE}}})",
            title=_("Critical findings"),
            why=_("Checks that machines fail, each of which alone lets an attacker in."),
            steps=look.NONE_IS_GOOD,
        ),
        show.stat(
            f"count(group by (unit) ({PORTS} == 1)) or count({PORTS}) * 0",
            title=_("Routers open to the Internet"),
            why=_("Their administration takes connections from anywhere; only of units that asked to be looked at."),
            steps=look.NONE_IS_GOOD,
            empty=_("nobody asked to be looked at"),
        ),
        show.stat(
            f"{_units('met')} / ({_units('met|unmet')} > 0)",
            title=_("Share that meets row R8"),
            why=_("Of the units that could be judged: reviewed lately, without critical findings or incidents."),
            unit="percentunit",
            steps=look.OF_ALL,
        ),
    ]


def _units(states: str) -> str:
    """How many units are in one of the states of row R8."""
    return f'sum(district:row_units:count{{{WHERE}, row="R8", state=~"{states}"}})'


def _incidents(_: Words, show: Panels) -> Panel:
    active = f"unit:school_incident_kind:active{{{WHERE}}}"
    return show.table(
        {
            "since": f"unit:school_incident_kind:since_timestamp_seconds{{{WHERE}}} * 1000 {NAMED}",
            "seen": f"max by (unit, kind, severity) ({active} > bool 0)",
        },
        [
            *parts.named(_),
            Column("kind", _("Incident"), looks=names.incidents(_)),
            Column("severity", _("Severity"), looks=names.severities(_), width=120),
            Column("since", _("Since"), "dateTimeFromNow", width=150),
            Column("seen", _("Still seen"), looks=_seen(_), width=130),
        ],
        sort="severity",
        title=_("Incidents that go on"),
        why=_("Whom to call now. Where the agent that saw it is silent, nobody can say whether it is over."),
        empty=_("none that is known of"),
        width=16,
    )


def _seen(_: Words) -> dict[str, Look]:
    return {"1": Look(_("yes"), look.BAD), "0": Look(_("not known"), look.UNKNOWN)}


def _incidents_over_time(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{severity}}": f"sum by (severity) (district:school_incidents:sampled{{{WHERE}}})"},
        title=_("Incidents over time"),
        why=_("Many schools at once are rather one piece of malware than many attackers."),
        least=0,
        looks=names.severities(_),
        width=8,
        height=9,
    )


def _checks(_: Words, show: Panels) -> Panel:
    title, remedy = f"title_{_.language}", f"remedy_{_.language}"
    failing = f"topk({SHOWN}, sum by (check, severity) (district:school_posture_finding:machines{{{WHERE}}}))"
    texts = f"group by (check, {title}, {remedy}) (haidang_posture_check_info)"
    return show.table(
        {"machines": f"{failing} * on (check) group_left ({title}, {remedy}) {texts} or on (check) {failing}"},
        [
            Column("check", _("Check"), width=190),
            Column(title, _("What must be so")),
            Column("severity", _("Severity"), looks=names.severities(_), width=120),
            Column("machines", _("Machines that fail it"), width=150),
            Column(remedy, _("What to do")),
        ],
        sort="-machines",
        title=_("What most machines fail"),
        why=_("One letter to all schools mends more than a visit to each."),
        empty=_("no machine was reviewed, or none fails anything"),
        height=10,
    )


def _ages(_: Words, show: Panels) -> Panel:
    ages = {
        "week": Look(_("up to 7 days"), look.SKY),
        "month": Look(_("up to 30 days"), look.WARN),
        "older": Look(_("older"), look.BAD),
    }
    return show.stacks(
        f"district:school_findings_open:count{{{WHERE}}}",
        by="district",
        split="age",
        title=_("Open findings by age"),
        why=_("Row R8 asks that weaknesses are mended: what is older than a month was seen and left."),
        looks=ages,
        empty=_("none that is known of"),
    )


def _findings_over_time(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{severity}}": f"sum by (severity) (district:school_posture_findings:count{{{WHERE}}})"},
        title=_("Findings over time"),
        why=_("A rise after a season of updates is machines that nobody switches on; a steady one is work undone."),
        least=0,
        looks=names.severities(_),
        height=10,
    )


def _worst(_: Words, show: Panels) -> Panel:
    worst = f"topk({SHOWN}, {CRITICAL} > 0)"
    return show.table(
        {
            "critical": f"{worst} {NAMED}",
            "grown": f'max by (unit) (unit:school_posture_findings:delta{{severity="critical", window="7d"}}'
            f" and on (unit) {worst})",
            "warning": f'max by (unit) (unit:school_posture_findings:count{{severity="warning"}}'
            f" and on (unit) {worst})",
            "machines": f"max by (unit) ({REVIEWED} and on (unit) {worst})",
        },
        [
            *parts.named(_),
            Column("critical", _("Critical"), "none", 0, look.NONE_IS_GOOD, width=110),
            Column("grown", _("More than a week ago"), "none", 0, look.NONE_IS_BEST, width=160),
            Column("warning", _("Warnings"), width=110),
            Column("machines", _("Machines reviewed"), width=150),
        ],
        sort="-critical",
        title=_("Units with most critical findings"),
        why=_("Where a visit mends most. The unit's page says what each finding is and how to mend it."),
        empty=_("none that is known of"),
    )


def _websites(_: Words, show: Panels) -> Panel:
    return show.table(
        {"findings": f"topk({SHOWN}, unit:school_website_findings:count{{{SEVERE}}} > 0) {NAMED}"},
        [*parts.named(_), Column("findings", _("Critical findings"), "none", 0, look.NONE_IS_GOOD, width=130)],
        sort="-findings",
        title=_("Websites with critical findings"),
        why=_("Parents type their data into them."),
        empty=_("none that is known of"),
        width=9,
    )


def _ports(_: Words, show: Panels) -> Panel:
    return show.table(
        {"open": f"({PORTS} == 1) {NAMED}"},
        [*parts.named(_), Column("port", _("TCP port"), width=100)],
        title=_("Administration open to the Internet"),
        why=_("Close it today: such ports are found by anybody within hours."),
        empty=_("none that is known of"),
        width=9,
    )


def _servers(_: Words, show: Panels) -> Panel:
    states = {
        "working": Look(_("working"), look.GOOD),
        "silent": Look(_("silent"), look.BAD),
        "unsafe": Look(_("unsafe"), look.WARN),
        "unknown": Look(_("not known"), look.UNKNOWN),
    }
    return show.bars(
        {"{{state}}": f"sum by (state) (unit:school_servers:count{{{WHERE}}})"},
        title=_("Servers"),
        why=_("Row R14: silent ones are down or cut off, unsafe ones have critical findings."),
        looks=states,
        width=6,
        height=9,
        empty=_("no machine is known as a server"),
    )


def _blind(_: Words, show: Panels) -> Panel:
    since = f"agent:haidang_lan_watch:blind_since_timestamp_seconds{{{WHERE}}}"
    return show.table(
        {"blind": f"topk({SHOWN}, time() - {since}) {NAMED}"},
        [
            *parts.named(_),
            Column("agent", _("Agent"), width=220),
            Column("check", _("Cannot look at"), width=180),
            Column("blind", _("For"), "s", 0, width=120),
        ],
        sort="-blind",
        title=_("Watches that cannot look"),
        why=_("A watch that sees nothing looks like a quiet network."),
        empty=_("none that is known of"),
    )
