"""POST /api/v1/write: takes one remote write 1.0 request from one agent.

The answer decides whether the agent keeps its copy. 204: it is in the store. 400: it can never be stored, and the text
says what is wrong where. 401: nobody knows you. 408, 413, 415: not like this. 429, 503 with Retry-After: later.
"""

import random
import time
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from anyio import CapacityLimiter, Lock, to_thread
from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from haidang_collector.auth import authenticated, remembered
from haidang_collector.ingest.backlog import BacklogShares
from haidang_collector.ingest.batch import Batch, Checker
from haidang_collector.ingest.body import Body, check_headers
from haidang_collector.ingest.egress import Egress
from haidang_collector.ingest.gate import BYTES_AT_ONCE, UNIT_BYTES, Gate
from haidang_collector.ingest.holding import Holding
from haidang_collector.ingest.limits import Limits
from haidang_collector.ingest.metrics import IngestMetrics
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.ingest.seen import Seen
from haidang_collector.ingest.store import Store
from haidang_collector.ingest.store_start import StoreStart
from haidang_collector.outside.addresses import Addresses
from haidang_collector.registry.store import Identity, Sighting
from haidang_collector.sd import scrape_address
from haidang_collector.settings import Settings

WRITE = "/api/v1/write"
CHECKED_AT_ONCE = 4
"""Threads that decode and check: one agent's worst requests never hold them all, and memory stays bounded."""
MOVED = 1 / 60
"""
Share of answers after which an agent is to connect anew, where several workers serve: within some 15 minutes those that
a killed worker left to the others are shared out again.
"""


router = APIRouter(tags=["agents"])


@dataclass
class Ingest:
    """What the route works with; one for the application's life, in `app.state.ingest`."""

    settings: Settings
    store: Store
    store_start: StoreStart
    seen: Seen
    egress: Egress
    addresses: Addresses
    metrics: IngestMetrics
    checker: Checker = field(init=False)
    shares: BacklogShares = field(init=False)
    limits: Limits = field(init=False)
    gate: Gate = field(init=False)
    holding: Holding = field(default_factory=Holding)
    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(CHECKED_AT_ONCE))
    turns: WeakValueDictionary[str, Lock] = field(default_factory=WeakValueDictionary)
    """Of an agent one request at a time is checked in full: each thread at it makes everybody else's answers later."""

    def __post_init__(self) -> None:
        settings = self.settings.of_a_worker()
        self.checker = Checker(settings)
        self.shares = BacklogShares(settings.backlog_rate)
        self.limits = Limits(settings)
        bytes_at_once, unit_bytes = (
            max(settings.max_body_bytes, bound // settings.workers) for bound in (BYTES_AT_ONCE, UNIT_BYTES)
        )
        self.gate = Gate(bytes_at_once=bytes_at_once, unit_bytes=unit_bytes)

    async def take(self, request: Request) -> Response:
        """Raises Refusal. Who is turned away at the door is heard all the same, where its key is remembered."""
        try:
            with self.gate.enter():
                return await self._take(request)
        except Refusal as refusal:
            sender = remembered(request) if refusal.reason == "crowded" else None
            if sender is not None:
                self._note(request, sender)
            raise

    async def _take(self, request: Request) -> Response:
        sender = await authenticated(request)
        self._note(request, sender)
        self.limits.admit_push(sender)
        check_headers(request)
        body = Body(request, self.settings.max_body_bytes)
        with self.gate.admit(sender, body.expected_bytes()):
            content = await body.read(self.settings.body_timeout_seconds)
            headers = await self.store_start.header()
            headers |= self.grant(sender.agent, await self.keep(content, sender))
        if self.settings.workers > 1 and random.random() < MOVED:  # noqa: S311 - no secret
            headers["Connection"] = "close"
        return Response(status_code=204, headers=headers)

    async def keep(self, body: bytes, sender: Identity) -> Batch:
        """Check it, count it against the sender's limits, and store it. Raises Refusal."""
        batch = await self._checked(body, sender)
        async with self.shares.turn(_age(batch), batch.samples, batch.series):
            with self.metrics.store_seconds.time():
                await self.store.append(batch.payload, sender.district)
        self.metrics.samples.inc(batch.samples)
        return batch

    def grant(self, agent: str, batch: Batch) -> dict[str, str]:
        """The header that says at which rate whoever brought this may bring more of the past."""
        return {"Haidang-Backlog-Rate": f"{self.shares.grant(agent, _age(batch)):.0f}"}

    async def _checked(self, body: bytes, sender: Identity) -> Batch:
        now, cost = time.time(), 0
        try:
            batch = self.checker.recognise(body, sender, now)
            if batch is None:
                async with self.turns.setdefault(sender.agent, Lock()):
                    self.limits.admit_unknown(sender)
                    batch = await to_thread.run_sync(self.checker.check, body, sender, now, limiter=self.threads)
            cost = batch.cost
            self.limits.count(sender, batch)
        except Refusal as refusal:
            self.limits.charge_refused(sender, max(len(body), refusal.looked_at))
            raise
        finally:
            self.limits.charge(sender, cost)
        return batch

    def _note(self, request: Request, sender: Identity) -> None:
        """The agent was heard, whatever becomes of its data."""
        address = self.egress.public_sender(request)
        if address is not None:
            self.addresses.heard(sender, str(address))
        sighting = Sighting(
            at=time.time(),
            stopped=request.headers.get("haidang-goodbye") == "1",
            isp=None if address is None else self.egress.isp(address),
            scrape_address=request.client
            and scrape_address(request.client.host, request.headers.get("haidang-scrape-port")),
        )
        self.seen.heard(sender.agent, sighting)


def _age(batch: Batch) -> float | None:
    """Seconds since its newest sample was taken; None without samples."""
    return None if batch.newest is None else time.time() - batch.newest


@router.post(
    WRITE,
    status_code=204,
    summary="Remote write 1.0 from an agent",
    responses={
        400: {"description": "Can never be stored; the text says what is wrong where"},
        401: {"description": "Unknown or revoked agent"},
        408: {"description": "The body took too long"},
        413: {"description": "Too many bytes, series or samples; send fewer at once"},
        415: {"description": "Not remote write 1.0 in a snappy block"},
        429: {"description": "Too many requests, samples or series of this agent or unit; see Retry-After"},
        503: {"description": "Store or registry do not answer, or there is too much; keep the data, see Retry-After"},
    },
)
async def write(request: Request) -> Response:
    """Body: snappy block of a prometheus.WriteRequest; `Authorization: Bearer <agent>.<key>`."""
    ingest: Ingest = request.app.state.ingest
    started = time.perf_counter()
    refused = None
    try:
        answer = await ingest.take(request)
    except Refusal as refusal:
        refused = refusal
        ingest.metrics.refuse(refusal.reason, getattr(request.state, "agent", None))
        answer = refusal.response()
    ingest.metrics.requests.labels(str(answer.status_code)).inc()
    ingest.metrics.seconds.observe(time.perf_counter() - started)
    if refused is not None:
        await ingest.holding.hold(getattr(request.state, "agent", None), refused)
    return answer


def is_push(scope: Scope) -> bool:
    return bool(scope["type"] == "http" and scope["path"] == WRITE and scope["method"] == "POST")


async def push(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI application of `write` alone."""
    answer = await write(Request(scope, receive, send))
    await answer(scope, receive, send)
