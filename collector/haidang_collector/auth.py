"""Who may in: agents by their issued key, operators by sitting at the machine or knowing the password."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haidang_collector.access.attempts import ADDRESS_SECONDS
from haidang_collector.ingest.memory import Memory
from haidang_collector.ingest.refusal import BUSY, UNAUTHORISED, UNAVAILABLE, Refusal
from haidang_collector.lookup import Lookup
from haidang_collector.registry.store import Identity

if TYPE_CHECKING:
    from haidang_collector.access.attempts import Attempts
    from haidang_collector.lookup import Found, Who, WhoAlone
    from haidang_collector.settings import Settings

KNOWN_SECONDS = 30.0
"""How long an answer of the registry holds: a revoked agent is out after that."""
LATELY_SECONDS = 3600.0
"""How long a key that was right is asked about before those that nobody knows."""
UNKNOWN_SECONDS = 1.0
REMEMBERED = 65_536
"""Keys: more than the country has units (43,000). 42 MiB where all are known, and 15 for as many wrong ones."""
LONGEST_TOKEN = 200
UNKNOWN = "unknown agent or wrong key; enrol again"
STRANGERS_WAITING = 500
"""Requests whose keys were not right lately, and that wait for the registry; more are told to come again. They leave
half of the places for pushes (`ingest/gate.py`) to others.
"""
QUESTIONS_A_MINUTE = 60
"""Of one agent, beside its pushes. A sound one asks once a minute, and a few times more where somebody examines it."""
MINUTE = 60.0

FORWARDED_BY = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class AgentDoor:
    """Tells agents by `Authorization: Bearer <agent>.<key>`, and remembers the answers for some seconds.

    Keys that were right lately are looked up apart: no flood of made-up ones delays them.
    """

    def __init__(self, who: "Who", closer: "WhoAlone", clock: Callable[[], float] = time.monotonic) -> None:
        """`who` and `closer`: as the registry has them."""
        self._clock = clock
        self._known: Memory[Identity] = Memory(KNOWN_SECONDS, REMEMBERED, clock)
        self._lately: Memory[bool] = Memory(LATELY_SECONDS, REMEMBERED, clock)
        self._unknown: Memory[str] = Memory(UNKNOWN_SECONDS, REMEMBERED, clock)
        self._lookup, self._strangers_lookup = Lookup(who, closer), Lookup(who, closer)
        self._strangers = 0
        self._questions: Counter[str] = Counter()
        self._questions_until = clock() + MINUTE

    async def identify(self, authorization: str | None) -> Identity:
        """Raises Refusal: 401 for whom nobody knows, 429 in a flood of them, 503 while the registry does not answer."""
        scheme, _, token = (authorization or "").partition(" ")
        agent, dot, key = token.strip().rpartition(".")
        if scheme.lower() != "bearer" or not (agent and dot and key) or len(token) > LONGEST_TOKEN:
            raise Refusal(
                UNAUTHORISED, "unauthorised", "send 'Authorization: Bearer <agent>.<key>'; enrolment gives both"
            )
        fingerprint = hashlib.sha256(token.encode()).digest()
        identity = self._known.get(fingerprint)
        if identity is not None:
            return identity
        refused = self._unknown.get(fingerprint)
        if refused is None:
            found = await self._ask(agent, key, is_stranger=self._lately.get(fingerprint) is None)
            if isinstance(found, Identity):
                self._known.put(fingerprint, found)
                self._lately.put(fingerprint, value=True)
                return found
            refused = found or UNKNOWN
            self._unknown.put(fingerprint, refused)
        raise Refusal(UNAUTHORISED, "unauthorised", refused)

    def remembered(self, authorization: str | None) -> Identity | None:
        """Whose key it is, where that need not be asked about."""
        token = (authorization or "").partition(" ")[2].strip()
        return self._known.get(hashlib.sha256(token.encode()).digest())

    def count_question(self, sender: Identity) -> None:
        """Of what is not a push. Raises Refusal 429 where it asks too often."""
        now = self._clock()
        if now >= self._questions_until:
            self._questions.clear()
            self._questions_until = now + MINUTE
        agent = sender.issued or sender.agent
        self._questions[agent] += 1
        if self._questions[agent] > QUESTIONS_A_MINUTE:
            text = f"more than {QUESTIONS_A_MINUTE} questions of this agent within a minute; wait"
            raise Refusal(BUSY, "rate", text, retry_seconds=self._questions_until - now)

    async def _ask(self, agent: str, key: str, *, is_stranger: bool) -> "Found":
        if is_stranger and self._strangers >= STRANGERS_WAITING:
            raise Refusal(BUSY, "busy", "too many unknown keys are being looked up; try again")
        self._strangers += is_stranger
        lookup = self._strangers_lookup if is_stranger else self._lookup
        try:
            return await lookup.ask(agent, key)
        except SQLAlchemyError:
            raise Refusal(UNAVAILABLE, "registry_unavailable", "the registry does not answer; keep the data") from None
        finally:
            self._strangers -= is_stranger


async def authenticated(request: Request) -> Identity:
    """Dependency of everything that only agents may ask. Raises Refusal, which the application answers."""
    door: AgentDoor = request.app.state.agent_door
    identity = await door.identify(request.headers.get("authorization"))
    request.state.agent = identity
    return identity


def remembered(request: Request) -> Identity | None:
    """The agent that asks, for an answer that must cost nothing; None where only the registry could tell."""
    door: AgentDoor = request.app.state.agent_door
    identity = door.remembered(request.headers.get("authorization"))
    if identity is not None:
        request.state.agent = identity
    return identity


async def questioner(request: Request) -> Identity:
    """As `authenticated`, for all that agents ask beside their pushes: not more often than makes sense."""
    identity = await authenticated(request)
    door: AgentDoor = request.app.state.agent_door
    try:
        door.count_question(identity)
    except Refusal:
        request.app.state.ingest.metrics.refuse_question(identity)
        raise
    return identity


class AgentTime:
    """Adds `Haidang-Time` (Unix seconds) to every answer to an authenticated agent: agents set their clock by it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_time(message: Message) -> None:
            if message["type"] == "http.response.start" and "agent" in scope.get("state", {}):
                MutableHeaders(scope=message)["Haidang-Time"] = f"{time.time():.3f}"
            await send(message)

        await self._app(scope, receive, send_with_time if scope["type"] == "http" else send)


def operator(request: Request) -> None:
    """Dependency of exporters and the webhook: doors for machines. Raises HTTPException 401, 403 or 429.

    Let in are requests made on this machine: a loopback peer, asking for a loopback name (so that no web page can
    lead a browser here by DNS), and not forwarded. A reverse proxy here must therefore set X-Forwarded-For, as all
    do. Everybody else needs the password, where one is set.
    """
    if not (is_local(request) or knows_password(request)):
        raise nobody(request)


def knows_password(request: Request) -> bool:
    """Whether it brings the operator's password, by HTTP Basic. False as well where none is set.

    Raises HTTPException 429 for an address that brought too many wrong ones.
    """
    settings: Settings = request.app.state.settings
    given = _basic_password(request.headers.get("authorization", ""))
    if given is None or settings.operator_password is None:
        return False
    attempts: Attempts = request.app.state.attempts
    address = address_of(request)
    if attempts.closed(address):
        raise HTTPException(429, "too many wrong passwords; wait", {"Retry-After": str(round(ADDRESS_SECONDS))})
    right = hmac.compare_digest(given, settings.operator_password.encode())
    if not right:
        attempts.failed(address)
    return right


def nobody(request: Request) -> HTTPException:
    """What somebody is told who is not let in where there are no accounts, or whose password is wrong."""
    settings: Settings = request.app.state.settings
    if settings.operator_password is None:
        return HTTPException(403, "open this page on the collector itself, or set HAIDANG_OPERATOR_PASSWORD")
    return HTTPException(401, "operator's password wanted", {"WWW-Authenticate": 'Basic realm="Hai Dang"'})


def address_of(request: Request) -> str:
    """Who sends, as far as trusted proxies tell; empty where that cannot be told."""
    address = request.app.state.egress.sender(request)
    return "" if address is None else str(address)


def is_local(request: Request) -> bool:
    """Made on this machine, as far as can be told; see `operator`."""
    if request.client is None or any(name in request.headers for name in FORWARDED_BY):
        return False
    try:
        peer = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = peer.ipv4_mapped if isinstance(peer, ipaddress.IPv6Address) else None
    return (mapped or peer).is_loopback and request.url.hostname in LOCAL_NAMES


def _basic_password(authorization: str) -> bytes | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return password if colon else None
