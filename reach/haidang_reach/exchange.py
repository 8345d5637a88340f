"""One page by HTTP, from its name to its last byte: how long each phase took, and what was at fault.

Redirects are followed, bounded; cookies that a server sets on the way are handed back to it, for some set one and send
the visitor to the same page again. Nothing is kept from one exchange to the next: no address, connection or session.
"""

from __future__ import annotations

import ssl
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from haidang_reach.answer import Answer
from haidang_reach.connecting import connect, receive, secure, send, tunnel
from haidang_reach.faults import FaultError
from haidang_reach.response import BadResponseError, Response, unpacked

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection

    from haidang_reach.address import Address
    from haidang_reach.faults import Phase
    from haidang_reach.resolving import Family, Resolver
    from haidang_reach.waiting import Task

MOST_REDIRECTS = 5
MOST_BYTES = 1_000_000
MOST_COOKIE_BYTES = 4096
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CLIENT = "Mozilla/5.0 (compatible; haidang)"


@dataclass(frozen=True, slots=True)
class Way:
    """How to get out. `now` tells the time in Unix seconds; a proxy is asked for everything, or None."""

    resolver: Resolver
    trust: ssl.SSLContext
    proxy: Address | None = None
    now: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask for, and what must come: a status (none told: 200 to 299) and a text in the body (none told: any).

    `seconds` are for everything together. Of a larger body than `most_bytes` the beginning is read.
    """

    address: Address
    seconds: float = 10.0
    family: Family = ""
    statuses: Collection[int] = ()
    match: str = ""
    most_bytes: int = MOST_BYTES


def exchange(question: Question, way: Way) -> Task[Answer]:
    """Never raises for what the network does."""
    answer = Answer(question.address)
    until = time.monotonic() + question.seconds
    try:
        yield from _ask(question, way, answer, until)
    except FaultError as failed:
        answer.fault, answer.detail = failed.fault, failed.detail
    return answer


def _ask(question: Question, way: Way, answer: Answer, until: float) -> Task[None]:
    cookies: dict[str, dict[str, str]] = defaultdict(dict)
    seen: set[tuple[Address, str]] = set()
    while True:
        mine = "; ".join(f"{name}={value}" for name, value in cookies[answer.address.host].items())
        if (answer.address, mine) in seen or len(seen) > MOST_REDIRECTS:
            circle = "in a circle" if len(seen) <= MOST_REDIRECTS else f"more than {MOST_REDIRECTS} times"
            raise FaultError("redirects", f"{answer.address.host}: leads on {circle}")
        seen.add((answer.address, mine))
        response = yield from _hop(question, way, answer, mine, until)
        onward = _leads_to(response, answer.address)
        if onward is None:
            return _judge(question, response, answer)
        _take_cookies(response, cookies[answer.address.host])
        answer.address = onward
        answer.redirects += 1


def _hop(question: Question, way: Way, answer: Answer, cookies: str, until: float) -> Task[Response]:
    """One request. Of a redirect only the head is read."""
    address, near = answer.address, way.proxy or answer.address
    places, took = yield from _resolved(way, near, question, until)
    answer.seconds["resolve"] += took
    began = time.monotonic()
    connection = yield from _connected(way, near, address, places, until)
    try:
        answer.version = 6 if ":" in connection.getpeername()[0] else 4
        began = _passed(answer, "connect", began)
        if address.scheme == "https":
            answer.tls = True
            connection = secured = yield from secure(connection, address.host, way.trust, until)
            _check_dates(secured, answer, way.now())
            began = _passed(answer, "tls", began)
        yield from _send(connection, _request(address, cookies, whole=way.proxy is not None), until)
        return (yield from _read(question, answer, connection, began, until))
    except OSError as failed:  # it was closed as soon as it was open
        raise FaultError("closed", f"{address.authority}: {failed.strerror or failed}") from None
    finally:
        connection.close()


def _resolved(
    way: Way, near: Address, question: Question, until: float
) -> Task[tuple[list[tuple[int, object]], float]]:
    try:
        return (yield from way.resolver.ask(near.host, near.port, "" if way.proxy else question.family, until))
    except FaultError as failed:
        if way.proxy:
            raise FaultError("proxy", f"the proxy: {failed.detail}") from None
        raise


def _connected(
    way: Way, near: Address, far: Address, places: list[tuple[int, object]], until: float
) -> Task[socket.socket]:
    try:
        connection = yield from connect(places, near.authority, until)
    except FaultError as failed:
        if way.proxy:
            raise FaultError("proxy", f"the proxy: {failed.detail}") from None
        raise
    if way.proxy and far.scheme == "https":
        try:
            yield from tunnel(connection, far, until)
        except BaseException:
            connection.close()
            raise
    return connection


def _passed(answer: Answer, phase: Phase, began: float) -> float:
    """Now, when the next phase begins."""
    now = time.monotonic()
    answer.seconds[phase] += now - began
    return now


def _check_dates(connection: ssl.SSLSocket, answer: Answer, now: float) -> None:
    """Raises FaultError where the certificate is over, or does not begin yet."""
    told = connection.getpeercert() or {}
    begins, ends = (ssl.cert_time_to_seconds(str(told[name])) for name in ("notBefore", "notAfter"))
    answer.not_after = float(ends)
    if not begins <= now <= ends:
        when = f"ended on {told['notAfter']}" if now > ends else f"begins on {told['notBefore']}"
        raise FaultError("certificate_expired", f"{answer.address.authority}: its certificate {when}")


def _request(address: Address, cookies: str, *, whole: bool) -> bytes:
    """To a proxy the whole address is told, unless it only tunnels."""
    target = str(address) if whole and address.scheme == "http" else address.target
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {address.authority}",
        f"User-Agent: {CLIENT}",
        "Accept: text/html,application/rss+xml,application/atom+xml,*/*;q=0.1",
        "Accept-Encoding: identity",
        "Cache-Control: no-cache",
        "Connection: close",
        *([f"Cookie: {cookies}"] if cookies else []),
    ]
    return "\r\n".join((*lines, "", "")).encode("ascii", "replace")


def _send(connection: socket.socket, request: bytes, until: float) -> Task[None]:
    try:
        yield from send(connection, request, until)
    except TimeoutError:
        raise FaultError("no_answer", "does not take the request") from None


def _read(question: Question, answer: Answer, connection: socket.socket, began: float, until: float) -> Task[Response]:
    """`began` is when the connection was ready. Raises FaultError."""
    response, first = Response(question.most_bytes), False
    where = answer.address.authority
    while not response.done:
        try:
            data = yield from receive(connection, until)
            response.feed(data)
        except TimeoutError:
            _out_of_time(response, where)
        except BadResponseError as broken:
            raise FaultError("malformed", f"{where}: its answer {broken}") from None
        except OSError as failed:
            _ended(response, where, failed.strerror or str(failed))
        if not data and not response.end():
            _ended(response, where, "hung up")
        if not first:
            began, first = _passed(answer, "processing", began), True
        answer.status = response.status or answer.status
        if response.status in REDIRECTS and response.header("location"):
            return response
    _passed(answer, "transfer", began)
    return response


def _out_of_time(response: Response, where: str) -> NoReturn:
    if response.status is None:
        raise FaultError("no_answer", f"{where}: no answer in time") from None
    raise FaultError("slow", f"{where}: its answer did not end in time") from None


def _ended(response: Response, where: str, why: str) -> NoReturn:
    if response.status is None:
        raise FaultError("closed", f"{where}: {why} without an answer") from None
    raise FaultError("cut_off", f"{where}: {why} within its answer") from None


def _leads_to(response: Response, address: Address) -> Address | None:
    """Where a redirect leads, if it is one. Raises FaultError."""
    location = response.header("location")
    if response.status not in REDIRECTS or not location:
        return None
    try:
        return address.towards(location.encode("latin-1", "replace").decode(errors="replace"))
    except ValueError as wrong:
        raise FaultError("redirects", f"{address.host}: {wrong}") from None


def _take_cookies(response: Response, cookies: dict[str, str]) -> None:
    for name, value in response.headers:
        pair = value.partition(";")[0].strip()
        key, equals, content = pair.partition("=")
        held = sum(len(each) + len(cookies[each]) for each in cookies)
        is_clean = pair.isascii() and pair.isprintable()
        if name == "set-cookie" and equals and is_clean and held + len(pair) <= MOST_COOKIE_BYTES:
            cookies[key] = content


def _judge(question: Question, response: Response, answer: Answer) -> None:
    """Status and content. Raises FaultError."""
    where = answer.address.authority
    expected = question.statuses or range(200, 300)
    if response.status not in expected:
        raise FaultError("status", f"{where}: answers {response.status}")
    answer.content_type = response.header("content-type")
    try:
        answer.body, all_of_it = unpacked(
            bytes(response.body), response.header("content-encoding"), question.most_bytes
        )
    except ValueError as wrong:
        all_of_it, answer.detail = False, f"{where}: {wrong}"
    answer.whole = response.whole and all_of_it
    if not question.match:
        return
    if question.match not in answer.text():
        if answer.whole:
            raise FaultError("mismatch", f"{where}: the text that must be there is not")
        raise FaultError("unread", answer.detail or f"{where}: the text is not in what is read of the page")
    answer.matched = True
