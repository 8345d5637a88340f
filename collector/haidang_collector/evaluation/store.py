"""Instant queries of the store (Prometheus, or what speaks its HTTP API), at any moment, bounded in size and time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from haidang_collector.tenants import DISTRICT

if TYPE_CHECKING:
    from datetime import datetime

MAX_ANSWER_BYTES = 64 << 20
"""A city of 2,500 units with 13 services each is 6 MB."""
QUERY_SECONDS = 60.0
_LONGEST_WORDS = 200

Series = tuple[Mapping[str, str], float]
"""Labels, `__name__` among them, and the value."""


class StoreAwayError(Exception):
    """The store does not answer as it should; the text says what to do. No password of its URL is in it."""


class Store:
    """Asks the store at `prometheus_url`; `client` stays the caller's."""

    def __init__(self, client: httpx.Client, prometheus_url: str) -> None:
        self._client = client
        self._url = f"{prometheus_url.rstrip('/')}/api/v1/query"
        parts = urlsplit(prometheus_url)
        self._name = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    def query(self, expression: str, at: datetime, district: str = "") -> list[Series]:
        """The instant vector at that moment; with `district`, of what its agents measure too. Raises StoreAwayError."""
        asked = {"query": expression, "time": f"{at.timestamp():.3f}"}
        try:
            status, body = self._post(asked, district)
        except httpx.HTTPError as failed:
            raise self._away(type(failed).__name__) from failed
        try:
            answer = json.loads(body)
            if status != httpx.codes.OK:
                raise StoreAwayError(f"Prometheus at {self._name} refuses: status {status}: {_words(answer['error'])}")
            return [(_labels(item["metric"]), float(item["value"][1])) for item in answer["data"]["result"]]
        except (ValueError, LookupError, TypeError, RecursionError) as failed:
            raise self._away(f"status {status}, and the answer is none of Prometheus' API") from failed

    def _post(self, asked: Mapping[str, str], district: str) -> tuple[int, bytes]:
        body = bytearray()
        deadline = time.monotonic() + QUERY_SECONDS
        about = {DISTRICT: district}
        with self._client.stream("POST", self._url, data=asked, timeout=QUERY_SECONDS, extensions=about) as answer:
            for part in answer.iter_bytes():
                body += part
                if time.monotonic() > deadline:
                    raise self._away(f"not done within {QUERY_SECONDS:g} s")
                if len(body) > MAX_ANSWER_BYTES:
                    raise StoreAwayError(
                        f"Prometheus at {self._name} answers more than {MAX_ANSWER_BYTES >> 20} MiB; "
                        "evaluate a district or a unit"
                    )
        return answer.status_code, bytes(body)

    def _away(self, why: str) -> StoreAwayError:
        return StoreAwayError(
            f"Prometheus at {self._name} does not answer ({why}): start it, or set HAIDANG_PROMETHEUS_URL"
        )


def _labels(told: Mapping[str, str]) -> Mapping[str, str]:
    """Raises TypeError for what are no labels."""
    if not isinstance(told, dict) or not all(isinstance(text, str) for text in told.values()):
        raise TypeError("labels are texts by name")
    return told


def _words(text: object) -> str:
    words = str(text)[:_LONGEST_WORDS]
    return "".join(character if character.isprintable() else " " for character in words)
