"""What is where, drawn for a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from scripts.demonstration.facts import internet_word
from scripts.demonstration.orders import HELP
from scripts.demonstration.stage import ISPS, NAME, ROLES, UNIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from scripts.demonstration.facts import Facts

GOOD, BAD, DIM = "bold green", "bold red", "dim"
MAILS_SHOWN = 4
"""So that the picture fits into 24 lines."""


def draw(facts: Facts, page: str, typed: str, said: str) -> RenderableType:
    """The whole screen; `typed` is the order being written, `said` the answer to the last."""
    return Group(
        Panel(_school(facts), title=f"{UNIT} · {NAME}", title_align="left"),
        Panel(_centre(facts), title=f"what the centre knows · {page}", title_align="left"),
        Panel(_mails(facts), title="mails", title_align="left"),
        Text(HELP, style=DIM),
        Text(said, style="yellow"),
        Text.assemble(("> ", "bold"), typed, ("▏", "blink")),
    )


def _school(facts: Facts) -> Text:
    """PCs left, ISPs right, the router between."""
    first, second, third = _pcs(facts)
    upper, lower = _isps(facts)
    router = ("router", GOOD) if facts.router else ("(gone)", BAD)
    return Text.assemble(
        *(first, " ─┐                   ┌─ ", upper, "\n"),
        *(second, " ─┼─ switch ─ ", router, " ─┤\n"),
        *(third, " ─┘                   └─ ", lower),
        no_wrap=True,
        overflow="ellipsis",
    )


def _pcs(facts: Facts) -> Iterator[Text]:
    """With the snapshots that wait in each outbox."""
    for number, roles in enumerate(ROLES, 1):
        waiting = facts.waiting.get(number)
        name = f"PC {number} {'+'.join(sorted(roles, reverse=True))}"
        if waiting is None:
            yield Text.assemble(f"○ {name:<14}", (f"{'off':>12}", DIM))
        else:
            yield Text.assemble(f"● {name:<14}", (f"{waiting:>4} waiting", GOOD if waiting <= 1 else "yellow"))


def _isps(facts: Facts) -> Iterator[Text]:
    for name in ISPS:
        line = ("━━━━━━━", GOOD) if facts.carriers.get(name) else ("no light", BAD)
        active = "◀ traffic" if name == facts.active else ""
        yield Text.assemble(line, f" {name} ", (active, "bold"), (f" {facts.faults.get(name, '')}", BAD))


def _centre(facts: Facts) -> Text:
    colour = {True: GOOD, False: BAD, None: DIM}[facts.internet]
    alerts = [(f"  {alert}", BAD) for alert in facts.alerts] or [("  no alert", DIM)]
    return Text.assemble("Internet: ", (internet_word(facts.internet), colour), *alerts)


def _mails(facts: Facts) -> Text:
    lines = [
        Text.assemble(
            f"{time.strftime('%H:%M:%S', time.localtime(mail.received))} ",
            (mail.subject, GOOD if mail.resolved else BAD),
        )
        for mail in facts.mails[-MAILS_SHOWN:]
    ]
    shown = Text("\n").join(lines or [Text("none yet", style=DIM)])
    shown.no_wrap, shown.overflow = True, "ellipsis"
    return shown
