"""Looks at a whole country, shown for some seconds: to make one takes longer than somebody should wait for a page.

While somebody looks, the next is made behind the one that is shown; whatever is small is made anew for each page.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)
T = TypeVar("T")

RENEWED_SECONDS = 5.0
"""As often as the rule of units' Internet speaks."""
SHARE = 0.1
"""Of the time, at most, is spent on making the next one, while that is not SELDOM."""
SELDOM_SECONDS = 30.0
OLDEST_SECONDS = 90.0
"""What is older is not shown: the registry or the store keeps who asks waiting."""
WATCHED_SECONDS = 90.0
"""After the last page that showed it; a page that renews itself does so every 30 s."""


@dataclass
class _Look:
    """`took` so many seconds to make; `made` and `asked` for last at these times of the monotonic clock."""

    value: Any
    took: float
    made: float
    asked: float
    renewing: asyncio.Task[None] = field(init=False)


class Kept:
    """The looks of one application, by name. To be used in its event loop only."""

    def __init__(self) -> None:
        self._looks: dict[str, _Look] = {}

    async def look(self, name: str, make: Callable[[], Awaitable[T]], is_large: Callable[[T], bool]) -> T:
        """What `make` gave within the last seconds, where that `is_large`; else what it gives now."""
        known, began = self._looks.get(name), time.monotonic()
        if known is not None:
            known.asked = began
            value: T = known.value
            if began - known.made < OLDEST_SECONDS:
                return value
        made = await make()
        if is_large(made) and name not in self._looks:
            look = self._looks[name] = _Look(made, time.monotonic() - began, time.monotonic(), began)
            look.renewing = asyncio.create_task(self._renew(name, look, make, is_large))
        return made

    async def close(self) -> None:
        tasks = [look.renewing for look in self._looks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _renew(
        self, name: str, look: _Look, make: Callable[[], Awaitable[T]], is_large: Callable[[T], bool]
    ) -> None:
        """Until nobody looks any more, or it became small."""
        try:
            while True:
                await asyncio.sleep(max(RENEWED_SECONDS, min(look.took * (1 / SHARE - 1), SELDOM_SECONDS)))
                began = time.monotonic()
                if began - look.asked > WATCHED_SECONDS:
                    break
                look.value = made = await make()
                look.made = time.monotonic()
                look.took = look.made - began
                if not is_large(made):
                    break
        except SQLAlchemyError as failed:
            log.warning("the registry does not answer, so that %s is not known any more: %s", name, failed)
        finally:
            del self._looks[name]
