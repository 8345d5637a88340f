"""`make demo`: a school, its ISPs and the centre on this machine, for a visitor to cut a fibre and watch.

Everything runs in network namespaces; the machine's own network is not touched, and nothing leaves it. Needs root.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.demonstration.facts import Watch
from scripts.demonstration.forward import Forward
from scripts.demonstration.orders import HELP, PATIENCE_SECONDS, OrderError, Orders
from scripts.demonstration.stage import COLLECTOR, Stage, StageError
from scripts.demonstration.terminal import play

if TYPE_CHECKING:
    from collections.abc import Iterable

EXAMPLE = 'example: scripts/demo.py --script "wait up; cut VNPT; wait alert; repair VNPT; wait resolved"'


def main() -> int:
    """Exit status: 0 as it should be, 1 where something did not come about, 2 for a wrong call."""
    options = _options()
    if os.geteuid() != 0:
        _say("demo: needs root, for it makes network namespaces: sudo make demo")
        return 2
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        return _run(options)
    except (StageError, OrderError) as failed:
        _say(f"demo: {failed}")
        return 1
    except KeyboardInterrupt:
        return 0


def _run(options: argparse.Namespace) -> int:
    on_terminal = options.script is None and sys.stdin.isatty() and sys.stdout.isatty()
    with ExitStack() as stack:
        try:
            forward = stack.enter_context(Forward(options.port))
        except OSError as taken:
            _say(f"demo: port {options.port} cannot be had ({taken.strerror}); give another with --port")
            return 2
        stage = stack.enter_context(Stage(_say))
        forward.open(stage.school.centre, COLLECTOR)
        watch = stack.enter_context(Watch(stage, None if on_terminal else _say))
        page = f"http://127.0.0.1:{options.port}"
        _say(f"ready: {page} is the centre's page")
        orders = Orders(stage, watch)
        if on_terminal:
            play(orders, watch, page)
        elif options.script is None:
            _say(HELP)
            _follow_all(orders, sys.stdin, stop_at_fault=False)
        else:
            _follow_all(orders, options.script.split(";"), stop_at_fault=True)
    return 0


def _follow_all(orders: Orders, lines: Iterable[str], *, stop_at_fault: bool) -> None:
    """Until `quit` or the last. Raises OrderError where a fault shall stop it."""
    for line in filter(None, map(str.strip, lines)):
        try:
            _say(f"> {line}")
            _say(f"  {orders.follow(line)}")
        except EOFError:
            return
        except OrderError as refused:
            if stop_at_fault:
                raise
            _say(str(refused))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=8080, help="where your browser finds the centre's page (8080)")
    parser.add_argument(
        "--script",
        metavar="ORDERS",
        help=f"follow these and end, without a person; {PATIENCE_SECONDS:.0f} s for each wait.\n"
        "As typed at the prompt, and: wait up, down, alert, resolved, drained",
    )
    return parser.parse_args()


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
