from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.settings import Settings

from tests.collector.running import client_of, database_url

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("store_says", "status", "word"),
    [
        (httpx.Response(200), 200, "ok"),
        (httpx.Response(404), 200, "ok"),
        (httpx.Response(503), 503, "does not answer"),
        (httpx.ConnectError("refused"), 503, "does not answer"),
    ],
)
def test_ready_means_that_the_store_answers(
    tmp_path: Path, store_says: httpx.Response | Exception, status: int, word: str
) -> None:
    """
    404: a store other than Prometheus has its own address for this, but it is there.
    """

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/metrics":  # the collector wants to know since when the store has been running
            return httpx.Response(404)
        assert request.url.path == "/-/ready"
        if isinstance(store_says, Exception):
            raise store_says
        return store_says

    settings = Settings(database_url=database_url(tmp_path))
    with client_of(settings, store=httpx.MockTransport(answer), peer="198.51.100.7") as client:
        ready = client.get("/readyz")

        assert (ready.status_code, ready.json()) == (status, {"registry": "ok", "store": word})
        assert client.get("/healthz").status_code == 200


def test_ready_means_that_the_registry_answers(tmp_path: Path) -> None:
    store = httpx.MockTransport(lambda _: httpx.Response(200))
    with client_of(Settings(database_url=database_url(tmp_path)), store=store) as client:
        with client.app.state.registry.database.write() as session:  # type: ignore[attr-defined]
            session.connection().exec_driver_sql("ALTER TABLE agent RENAME TO gone")

        ready = client.get("/readyz")

    assert (ready.status_code, ready.json()["registry"]) == (503, "does not answer")


def test_the_api_is_described(tmp_path: Path) -> None:
    with client_of(Settings(database_url=database_url(tmp_path))) as client:
        answer = client.get("/openapi.json")
        page = client.get("/docs")

    described = answer.json()
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert {"/api/v1/write", "/api/v1/enrol", "/metrics", "/metrics/registry", "/sd/agents"} <= set(described["paths"])
    assert {"204", "400", "401", "413", "415", "429", "503"} <= set(
        described["paths"]["/api/v1/write"]["post"]["responses"]
    )
    assert "/openapi.json" in page.text


def test_wrong_address_and_wrong_method_are_told(tmp_path: Path) -> None:
    with client_of(Settings(database_url=database_url(tmp_path))) as client:
        assert client.get("/api/v1/nothing").status_code == 404
        assert client.get("/api/v1/write").status_code == 405
