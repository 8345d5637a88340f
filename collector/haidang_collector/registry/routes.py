"""What agents ask of the registry (enrolment, configuration), and what Alertmanager tells it.

Refusals are `{"detail": "<field>: <reason>"}` and never repeat what was sent: tokens and keys are in it.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal, TypeVar

from anyio import CapacityLimiter, Semaphore, fail_after, to_thread
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.auth import operator, questioner
from haidang_collector.incidents.intake import FullError, Intake
from haidang_collector.ingest.body import Body
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.registry import agent_asks, agent_config, agent_keys, incidents, tokens
from haidang_collector.registry.database import Database
from haidang_collector.registry.store import Identity, Registry

ENROL_BYTES = 16 << 10
NOTIFICATION_BYTES = 4 << 20
BODY_SECONDS = 10.0
SHOWN_ERRORS = 5
ANSWERED_AT_ONCE = 2
MOST_WAITING = 1_000
LONGEST_WAIT_SECONDS = 5.0
"""An agent pushes only after its answer, and gives up after 15 s."""
UNANSWERED, TRY_AGAIN = "the registry's database does not answer", "the registry does not answer; try again"

router = APIRouter()
log = logging.getLogger(__name__)
Model = TypeVar("Model", bound=BaseModel)
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Words = Annotated[str, Field(max_length=50, pattern=r"^[\x20-\x7e]*$")]


Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43,128}={0,2}$")]


class Questions:
    """Of agents, about their configuration: a few are answered at a time, and so many wait, so many seconds at most.

    An answer is Python at work. On more threads they would keep the event loop, and so the pushes, from its processor
    when a whole city asks at once.
    """

    def __init__(self, longest_wait_seconds: float = LONGEST_WAIT_SECONDS) -> None:
        self._turns = Semaphore(ANSWERED_AT_ONCE, fast_acquire=True)
        self._threads = CapacityLimiter(ANSWERED_AT_ONCE)
        self._seconds = longest_wait_seconds
        self._waiting = 0

    async def ask(self, database: Database, asked: agent_asks.Asking) -> agent_asks.Answer:
        """Raises HTTPException 503 where too many wait, or too long: an agent goes on with what it was told before."""
        if self._waiting >= MOST_WAITING:
            raise _too_many()
        self._waiting += 1
        try:
            with fail_after(self._seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise _too_many() from None
        finally:
            self._waiting -= 1
        try:
            return await to_thread.run_sync(agent_asks.answer, database, asked, limiter=self._threads)
        finally:
            self._turns.release()


class EnrolRequest(BaseModel):
    """What an agent tells of itself. `key`: 32 random bytes or more, urlsafe base64, kept by it before it asks."""

    token: Annotated[str, Field(min_length=1, max_length=200)]
    key: Key
    roles: Annotated[list[Literal["site", "router", "host"]], Field(min_length=1, max_length=3)]
    version: Words
    os: Words


class NewKey(BaseModel):
    """As at enrolment: made by the agent, and kept by it before it is told."""

    key: Key


class EnrolAnswer(BaseModel):
    """`agent` is the issued id: from now on `Authorization: Bearer <agent>.<key>`."""

    agent: str
    unit: str


def _body_of(model: type[BaseModel]) -> dict[str, object]:
    """The bodies are read by hand, as they are bounded; OpenAPI has to be told what they are."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/api/v1/enrol",
    status_code=201,
    response_model=EnrolAnswer,
    tags=["agents"],
    summary="Enrol an agent with a token",
    responses={200: {"model": EnrolAnswer, "description": "Asked before with this token and key: the same answer"}},
    openapi_extra=_body_of(EnrolRequest),
)
async def enrol(request: Request) -> JSONResponse:
    """401: token unknown, expired, revoked, or used up by other keys. 422: a field is malformed."""
    asked = _read(EnrolRequest, await _bounded(request, ENROL_BYTES), 422)
    applicant = tokens.Applicant(asked.token, asked.key, tuple(asked.roles), asked.version, asked.os)
    enrolled = await _ask(request, tokens.enrol, applicant)
    if enrolled is None:
        raise HTTPException(401, "token: unknown, expired, revoked or used up; ask for a new one")
    answer = EnrolAnswer(agent=enrolled.agent, unit=enrolled.unit)
    return JSONResponse(answer.model_dump(), 200 if enrolled.again else 201)


@router.get("/api/v1/agent/config", tags=["agents"], summary="What this agent shall watch", response_model=None)
async def config(request: Request, agent: Annotated[Identity, Depends(questioner)]) -> Response:
    """The tables of agent.toml without `[server]`. 304 when `If-None-Match` still holds.

    `Haidang-New-Key: wanted` asks for a new key; `Haidang-Imported: 0-11,13` tells which parts of the agent's export
    the store has and is sure to keep.
    """
    questions: Questions = request.app.state.questions
    told = await _unless_silent(questions.ask(_database(request), agent_asks.asking(agent, request.headers)))
    if agent_config.etag_matches(request.headers.get("if-none-match"), told.etag):
        return Response(status_code=304, headers=told.headers)
    return Response(told.body, media_type="application/json", headers=told.headers)


@router.post(
    "/api/v1/agent/key",
    status_code=204,
    tags=["agents"],
    summary="A new key that this agent will use from now on",
    responses={409: {"description": "Another machine with the same identity offered one a moment ago"}},
    openapi_extra=_body_of(NewKey),
)
async def new_key(request: Request, agent: Annotated[Identity, Depends(questioner)]) -> Response:
    """204: both keys hold until the new one is used. 422: it is malformed. Asked again with the same key: the same."""
    asked = _read(NewKey, await _bounded(request, ENROL_BYTES), 422)
    issued = agent.issued or agent.agent
    if not await _ask(request, lambda db, key: agent_keys.offer_key(db, issued, key, time.time()), asked.key):
        raise HTTPException(409, "key: another machine with this identity offered one a moment ago; it goes on")
    return Response(status_code=204)


@router.post(
    "/api/v1/alertmanager",
    tags=["alerts"],
    summary="Alertmanager's webhook (version 4)",
    dependencies=[Depends(operator)],
    openapi_extra=_body_of(incidents.Notification),
)
async def alertmanager(request: Request) -> dict[str, int]:
    """200 after every alert is kept. Alertmanager repeats on 5xx, as while too much waits, and gives up on 4xx.

    Only `application/json` is taken: a web page cannot make an operator's browser send that here.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "Content-Type: send application/json")
    notification = _read(incidents.Notification, await _bounded(request, NOTIFICATION_BYTES), 400)
    intake: Intake = request.app.state.intake
    try:
        await intake.keep(notification)
    except FullError:
        raise HTTPException(503, "too many alerts wait; try again", {"Retry-After": "5"}) from None
    except SQLAlchemyError:
        log.exception(UNANSWERED)
        raise HTTPException(503, TRY_AGAIN, {"Retry-After": "5"}) from None
    return {"alerts": len(notification.alerts)}


def _too_many() -> HTTPException:
    return HTTPException(503, "too many agents ask at once; ask again in a minute", {"Retry-After": "60"})


async def _ask(request: Request, question: Callable[[Database, Asked], Answer], asked: Asked) -> Answer:
    return await _unless_silent(to_thread.run_sync(question, _database(request), asked))


def _database(request: Request) -> Database:
    registry: Registry = request.app.state.registry
    return registry.database


async def _unless_silent(answer: Awaitable[Answer]) -> Answer:
    """Raises HTTPException 503 where the database does not answer."""
    try:
        return await answer
    except SQLAlchemyError:
        log.exception(UNANSWERED)
        raise HTTPException(503, TRY_AGAIN, {"Retry-After": "5"}) from None


async def _bounded(request: Request, max_bytes: int) -> bytes:
    body = Body(request, max_bytes)
    try:
        body.expected_bytes()
        return await body.read(BODY_SECONDS)
    except Refusal as refused:
        raise HTTPException(refused.status, refused.text) from None


def _read(model: type[Model], body: bytes, status: int) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as failed:
        errors = failed.errors()
        raise HTTPException(status, "; ".join(map(_words_of, errors[:SHOWN_ERRORS]))) from None


def _words_of(error: ErrorDetails) -> str:
    field = ".".join(map(str, error["loc"])) or "body"
    return f"{field}: {error['msg'].removeprefix('Value error, ')}"
