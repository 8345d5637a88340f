"""What a visitor may do to the school: `cut VNPT`, `off 2`, … and how a script waits for what comes of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.demonstration.facts import Facts, Watch
    from scripts.demonstration.stage import Stage

HELP = """\
cut ISP          cut its fibre             repair ISP       mend it again
dead ISP         cut it behind its gateway isp ISP          send the traffic this way
lose ISP PERCENT, delay ISP MILLISECONDS, limit ISP MBIT
off PC, on PC    power                     router off|on    take it away, bring it back
quit"""
PATIENCE_SECONDS = 180.0


class OrderError(Exception):
    """The order cannot be followed; the text says what could."""


class Orders:
    """Follows one order after the other. A message that was waited for once is not waited for again."""

    def __init__(self, stage: Stage, watch: Watch) -> None:
        self._stage = stage
        self._watch = watch
        self._mails_read = 0

    def follow(self, line: str) -> str:
        """What has been done, in a line. Raises OrderError; EOFError for `quit`."""
        verb, *words = line.split() or [""]
        school = self._stage.school
        by_isp: dict[str, Callable[[str], None]] = {
            "cut": school.cut_fibre,
            "dead": school.cut_isp,
            "repair": school.repair,
            "isp": school.use_isp,
        }
        by_amount: dict[str, Callable[[str, float], None]] = {
            "lose": school.lose,
            "delay": lambda isp, milliseconds: school.delay(isp, milliseconds / 1000),
            "limit": school.limit,
        }
        match verb, words:
            case "quit", []:
                raise EOFError
            case (("cut" | "dead" | "repair" | "isp"), [isp]):
                by_isp[verb](self._isp(isp))
            case (("lose" | "delay" | "limit"), [isp, amount]):
                by_amount[verb](self._isp(isp), _number(amount))
            case (("off" | "on"), [pc]):
                (school.power_off if verb == "off" else self._stage.power_on)(self._pc(pc))
            case "router", [("off" | "on") as state]:
                (school.take_router_away if state == "off" else self._stage.bring_router_back)()
            case "wait", [event]:
                return self._wait(event)
            case _:
                raise OrderError(f"{line!r}? There are:\n{HELP}")
        self._watch.look()
        return line

    def _wait(self, event: str) -> str:
        awaited: dict[str, Callable[[Facts], bool]] = {
            "up": lambda facts: facts.internet is True,
            "down": lambda facts: facts.internet is False,
            "alert": lambda facts: self._reads(facts, resolved=False),
            "resolved": lambda facts: self._reads(facts, resolved=True),
            "drained": lambda facts: all(waiting in (None, 0, 1) for waiting in facts.waiting.values()),
        }
        if event not in awaited:
            raise OrderError(f"wait {event}? There are: {', '.join(awaited)}")
        began = time.monotonic()
        while not awaited[event](self._watch.facts):
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise OrderError(
                    f"wait {event}: not within {PATIENCE_SECONDS:.0f} s; the last seen: {self._watch.facts}"
                )
            time.sleep(0.1)
        return f"{event} after {time.monotonic() - began:.0f} s"

    def _reads(self, facts: Facts, *, resolved: bool) -> bool:
        for number, mail in enumerate(facts.mails[self._mails_read :], self._mails_read + 1):
            if mail.resolved == resolved and mail.alert == "InternetDown":
                self._mails_read = number
                return True
        return False

    def _isp(self, word: str) -> str:
        for name in self._stage.school.isps:
            if name.lower() == word.lower():
                return name
        raise OrderError(f"there is no ISP {word}; there are {', '.join(self._stage.school.isps)}")

    def _pc(self, word: str) -> int:
        if word.isdecimal() and 1 <= int(word) <= len(self._stage.school.pcs):
            return int(word)
        raise OrderError(f"there is no PC {word}; there are 1 to {len(self._stage.school.pcs)}")


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise OrderError(f"{word!r} is no number") from None
