"""Look through a capture file for attacks and faults of a LAN."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from haidang_advice.kinds import KINDS

from haidang_agent.i18n import _
from haidang_agent.lanwatch.analyse import TELL_EVERY, analyse
from haidang_agent.lanwatch.pcap import NotACaptureError
from haidang_agent.lanwatch.words import SEVERITY, SUBJECT
from haidang_agent.options import add_json_argument

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from haidang_agent.lanwatch.analyse import Analysis
    from haidang_agent.lanwatch.incident import Incident

EXAMPLES = """examples:
  haidang-agent analyse lab-1.pcap
  haidang-agent analyse --json lab-1.pcapng
  tcpdump -i eth0 -w - -c 10000 | haidang-agent analyse -

Exit status 1: an incident that is a warning or critical was found; 2: not a capture file."""

FINE, FOUND, UNREADABLE = 0, 1, 2
CLEAR_LINE = "\r\x1b[K"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="pcap or pcapng, - for standard input")
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    try:
        with _opened(options.file) as stream:
            result = analyse(stream, _tell)
    except NotACaptureError as strange:
        why = _("neither pcap nor pcapng (it begins with {bytes})").format(bytes=strange)
        print(f"{options.file}: {why}", file=sys.stderr)
        return UNREADABLE
    except OSError as failed:
        print(f"{options.file}: {failed.strerror or failed}", file=sys.stderr)
        return UNREADABLE
    if result.packets >= TELL_EVERY and sys.stderr.isatty():
        print(CLEAR_LINE, end="", file=sys.stderr)
    if options.json:
        print(json.dumps(_as_json(result), ensure_ascii=False))
    else:
        _print_table(result)
        for problem in result.problems.told(translated=True):
            print(problem, file=sys.stderr)
    return FOUND if any(incident.severity != "info" for incident in result.incidents) else FINE


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as stream:
        yield stream


def _tell(packets: int) -> None:
    """On a terminal only, and only for captures that take a while."""
    if sys.stderr.isatty():
        print("\r" + _("{packets} packets …").format(packets=packets), end="", file=sys.stderr, flush=True)


def _as_json(result: Analysis) -> dict[str, Any]:
    return {
        "packets": result.packets,
        "incidents": [
            {
                "kind": incident.kind,
                "severity": incident.severity,
                "first_seen": _rfc3339(incident.first_seen),
                "last_seen": _rfc3339(incident.last_seen),
                "subject": incident.subject,
                "packet": incident.packet,
                "evidence": incident.evidence.told(str),
            }
            for incident in result.incidents
        ],
        "dhcp_servers": result.dhcp_servers,
        "problems": result.problems.told(translated=False),
    }


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _print_table(result: Analysis) -> None:
    print(_("{packets} packets, {incidents} incidents").format(packets=result.packets, incidents=len(result.incidents)))
    for incident in result.incidents:
        _print_incident(incident)
    if result.dhcp_servers:
        print("\n" + _("DHCP servers that answered"))
    for server in result.dhcp_servers:
        vlan = f"  VLAN {server['vlan']}" if "vlan" in server else ""
        print(f"  {server['ip']:<15}  {server['mac']}  {server['offers']} OFFER  {server['acks']} ACK{vlan}")


def _print_incident(incident: Incident) -> None:
    words = KINDS[incident.kind]
    rows = (
        (_("when"), f"{_local(incident.first_seen)} … {_local(incident.last_seen)}"),
        (_("packet"), str(incident.packet)),
        (_("who"), ", ".join(f"{_(SUBJECT[name])} {_(value)}" for name, value in incident.subject.items())),
        (_("evidence"), incident.evidence.told()),
        (_("what to do"), _(words.remedy)),
    )
    print(f"\n{_(SEVERITY[incident.severity])}  {_(words.title)}")
    width = max(len(title) for title, _text in rows)
    for title, text in rows:
        print(f"  {title:<{width}}  {text}")


def _local(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
