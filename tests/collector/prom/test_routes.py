"""The proxy's doors and its parameters."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from haidang_collector.access.scopes import parse_scope
from haidang_collector.access.visitor import Scope
from haidang_collector.grafana import tokens
from haidang_collector.prom.answers import PromError
from haidang_collector.prom.scopes import scope_path
from haidang_collector.prom.upstream import ANSWER_BYTES, AT_ONCE, SCOPE_AT_ONCE, SCOPE_MOST_WAITING, Upstream
from haidang_collector.settings import Settings

from tests.collector.prom.conftest import OURS, STEP, THEIRS, leaks
from tests.collector.running import client_of, database_url

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.collector.prom.conftest import City

UP = "unit:school_internet_up"
SCOPE = f"district:{OURS}"


def test_a_range_is_answered_as_the_store_answers_it(city: City) -> None:
    asked = {"start": city.now - 60, "end": city.now, "step": STEP}

    answer = city.ask("query_range", query=f"sum by (unit) ({UP})", post=True, **asked)

    direct = httpx.get(
        f"{city.alone.url}/api/v1/query_range", params={"query": f'sum by (unit) ({UP}{{district="{OURS}"}})', **asked}
    )
    assert (answer.status_code, answer.content) == (200, direct.content)
    assert answer.headers["content-type"] == direct.headers["content-type"]
    assert len(answer.json()["data"]["result"][0]["values"]) == 5


def test_a_question_that_the_store_refuses_comes_back_with_its_words(city: City) -> None:
    answer = city.ask("query", query=f"{UP} + on() {UP}", time=city.now)

    assert answer.status_code == 422
    assert answer.json()["errorType"] == "execution"
    assert leaks(answer.text) == []


@pytest.mark.parametrize("post", [False, True])
@pytest.mark.parametrize("match", [None, ['{row="SECRET"}', UP], '{__name__=~".+"}'])
def test_series_labels_and_values_are_the_scopes(city: City, match: Any, *, post: bool) -> None:
    given = {"start": city.now - 300, "end": city.now} | ({} if match is None else {"match": match})

    series = city.ask("series", post=post, **given).json()["data"]
    labels = city.ask("labels", post=post, **given).json()["data"]
    values = city.ask("label/unit/values", **given).json()["data"]
    names = city.ask("label/__name__/values", **given).json()["data"]

    assert {item["district"] for item in series} == {OURS}
    assert {"__name__", "unit"} < set(labels)
    assert "limit" not in labels
    assert values == ["TH-1", "TH-2"]
    assert leaks(json.dumps([series, labels, values, names])) == []


def test_what_grafana_asks_besides_is_answered_or_refused_by_name(city: City) -> None:
    assert city.ask("status/buildinfo").json()["data"]["version"]
    assert city.ask("metadata", metric="up", limit=1).json() == {"status": "success", "data": {}}
    assert city.ask("query_exemplars", query=UP).json() == {"status": "success", "data": []}
    for path in ("rules", "alerts", "targets", "admin/tsdb/delete_series", "status/config", "query/x", "write"):
        answer = city.ask(path, post=path == "write")
        assert (answer.status_code, answer.json()["errorType"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "given", "words"),
    [
        ("query", "query=up&query=up", "query: given more than once"),
        ("query", "time=1", "query: is missing"),
        ("query", "query=up&time=yesterday", "time: write Unix seconds"),
        ("query", "query=up&time=NaN", "time: lies outside"),
        ("query", "query=up&limit=-1", "limit: write a whole number"),
        ("query", "query=%FF", "parameters:"),
        ("query", "&".join(["a=b"] * 300), "parameters:"),
        ("query_range", "query=up&start=0&end=1", "step: is missing"),
        ("query_range", "query=up&start=0&end=11002&step=1", "more than 11000 points"),
        ("query_range", "query=up&start=2&end=1&step=1", "end: lies before start"),
        ("query_range", "query=up&start=0&end=1&step=0", "step: at least 1 ms"),
        ("query_range", "query=up&start=0&end=1&step=-1", "step: at least 1 ms"),
        ("query_range", "query=up&start=0&end=1&step=soon", "step: write seconds"),
        ("query_range", "query=up&start=0&start=1&end=1&step=1", "start: given more than once"),
        ("series", "match[]=up[5m]", "a selector alone"),
        ("series", "match[]=sum(up)", "a selector alone"),
        ("labels", "match[]=up&match[]=up%7B", "parse error"),
        (
            "label/unit/values",
            "&".join(["match[]=up%7Ba%3D%22" + "x" * 11_000 + "%22%7D"] * 3),
            "at most 32768 bytes here",
        ),
        ("label/a.b/values", "", "no label is called this"),
    ],
)
def test_wrong_parameters_are_refused(city: City, path: str, given: str, words: str) -> None:
    url = f"{scope_path(parse_scope(SCOPE))}/api/v1/{path}"

    answer = city.client.get(f"{url}?{given}", headers=city.token(SCOPE))

    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_address_and_body_count_together(city: City) -> None:
    """
    A question in each would leave open which one is narrowed and which is answered.
    """
    url = f"{scope_path(parse_scope(SCOPE))}/api/v1/query?query=up"

    both = city.client.post(url, data={"query": f'{UP}{{district="{THEIRS}"}}'}, headers=city.token(SCOPE))
    parted = city.client.post(url, data={"time": city.now}, headers=city.token(SCOPE))
    as_json = city.client.post(url, json={"time": 1}, headers=city.token(SCOPE))

    assert (both.status_code, parted.status_code, as_json.status_code) == (400, 200, 400)
    assert "Content-Type" in as_json.json()["error"]


def test_a_form_without_end_is_refused(city: City) -> None:
    answer = city.ask("query", post=True, query="x" * (300 << 10))

    assert (answer.status_code, answer.json()["status"]) == (413, "error")


def test_only_known_parameters_reach_the_store(tmp_path: Path) -> None:
    asked: list[httpx.QueryParams] = []

    def store(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/metrics":  # the collector wants to know since when the store has been running
            asked.append(httpx.QueryParams(request.content.decode()))
        return httpx.Response(200, json={})

    with client_of(Settings(database_url=database_url(tmp_path)), store=httpx.MockTransport(store)) as client:
        url = f"/api/v1/prom/district:{OURS}/api/v1"
        client.post(f"{url}/query", data={"query": "up", "extra_filters[]": "{}", "dedup": "0", "time": "1e3"})
        client.get(f"{url}/query_range?query=up&start=1970-01-01T00:01:00Z&end=120&step=1m&timeout=9h&db=x")

    assert dict(asked[0]) == {"query": f'up{{district="{OURS}"}}', "time": "1000.000"}
    assert dict(asked[1]) == {
        "query": f'up{{district="{OURS}"}}', "start": "60.000", "end": "120.000", "step": "60.000",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("token", "asked", "status"),
    [
        ("city", "city", 200),
        ("city", SCOPE, 200),
        ("city", "unit:TH-1", 200),
        (SCOPE, SCOPE, 200),
        (SCOPE, "unit:TH-1", 200),
        (SCOPE, "unit:XX-1", 403),
        (SCOPE, "unit:NO-9", 403),
        (SCOPE, f"district:{THEIRS}", 403),
        (SCOPE, f"district:{OURS}0", 403),
        (SCOPE, "city", 403),
        ("unit:TH-1", "unit:TH-1", 200),
        ("unit:TH-1", "unit:TH-2", 403),
        ("unit:TH-1", SCOPE, 403),
        ("unit:TH-1", "city", 403),
    ],
)
def test_a_token_opens_its_own_scope_and_what_lies_in_it(city: City, token: str, asked: str, status: int) -> None:
    url = f"{scope_path(parse_scope(asked))}/api/v1/query?query=1"

    assert city.client.get(url, headers=city.token(token)).status_code == status


@pytest.mark.parametrize("scope", ["", "district:", "unit:", "school:X", "district:a%00b", "x" * 200, "CITY"])
def test_no_scope_is_404(city: City, scope: str) -> None:
    answer = city.client.get(f"/api/v1/prom/{scope}/api/v1/query?query=1", headers=city.token("city"))

    assert answer.status_code == 404


def test_a_district_may_be_called_anything(city: City) -> None:
    """
    Grafana decodes paths and encodes them anew: `/` comes as it is.
    """
    for name in ("A/B", "A/api/v1/query", "Quận 1?x=#", "100%", "a+b", "Kỳ:Lân"):
        url = f"{scope_path(parse_scope(f'district:{name}'))}/api/v1/query?query=up"
        answer = city.client.get(url, headers=city.token("city"))
        assert (answer.status_code, answer.json()["data"]["result"]) == (200, [])


def test_strangers_and_revoked_tokens_are_out_at_once(city: City) -> None:
    made = tokens.create(city.registry.database, parse_scope(SCOPE), "test")
    url = f"{scope_path(parse_scope(SCOPE))}/api/v1/query?query=1"
    with_token = {"Authorization": f"Bearer {made.token}"}
    assert city.client.get(url, headers=with_token).status_code == 200

    assert tokens.revoke(city.registry.database, made.id, "test")

    refused = city.client.get(url, headers=with_token)
    assert (refused.status_code, refused.json()["errorType"]) == (401, "unauthorized")
    assert made.token not in refused.text
    assert city.client.get(url).status_code in (401, 403)
    assert city.client.get(url, headers={"Authorization": f"Bearer {made.id}"}).status_code == 401


def test_a_wrong_token_is_not_mended_by_sitting_at_the_machine(tmp_path: Path) -> None:
    """
    Grafana on the collector's own machine asks from loopback; its users choose the end of the path.
    """
    store = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    with client_of(Settings(database_url=database_url(tmp_path)), store=store) as client:
        assert client.get("/api/v1/prom/city/api/v1/query?query=1").status_code == 200
        wrong = {"Authorization": "Bearer hdg_wrong"}
        assert client.get("/api/v1/prom/city/api/v1/query?query=1", headers=wrong).status_code == 401


def ask_all(store: Any, scopes: Sequence[Scope] = (Scope(),)) -> list[Any]:
    """A question of each of these at once."""

    async def ask() -> list[Any]:
        upstream = Upstream("http://store", httpx.MockTransport(store))
        asked = [upstream.ask("query", [("query", "up")], scope) for scope in scopes]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        await upstream.close()
        return answers

    return asyncio.run(ask())


def test_a_store_that_fails_is_told_in_prometheus_form() -> None:
    def gone(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("password in here")

    def slow(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    told = [ask_all(store)[0] for store in (gone, slow)]

    assert [(error.status, error.error_type) for error in told] == [(503, "unavailable"), (503, "timeout")]
    assert "password" not in str(told[0])


def test_an_answer_without_end_is_cut_off() -> None:
    async def endless() -> Any:
        while True:
            yield b"x" * (1 << 20)

    (error,) = ask_all(lambda _: httpx.Response(200, content=endless()))

    assert isinstance(error, PromError)
    assert (error.status, error.error_type) == (413, "too_large")
    assert f"{ANSWER_BYTES >> 20} MiB" in str(error)


def test_so_many_are_asked_at_once_and_the_others_wait() -> None:
    now = most = 0

    async def store(_: httpx.Request) -> httpx.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return httpx.Response(200, json={})

    answers = ask_all(store, [Scope(district=f"Quận {number % 10}") for number in range(250)])

    assert most == AT_ONCE
    refused = [answer for answer in answers if isinstance(answer, PromError)]
    assert [answer.status_code for answer in answers if answer not in refused] == [200] * 200
    assert {error.status for error in refused} == {503}


def test_slow_questions_of_one_district_leave_the_others_their_places() -> None:
    district, city = Scope(district=OURS), Scope()

    async def all_at_once() -> tuple[list[Any], list[Any], int]:
        done = asyncio.Event()
        slow = 0

        async def store(request: httpx.Request) -> httpx.Response:
            nonlocal slow
            if b"slow" in request.content:
                slow += 1
                await done.wait()
            return httpx.Response(200, json={})

        upstream = Upstream("http://store", httpx.MockTransport(store))
        theirs = [asyncio.create_task(upstream.ask("query", [("query", "slow")], district)) for _ in range(60)]
        await asyncio.wait(theirs, return_when="FIRST_COMPLETED")
        others = await asyncio.gather(*[upstream.ask("query", [("query", "up")], city) for _ in range(40)])
        asked_meanwhile = slow
        done.set()
        answers = await asyncio.gather(*theirs, return_exceptions=True)
        answers.append(await upstream.ask("query", [("query", "up")], district))
        await upstream.close()
        return others, answers, asked_meanwhile

    others, answers, asked_meanwhile = asyncio.run(all_at_once())

    assert asked_meanwhile == SCOPE_AT_ONCE
    assert [answer.status_code for answer in others] == [200] * 40
    refused = [answer for answer in answers if isinstance(answer, PromError)]
    assert [error.status for error in refused] == [503] * (60 - SCOPE_MOST_WAITING)
    assert [answer.status_code for answer in answers if answer not in refused] == [200] * (SCOPE_MOST_WAITING + 1)


def test_questions_count_for_who_asks_them_whichever_unit_they_are_about(tmp_path: Path, city: City) -> None:
    now = most = 0
    full = asyncio.Barrier(SCOPE_AT_ONCE)

    async def store(request: httpx.Request) -> httpx.Response:
        nonlocal now, most
        if request.url.path == "/metrics":  # the collector wants to know since when the store has been running
            return httpx.Response(404)
        now += 1
        most = max(most, now)
        await full.wait()
        now -= 1
        return httpx.Response(200, json={})

    settings = Settings(database_url=city.registry.database.name)
    headers = city.token(SCOPE)
    with client_of(settings, store=httpx.MockTransport(store)) as client, ThreadPoolExecutor(6) as browsers:
        urls = [f"{scope_path(parse_scope(unit))}/api/v1/query?query=1" for unit in ("unit:TH-1", "unit:TH-2")] * 3
        answers = list(browsers.map(lambda url: client.get(url, headers=headers), urls))

    assert [answer.status_code for answer in answers] == [200] * 6
    assert most == SCOPE_AT_ONCE
