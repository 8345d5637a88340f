"""`doctor --send`: the checks and their states, for the unit's page. No text that a check found leaves the school."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haidang_agent import __version__, credentials
from haidang_agent.centre import Centre, UnreachableError
from haidang_agent.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from haidang_agent.config import Config
    from haidang_agent.finding import Finding

NO_CONTENT = 204


class NotSentError(Exception):
    """The centre did not take it; the text says why."""


def report_of(findings: Iterable[Finding]) -> dict[str, Any]:
    """All that is sent: this agent's version, and of each check its name, state, case and probe."""
    checks = [{"check": each.check, "state": each.state, "case": each.case, "probe": each.probe} for each in findings]
    return {"version": __version__, "checks": checks}


def send(config: Config, report: dict[str, Any]) -> None:
    """Raises NotSentError, CredentialsError."""
    who = credentials.load(config.state_dir)
    if config.server is None or who is None or not who.agent:
        raise NotSentError(_("this machine is not enrolled"))
    centre = Centre.of(config.server, who.bearer)
    try:
        answer = centre.tell_doctor(report)
    except UnreachableError as failed:
        raise NotSentError(str(failed)) from failed
    finally:
        centre.close()
    if answer.status != NO_CONTENT:
        raise NotSentError(f"{answer.status} {answer.text}".rstrip())
