"""Does a line work? Echoes once a second to each target, and a quick check before anything is called down.

Targets take turns, so that with two of them some echo leaves every half second. When one is overdue, all targets and
the references are asked ten times within a second: a line that loses 60 % still answers one of twenty or more with a
probability above 0.9999, a dead one is called so 2 s after the fact. Pure: time comes in, echoes to send go out.
"""

from __future__ import annotations

from dataclasses import dataclass

from haidang_agent.wan.quality import Quality, Window, of_the_line

WAIT_SECONDS = 0.9
"""An echo without an answer by then is lost."""
CHECKS = 10
CHECK_EVERY_SECONDS = 0.1
SHORTEST_PATIENCE = 0.25
PATIENCE_TRIPS = 3.0
"""An echo is overdue after so many of the line's slow (95th percentile) round trips."""
PATIENCE_EVERY = 10
"""So many round trips apart the line's slow ones are looked up anew."""
REFERENCES_EVERY = 5
"""Where no target answers, references are asked too, every so many intervals."""


@dataclass(slots=True)
class Echo:
    """One request under way. `regular` ones make up the figures; silence of a `watched` one raises doubt."""

    destination: int
    sent: float
    regular: bool
    watched: bool


class Line:
    """`destinations` are the targets and, behind them, references that are asked only when no target answers.

    All times are `time.monotonic()` seconds. `up` is None until the first verdict; `failed_at` is when the line went
    down: the middle between the last echo that was answered and the first one that was not; `restored_at` likewise.
    """

    def __init__(self, targets: int, references: int, interval: float, now: float) -> None:
        self.up: bool | None = None
        self.failed_at: float | None = None
        self.restored_at: float | None = None
        self.targets_answer = True
        """False: only references do, so the line works and the targets do not."""
        self._targets, self._references = targets, references
        self._interval = interval
        self._windows = [Window() for _ in range(targets)]
        self._answers = [True] * targets
        self._due = [now + interval * number / targets for number in range(targets)]
        self._references_due = now
        self._under_way: dict[int, Echo] = {}
        self._last_good: float | None = None
        self._first_bad: float | None = None
        self._last_bad = now
        self._checks_left = 0
        self._check_due = 0.0
        self._target_good = now
        self._patience = WAIT_SECONDS
        self._recorded = 0

    def quality(self) -> Quality | None:
        """Of the last minute."""
        return of_the_line(self._windows)

    def next_time(self) -> float:
        """When `step` should be called again, at the latest."""
        times = [*self._due, *(echo.sent + WAIT_SECONDS for echo in self._under_way.values())]
        if self._checks_left:
            times.append(self._check_due)
        elif self._first_bad is not None and self.up is not False:
            last_check = self._check_due - CHECK_EVERY_SECONDS if self._check_due else self._first_bad
            times.append(last_check + self._patience)
        return min(times)

    def step(self, now: float) -> list[tuple[int, bool]]:
        """Destinations to ask now, and whether regularly. Judges what has become overdue."""
        self._give_up(now)
        self._judge(now)
        return [*self._regular(now), *self._checks(now)]

    def sent(self, key: int, destination: int, now: float, *, regular: bool) -> None:
        """The echo `key` has left (or could not: then it never comes back)."""
        asked_in_vain = destination < self._targets and not self._answers[destination] and any(self._answers)
        self._under_way[key] = Echo(destination, now, regular, watched=not asked_in_vain)
        if self._first_bad is None and not asked_in_vain:
            self._first_bad = now

    def answered(self, key: int, now: float) -> None:
        """The answer to the echo `key` came; late and unknown ones are passed over."""
        echo = self._under_way.pop(key, None)
        if echo is None:
            return
        if echo.destination < self._targets:
            self._answers[echo.destination] = True
            self._target_good = max(self._target_good, echo.sent)
            if echo.regular:
                self._record(echo.destination, now - echo.sent)
        self._works(echo.sent, now)

    def lost_carrier(self, now: float) -> None:
        """The link is gone: no echo needs to be waited for."""
        self._give_up(now + WAIT_SECONDS)
        if self.up is not False:
            self._fails(now)
        self._last_good = None

    def check(self, now: float) -> None:
        """Ask at once, whether or not anything is overdue."""
        if not self._checks_left:
            self._checks_left, self._check_due = CHECKS, now

    @property
    def last_good(self) -> float | None:
        """When the newest echo was sent that was answered; None while there is no carrier."""
        return self._last_good

    def _works(self, sent: float, now: float) -> None:
        if self.up is not True:
            last_bad = max([self._last_bad, *(echo.sent for echo in self._under_way.values() if echo.sent < sent)])
            self.restored_at = now if self.up is None else max((last_bad + sent) / 2, self.failed_at or 0.0)
            self.up = True
            self._target_good = max(self._target_good, sent)  # also where a reference is the first to answer
        if self._last_good is None or sent > self._last_good:
            self._last_good = sent
        later = [echo.sent for echo in self._under_way.values() if echo.watched and echo.sent > self._last_good]
        self._first_bad = min(later, default=None)
        self._checks_left, self._check_due = 0, 0.0
        self.targets_answer = sent - self._target_good < 2 * self._interval + WAIT_SECONDS

    def _fails(self, at: float) -> None:
        self.up = False
        self.failed_at = at
        self.targets_answer = True
        self._checks_left, self._check_due = 0, 0.0

    def _give_up(self, now: float) -> None:
        for key in [key for key, echo in self._under_way.items() if now - echo.sent >= WAIT_SECONDS]:
            echo = self._under_way.pop(key)
            self._last_bad = max(self._last_bad, echo.sent)
            if echo.regular and echo.destination < self._targets:
                self._answers[echo.destination] = False
                self._record(echo.destination, None)

    def _judge(self, now: float) -> None:
        if self.up is False or self._first_bad is None or now - self._first_bad < self._patience:
            return
        if self._check_due == 0:
            self.check(now)
        elif self._checks_left == 0 and now >= self._check_due - CHECK_EVERY_SECONDS + self._patience:
            before = self._first_bad if self._last_good is None else self._last_good
            self._fails((before + self._first_bad) / 2)

    def _regular(self, now: float) -> list[tuple[int, bool]]:
        asked = []
        for target, due in enumerate(self._due):
            if now >= due:
                asked.append((target, True))
                self._due[target] = due + self._interval * (1 + int((now - due) / self._interval))
        if (self.up is False or not self.targets_answer) and now >= self._references_due:
            every = REFERENCES_EVERY if self.up is False else 1
            self._references_due = now + every * self._interval
            asked += [(self._targets + number, True) for number in range(self._references)]
        return asked

    def _checks(self, now: float) -> list[tuple[int, bool]]:
        if self._checks_left == 0 or now < self._check_due:
            return []
        self._checks_left -= 1
        self._check_due = now + CHECK_EVERY_SECONDS
        return [(number, False) for number in range(self._targets + self._references)]

    def _record(self, target: int, trip: float | None) -> None:
        self._windows[target].trips.append(trip)
        if trip is not None and self._recorded % PATIENCE_EVERY == 0:
            quality = self.quality()
            slow = quality.rtt_p95 if quality is not None else None
            if slow is not None:
                self._patience = min(max(PATIENCE_TRIPS * slow, SHORTEST_PATIENCE), WAIT_SECONDS)
        self._recorded += trip is not None
