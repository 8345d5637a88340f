"""Attacks on the school's LAN and faults of it that the running agent has found: who, when, and what to do."""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from haidang_advice.kinds import KINDS

from haidang_agent.i18n import N_, _
from haidang_agent.intrusion.report import of_agent
from haidang_agent.lanwatch.words import SEVERITY, SUBJECT
from haidang_agent.options import add_config_argument, add_json_argument
from haidang_agent.remote_config import load_merged

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from haidang_agent.intrusion.case import Case
    from haidang_agent.intrusion.report import Cases

EXAMPLES = """examples:
  haidang-agent incidents
  haidang-agent incidents --json
  haidang-agent incidents --open

Who and what stays on this machine. An incident is listed up to a quarter of a minute after it was found.
Exit status 1: an incident that is a warning or critical goes on; 2: no agent has run here."""

NOT_WATCHED = N_("this agent has not watched the network yet; what it lacks says: haidang-agent doctor")
LEFT_OUT = N_("{number} times an incident was not listed: there were too many at once")
FINE, FOUND, UNREADABLE = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--open", action="store_true", help="only those that go on")
    add_config_argument(parser)
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    state_dir = load_merged(options.config).state_dir
    try:
        cases = of_agent(state_dir)
    except (sqlite3.Error, OSError) as unreadable:
        why = _("what the agent keeps in {folder} cannot be read ({why}); has it run here?")
        print(why.format(folder=state_dir, why=unreadable), file=sys.stderr)
        return UNREADABLE
    shown = [*cases.open, *([] if options.open else reversed(cases.past))]
    if options.json:
        rows = [_as_json(case, state_dir) for case in shown]
        print(json.dumps({"incidents": rows, "problems": _problems(cases, translated=False)}, ensure_ascii=False))
    else:
        _print(shown, cases, state_dir)
        for problem in _problems(cases, translated=True):
            print(problem, file=sys.stderr)
    return FOUND if any(case.severity != "info" for case in cases.open) else FINE


def _problems(cases: Cases, *, translated: bool) -> list[str]:
    translate = _ if translated else N_
    problems = [] if cases.watched else [translate(NOT_WATCHED)]
    if cases.left_out:
        problems.append(translate(LEFT_OUT).format(number=cases.left_out))
    return problems


def _as_json(case: Case, state_dir: Path) -> dict[str, Any]:
    file = case.file(state_dir)
    return {
        "id": case.id,
        "kind": case.kind,
        "severity": case.severity,
        "first_seen": _rfc3339(case.first),
        "last_seen": _rfc3339(case.last),
        "ended": _rfc3339(case.ended) if case.ended else None,
        "subject": case.subject,
        "evidence": case.evidence.told(str),
        "file": str(file) if file else None,
    }


def _print(shown: list[Case], cases: Cases, state_dir: Path) -> None:
    print(_("{open} incidents go on, {past} are over").format(open=len(cases.open), past=len(cases.past)))
    for case in shown:
        _print_case(case, state_dir)


def _print_case(case: Case, state_dir: Path) -> None:
    words = KINDS[case.kind]
    file = case.file(state_dir)
    ended = _("over since {time}").format(time=_local(case.ended)) if case.ended else _("goes on")
    rows = [
        (_("when"), f"{_local(case.first)} … {_local(case.last)}, {ended}"),
        (_("who"), ", ".join(f"{_(SUBJECT.get(name, name))} {_(value)}" for name, value in case.subject.items())),
        (_("evidence"), case.evidence.told()),
        (_("frames"), str(file) if file else _("not kept")),
    ]
    if not case.ended:
        rows.append((_("what to do"), _(words.remedy)))
    print(f"\n{_(SEVERITY[case.severity])}  {_(words.title)}")
    width = max(len(title) for title, _text in rows)
    for title, text in rows:
        print(f"  {title:<{width}}  {text}")


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _local(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
