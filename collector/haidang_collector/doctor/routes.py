"""`/api/v1/agent/doctor`: what an agent that examines itself asks, and what it leaves for the unit's page.

What is taken are ids of checks and remedies; a text that a check found, with the addresses and names in it, has no
field here. Refusals never repeat what was sent.
"""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.auth import questioner
from haidang_collector.doctor.records import SHORTEST_INTERVAL, Examination, State, ToldCheck, keep
from haidang_collector.doctor.tables import VERSION_LENGTH
from haidang_collector.ingest.body import Body
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.registry.store import Identity

REPORT_BYTES = 32 << 10
REPORT_SECONDS = 10.0
STORE_SECONDS = 5.0
MOST_CHECKS = 100

Word = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9_ -]*$")]

router = APIRouter(tags=["agents"])


class Centre(BaseModel):
    """`version`: of the collector, which agents are compared with. `store`: whether its store answers."""

    version: str
    store: bool


class Check(BaseModel):
    """`check` and `case` are ids of `haidang_advice.doctor`; `case` is empty where nothing is to be done."""

    check: Annotated[Word, Field(min_length=1)]
    state: State
    case: Word = ""
    probe: Word = ""


class Report(BaseModel):
    """A self-examination; other fields are not kept."""

    version: Annotated[str, Field(max_length=VERSION_LENGTH, pattern=r"^[\x20-\x7e]*$")]
    checks: Annotated[list[Check], Field(min_length=1, max_length=MOST_CHECKS)]


@router.get("/api/v1/agent/doctor", summary="What an agent compares itself with", dependencies=[Depends(questioner)])
async def asked(request: Request) -> Centre:
    """Of the centre itself."""
    try:
        async with asyncio.timeout(STORE_SECONDS):
            answers = await request.app.state.store.ready()
    except TimeoutError:
        answers = False
    return Centre(version=request.app.version, store=answers)


@router.post(
    "/api/v1/agent/doctor",
    status_code=204,
    summary="Leave what an agent found of itself",
    responses={429: {"description": "The last one came a moment ago"}, 503: {"description": "The registry is away"}},
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": Report.model_json_schema()}}}
    },
)
async def told(request: Request, agent: Annotated[Identity, Depends(questioner)]) -> Response:
    """Only the newest of each agent is kept. 422: a field is malformed."""
    report = _read(await _bounded(request))
    checks = [ToldCheck(each.check, each.state, each.case, each.probe) for each in report.checks]
    examination = Examination(agent.agent, datetime.now(UTC), report.version, checks)
    try:
        kept = await to_thread.run_sync(keep, request.app.state.registry.database, examination)
    except SQLAlchemyError:
        raise HTTPException(503, "the registry does not answer; try again", {"Retry-After": "5"}) from None
    if not kept:
        wait = {"Retry-After": f"{SHORTEST_INTERVAL.total_seconds():.0f}"}
        raise HTTPException(429, "the last report came a moment ago; wait", wait)
    return Response(status_code=204)


async def _bounded(request: Request) -> bytes:
    body = Body(request, REPORT_BYTES)
    try:
        body.expected_bytes()
        return await body.read(REPORT_SECONDS)
    except Refusal as refused:
        raise HTTPException(refused.status, refused.text) from None


def _read(body: bytes) -> Report:
    try:
        return Report.model_validate_json(body)
    except ValidationError as failed:
        first = failed.errors()[0]
        field = ".".join(map(str, first["loc"])) or "body"
        raise HTTPException(422, f"{field}: {first['msg']}") from None
