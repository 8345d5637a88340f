"""The application: every dependency is made in its lifespan, and the network can be replaced from outside."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

import httpx
from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from haidang_isps import Prefixes
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector import metrics, sd
from haidang_collector.auth import AgentDoor, AgentTime, operator
from haidang_collector.ingest import routes as ingest
from haidang_collector.ingest.egress import Egress, parse_networks
from haidang_collector.ingest.metrics import IngestMetrics
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.ingest.seen import Seen
from haidang_collector.ingest.store import Store
from haidang_collector.outside.addresses import Addresses
from haidang_collector.policy.policy import load as load_policy
from haidang_collector.registry import routes as registry
from haidang_collector.registry.store import Registry
from haidang_collector.settings import Settings
from haidang_collector.web import evaluation
from haidang_collector.web import routes as web
from haidang_collector.web.state import Measurements

VERSION = version("haidang")

health = APIRouter(tags=["health"])
documentation = APIRouter(include_in_schema=False, dependencies=[Depends(operator)])


def create_app(settings: Settings, *, store_transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """`store_transport` stands in for the network to the store, in tests."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _dependencies(app, settings, store_transport):
            yield

    app = FastAPI(title="Hải Đăng", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    pages = (web.router, evaluation.router)
    for router in (health, documentation, ingest.router, registry.router, metrics.router, sd.router, *pages):
        app.include_router(router)
    app.add_exception_handler(Refusal, _refused)
    app.add_middleware(AgentTime)
    return app


@contextlib.asynccontextmanager
async def _dependencies(
    app: FastAPI, settings: Settings, store_transport: httpx.AsyncBaseTransport | None
) -> AsyncIterator[None]:
    state = app.state
    state.registry = await to_thread.run_sync(Registry, settings.database_url)
    state.store = Store(settings, store_transport)
    state.agent_door = AgentDoor(state.registry.identify)
    client = httpx.AsyncClient(transport=store_transport, trust_env=False)
    state.measurements = Measurements(client, settings.prometheus_url)
    state.scrape_targets = sd.ScrapeTargets()
    state.own_metrics = metrics.own_metrics(VERSION)
    seen = Seen(state.registry.record_seen)
    addresses = Addresses(state.registry.database)
    egress = Egress(
        Prefixes.load(Path(settings.isp_prefixes) if settings.isp_prefixes else None),
        parse_networks(settings.trusted_proxies),
    )
    policy = load_policy(Path(settings.policy) if settings.policy else None)
    state.facts = metrics.FactCollector(state.registry, seen, egress, policy)
    state.evaluations = evaluation.Evaluations(settings, state.registry, policy)
    state.ingest = ingest.Ingest(
        settings, state.store, seen, egress, addresses, state.scrape_targets, IngestMetrics(state.own_metrics)
    )
    flushing = [asyncio.create_task(each.keep_flushing()) for each in (seen, addresses)]
    try:
        yield
    finally:
        for task in flushing:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*flushing)
        await to_thread.run_sync(seen.flush)
        await to_thread.run_sync(addresses.flush)
        await state.store.close()
        await client.aclose()
        state.evaluations.close()
        await to_thread.run_sync(state.registry.close)


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
    return JSONResponse(request.app.openapi())


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    return refusal.response()
