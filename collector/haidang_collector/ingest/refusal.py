"""Why a request is not taken: one exception, and the answer that follows from it."""

from __future__ import annotations

import math
import random
from typing import Literal

from starlette.responses import PlainTextResponse

Reason = Literal[
    "unauthorised",
    "encoding",
    "too_large",
    "slow",
    "disconnected",
    "malformed",
    "label",
    "reserved_label",
    "too_old",
    "in_future",
    "busy",
    "crowded",
    "backlog",
    "rate",
    "series",
    "store_refused",
    "store_unavailable",
    "registry_unavailable",
]

BAD_REQUEST = 400
UNAUTHORISED = 401
TOO_SLOW = 408
TOO_LARGE = 413
WRONG_ENCODING = 415
BUSY = 429
UNAVAILABLE = 503

LONGEST_TEXT = 1000


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault of ours
    """`text` tells the sender what is wrong and where; `reason` is the closed set of the metric.

    `looked_at`: decoded bytes that were looked at before that was seen.
    """

    def __init__(self, status: int, reason: Reason, text: str, retry_seconds: float = 2.0, looked_at: int = 0) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.text = text
        self.retry_seconds = retry_seconds
        self.looked_at = looked_at

    def response(self) -> PlainTextResponse:
        """The answer. What may work later carries a jittered `Retry-After`, so that a city does not return at once."""
        headers = {}
        if self.status in (BUSY, UNAVAILABLE):
            soonest = math.ceil(self.retry_seconds)
            headers["Retry-After"] = str(random.randint(soonest, 3 * soonest))  # noqa: S311 - jitter, no secret
        if self.status == TOO_SLOW:
            headers["Connection"] = "close"
        if self.status == UNAUTHORISED:
            headers["WWW-Authenticate"] = "Bearer"
        return PlainTextResponse(self.text[:LONGEST_TEXT] + "\n", self.status, headers)


def malformed(text: str) -> Refusal:
    """A body that no sender of remote write 1.0 would make."""
    return Refusal(BAD_REQUEST, "malformed", text)
