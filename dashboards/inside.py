"""What a school's dashboard shows of its inside: rooms, equipment, security, services, agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards import look, names
from dashboards.look import link
from dashboards.table import Column

if TYPE_CHECKING:
    from grafana_foundation_sdk.models.dashboard import Panel

    from dashboards.panels import Panels
    from dashboards.words import Words

HERE = '{unit="$unit"}'
DAY = 86_400


def computers(_: Words, show: Panels) -> list[Panel]:
    return [_levels(_, show), _rooms(_, show), _equipment(_, show)]


def security(_: Words, show: Panels) -> list[Panel]:
    incidents = show.table(
        {
            "active": f"max by (kind, severity) (unit:school_incident_kind:active{HERE})",
            "since": f"time() - max by (kind, severity) (unit:school_incident_kind:since_timestamp_seconds{HERE})",
        },
        [
            Column("severity", _("Severity"), looks=names.severities(_), width=120),
            Column("kind", _("Incident"), looks=names.incidents(_), link=link(_, "security", ["district"])),
            Column("since", _("Open for"), "s", 0, width=120),
            Column("active", _("How many (0: not known whether it goes on)"), width=200),
        ],
        sort="-since",
        title=_("Incidents open"),
        why=_("What attacks or disturbs the local network. Each kind has its remedy in the alert's message."),
        empty=_("none that is known of"),
        height=6,
    )
    return [incidents, _findings(_, show), _website(_, show)]


def services(_: Words, show: Panels) -> list[Panel]:
    checks = "unit:school_portal:state", "unit:school_mail:state"
    portal = show.table(
        {"state": " or ".join(f"max by (check) ({each}{HERE})" for each in checks)},
        [
            Column(
                "check",
                _("Portal and mail"),
                looks=names.of(_, "check"),
                link=link(_, "services", ["district"]),
            ),
            Column("state", _("State"), looks=names.yes_no(_), width=120),
        ],
        sort="check",
        title=_("Portal and mail"),
        why=_("Rows R9 and R11. What is not listed has not been looked at."),
        width=8,
        height=10,
    )
    news = show.bars(
        {"{{deadline}}": f"max by (deadline) (unit:school_news_on_time:ratio{HERE})"},
        title=_("News on time, 30 days"),
        why=_("Row R10: the share of deadlines at which the Department's news was on the school's site."),
        unit="percentunit",
        steps=look.OF_ALL,
        looks=names.of(_, "deadline"),
        most=1,
        width=6,
        height=10,
        link=link(_, "services", ["district"]),
    )
    systems = show.table(
        {"available": f"max by (service) (unit:school_service_available:ratio{HERE})"},
        [
            Column("service", _("Online system"), link=link(_, "services", ["district"])),
            Column("available", _("Usable, 1 day"), "percentunit", 0, look.OF_ALL, bar=True, most=1),
        ],
        sort="available",
        title=_("Online systems as seen from here"),
        why=_("Rows R12 and R13. A system that fails in every school is not this school's fault."),
        width=10,
        height=10,
    )
    return [portal, news, systems]


def agents(_: Words, show: Panels) -> Panel:
    return show.table(
        {
            "silence": f"max by (agent) (agent:haidang_silence:seconds{HERE})",
            "info": f"max by (agent, version, os, roles) (haidang_agent_info{HERE})",
            "findings": 'max by (agent) (agent:school_posture_findings:count{unit="$unit", severity="critical"})',
            "offset": f"max by (agent) (haidang_clock_offset_seconds{HERE})",
            "waiting": f"max by (agent) (haidang_outbox_snapshots{HERE})",
        },
        [
            Column("agent", _("Agent"), link=link(_, "system", ["district"])),
            Column("silence", _("Not heard for"), "s", 0, ((None, look.GOOD), (120, look.WARN))),
            Column("roles", _("Roles")),
            Column("os", _("System")),
            Column("version", _("Version")),
            Column("findings", _("Critical weaknesses"), "none", 0, look.NONE_IS_BEST),
            Column("offset", _("Clock is wrong by"), "s", 1, ((None, look.WARN), (-60, look.GOOD), (60, look.WARN))),
            Column("waiting", _("Snapshots waiting")),
        ],
        sort="agent",
        title=_("Machines with an agent"),
        why=_("Who measures here. Computers of rooms may be off; an agent that should always run may not."),
        height=8,
    )


def _levels(_: Words, show: Panels) -> Panel:
    limit = 'max by (level) (policy:school_limit:value{row="R4", limit="students_per_computer"})'
    return show.table(
        {
            "students": f"max by (level) (unit:school_students:count{HERE})",
            "required": f"max by (level) (school:computers_required:count{HERE})",
            "ratio": f"max by (level) (school:students_per_computer:ratio{HERE})",
            "limit": f"{limit} and on (level) unit:school_students:count{HERE}",
            "share": f"max by (level) (unit:school_students_per_computer:limit_ratio{HERE})",
        },
        [
            Column("level", _("Level"), looks=names.of(_, "level"), link=link(_, "students", ["district"])),
            Column("students", _("Students")),
            Column("required", _("Computers required")),
            Column("ratio", _("Students per computer"), "none", 1),
            Column("limit", _("At most")),
            Column("share", _("Share of the limit"), "percentunit", 0, look.OF_LIMIT),
        ],
        sort="level",
        title=_("Students per computer"),
        why=_("Row R4, with this school's own numbers and the limits in force."),
        width=12,
        height=5,
    )


def _rooms(_: Words, show: Panels) -> Panel:
    reached, judged = (f"unit:school_lab_{each}:timestamp_seconds{HERE}" for each in ("reached", "judged"))
    return show.table(
        {
            "computers": f"max by (lab, level, source) (unit:school_lab_computers:count{HERE})",
            "declared": f"max by (lab) (unit:school_declared_lab_computers:count{HERE})",
            "seen": f"max by (lab) (unit:school_lab_seen:count{HERE})",
            "internet": f"max by (lab) ({reached} >= bool {judged} - {DAY} or {judged} * 0)",
        },
        [
            Column("lab", _("Room"), link=link(_, "students", ["district"])),
            Column("level", _("Level"), looks=names.of(_, "level")),
            Column("computers", _("Computers")),
            Column("source", _("known by"), looks=names.of(_, "source")),
            Column("declared", _("declared")),
            Column("seen", _("seen in 30 days")),
            Column("internet", _("on the Internet"), looks=names.yes_no(_)),
        ],
        sort="lab",
        title=_("Computer rooms"),
        why=_("Rows R3 and R4. Fewer seen than declared: switched off for 30 days, gone, or behind another router."),
        empty=_("No room is registered, and no agent tells of one."),
        width=12,
        height=6,
    )


def _equipment(_: Words, show: Panels) -> Panel:
    found = 'max by (kind) (unit:school_equipment:count{unit="$unit", source="%s"})'
    return show.table(
        {
            **{source: found % source for source in ("agent", "network", "declared")},
            "missing": f"max by (kind) (school:equipment_missing{HERE})",
        },
        [
            Column("kind", _("Equipment"), looks=names.of(_, "kind"), link=link(_, "district", ["district"])),
            Column("agent", _("counted by agents")),
            Column("network", _("seen on the network")),
            Column("declared", _("declared")),
            Column("missing", _("missing (R5)"), "none", 0, look.NONE_IS_BEST),
        ],
        sort="kind",
        title=_("Equipment"),
        why=_("Rows R5 and R7. The three counts may be of the same device, so they are never added up."),
        width=12,
        height=6,
    )


def _findings(_: Words, show: Panels) -> Panel:
    machines = f"max by (check, severity) (unit:school_posture_finding:machines{HERE})"
    since = f"max by (check, severity) (time() - unit:school_posture_finding:since_timestamp_seconds{HERE})"
    return show.table(
        {"machines": _explained(machines), "since": since},
        _finding(_, Column("machines", _("Machines"), width=100)),
        sort="-since",
        title=_("Weaknesses of machines, and what to do"),
        why=_("Row R8. What has stood longest is at the top; mend the critical ones first."),
        empty=_("none that is known of"),
        height=10,
    )


def _website(_: Words, show: Panels) -> Panel:
    since = f"max by (check, severity) (time() - unit:school_website_finding:since_timestamp_seconds{HERE})"
    return show.table(
        {"since": _explained(since)},
        _finding(_),
        sort="-since",
        title=_("Weaknesses of the website, and what to do"),
        why=_("Row R8: what anybody on the Internet can see of how the school's website is set up."),
        empty=_("none that is known of"),
        height=6,
    )


def _explained(findings: str) -> str:
    """With what each check asks for and what to do, as the collector tells."""
    texts = "title_vi, title_en, remedy_vi, remedy_en"
    return f"{findings} * on (check) group_left ({texts}) centre:posture_check:info"


def _finding(_: Words, *more: Column) -> list[Column]:
    return [
        Column("severity", _("Severity"), looks=names.severities(_), width=110),
        Column(f"title_{_.language}", _("What is not so"), link=link(_, "security", ["district"])),
        Column(f"remedy_{_.language}", _("What to do")),
        *more,
        Column("since", _("Open for"), "s", 0, ((None, look.WARN), (30 * DAY, look.BAD)), width=110),
    ]
