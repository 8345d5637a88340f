"""Findings for a person and for a program: the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haidang_agent.i18n import N_, _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from haidang_agent.posture.check import Finding

STATES = {"fail": N_("FAILS"), "unread": N_("NOT READ"), "pass": N_("passes")}
"""The most urgent first."""
SEVERITIES = {"critical": N_("CRITICAL"), "warning": N_("WARNING"), "info": N_("INFORMATION")}
"""The worst first."""
COLOURS = {"fail": "\x1b[31;1m", "unread": "\x1b[33m", "pass": "\x1b[34m"}


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    states, severities = list(STATES), list(SEVERITIES)
    return sorted(findings, key=lambda each: (states.index(each.state), severities.index(each.check.severity)))


def problems_of(findings: Iterable[Finding]) -> list[str]:
    """Titles of what fails and is worse than information."""
    return [_(each.check.title) for each in findings if each.state == "fail" and each.check.severity != "info"]


def as_json(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check.id,
        "severity": finding.check.severity,
        "state": finding.state,
        "found": finding.found,
        "remedy": _(finding.check.remedy) if finding.state == "fail" else "",
        "title": _(finding.check.title),
        "source": finding.check.source,
    }


def table(findings: Sequence[Finding], *, explain: bool, colour: bool) -> Iterator[str]:
    """Lines; `explain` adds who asks for each check, and the remedies of all."""
    sign: Callable[[str], str] = (lambda state: f"{COLOURS[state]}{_(STATES[state])}\x1b[0m") if colour else _word
    for finding in findings:
        severity = f"{_(SEVERITIES[finding.check.severity])}, " if finding.state == "fail" else ""
        yield f"{sign(finding.state)}  {_(finding.check.title)}"
        yield f"    {severity}{finding.check.id}: {finding.found}"
        if finding.state == "fail" or explain:
            yield f"    → {_(finding.check.remedy)}"
        if explain:
            yield "    " + _("asked for by: {source}").format(source=finding.check.source)
    count = {state: sum(finding.state == state for finding in findings) for state in STATES}
    yield "\n" + _("{fail} fail, {unread} could not be read, {passed} pass").format(passed=count.pop("pass"), **count)


def _word(state: str) -> str:
    return _(STATES[state])
