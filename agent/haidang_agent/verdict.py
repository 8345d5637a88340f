"""What an answer to a push means (remote write 1.0: must retry 5xx, may retry 429, must not retry other 4xx)."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from haidang_agent.centre import Answer

OK, REDIRECT, BAD_REQUEST, SERVER_ERROR = 200, 300, 400, 500
UNAUTHORIZED, FORBIDDEN, TIMEOUT, TOO_LARGE, TOO_MANY = 401, 403, 408, 413, 429
NO_COLLECTOR = "the answer carries no Haidang-Time: something else than a collector spoke (a proxy, a captive portal?)"
LONGEST_RETRY_SECONDS = 600.0
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 15.0


class Verdict(Enum):
    """STORED and REFUSED are final. UNKNOWN: the collector does not know us (any more); the data is kept."""

    STORED = auto()
    REFUSED = auto()
    LATER = auto()
    UNKNOWN = auto()


def judge(answer: Answer) -> Verdict:
    """Only a collector's word is final: a captive portal's 200 or a proxy's 404 carries no `Haidang-Time`."""
    if answer.status in (UNAUTHORIZED, FORBIDDEN):
        return Verdict.UNKNOWN
    if answer.status >= SERVER_ERROR or answer.status in (TIMEOUT, TOO_MANY) or "haidang-time" not in answer.headers:
        return Verdict.LATER
    if OK <= answer.status < REDIRECT:
        return Verdict.STORED
    return Verdict.REFUSED if answer.status >= BAD_REQUEST else Verdict.LATER


def retry_after(text: str | None, now: datetime | None = None) -> float:
    """Seconds to wait by a Retry-After header (RFC 9110 10.2.3: seconds or a date); 0 without, ten minutes at most."""
    if text is None:
        return 0.0
    if text.isascii() and text.strip().isdigit():
        seconds = float(text)
    else:
        try:
            seconds = (parsedate_to_datetime(text) - (now or datetime.now(UTC))).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return 0.0
    return min(max(seconds, 0.0), LONGEST_RETRY_SECONDS)


def back_off(failures: int) -> float:
    """Seconds to wait after so many failures on end: twice as long each time, and between half and all of that."""
    longest = min(FIRST_WAIT_SECONDS * 2 ** min(failures - 1, 10), LONGEST_WAIT_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, hides nothing
