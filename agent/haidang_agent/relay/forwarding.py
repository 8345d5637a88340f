"""One thread that hands over what is in custody: of each agent the newest first, then the backlog, the oldest first.

A frame leaves the custody with the centre's 2xx (or some time after, where the centre says since when its store has
been running), with its final refusal, or when the centre says that it came on a stick, never otherwise; so a kill
between answer and settling hands it over once more, which the centre takes for the same.
"""

from __future__ import annotations

import itertools
import logging
import math
import time
from typing import TYPE_CHECKING

from haidang_agent import credentials
from haidang_agent.centre import UNIX_SECONDS
from haidang_agent.credentials import CredentialsError
from haidang_agent.relay import carried
from haidang_agent.relay.custody import FORWARDED
from haidang_agent.rounds import Rounds
from haidang_agent.shipper import NUMBER, STORE_SINCE_HEADER, UNKNOWN_WAIT_SECONDS
from haidang_agent.verdict import LONGEST_WAIT_SECONDS, TOO_MANY, Verdict, back_off, judge, retry_after

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from haidang_agent.centre import Answer, Centre
    from haidang_agent.credentials import Credentials
    from haidang_agent.relay.custody import Custody, Waiting

log = logging.getLogger(__name__)

IDLE_SECONDS = 60.0
LOOK_SECONDS = 15.0
ASK_SECONDS = 60.0
"""Between two questions what came to the centre on a stick."""
REASONS = (
    "signature", "unknown", "revoked", "unit", "malformed", "label", "reserved_label", "too_old", "in_future",
    "too_large", "store_refused", "other",
)  # fmt: skip
"""Why the centre refuses a frame for ever, as its header `Haidang-Refused` says."""
AGAIN = "again"
"""The centre has this frame: an earlier answer was lost."""
LONGEST_PACE_SECONDS = 60.0
LIVE_AT_ONCE, LEAST_BACKLOG = 64, 16
"""However many come in as ever so new, the backlog goes on."""
MOST_PAUSED = 200
MOST_SHIPPED = 10_000


class Forwarder(Rounds):
    """`wake()` tells that something was taken into custody."""

    def __init__(self, custody: Custody, centre: Centre, state_dir: Path) -> None:
        """`centre` is for this thread alone; the key is read from `state_dir` each time, for it may be renewed."""
        super().__init__("relay forwarder")
        self._custody = custody
        self._centre = centre
        self._state_dir = state_dir
        self._shipped: dict[str, int] = {}
        self._paused: dict[str, float] = {}
        self._rate = 0.0
        self._look_at = math.inf
        self._ask_at = -math.inf
        self.failures = 0
        """Tries on end that came to nothing."""
        self._said = ""

    def _round(self) -> float | None:
        """Hand over what there is. Seconds to wait before the next try; None: until woken, or until a pause ends."""
        try:
            now = time.monotonic()
            self._paused = {agent: until for agent, until in self._paused.items() if until > now}
            self._let_go_of_carried()
            newest = self._custody.newest(self._shipped, self._paused)
            for number in newest[:LIVE_AT_ONCE]:
                if self._stopping.is_set():
                    return 0.0
                if (wait := self._hand_over(number)) is not None:
                    return wait
            return self._backlog(newest[LIVE_AT_ONCE:])
        except (OSError, CredentialsError) as failed:
            return self._failed(str(failed))

    def _let_go_of_carried(self) -> None:
        """What came to the centre on a stick need not be handed over; who does not tell is handed all, and asked later.

        Raises as `_hand_over`.
        """
        if time.monotonic() < self._ask_at:
            return
        export = carried.waiting(self._custody)
        if export and (who := self._who()) is not None:
            self._centre.use(who.bearer)
            answer = self._centre.config(None, {"Haidang-Export": export})
            if {"haidang-time", "haidang-imported"} <= answer.headers.keys():
                if gone := carried.settle(self._custody, export, answer.headers["haidang-imported"]):
                    log.info("%d frames came to the centre on a stick", gone)
                wait = ASK_SECONDS
            else:  # the agent beside this has its own questions, of which the centre grants both together few
                wait = max(ASK_SECONDS / 4, retry_after(answer.headers.get("retry-after")))
            self._ask_at = time.monotonic() + wait

    def _who(self) -> Credentials | None:
        """None where this machine is not enrolled, or for another unit since the start: that one may not bring these.

        Raises as `credentials.load`.
        """
        who = credentials.load(self._state_dir)
        return who if who is None or self._custody.unit in ("", who.unit) else None

    def _backlog(self, more: Sequence[int]) -> float | None:
        """Until there is none. If something new has come in, or there is `more` of it, only some: but always some."""
        for done in itertools.count():
            if self._stopping.is_set() or (done >= LEAST_BACKLOG and (more or self._wake.is_set())):
                break
            if len(self._paused) >= MOST_PAUSED:
                return LONGEST_WAIT_SECONDS
            number = self._custody.oldest(self._paused)
            if number is None:
                return 0.0 if more else self._look_after_confirmed()
            if (wait := self._hand_over(number)) is not None:
                return wait
        return 0.0

    def _look_after_confirmed(self) -> float | None:
        """While nothing waits, hand one over again now and then: so the relay hears when the store began anew."""
        now = time.monotonic()
        if now < self._look_at:
            return None
        number = self._custody.confirmed()
        self._look_at = math.inf if number is None else now + LOOK_SECONDS
        if number is None:
            return None
        return self._hand_over(number) or 0.0

    def _hand_over(self, number: int) -> float | None:
        """Seconds to wait where nothing can be handed over now.

        Raises UnreachableError, OutboxError, OSError (the key cannot be read now), CredentialsError.
        """
        waiting = self._custody.read(number)
        if waiting is None or waiting.agent in self._paused:
            return None
        who = self._who()
        if who is None:
            return self._failed("this machine is not enrolled, or for another unit than what is in custody")
        self._centre.use(who.bearer)
        began = time.monotonic()
        answer = self._centre.hand_over(waiting.body)
        verdict = judge(answer)
        if verdict in (Verdict.STORED, Verdict.REFUSED):
            self._settle(waiting, answer, verdict)
            if verdict is Verdict.STORED and self._rate > 0:
                samples = min(waiting.samples, len(waiting.body))  # each takes some bytes, whatever its writer says
                pause = min(samples / self._rate, LONGEST_PACE_SECONDS)
                self._stopping.wait(max(0.0, began + pause - time.monotonic()))
            return None
        if answer.status == TOO_MANY:
            pause = max(LONGEST_WAIT_SECONDS, retry_after(answer.headers.get("retry-after")))
            self._paused[waiting.agent] = time.monotonic() + pause
            return None
        wait = self._failed(f"{answer.status} {answer.text}")
        if verdict is Verdict.UNKNOWN:
            return UNKNOWN_WAIT_SECONDS
        return max(wait, retry_after(answer.headers.get("retry-after")))

    def _settle(self, waiting: Waiting, answer: Answer, verdict: Verdict) -> None:
        reason = answer.headers.get("haidang-refused", "")
        refused = reason if reason in REASONS else "other"
        if verdict is Verdict.STORED or reason == AGAIN:
            in_part = (refused,) if verdict is Verdict.STORED and reason else ()
            self._let_go(waiting, answer, FORWARDED, *in_part)
            if in_part:
                self._say(f"the centre refused a part of a frame of {waiting.agent} for ever: {answer.text}")
            self._shipped[waiting.agent] = max(waiting.newest_ms, self._shipped.get(waiting.agent, 0))
            if len(self._shipped) > MOST_SHIPPED:
                self._shipped.pop(next(iter(self._shipped)))
        else:
            self._custody.settle(waiting.number, refused)
            self._say(f"the centre refused a frame of {waiting.agent} for ever: {answer.text}")
        self.failures = 0
        rate = answer.headers.get("haidang-backlog-rate", "")
        self._rate = float(rate) if NUMBER.fullmatch(rate) else 0.0

    def _let_go(self, waiting: Waiting, answer: Answer, *outcomes: str) -> None:
        """At once where the centre does not say since when its store has been running."""
        since = answer.headers.get(STORE_SINCE_HEADER, "")
        if not UNIX_SECONDS.fullmatch(since):
            self._custody.settle(waiting.number, *outcomes)
            return
        self._look_at = min(self._look_at, time.monotonic() + LOOK_SECONDS)
        if again := self._custody.confirm(waiting.number, since, *outcomes):
            log.warning("the centre's store began anew; %d frames that it had confirmed are handed over again", again)

    def _failed(self, why: str) -> float:
        self.failures += 1
        self._say(f"{why}; what is in custody is kept")
        return back_off(self.failures)

    def _say(self, what: str) -> None:
        if what != self._said:
            log.warning("%s", what)
        self._said = what

    def _idle_seconds(self) -> float:
        now = time.monotonic()
        return max(1.0, min([IDLE_SECONDS, self._look_at - now, *(until - now for until in self._paused.values())]))

    def _end(self) -> None:
        self._centre.close()
