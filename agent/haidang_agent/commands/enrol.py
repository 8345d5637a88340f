"""Exchange a unit's token for this machine's own identity."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.centre import PIN
from haidang_agent.config import config_path, load
from haidang_agent.enrol import EnrolError, enrol
from haidang_agent.options import add_config_argument, add_json_argument
from haidang_agent.tables import Server

if TYPE_CHECKING:
    import argparse

EXAMPLES = """examples:
  haidang-agent enrol --server https://collector.example:8080 --ca ca.pem --token-file token.txt
  HAIDANG_TOKEN=… haidang-agent enrol --server https://collector.example:8080

The token comes from your district or department. In a file or in HAIDANG_TOKEN no other user sees it."""


RESTART = "haidang-agent service start" if sys.platform == "win32" else "systemctl restart haidang-agent"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", metavar="URL", help="the collector (default: [server] url of agent.toml)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--token", metavar="T", help="the token itself")
    source.add_argument("--token-file", metavar="FILE", help="a file with the token; - for standard input")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="the department's CA, PEM (default: [server] ca)")
    parser.add_argument(
        "--pin",
        action="append",
        default=[],
        metavar="sha256:…",
        help="trust this certificate of the collector's only; may be given again (default: [server] pins)",
    )
    parser.add_argument(
        "--relay",
        metavar="URL",
        help="the site agent to go through, as http://192.168.1.10:9196 (default: [server] relay)",
    )
    parser.add_argument(
        "--client-cert", metavar="FILE", help="shown to a proxy that asks for one, PEM (default: [server] client_cert)"
    )
    parser.add_argument("--client-key", metavar="FILE", help="its key, where that is in another file")
    parser.add_argument("--force", action="store_true", help="even if this machine has an identity already")
    add_config_argument(parser)
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    config = load(options.config, may_be_missing=True)
    url = options.server or (config.server.url if config.server else "")
    ca = options.ca or (Path(config.server.ca) if config.server and config.server.ca else None)
    pins = tuple(options.pin) or (config.server.pins if config.server else ())
    if unfit := [pin for pin in pins if not PIN.fullmatch(pin)]:
        print(f"enrol: --pin {unfit[0]}: write sha256: and 64 hexadecimal digits", file=sys.stderr)
        return 2
    relay = options.relay if options.relay is not None else config.server.relay if config.server else ""
    shown = config.server.shown if config.server else ("", "")
    if options.client_cert:
        shown = (options.client_cert, options.client_key or "")
    try:
        token = _token(options)
    except (OSError, UnicodeDecodeError) as unreadable:
        print(f"enrol: --token-file {options.token_file}: {unreadable}", file=sys.stderr)
        return 2
    if not url or not token:
        print(f"enrol: {_lacking(options) if url else '--server is missing'}; see --help", file=sys.stderr)
        return 2
    try:
        who = enrol(
            url, token, config.state_dir, config.agent.roles, ca,
            pins=pins, relay=relay, shown=shown, force=options.force,
        )  # fmt: skip
    except (EnrolError, OSError) as failed:
        print(f"enrol: {failed}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"agent": who.agent, "unit": who.unit, "problems": []}))
    else:
        print(f"{who.agent} of unit {who.unit}")
    if options.force:
        print(f"an agent that runs here still has its old identity; restart it: {RESTART}", file=sys.stderr)
    if config.server is None:
        files = [str(Path(file).absolute()) if file else "" for file in (ca, *shown)]
        _note_server(config_path(options.config), Server(url, files[0], pins, relay, *files[1:]))
    return 0


def _note_server(path: Path, server: Server) -> None:
    told = {key: value for key, value in asdict(server).items() if value}
    table = "[server]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in told.items())
    if path.exists():
        print(f"Now add to {path}:\n{table}", file=sys.stderr)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(table, encoding="utf-8")
    except OSError as failed:
        print(f"{path} cannot be written ({failed.strerror}); it has to say:\n{table}", file=sys.stderr)
        return
    print(f"{path} now names this collector", file=sys.stderr)


def _lacking(options: argparse.Namespace) -> str:
    if options.token_file:
        return f"--token-file {options.token_file}: there is no token in it"
    return "--token-file is missing"


def _token(options: argparse.Namespace) -> str:
    if options.token_file == "-":  # noqa: S105 - standard input, no password
        return sys.stdin.readline().strip()
    if options.token_file:
        return Path(options.token_file).read_text(encoding="utf-8-sig").strip()
    return str(options.token or os.environ.get("HAIDANG_TOKEN", "")).strip()
