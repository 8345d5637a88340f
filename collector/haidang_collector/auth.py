"""Who may in: agents by their issued key, operators by sitting at the machine or knowing the password."""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haidang_collector.access.attempts import ADDRESS_SECONDS
from haidang_collector.ingest.memory import Memory
from haidang_collector.ingest.refusal import UNAUTHORISED, UNAVAILABLE, Refusal
from haidang_collector.registry.store import Identity

if TYPE_CHECKING:
    from haidang_collector.access.attempts import Attempts
    from haidang_collector.settings import Settings

KNOWN_SECONDS = 10.0
"""How long an answer of the registry holds: a revoked agent is out after that."""
UNKNOWN_SECONDS = 1.0
REMEMBERED = 20_000
LONGEST_TOKEN = 200
UNKNOWN = "unknown agent or wrong key; enrol again"
ASKING_AT_ONCE = 4

FORWARDED_BY = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")

Told = TypeVar("Told")


class AgentDoor:
    """Tells agents by `Authorization: Bearer <agent>.<key>`, and remembers the answers for some seconds."""

    def __init__(
        self,
        identify: Callable[[str, str], Identity | None],
        clock: Callable[[], float] = time.monotonic,
        why_not: Callable[[str, str], str | None] = lambda _agent, _key: None,
    ) -> None:
        """`why_not` tells the holder of a key that was a right one why it is none now."""
        self._identify = identify
        self._why_not = why_not
        self._known: Memory[Identity] = Memory(KNOWN_SECONDS, REMEMBERED, clock)
        self._unknown: Memory[str] = Memory(UNKNOWN_SECONDS, REMEMBERED, clock)
        self._threads = CapacityLimiter(ASKING_AT_ONCE)

    async def identify(self, authorization: str | None) -> Identity:
        """Raises Refusal: 401 for whom nobody knows, 503 while the registry does not answer."""
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
            identity = await self._ask(self._identify, agent, key)
            if identity is not None:
                self._known.put(fingerprint, identity)
                return identity
            refused = await self._ask(self._why_not, agent, key) or UNKNOWN
            self._unknown.put(fingerprint, refused)
        raise Refusal(UNAUTHORISED, "unauthorised", refused)

    async def _ask(self, question: Callable[[str, str], Told], agent: str, key: str) -> Told:
        try:
            return await to_thread.run_sync(question, agent, key, limiter=self._threads)
        except SQLAlchemyError:
            raise Refusal(UNAVAILABLE, "registry_unavailable", "the registry does not answer; keep the data") from None


async def authenticated(request: Request) -> Identity:
    """Dependency of everything that only agents may ask. Raises Refusal, which the application answers."""
    door: AgentDoor = request.app.state.agent_door
    identity = await door.identify(request.headers.get("authorization"))
    request.state.agent = identity
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
