"""The way to the store: a bounded number of questions at once, bounded answers, in bounded time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import httpx
from starlette.responses import Response

from haidang_collector.prom.answers import NOT_STORED, TOO_LARGE, UNAVAILABLE, PromError, bad_data
from haidang_collector.prom.queue import Queue
from haidang_collector.tenants import DISTRICT

if TYPE_CHECKING:
    import ssl

    from haidang_collector.access.visitor import Scope
    from haidang_collector.prom.parameters import Parameters
    from haidang_collector.tenants import Reader

AT_ONCE = 8
MOST_WAITING = 200
"""A dashboard asks some twenty questions at once."""
SCOPE_AT_ONCE = 3
SCOPE_MOST_WAITING = 40
"""Of one asker's scope: slow questions of one district leave places to the others."""
ANSWER_BYTES = 16 << 20
SECONDS = 30.0
"""For a question with its waiting; Prometheus gives up on it when the connection ends."""
FORM = "application/x-www-form-urlencoded"
LONGEST_ADDRESS = 32 << 10
GET_ONLY = ("label/", "metadata", "status/")
"""Prometheus takes no POST there."""


class Upstream:
    """The store's HTTP API, asked by one event loop."""

    def __init__(
        self,
        prometheus_url: str,
        transport: httpx.AsyncBaseTransport | None = None,
        tls: ssl.SSLContext | None = None,
        reader: Reader | None = None,
    ) -> None:
        """`transport` is for tests. Without `tls` the usual authorities hold, without `reader` there are no tenants."""
        self._url = f"{prometheus_url.rstrip('/')}/api/v1"
        self._client = httpx.AsyncClient(
            transport=transport, trust_env=False, timeout=httpx.Timeout(SECONDS), verify=tls or True, auth=reader
        )
        self._all = Queue(AT_ONCE, MOST_WAITING)
        self._by_scope: dict[Scope, Queue] = {}

    async def ask(self, path: str, parameters: Parameters, asking: Scope, district: str = "") -> Response:
        """The store's answer as it is, with its status. Raises PromError 503 or 413 where there is none to give.

        `asking` is whose question it is, not what it is about: who sees a district could ask for each of its units.
        `district` is the one that the question, or the unit that it is about, lies in; empty: all.
        """
        theirs = self._by_scope.setdefault(asking, Queue(SCOPE_AT_ONCE, SCOPE_MOST_WAITING))
        try:
            with theirs.joined(), self._all.joined():
                async with asyncio.timeout(SECONDS), theirs.places, self._all.places:
                    return await self._ask(path, parameters, district)
        except (TimeoutError, httpx.TimeoutException):
            raise PromError(UNAVAILABLE, "timeout", f"no answer within {SECONDS:g} s; ask for less") from None
        except httpx.HTTPError as failed:
            text = f"the store does not answer: {type(failed).__name__}"
            raise PromError(UNAVAILABLE, "unavailable", text, {"Retry-After": "5"}) from None
        finally:
            if not theirs.count:
                self._by_scope.pop(asking, None)

    async def _ask(self, path: str, parameters: Parameters, district: str) -> Response:
        form = urlencode(parameters)
        headers = {"Accept-Encoding": "identity"}
        about = {DISTRICT: district}
        if path.startswith(GET_ONLY):
            if len(form) > LONGEST_ADDRESS:
                raise bad_data(f"parameters: at most {LONGEST_ADDRESS} bytes here")
            asked = self._client.stream("GET", f"{self._url}/{path}", params=form, headers=headers, extensions=about)
        else:
            headers |= {"Content-Type": FORM}
            asked = self._client.stream("POST", f"{self._url}/{path}", content=form, headers=headers, extensions=about)
        async with asked as answer:
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > ANSWER_BYTES:
                    text = f"the answer has more than {ANSWER_BYTES >> 20} MiB; ask for fewer series or points"
                    raise PromError(TOO_LARGE, "too_large", text)
            kind = answer.headers.get("content-type", "application/octet-stream")
            return Response(bytes(content), answer.status_code, NOT_STORED | {"Content-Type": kind})

    async def close(self) -> None:
        await self._client.aclose()
