"""How the agent that runs on this machine fares."""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

from haidang_agent import credentials, remote_config
from haidang_agent.config import load
from haidang_agent.i18n import _
from haidang_agent.options import add_config_argument, add_json_argument

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  haidang-agent status
  haidang-agent status --json

Exit status 1: no agent runs, or one of its probes fails."""

SAMPLE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ASK_SECONDS = 5.0

Samples = dict[str, dict[tuple[str, ...], float]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_argument(parser)
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    local = load(options.config)
    config = load(options.config, remote_config.cached(local.state_dir)[0])
    who = credentials.load(config.state_dir)
    rows: list[dict[str, Any]] = [
        {"what": "agent", "value": who.agent if who and who.agent else None},
        {"what": "unit", "value": who.unit if who and who.unit else None},
        {"what": "collector", "value": config.server.url if config.server else None},
    ]
    problems = []
    try:
        rows += _measured(_ask(config.agent.listen))
    except OSError as failed:
        problems.append(_("no agent answers on {listen}: {why}; start it with: haidang-agent run").format(
            listen=config.agent.listen, why=failed))  # fmt: skip
    problems += [
        _("probe {name} fails: see haidang-agent doctor").format(name=row["what"].removeprefix("probe "))
        for row in rows
        if row["what"].startswith("probe ") and row["value"] == 0
    ]
    if options.json:
        print(json.dumps({"status": rows, "problems": problems}, ensure_ascii=False))
    else:
        unknown = _("unknown")
        for row in rows:
            print(f"{row['what']:<28} {unknown if row['value'] is None else row['value']}")
        for problem in problems:
            print(problem, file=sys.stderr)
    return int(bool(problems))


def _ask(listen: str) -> Samples:
    """The running agent's own /metrics. Raises OSError where none answers."""
    if not listen:
        raise ConnectionRefusedError(_("[agent] listen is empty"))
    with urllib.request.urlopen(f"http://{listen}/metrics", timeout=ASK_SECONDS) as answer:
        text = answer.read().decode()
    samples: Samples = {}
    for line in text.splitlines():
        if match := SAMPLE.fullmatch(line):
            labels = tuple(value for _name, value in LABEL.findall(match["labels"] or ""))
            samples.setdefault(match["name"], {})[labels] = float(match["value"])
    return samples


def _measured(samples: Samples) -> list[dict[str, Any]]:
    named = {
        "snapshots waiting": "haidang_outbox_snapshots",
        "outbox bytes": "haidang_outbox_bytes",
        "outbox writable": "haidang_outbox_writable",
        "clock ahead, seconds": "haidang_clock_offset_seconds",
    }
    rows: list[dict[str, Any]] = [
        {"what": what, "value": samples.get(name, {}).get(())} for what, name in named.items()
    ]
    dropped = samples.get("haidang_outbox_dropped_total", {})
    rows += [{"what": f"snapshots lost: {reason}", "value": number} for (reason,), number in dropped.items() if number]
    answers = samples.get("haidang_push_requests_total", {})
    rows += [{"what": f"pushes answered {answer}", "value": number} for (answer,), number in answers.items()]
    probes = samples.get("haidang_probe_success", {})
    rows += [{"what": f"probe {name}", "value": value} for (name,), value in probes.items()]
    return rows
