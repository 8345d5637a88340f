from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.registry.store import Registry, Sighting
from haidang_collector.settings import Settings
from prometheus_client.parser import text_string_to_metric_families

from tests.collector import remote_write as rw
from tests.collector.running import add_agent, client_of, database_url

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.testclient import TestClient

STORE = httpx.MockTransport(lambda _: httpx.Response(204))


def samples(text: str, name: str) -> dict[tuple[str, ...], float]:
    """Value by label values, the labels in alphabetical order."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def families(text: str) -> set[str]:
    return {family.name for family in text_string_to_metric_families(text)}


def push(client: TestClient, authorization: str, body: bytes | None = None, *, goodbye: bool = False) -> None:
    headers = rw.HEADERS | {"Authorization": authorization} | ({"Haidang-Goodbye": "1"} if goodbye else {})
    client.post("/api/v1/write", content=body or rw.snappy(rw.simple("up", 1, time.time())), headers=headers)


def test_promtool_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    authorization = add_agent(url)[1]
    with client_of(Settings(database_url=url), store=STORE) as client:
        push(client, authorization)
        for path in ("/metrics", "/metrics/registry"):
            answer = client.get(path)
            checked = subprocess.run(
                ["promtool", "check", "metrics"], input=answer.content, capture_output=True, check=False
            )

            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b""), path


def test_ingest_counts_what_it_answers_and_why(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    authorization = add_agent(url)[1]
    with client_of(Settings(database_url=url), store=STORE) as client:
        before = client.get("/metrics").text
        push(client, authorization, rw.snappy(rw.series([("__name__", "up")], [(1, time.time())] * 3)))
        push(client, authorization, b"nonsense")
        push(client, "Bearer nobody.x")
        text = client.get("/metrics").text

    assert samples(before, "haidang_ingest_requests_total")[("204",)] == 0
    requests = samples(text, "haidang_ingest_requests_total")
    assert {status: count for (status,), count in requests.items() if count} == {"204": 1, "400": 1, "401": 1}
    refused = samples(text, "haidang_ingest_refused_total")
    assert {reason: count for (reason,), count in refused.items() if count} == {"encoding": 1, "unauthorised": 1}
    assert samples(text, "haidang_ingest_samples_total") == {(): 3}
    assert samples(text, "haidang_ingest_seconds_count") == {(): 3}
    assert samples(text, "haidang_ingest_store_seconds_count") == {(): 1}
    assert samples(text, "haidang_collector_info") == {("0.1.0",): 1}
    assert samples(text, "process_resident_memory_bytes")[()] > 0


def test_facts_tell_who_is_expected_and_when_each_was_heard(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    site, authorization = add_agent(url)
    host, _ = add_agent(url, roles=("host",))
    enrolled = time.time()
    with client_of(Settings(database_url=url), store=STORE) as client:
        started = client.get("/metrics/registry").text
        push(client, authorization)
        heard = client.get("/metrics/registry").text
        push(client, authorization, goodbye=True)
        gone = client.get("/metrics/registry").text

    assert samples(started, "haidang_agent_expected") == {(site, "Quận 1", "TH-001"): 1}
    assert samples(started, "haidang_agent_last_seen_timestamp_seconds") == {}, "never heard: no time is invented"
    last = samples(heard, "haidang_agent_last_seen_timestamp_seconds")
    assert last[(site, "Quận 1", "TH-001")] >= enrolled
    assert (host, "Quận 1", "TH-001") not in last
    assert samples(heard, "haidang_agent_stopped")[(site, "Quận 1", "TH-001")] == 0
    assert samples(gone, "haidang_agent_stopped")[(site, "Quận 1", "TH-001")] == 1
    assert samples(heard, "school_unit_info") == {("Quận 1", "primary", "Trường Tiểu học Sao Mai", "TH-001"): 1}
    assert enrolled - 1 < samples(heard, "haidang_collector_start_timestamp_seconds")[()] < time.time() + 1


def test_each_part_is_told_alone_and_both_are_the_whole(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    add_agent(url)
    with client_of(Settings(database_url=url), store=STORE) as client:
        whole, agents, units = (
            families(client.get(f"/metrics/registry{part}").text) for part in ("", "?part=agents", "?part=facts")
        )
        wrong = client.get("/metrics/registry?part=all")

    assert {"haidang_agent_expected", "haidang_collector_start_timestamp_seconds"} <= agents
    assert {"school_unit_info", "school_policy_limit"} <= units
    assert not agents & units
    assert agents | units == whole
    assert wrong.status_code == 422


def test_another_collectors_newer_sighting_counts(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    agent, authorization = add_agent(url)
    with client_of(Settings(database_url=url), store=STORE) as client:
        push(client, authorization, goodbye=True)
        other = Registry(url)
        newer = time.time() + 60
        other.record_seen({agent: Sighting(newer, stopped=False)})
        other.close()
        text = client.get("/metrics/registry").text

    last = samples(text, "haidang_agent_last_seen_timestamp_seconds")
    assert last[(agent, "Quận 1", "TH-001")] == pytest.approx(newer, abs=1)
    assert samples(text, "haidang_agent_stopped") == {(agent, "Quận 1", "TH-001"): 0}


@pytest.mark.parametrize("is_heard_again", [True, False])
def test_a_sighting_from_the_future_hides_no_silence(tmp_path: Path, *, is_heard_again: bool) -> None:
    url = database_url(tmp_path)
    agent, authorization = add_agent(url)
    registry = Registry(url)
    registry.record_seen({agent: Sighting(time.time() + 7 * 3600, stopped=False)})
    registry.close()
    with client_of(Settings(database_url=url), store=STORE) as client:
        if is_heard_again:
            push(client, authorization)
        text = client.get("/metrics/registry").text

    last = samples(text, "haidang_agent_last_seen_timestamp_seconds")
    assert last[(agent, "Quận 1", "TH-001")] == pytest.approx(time.time(), abs=60)
    assert last[(agent, "Quận 1", "TH-001")] <= time.time()


def test_a_revoked_agent_is_not_expected_any_more(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    agent, _ = add_agent(url)
    registry = Registry(url)
    registry.revoke_agent(agent)
    registry.close()
    with client_of(Settings(database_url=url), store=STORE) as client:
        text = client.get("/metrics/registry").text

    assert agent not in text
