"""Pushes to the application itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

from tests.collector import remote_write as rw

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2
    from starlette.testclient import TestClient


def stored(request: httpx.Request) -> httpx.Response:
    """A store that takes everything."""
    return httpx.Response(204)


def post(
    client: TestClient,
    authorization: str | None,
    body: bytes | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> httpx2.Response:
    content = rw.snappy(rw.simple("up", 1, time.time())) if body is None else body
    sent = rw.HEADERS | ({} if authorization is None else {"Authorization": authorization})
    return client.post("/api/v1/write", content=content, headers=sent | dict(headers or {}))
