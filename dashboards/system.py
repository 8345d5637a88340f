"""The system itself: whether what the other dashboards show can be believed."""

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
AGENTS = f"district:haidang_agents:count{{{WHERE}}}"
SHOWN = 20
HOUR = 3600
WAITING: look.Steps = ((None, look.GOOD), (HOUR, look.WARN), (24 * HOUR, look.BAD))
"""Age of the oldest snapshot that waits."""
FREE: look.Steps = ((None, look.BAD), (0.05, look.WARN), (0.35, look.GOOD))
"""As `StoreFull` and `StoreFilling` have it."""
BUSY: look.Steps = ((None, look.GOOD), (0.5, look.WARN), (0.9, look.BAD))
"""Of a rule group's interval that its evaluation takes."""
FULL: look.Steps = ((None, look.GOOD), (0.5, look.WARN), (0.8, look.BAD))
ANSWER: look.Steps = ((None, look.GOOD), (1, look.WARN), (5, look.BAD))
"""Seconds of a write request."""


def build(_: Words) -> Dashboard:
    show = Panels(_)
    return page(
        _,
        "system",
        title=_("The system itself"),
        why=_(
            "For whoever runs Hải Đăng: whether agents report, the centre keeps up, and rules are evaluated in time."
        ),
        variables=[district(_, all_of_them=True)],
        panels=[
            Row(_("Agents")),
            *_numbers(_, show),
            _agents_over_time(_, show),
            _versions(_, show),
            _silent(_, show),
            _failing(_, show),
            Row(_("Data on its way")),
            _backlog(_, show),
            _oldest(_, show),
            _at_relays(_, show),
            _fullest_relay(_, show),
            Row(_("The centre (seen with the whole city's data only)")),
            _requests(_, show),
            _times(_, show),
            _samples(_, show),
            _series(_, show),
            *_store(_, show),
            _rules(_, show),
            _alerts(_, show),
        ],
    )


def _numbers(_: Words, show: Panels) -> list[Panel]:
    known = f"sum({AGENTS})"
    agents = f'sum(district:haidang_agents:count{{{WHERE}, state="%s"}}) or {known} * 0'
    losing = f'count(ALERTS{{alertstate="firing", alertname="AgentLosesData", district=~"$district"}}) or {known} * 0'
    figures = [
        (agents % "heard", _("Agents heard"), _("They pushed within the last 40 seconds."), look.PLAIN),
        (agents % "silent", _("Agents silent"),
         _("They are to be heard day and night and are not: nobody knows what happens there."), look.NONE_IS_GOOD),
        (agents % "off", _("Agents switched off"),
         _("Computers that are switched off, or said goodbye: no trouble in itself."), look.PLAIN),
        (agents % "never", _("Agents never heard"),
         _("Enrolled and never heard: an installation that was not finished."), look.NONE_IS_BEST),
        (f"sum(district:haidang_outbox:snapshots{{{WHERE}}})", _("Snapshots waiting"),
         _("In the outboxes of all agents that tell. Nothing is lost while they wait; figures are late."), look.PLAIN),
        (losing, _("Agents that lose data"),
         _("Their outbox is full or their disk refuses: some measurements will never arrive."), look.NONE_IS_GOOD),
    ]  # fmt: skip
    return [show.stat(expr, title=title, why=why, steps=steps) for expr, title, why, steps in figures]


def _states(_: Words) -> dict[str, Look]:
    return {
        "heard": Look(_("heard"), look.GOOD),
        "silent": Look(_("silent"), look.BAD),
        "off": Look(_("switched off"), look.SKY),
        "never": Look(_("never heard"), look.UNKNOWN),
    }


def _agents_over_time(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{state}}": f"sum by (state) ({AGENTS})"},
        title=_("Agents over time"),
        why=_("All silent at once is the centre's own line or machine, not the schools'."),
        least=0,
        looks=_states(_),
    )


def _versions(_: Words, show: Panels) -> Panel:
    return show.stacks(
        f"district:haidang_agent_versions:count{{{WHERE}}}",
        by="version",
        split="os",
        title=_("Agents that are heard, by version"),
        why=_("Old versions lack checks and mends: bring them up before looking for other causes."),
        looks={"linux": Look("Linux", look.BLUE), "windows": Look("Windows", look.ORANGE)},
        height=8,
    )


def _silent(_: Words, show: Panels) -> Panel:
    silent = f"unit:haidang_silent_agents:count{{{WHERE}}}"
    longest = f"topk({SHOWN}, unit:haidang_silence:seconds{{{WHERE}}} and on (unit) {silent})"
    return show.table(
        {"silence": f"{longest} {NAMED}", "agents": f"max by (unit) ({silent} and on (unit) {longest})"},
        [
            *parts.named(_),
            Column("agents", _("Silent agents"), width=130),
            Column("silence", _("Silent for"), "s", 0, width=130),
        ],
        sort="-silence",
        title=_("Units that are not heard"),
        why=_("The shortest silence of a unit's agents: with several, the one that was heard last."),
        empty=_("none that is known of"),
        width=14,
    )


def _failing(_: Words, show: Panels) -> Panel:
    return show.bars(
        {"{{probe}}": f"sum by (probe) (district:haidang_probe_failures:count{{{WHERE}}})"},
        title=_("Probes that fail, by agents"),
        why=_("What an agent can't measure is unknown in every figure: haidang-agent doctor says why."),
        steps=((None, look.ORANGE),),
        empty=_("none that is known of"),
        width=10,
        height=9,
    )


def _backlog(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{district}}": f"district:haidang_outbox:snapshots{{{WHERE}}}"},
        title=_("Snapshots that wait to be sent"),
        why=_("A hill after an outage is right, and must go down again; a plateau is a centre that does not keep up."),
        least=0,
    )


def _oldest(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{district}}": f"district:haidang_outbox_oldest:age_seconds{{{WHERE}}}"},
        title=_("Age of the oldest snapshot that waits"),
        why=_("How late the newest figures of the slowest agent of each district are."),
        unit="s",
        steps=WAITING,
        least=0,
    )


def _at_relays(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{district}}": f"district:haidang_relay:frames{{{WHERE}}}"},
        title=_("Measurements kept at relays"),
        why=_(
            "Of computers that do not reach the Internet, while the centre is away: each is one push of one of them."
        ),
        least=0,
        empty=_("no relay tells"),
    )


def _fullest_relay(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{district}}": f"district:haidang_relay_used:ratio{{{WHERE}}}"},
        title=_("Room used at the fullest relay"),
        why=_("When it is full, the computers keep their measurements themselves."),
        unit="percentunit",
        steps=FULL,
        least=0,
        most=1,
        empty=_("no relay tells"),
    )


def _requests(_: Words, show: Panels) -> Panel:
    return show.lines(
        {"{{status}}": "centre:haidang_ingest_requests:rate"},
        title=_("Write requests a second, by answer"),
        why=_("2xx is stored; 401 is an agent that was revoked, 429 and 503 come again later, 400 never will."),
        unit="reqps",
        least=0,
    )


def _times(_: Words, show: Panels) -> Panel:
    looks = {"answer": Look(_("whole answer"), look.BLUE), "store": Look(_("the store's part"), look.ORANGE)}
    return show.lines(
        {"{{part}}": "centre:haidang_ingest_seconds:p95"},
        title=_("Time of a write request (95 of 100 are faster)"),
        why=_("Whether the collector or the store is slow."),
        unit="s",
        steps=ANSWER,
        least=0,
        looks=looks,
    )


def _samples(_: Words, show: Panels) -> Panel:
    return show.lines(
        "centre:haidang_ingest_samples:rate",
        title=_("Samples a second from agents"),
        why=_("What the machine was bought for: compare it with docs/operations before more schools come."),
        unit="cps",
        least=0,
        width=8,
    )


def _series(_: Words, show: Panels) -> Panel:
    return show.lines(
        "centre:prometheus_series:count",
        title=_("Series in the store's memory"),
        why=_("Memory grows with it. A jump is a label that takes too many values."),
        least=0,
        width=8,
    )


def _store(_: Words, show: Panels) -> list[Panel]:
    return [
        show.stat(
            "centre:prometheus_rules_missed:increase",
            title=_("Evaluations missed in an hour"),
            why=_("Rules that were not evaluated when they were due: alerts may have come late, or not at all."),
            decimals=0,
            steps=look.NONE_IS_GOOD,
            height=4,
        ),
        show.stat(
            "centre:prometheus_blocks:bytes",
            title=_("Disk of the store"),
            why=_("Without the last hours, which are still in memory. It levels off at the time that data are kept."),
            unit="bytes",
            decimals=1,
            height=4,
        ),
        show.stat(
            "centre:haidang_store_free:ratio",
            title=_("Free on the store's disk"),
            why=_("Empty where the collector is not told the store's folder (HAIDANG_STORE_FOLDER)."),
            unit="percentunit",
            decimals=0,
            steps=FREE,
            height=4,
        ),
    ]


def _alerts(_: Words, show: Panels) -> Panel:
    firing = 'ALERTS{alertstate="firing", severity=~"critical|warning|info", district=~"$district"}'
    return show.table(
        {"units": f"topk({SHOWN}, count by (alertname, severity) ({firing}))"},
        [
            Column("alertname", _("Alert")),
            Column("severity", _("Severity"), looks=names.severities(_), width=120),
            Column("units", _("How many"), width=110),
        ],
        sort="-units",
        title=_("Alerts that fire now"),
        why=_("An alert that fires everywhere tells nobody anything: mend its cause, or its limit in the policy."),
        width=12,
        empty=_("none that is known of"),
    )


def _rules(_: Words, show: Panels) -> Panel:
    return show.bars(
        {"{{group}}": "topk(10, centre:prometheus_rules:ratio)"},
        title=_("Rule groups: time taken, of their interval"),
        why=_("Near 100 % alerts come late. Ten groups that take most."),
        unit="percentunit",
        decimals=1,
        steps=BUSY,
        most=1,
        width=8,
    )
