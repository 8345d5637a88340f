"""POST /api/v1/relay: takes one frame from a relay, for the agent of its unit that signed it.

The answer decides whether the relay keeps it. 204: it is in the store. 200: it is but for some snapshots, which never
will be. 409: it was already. 400, 413, 422: it never will be. `Haidang-Refused` says why in a word. 401: the relay is
not known. 429, 503 with Retry-After: later.
"""

import logging
import time
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from anyio import to_thread
from fastapi import APIRouter, Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import PlainTextResponse, Response

from haidang_collector.auth import authenticated
from haidang_collector.ingest.body import Body
from haidang_collector.ingest.memory import Memory
from haidang_collector.ingest.metrics import OURS
from haidang_collector.ingest.refusal import BAD_REQUEST, TOO_LARGE, UNAVAILABLE, Refusal
from haidang_collector.ingest.routes import Ingest
from haidang_collector.registry.facts import Identity
from haidang_collector.relay.frame import LONGEST_FRAME, BadFrameError, Frame, read
from haidang_collector.relay.metrics import AGAIN, PART, STORED, RelayMetrics
from haidang_collector.relay.parts import Kept, keep
from haidang_collector.relay.writers import NotTheirsError, Writers

REMEMBERED_SECONDS = 3600.0
REMEMBERED = 100_000
"""Frames that are in the store. One that was forgotten is stored once more, which the store takes for the same."""
CONFLICT, UNPROCESSABLE = 409, 422

router = APIRouter(tags=["agents"])
log = logging.getLogger(__name__)


class NeverError(Exception):
    """Nothing of a frame will ever be stored. `text` is for a person, `reason` for who brings it."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason
        self.text = text


class Taken(NamedTuple):
    """`kept` None: it was in the store already. `since` is the header that says since when that has been running."""

    kept: Kept | None
    since: dict[str, str]


@dataclass
class RelayedFrames:
    """What the routes work with; one for the application's life, in `app.state.relay`."""

    ingest: Ingest
    writers: Writers
    metrics: RelayMetrics
    stored: Memory[bool] = field(
        default_factory=lambda: Memory(REMEMBERED_SECONDS, REMEMBERED, time.monotonic), init=False
    )

    async def take(self, request: Request) -> Response:
        """Raises Refusal for what may work later, SQLAlchemyError."""
        relay = await authenticated(request)
        hands = _hands(relay)
        self.ingest.limits.admit(hands)
        body = Body(request, LONGEST_FRAME)
        with self.ingest.gate.admit(hands, body.expected_bytes()):
            content = await body.read(self.ingest.settings.body_timeout_seconds)
            try:
                taken = await self._take(content, relay)
            except NeverError as never:
                return PlainTextResponse(f"{never.text}\n", never.status, {"Haidang-Refused": never.reason})
        if taken.kept is None:
            return PlainTextResponse(
                "it is in the store already\n", CONFLICT, {"Haidang-Refused": AGAIN, **taken.since}
            )
        granted = self.ingest.grant(hands.agent, taken.kept.newest) | taken.since
        if not taken.kept.refused:
            return Response(status_code=204, headers=granted)
        refused = next(iter(taken.kept.refused))
        return PlainTextResponse(_in_part(taken.kept), headers={**granted, "Haidang-Refused": refused})

    async def bring(self, content: bytes, relay: Identity, *, again: bool) -> Taken:
        """What an operator carried here for this relay. `again`: also what was stored before.

        Raises NeverError; Refusal for what may work later; SQLAlchemyError.
        """
        hands = _hands(relay)
        self.ingest.limits.admit(hands)
        with self.ingest.gate.admit(hands, len(content)):
            if len(content) > LONGEST_FRAME:
                raise self._never(relay, TOO_LARGE, "too_large", f"{LONGEST_FRAME} bytes are allowed for one frame")
            return await self._take(content, relay, again=again)

    async def _take(self, content: bytes, relay: Identity, *, again: bool = False) -> Taken:
        """Raises NeverError; Refusal for what may work later; SQLAlchemyError."""
        try:
            frame = await to_thread.run_sync(read, content)
            writer = await self.writers.of(frame, relay)
        except (BadFrameError, NotTheirsError) as never:
            self.ingest.limits.charge_refused(_hands(relay), len(content))
            if isinstance(never, NotTheirsError):
                raise self._never(relay, UNPROCESSABLE, never.fault, str(never)) from None
            raise self._never(relay, BAD_REQUEST, "malformed", str(never)) from None
        try:
            return await self._store(frame, writer, relay, again=again)
        except Refusal as refused:
            if refused.reason not in OURS:
                self.ingest.metrics.refuse(refused.reason, writer)
            if refused.status not in (BAD_REQUEST, TOO_LARGE):
                raise
            raise self._never(relay, refused.status, refused.reason, refused.text) from None

    async def _store(self, frame: Frame, writer: Identity, relay: Identity, *, again: bool) -> Taken:
        since = await self.ingest.store_start.header()
        known = frame.agent, frame.number, *since.values()
        if self.stored.get(known) and not again:
            self.ingest.limits.charge(_hands(relay), 0)
            self.metrics.took(AGAIN)
            return Taken(None, since)
        self.ingest.limits.admit(writer)
        kept = await keep(self.ingest, frame.body, writer)
        self.stored.put(known, value=True)
        self.metrics.took(PART if kept.refused else STORED)
        for reason in kept.refused:
            self.ingest.metrics.refuse(reason, writer)
            self.metrics.refused(relay, reason)
        return Taken(kept, since)

    def _never(self, relay: Identity, status: int, reason: str, text: str) -> NeverError:
        self.metrics.took(reason)
        self.metrics.refused(relay, reason)
        return NeverError(status, reason, text)


def _hands(relay: Identity) -> Identity:
    """What it brings for others is counted apart from its own."""
    return replace(relay, agent=f"{relay.agent} as relay")


def _in_part(kept: Kept) -> str:
    lost = kept.refused.total()
    return f"{lost} of its snapshots {'was' if lost == 1 else 'were'} refused for ever: {kept.why}\n"


@router.post(
    "/api/v1/relay",
    status_code=204,
    summary="One frame that a relay kept for another agent of its unit",
    responses={
        200: {"description": "Stored but for some snapshots that never can be; Haidang-Refused and the text say why"},
        400: {"description": "Can never be stored; the text says what is wrong where"},
        401: {"description": "The relay is unknown or revoked"},
        409: {"description": "It is in the store already"},
        413: {"description": "Too many bytes, series or samples"},
        422: {
            "description": "Not signed by an agent of the relay's unit that may push; Haidang-Refused says what it is"
        },
        429: {"description": "Too much of this agent, unit or relay; see Retry-After"},
        503: {"description": "Store or registry do not answer; keep it, see Retry-After"},
    },
)
async def take(request: Request) -> Response:
    """Body: a frame (docs/relay.md); `Authorization: Bearer <agent>.<key>` of the relay."""
    frames: RelayedFrames = request.app.state.relay
    try:
        return await frames.take(request)
    except SQLAlchemyError:
        log.exception("the registry's database does not answer")
        refusal = Refusal(UNAVAILABLE, "registry_unavailable", "the registry does not answer; keep it")
        return refusal.response()
