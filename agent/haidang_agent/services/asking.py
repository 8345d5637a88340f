"""Asks the online systems in rounds of a minute, each at a moment of its own, so that schools never knock together."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from haidang_reach.address import parse, proxy_at
from haidang_reach.connecting import trusting
from haidang_reach.exchange import Question, Way, exchange
from haidang_reach.resolving import Resolver
from haidang_reach.waiting import Loop

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from haidang_reach.answer import Answer
    from haidang_reach.waiting import Task

    from haidang_agent.tables import Service

ROUND_SECONDS = 60.0


class Asker:
    """`round` is for one thread, `close` for any. Raises ValueError for what cannot be asked."""

    def __init__(
        self,
        services: Sequence[Service],
        *,
        timeout: float,
        spread: float,
        every: float,
        proxy: str,
        ca: str,
        now: Callable[[], float],
    ) -> None:
        self._questions = {service.name: _question(service, timeout) for service in services}
        self._moments = _moments(list(self._questions), spread)
        self._rounds = max(1, round(every / ROUND_SECONDS))
        self._turns = {name: random.randrange(self._rounds) for name in self._questions}  # noqa: S311 - no secret
        self._resolver = Resolver()
        self._way = Way(self._resolver, trusting(ca), proxy_at("[probes.services] proxy", proxy), now)
        self._round = -1
        self._loop: Loop | None = None
        self._closed = False

    def round(self) -> Mapping[str, Answer]:
        """Those whose turn it is, by name; in the first round all."""
        began, self._round = time.monotonic(), self._round + 1
        due = [name for name in self._moments if not self._round or self._round % self._rounds == self._turns[name]]
        with Loop() as self._loop:
            if self._closed:
                return {}
            return dict(self._loop.run((began + self._moments[name], self._ask(name)) for name in due))

    def close(self) -> None:
        """A round that is under way ends at once."""
        self._closed = True
        if self._loop is not None:
            self._loop.stop()
        self._resolver.close()

    def _ask(self, name: str) -> Task[tuple[str, Answer]]:
        answer = yield from exchange(self._questions[name], self._way)
        answer.body = b""  # answers are kept until the next round, pages are not
        return name, answer


def _question(service: Service, timeout: float) -> Question:
    try:
        address = parse(service.url)
    except ValueError as wrong:
        raise ValueError(f"[[service]] {service.name!r} url: {wrong}") from wrong
    return Question(address, timeout, service.family, service.status, service.match)


def _moments(names: list[str], spread: float) -> dict[str, float]:
    """Seconds after the round's beginning, ascending: one in each equal part of `spread`, in random order.

    Chance needs no identity of the agent, which cloned machines would share; the services of one school do not crowd.
    """
    random.shuffle(names)
    part = spread / len(names)
    return {name: part * (number + random.random()) for number, name in enumerate(names)}  # noqa: S311 - no secret
