"""The application: every dependency is made in its lifespan, and the network can be replaced from outside."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from haidang_isps import Prefixes
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from haidang_collector import metrics, sd
from haidang_collector.access.attempts import Attempts
from haidang_collector.access.cookies import Visits
from haidang_collector.access.doors import DoorError, visitor
from haidang_collector.access.oidc import Provider
from haidang_collector.access.passwords import Threads
from haidang_collector.auth import AgentDoor, AgentTime
from haidang_collector.centre.school_time import load as load_calendar
from haidang_collector.doctor import routes as doctor
from haidang_collector.ingest import routes as ingest
from haidang_collector.ingest.connections import KeptConnections
from haidang_collector.ingest.egress import Egress, parse_networks
from haidang_collector.ingest.metrics import IngestMetrics
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.ingest.seen import Seen
from haidang_collector.ingest.store import Store
from haidang_collector.ingest.store_start import StoreStart
from haidang_collector.notify.running import telling
from haidang_collector.outside.addresses import Addresses
from haidang_collector.policy.policy import load as load_policy
from haidang_collector.prom import routes as prom
from haidang_collector.prom.upstream import Upstream
from haidang_collector.registry import routes as registry
from haidang_collector.registry.store import Registry
from haidang_collector.relay import routes as relay
from haidang_collector.relay.metrics import RelayMetrics
from haidang_collector.relay.writers import Writers
from haidang_collector.settings import Settings
from haidang_collector.sticks import routes as sticks
from haidang_collector.sticks.taking import keep_marking
from haidang_collector.store_disk import StoreDisk
from haidang_collector.tenants import Reader, Tenants, authorities
from haidang_collector.web import (
    access_pages,
    agent_pages,
    config_pages,
    enrol_pages,
    evaluation,
    incident_pages,
    oidc_pages,
    registry_import,
    registry_pages,
    registry_units,
    report_pages,
    runbook_pages,
    user_pages,
)
from haidang_collector.web import routes as web
from haidang_collector.web.kept import Kept
from haidang_collector.web.pages import SECURITY_HEADERS
from haidang_collector.web.state import MOST_ANSWER_BYTES, QUERY_SECONDS, Measurements
from haidang_collector.worker import Worker

VERSION = version("haidang")
QUESTIONS = 32
"""Of pages to the store, at once."""

health = APIRouter(tags=["health"])
documentation = APIRouter(include_in_schema=False, dependencies=[Depends(visitor)])

PAGES = (
    web.router,
    evaluation.router,
    incident_pages.router,
    access_pages.router,
    oidc_pages.router,
    user_pages.router,
    registry_pages.router,
    registry_units.router,
    registry_import.router,
    agent_pages.router,
    config_pages.router,
    enrol_pages.router,
    report_pages.router,
    runbook_pages.router,
)
APIS = (
    health,
    documentation,
    registry.router,
    doctor.router,
    metrics.router,
    sd.router,
    prom.router,
    sticks.router,
    relay.router,
    ingest.router,
)


class Centre(FastAPI):
    """Takes pushes past FastAPI's layers and the application's middleware; of that only `AgentTime` is for them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._push = AgentTime(ingest.push)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if ingest.is_push(scope):
            scope["app"] = self
            await self._push(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(
    settings: Settings, *, store_transport: httpx.AsyncBaseTransport | None = None, worker: Worker | None = None
) -> FastAPI:
    """`store_transport` stands in for the network to the store, in tests. `worker`: which one; None: the only one."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _dependencies(app, settings, store_transport, worker or Worker()):
            yield

    app = Centre(title="Hải Đăng", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    for router in (*APIS, *PAGES):
        app.include_router(router)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(DoorError, access_pages.refused)
    app.add_middleware(AgentTime)
    app.add_middleware(Visits)
    return app


@contextlib.asynccontextmanager
async def _dependencies(
    app: FastAPI, settings: Settings, store_transport: httpx.AsyncBaseTransport | None, worker: Worker
) -> AsyncIterator[None]:
    state = app.state
    state.registry = await to_thread.run_sync(Registry, settings.database_url)
    state.attempts = Attempts()
    state.password_threads = Threads()
    state.oidc = Provider(settings) if settings.oidc_issuer else None
    tenants = Tenants(settings)
    state.store = Store(settings, tenants, store_transport)
    store_start = StoreStart(settings, store_transport)
    state.agent_door, state.questions = AgentDoor(state.registry.who, state.registry.closer), registry.Questions()
    tls = authorities(settings.store_ca)
    network = store_transport or KeptConnections(QUESTIONS, QUERY_SECONDS, tls, longest=MOST_ANSWER_BYTES + 1)
    client = httpx.AsyncClient(transport=network, trust_env=False, auth=Reader(tenants))
    state.measurements = Measurements(client, settings.prometheus_url)
    state.kept = Kept()
    state.prom = Upstream(settings.prometheus_url, store_transport, tls, Reader(tenants))
    own_metrics = metrics.own_metrics(VERSION)
    state.shown_metrics = worker.of_all(own_metrics)
    if settings.store_folder:
        state.shown_metrics.register(StoreDisk(Path(settings.store_folder)))
    seen = Seen(state.registry.record_seen)
    addresses = Addresses(state.registry.database)
    state.egress = _egress(settings)
    policy = load_policy(Path(settings.policy) if settings.policy else None)
    calendar = load_calendar(Path(settings.calendar) if settings.calendar else None)
    state.facts = metrics.FactCollector(state.registry, seen, policy, calendar, worker.started)
    state.evaluations = evaluation.Evaluations(settings, state.registry, policy)
    state.ingest = ingest.Ingest(
        settings, state.store, store_start, seen, state.egress, addresses, IngestMetrics(own_metrics)
    )
    state.relay = relay.RelayedFrames(state.ingest, Writers(state.registry.database), RelayMetrics(own_metrics))
    state.sticks = sticks.Sticks.beside(state.ingest, state.relay)
    flushing = [
        asyncio.create_task(each)
        for each in (
            seen.keep_flushing(),
            addresses.keep_flushing(),
            store_start.keep_reading(),
            *([keep_marking(state.registry.database, store_start)] if worker.does_the_rounds else []),
        )
    ]
    try:
        tells = worker.does_the_rounds
        async with telling(settings, state.registry.database, own_metrics, tells=tells) as state.intake:
            yield
    finally:
        for task in flushing:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*flushing)
        await to_thread.run_sync(seen.flush)
        await to_thread.run_sync(addresses.flush)
        await state.kept.close()
        if state.oidc is not None:
            await state.oidc.close()
        await state.store.close()
        await store_start.close()
        await client.aclose()
        await state.prom.close()
        state.evaluations.close()
        await to_thread.run_sync(state.registry.close)


def _egress(settings: Settings) -> Egress:
    prefixes = Prefixes.load(Path(settings.isp_prefixes) if settings.isp_prefixes else None)
    return Egress(prefixes, parse_networks(settings.trusted_proxies))


@health.get("/healthz", summary="The process is alive")
async def healthz() -> PlainTextResponse:
    """Says nothing of others; for a supervisor."""
    return PlainTextResponse("ok\n")


@health.get("/readyz", summary="Measurements can be taken", responses={503: {"description": "Says what is missing"}})
async def readyz(request: Request) -> JSONResponse:
    """Registry and store answer; for a load balancer."""
    parts = {
        "registry": await to_thread.run_sync(_answers, request.app.state.registry),
        "store": await request.app.state.store.ready(),
    }
    words = {name: "ok" if sound else "does not answer" for name, sound in parts.items()}
    return JSONResponse(words, 200 if all(parts.values()) else 503)


def _answers(registry_: Registry) -> bool:
    try:
        registry_.identify("", "")
    except SQLAlchemyError:
        return False
    return True


@documentation.get("/openapi.json")
def openapi(request: Request) -> JSONResponse:
    """The API, for programs."""
    return JSONResponse(request.app.openapi(), headers=SECURITY_HEADERS)


async def _refused(request: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    await request.app.state.ingest.holding.hold(getattr(request.state, "agent", None), refusal)
    return refusal.response()
