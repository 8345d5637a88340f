"""Write what waits in the outbox to a file, to carry to the centre while the link is down."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent import credentials, outbox_export
from haidang_agent.commands.enrol import RESTART
from haidang_agent.kept_file import UNIT
from haidang_agent.options import add_config_argument, add_json_argument
from haidang_agent.outbox import Outbox, OutboxError
from haidang_agent.relay.carried import Carried
from haidang_agent.relay.custody import Custody
from haidang_agent.relay.custody_file import FILE
from haidang_agent.remote_config import load_merged

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from haidang_agent.outbox_export import Exported

EXAMPLES = """examples:
  haidang-agent export /media/usb/school.haidang
  haidang-agent export /media/usb/school.haidang --trust-clock

At the centre: haidang import school.haidang
Everything stays in the outbox until the centre says that it has it: a stick may be lost, and a file imported twice.
The agent may be running. Run this as its user or as root.
What a relay keeps for other agents is in the file too, as they sealed it.
Exit status 1: nothing was there to export, not all of it fits into one file, or it could not be read or written."""

DAY = "%Y-%m-%d %H:%M"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="is made; must not be there yet")
    parser.add_argument(
        "--trust-clock",
        action="store_true",
        help="this machine's clock was right since its last contact: what was measured after a restart gets its time",
    )
    add_config_argument(parser)
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    config = load_merged(options.config)
    who = credentials.load(config.state_dir)
    path = config.state_dir / "outbox.db"
    if who is None or not who.agent or not path.exists():
        print("export: no enrolled agent has run on this machine; see haidang-agent enrol --help", file=sys.stderr)
        return 2
    if options.file.exists():
        print(f"export: {options.file} is there already; name another file", file=sys.stderr)
        return 2
    outbox = Outbox(path, max_bytes=config.agent.outbox_max_mb << 20, max_age_seconds=config.agent.outbox_max_age)
    try:
        unit = outbox.note(UNIT)
        if unit not in (None, who.unit):
            print(
                f"export: what waits here was measured for {unit}, and this machine is enrolled for {who.unit} now; "
                f"restart the agent, which sets that aside, then export again: {RESTART}",
                file=sys.stderr,
            )
            return 2
        if options.trust_clock:
            outbox_export.trust_clock(outbox)
        with _in_custody(config.state_dir / FILE) as others:
            done = _write(outbox, who, others, options.file)
    except (OutboxError, OSError) as failed:
        print(f"export: {failed}", file=sys.stderr)
        return 1
    finally:
        outbox.close()
    problems = [*_left(done), *_untimed(done), *_left_of_others(others)]
    if done.snapshots or done.others:
        problems += _sync(options.file.parent)
    if options.json:
        agents, left = (len(others.agents), others.left) if others else (0, 0)
        told = done._asdict() | {"other_agents": agents, "others_left": left}
        print(json.dumps({"export": told, "problems": problems}))
    else:
        print(_summary(options.file, done, others))
    for problem in problems:
        print(f"export: {problem}", file=sys.stderr)
    return int(not (done.snapshots or done.others) or done.left > 0 or (others is not None and others.is_partial))


@contextmanager
def _in_custody(path: Path) -> Iterator[Carried | None]:
    """Of a machine that is or was a relay."""
    if not path.exists():
        yield None
        return
    with closing(Custody(path, 0)) as kept:
        yield Carried(kept)


def _write(outbox: Outbox, who: credentials.Credentials, others: Carried | None, path: Path) -> Exported:
    """Whole or not at all."""
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("wb") as out:
            done = outbox_export.write(outbox, who, out, time.time(), others.frames() if others else ())
            if others:
                others.note(done.export, done.frames)
            out.flush()
            os.fsync(out.fileno())
        if done.snapshots or done.others:
            draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
    return done


def _sync(folder: Path) -> Iterator[str]:
    """So that the file's new name is on the disk too."""
    if os.name != "posix":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as refused:
        yield f"{folder}: {refused.strerror or refused}; if it is on a stick, take it out only when it is ejected"


def _summary(path: Path, done: Exported, others: Carried | None) -> str:
    parts = []
    if done.first_ms is not None and done.last_ms is not None:
        span = f"from {_day(done.first_ms)} to {_day(done.last_ms)}"
        parts.append(f"{done.snapshots} snapshots, {done.samples} samples, {span}")
    if others and done.others:
        parts.append(f"{done.others} frames of {len(others.agents)} other agents")
    return f"{path}: {'; '.join(parts)}" if parts else "nothing waits whose time is known; no file was written"


def _day(milliseconds: int) -> str:
    return time.strftime(DAY, time.localtime(milliseconds / 1000))


def _left(done: Exported) -> Iterator[str]:
    if done.left and done.last_ms is not None:
        yield (
            f"{done.left} snapshots are left out, of the time after {_day(done.last_ms)}: a file holds {done.frames} "
            "parts. They are sent when the link is back; or export again when the agent has heard that this file was "
            "imported"
        )


def _untimed(done: Exported) -> Iterator[str]:
    if done.untimed:
        why = "this machine was restarted since it met the centre, and when they were taken is not known"
        yield (f"{done.untimed} snapshots are left out: {why}. If its clock is right: export again with --trust-clock")


def _left_of_others(others: Carried | None) -> Iterator[str]:
    if others is None:
        return
    if others.failed:
        yield f"of what lies in this relay's custody for other agents not all is in this file: {others.failed}"
    elif others.left:
        yield (
            f"{others.left} frames of other agents are left out, the newest of this relay's custody: a file holds no "
            "more parts. They are handed over when the way to the centre is back"
        )
