"""A host agent gives its relay what it cannot send, while the relay says that it does not reach the centre either."""

from __future__ import annotations

import hmac
import logging
import socket
import time
from typing import TYPE_CHECKING

from haidang_agent import credentials
from haidang_agent.centre import TIMEOUT_SECONDS
from haidang_agent.credentials import CredentialsError
from haidang_agent.relay.frame import LONGEST_FRAME, proof, receipt, seal
from haidang_agent.relay.tunnel import authority, place, read_answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from haidang_agent.credentials import Credentials
    from haidang_agent.outbox import Batch, Outbox

log = logging.getLogger(__name__)

PATH = "/relay/v1/frames"
FRAME_SAMPLES = 30_000
FRAMES_AT_ONCE = 20
PAUSE_SECONDS = 60.0
"""Between two deposits, so that a frame holds some snapshots; each is on this machine's disk meanwhile."""
FAR_MS = 1 << 62
CREATED = 201
PROOF_HEADER, RECEIPT_HEADER = "Haidang-Proof", "Haidang-Receipt"
NOTED, LEFT = "deposited", "left"
"""In the outbox's `meta`: that something was left with the relay; from the centre's first question for a new key on,
when that came, Unix seconds of the centre."""
ARRIVING_SECONDS = 6 * 3600.0
"""
For the relay to hand over what it has, once the way to the centre is open: after a cut of the whole city it may do a
frame a minute.
"""


class Deposits:
    """For the shipper's thread. `unit_key` is asked anew each time; empty: not told yet, and nothing is deposited.

    `mine` measured what is in the outbox. The key is read from the disk each time, for it may be renewed.
    """

    def __init__(
        self, relay: str, state_dir: Path, outbox: Outbox, unit_key: Callable[[], bytes], mine: Credentials
    ) -> None:
        self._relay = relay
        self._state_dir = state_dir
        self._outbox = outbox
        self._unit_key = unit_key
        self._mine = mine
        self._next_at = 0.0
        self._refused = ""

    def make(self) -> int:
        """Deposit what waits, the oldest first, and settle it by the receipt. How many frames. Raises OutboxError.

        It does not wait for long, so that the way to the centre is tried again soon.
        """
        key, made = self._unit_key(), 0
        if not key or time.monotonic() < self._next_at:
            return 0
        self._next_at = time.monotonic() + PAUSE_SECONDS
        while made < FRAMES_AT_ONCE and (batch := self._next()) is not None:
            if not made:
                self._outbox.note(NOTED, LEFT)  # first, as this machine may be switched off before the answer
            if not self._give(batch, key):
                break
            self._outbox.settle(batch.ids)
            made += 1
        if made == FRAMES_AT_ONCE:
            self._next_at = 0.0
        return made

    def _next(self) -> Batch | None:
        return self._outbox.backlog(FAR_MS, -FAR_MS, FRAME_SAMPLES)

    def _give(self, batch: Batch, key: bytes) -> bool:
        try:
            self._deposit(batch, key)
        except (_NotTakenError, CredentialsError, OSError, UnicodeError) as failed:
            why = str(failed) or type(failed).__name__
            if why != self._refused:
                log.warning("the relay %s takes nothing into custody: %s; data is kept here", self._relay, why)
            self._refused = why
            return False
        if self._refused:
            log.info("the relay takes measurements into custody again")
        self._refused = ""
        return True

    def _deposit(self, batch: Batch, key: bytes) -> None:
        who = credentials.load(self._state_dir)
        if who is None:
            raise _NotTakenError("this machine is not enrolled")
        if (who.agent, who.unit) != (self._mine.agent, self._mine.unit):
            raise _NotTakenError("this machine was enrolled anew, and the agent is yet to be restarted")
        frame = seal(who, batch)
        if len(frame) > LONGEST_FRAME:
            raise _NotTakenError(f"a snapshot of {len(frame)} bytes is too large for it")
        status, shown = _post(self._relay, frame, proof(key, frame))
        if status != CREATED:
            raise _NotTakenError(f"it answered {status}")
        if not hmac.compare_digest(shown.encode(), receipt(key, frame).encode()):
            raise _NotTakenError("its receipt is not of this unit's key; another machine may have answered")


class _NotTakenError(Exception):
    """Nothing was let go of; the text says why."""


def are_arriving(outbox: Outbox, now: float) -> bool:
    """Whether a relay may still hold what was signed with the present key, of which the centre asks for a new one.

    Since the last deposit both machines may have been off for days, so what counts is the time since the centre was
    there again. `now` is its time. Raises OutboxError.
    """
    noted = outbox.note(NOTED)
    if noted == LEFT:
        noted = outbox.note(NOTED, f"{now:.0f}")
    return noted is not None and now - ARRIVING_SECONDS < float(noted) <= now + ARRIVING_SECONDS


def _post(relay: str, frame: bytes, shown: str) -> tuple[int, str]:
    """Each way has its time, however slowly the bytes move: the shipper waits for this."""
    where = place(relay)
    lines = (f"POST {PATH} HTTP/1.1", f"Host: {authority(*where)}", f"Content-Length: {len(frame)}",
             f"{PROOF_HEADER}: {shown}", "User-Agent: haidang-agent", "", "")  # fmt: skip
    with socket.create_connection(where, TIMEOUT_SECONDS) as connection:
        connection.sendall("\r\n".join(lines).encode() + frame)
        status, headers = read_answer(connection, relay, time.monotonic() + TIMEOUT_SECONDS)
    return status, headers.get(RECEIPT_HEADER.lower(), "")
