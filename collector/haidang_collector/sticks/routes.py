"""POST /api/v1/import: takes one frame of an export, which an operator carried here, for the agent that signed it.

What that agent kept as a relay for others is taken as from a relay that hands it over.
"""

import io
import logging
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.auth import operator
from haidang_collector.ingest.body import Body
from haidang_collector.ingest.limits import OnlySeries
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.ingest.routes import Ingest
from haidang_collector.registry.database import Database
from haidang_collector.registry.facts import Identity
from haidang_collector.relay.parts import Kept, keep
from haidang_collector.relay.routes import NeverError, RelayedFrames
from haidang_collector.sticks.file import LONGEST_BODY, LONGEST_LINE, BadExportError, Frame, frames
from haidang_collector.sticks.taking import is_stored, keep_stored, running_since, sender

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry

BODY_SECONDS = 60.0
UNPROCESSABLE, UNAVAILABLE = 422, 503

router = APIRouter(tags=["agents"], dependencies=[Depends(operator)])
log = logging.getLogger(__name__)


@dataclass
class Sticks:
    """What the route works with; one for the application's life, in `app.state.sticks`."""

    ingest: Ingest
    relay: RelayedFrames

    @classmethod
    def beside(cls, ingest: Ingest, relay: RelayedFrames) -> "Sticks":
        """Who pushes and hands over is not held back by what comes on sticks: that has limits of its own."""
        own_ingest, own_relay = copy(ingest), copy(relay)
        own_ingest.limits, own_ingest.turns = OnlySeries(ingest.settings.of_a_worker()), WeakValueDictionary()
        own_relay.ingest = own_ingest
        return cls(own_ingest, own_relay)


class Taken(BaseModel):
    """`unit`, `agent`: who brings it. `again`: the store has it already, and nothing was done.

    `refused`: how many of its snapshots never can be stored, by reason; `why` is of the first of them.
    """

    unit: str
    agent: str
    samples: int
    again: bool
    refused: dict[str, int] = {}
    why: str = ""


@router.post(
    "/api/v1/import",
    summary="One part of a file of `haidang-agent export`",
    responses={
        400: {
            "description": "Nothing of it can ever be stored; the text says what is wrong where. "
            "Of a frame that a relay kept for another agent Haidang-Refused says why in a word, as of `/api/v1/relay`"
        },
        413: {"description": "Too many bytes, series or samples"},
        422: {"description": "No export, not whole, or not signed by an agent that may push"},
        429: {"description": "More series than this agent or unit may have; see Retry-After"},
        503: {"description": "Store or registry do not answer, or others bring what they kept; see Retry-After"},
    },
)
async def take(request: Request, again: bool = False) -> Taken:
    """Body: the file's two first lines and one frame: the agent's own, or of another one whose relay it is.

    Taking a frame twice stores nothing twice. What was taken before is left out while the store is sure to have it;
    `again=true`: it is stored all the same.
    """
    sticks: Sticks = request.app.state.sticks
    registry: Registry = request.app.state.registry
    body = Body(request, LONGEST_BODY + LONGEST_LINE * 2)
    body.expected_bytes()
    try:
        (frame,) = frames(io.BytesIO(await body.read(BODY_SECONDS)))
        return await _take(sticks, registry.database, frame, again=again)
    except NeverError as never:
        raise HTTPException(never.status, never.text, {"Haidang-Refused": never.reason}) from None
    except BadExportError as bad:
        raise HTTPException(UNPROCESSABLE, str(bad)) from None
    except ValueError:
        raise HTTPException(UNPROCESSABLE, "send one frame at a time") from None
    except SQLAlchemyError:
        log.exception("the registry's database does not answer")
        raise _later("the registry does not answer; try again") from None


async def _take(sticks: Sticks, database: Database, frame: Frame, *, again: bool) -> Taken:
    """Raises BadExportError, NeverError, Refusal; HTTPException where the store is not known well enough yet."""
    who = await to_thread.run_sync(sender, database, frame)
    since = await running_since(sticks.ingest.store_start)
    if not frame.body or (not again and await to_thread.run_sync(is_stored, database, who, frame, since)):
        return Taken(unit=who.unit, agent=who.agent, samples=0, again=bool(frame.body))
    if not since and sticks.ingest.store_start.tells:
        raise _later("the store does not say yet since when it has been running; try again")
    if frame.is_relayed:
        kept = (await sticks.relay.bring(frame.body, who, again=again)).kept
    else:
        kept = await _keep(sticks.ingest, frame, who)
    samples = 0 if kept is None else kept.samples
    await to_thread.run_sync(keep_stored, database, who, frame, samples, since)
    if kept is None:
        return Taken(unit=who.unit, agent=who.agent, samples=0, again=True)
    lost = {str(reason): number for reason, number in kept.refused.items()}
    return Taken(unit=who.unit, agent=who.agent, samples=samples, again=False, refused=lost, why=kept.why)


def _later(text: str) -> HTTPException:
    return HTTPException(UNAVAILABLE, text, {"Retry-After": "5"})


async def _keep(ingest: Ingest, frame: Frame, who: Identity) -> Kept:
    """Raises Refusal."""
    try:
        kept = await keep(ingest, frame.body, who)
    except Refusal as refused:
        ingest.metrics.refused.labels(refused.reason).inc()
        raise
    for reason in kept.refused:
        ingest.metrics.refused.labels(reason).inc()
    return kept
