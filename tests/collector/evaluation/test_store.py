"""Stores that are away, refuse, or answer what is no answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.evaluation.store import MAX_ANSWER_BYTES, Store, StoreAwayError

from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Prometheus

AT = datetime(2026, 11, 25, 8, tzinfo=UTC)


def ask(answer: httpx.Response, *, url: str = "http://store:9090") -> list[object]:
    with httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as client:
        return list(Store(client, url).query("up", AT))


def test_a_store_that_is_away_is_named_without_its_password() -> None:
    url = f"http://haidang:secret@127.0.0.1:{free_port()}"
    with httpx.Client() as client, pytest.raises(StoreAwayError) as raised:
        Store(client, url).query("up", AT)

    assert str(raised.value) == (
        f"Prometheus at {url.replace('haidang:secret@', '')} does not answer (ConnectError): "
        "start it, or set HAIDANG_PROMETHEUS_URL"
    )


def test_what_a_real_store_refuses_is_told_in_its_words(told: Prometheus) -> None:
    with httpx.Client() as client, pytest.raises(StoreAwayError, match=r"refuses: status 400: .*parse error"):
        Store(client, told.url).query("up{", AT)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>a proxy's login</html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"status": "success", "data": {"result": [{"metric": {}}]}}),
        httpx.Response(200, json={"status": "success", "data": {"result": [{"metric": [], "value": [0, "1"]}]}}),
        httpx.Response(
            200, json={"status": "success", "data": {"result": [{"metric": {"district": {}}, "value": [0, "1"]}]}}
        ),
        httpx.Response(200, text="[" * 100_000),
        httpx.Response(502, text="bad gateway"),
    ],
    ids=["html", "list", "no value", "no labels", "labels of no text", "deep", "502"],
)
def test_what_is_no_answer(answer: httpx.Response) -> None:
    with pytest.raises(StoreAwayError, match=f"status {answer.status_code}, and the answer is none"):
        ask(answer)


def test_words_of_a_store_are_bounded_and_in_one_line() -> None:
    with pytest.raises(StoreAwayError) as raised:
        ask(httpx.Response(422, content=json.dumps({"error": "\x1b[31m\n" + "x" * 10_000})))

    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300


def test_an_endless_answer_is_given_up() -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 20
            yield b" " * (1 << 20)

    with pytest.raises(StoreAwayError, match="answers more than 64 MiB"):
        ask(httpx.Response(200, content=endless()))
    assert sent <= MAX_ANSWER_BYTES + (2 << 20)
