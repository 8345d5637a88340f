"""What a router, switch, ONT or printer tells by SNMP."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.i18n import _
from haidang_agent.options import add_config_argument, add_json_argument
from haidang_agent.remote_config import load_merged
from haidang_agent.snmp.session import Limits, SnmpError
from haidang_agent.snmp.usm import AUTH, PRIV
from haidang_agent.tables import Snmp

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  haidang-agent snmp 10.20.0.1
  HAIDANG_SNMP_COMMUNITY=… haidang-agent snmp 10.20.0.1:1161 --json
  haidang-agent snmp 10.20.0.1 --user monitor --auth @/etc/haidang/auth --priv aes:…

A device that stands in agent.toml under [[snmp]] is asked as it says there; else community "public".
Exit status 1: the device does not answer, or tells something wrongly."""

VARIABLES = {field: f"HAIDANG_SNMP_{field.upper()}" for field in ("community", "user", "auth", "priv")}
PORT = 161
LAST_PORT = 65535
FINE, PROBLEM, BAD_INPUT = 0, 1, 2


class UsageError(Exception):
    """What was typed cannot be meant."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", metavar="HOST[:PORT]", help="name or address; [2001:db8::1]:161 for IPv6 with a port")
    for name, what in (
        ("community", "SNMPv2c community"),
        ("user", "SNMPv3 user"),
        ("auth", f"its authentication, {AUTH[1]} or with another word and a colon before it ({', '.join(AUTH)})"),
        ("priv", f"its encryption, {PRIV[1]} or with another word and a colon before it ({', '.join(PRIV)})"),
    ):
        parser.add_argument(f"--{name}", metavar=name.upper(), help=f"{what}; @FILE reads it; or ${VARIABLES[name]}")
    parser.add_argument("--timeout", type=float, default=1.0, metavar="SECONDS", help="first wait for an answer (1)")
    parser.add_argument("--within", type=float, default=120.0, metavar="SECONDS", help="give up after so long (120)")
    add_config_argument(parser)
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    from haidang_agent.snmp.reading import read_device  # noqa: PLC0415 - 60 ms that no other command needs
    from haidang_agent.snmp.show import show  # noqa: PLC0415

    try:
        reading = read_device(_target(options), _limits(options))
    except (UsageError, ValueError) as wrong:
        print(wrong, file=sys.stderr)
        return BAD_INPUT
    except SnmpError as failed:
        print(failed, file=sys.stderr)
        return PROBLEM
    if options.json:
        print(json.dumps(reading.as_json(), ensure_ascii=False))
    else:
        print("\n".join(show(reading)))
    for problem in reading.problems:
        print(_("Told wrongly: {problem}").format(problem=problem), file=sys.stderr)
    return PROBLEM if reading.problems else FINE


def _limits(options: argparse.Namespace) -> Limits:
    if not (options.timeout > 0 and options.within > 0):
        raise UsageError("--timeout and --within must be above 0")
    return Limits(answer_seconds=options.timeout, total_seconds=options.within)


def _target(options: argparse.Namespace) -> Snmp:
    host, port = _place(options.host)
    given = {name: _given(options, name) for name in VARIABLES}
    if not given["community"] and not given["user"]:
        for known in load_merged(options.config).snmp:
            if known.host == host and port in (None, known.port):
                return known
    port = port or PORT
    if given["user"]:
        if given["priv"] and not given["auth"]:
            raise UsageError("--priv needs --auth")
        return Snmp(host, port, "3", user=given["user"], auth=given["auth"], priv=given["priv"])
    if given["auth"] or given["priv"]:
        raise UsageError("--auth and --priv need --user")
    return Snmp(host, port, community=given["community"] or "public")


def _given(options: argparse.Namespace, name: str) -> str:
    value: str | None = getattr(options, name)
    if value is None:
        return os.environ.get(VARIABLES[name], "")
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as unreadable:
        raise UsageError(f"--{name} {value}: cannot be read: {unreadable}") from unreadable


def _place(text: str) -> tuple[str, int | None]:
    """Host, and the port where one is given."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise UsageError(f"{text!r}: write as [2001:db8::1]:161")
        port = rest[1:]
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _colon, port = text.partition(":")
    if not host:
        raise UsageError(f"{text!r}: has no host")
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= LAST_PORT):
        raise UsageError(f"{text!r}: {port!r} is no port")
    return host, int(port)
