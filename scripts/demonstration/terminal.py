"""The demonstration on a terminal: the picture, and under it the line that the visitor writes."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live

from scripts.demonstration.orders import OrderError
from scripts.demonstration.picture import draw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.demonstration.facts import Watch
    from scripts.demonstration.orders import Orders

REDRAW_SECONDS = 0.25
ENTER, ERASE, END = "\r\n", "\x7f\b", "\x04"


def play(orders: Orders, watch: Watch, page: str) -> None:
    """Until the visitor quits: `quit`, Ctrl-C, Ctrl-D."""
    typed, said = "", ""
    with _keys(), Live(screen=True, auto_refresh=False) as live:
        while True:
            live.update(draw(watch.facts, page, typed, said), refresh=True)
            for key in _pressed():
                if key == END:
                    return
                if key in ENTER:
                    try:
                        said = f"done: {orders.follow(typed)}" if typed.strip() else ""
                    except OrderError as refused:
                        said = str(refused).partition("\n")[0]
                    except EOFError:
                        return
                    typed = ""
                elif key in ERASE:
                    typed = typed[:-1]
                elif key.isprintable():
                    typed += key


@contextmanager
def _keys() -> Iterator[None]:
    """Keys come one by one and are not echoed; Ctrl-C still interrupts."""
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _pressed() -> str:
    """The keys of the next moment; `END` once the terminal is gone."""
    if not select.select([sys.stdin], [], [], REDRAW_SECONDS)[0]:
        return ""
    return os.read(sys.stdin.fileno(), 1024).decode(errors="ignore") or END
