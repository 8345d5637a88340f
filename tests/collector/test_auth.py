from __future__ import annotations

import asyncio
import base64
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from haidang_collector.auth import QUESTIONS_A_MINUTE, STRANGERS_WAITING, AgentDoor
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.registry.store import Identity
from haidang_collector.settings import Settings
from sqlalchemy.exc import OperationalError

from tests.collector.running import client_of, database_url

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AN = Identity("a-1", "TH-001", "Quận 1")


class Keys:
    """A registry of one key, that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.key = "k"
        self.away = False

    def who(self, asked: Sequence[tuple[str, str]]) -> list[Identity | None]:
        self.asked += 1
        if self.away:
            raise OperationalError("SELECT", {}, OSError("away"))
        return [AN if each == ("a-1", self.key) else None for each in asked]

    def closer(self, agent: str, _key: str) -> Identity | None:
        raise AssertionError(f"the look at many tells of {agent}")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def ask(door: AgentDoor, authorization: str | None) -> Identity | int:
    """Who it is, or the status of the refusal."""
    return asyncio.run(asked(door, authorization))


async def asked(door: AgentDoor, authorization: str | None) -> Identity | int:
    try:
        return await door.identify(authorization)
    except Refusal as refused:
        return refused.status


def test_a_sound_key_is_asked_for_once_in_half_a_minute() -> None:
    keys, clock = Keys(), Clock()
    door = AgentDoor(keys.who, keys.closer, clock)

    assert [ask(door, "Bearer a-1.k"), ask(door, "bearer a-1.k")] == [AN, AN]
    assert keys.asked == 1
    clock.now = 30
    assert ask(door, "Bearer a-1.k") == AN
    assert keys.asked == 2


def test_a_revoked_key_is_out_after_half_a_minute() -> None:
    keys, clock = Keys(), Clock()
    door = AgentDoor(keys.who, keys.closer, clock)
    assert ask(door, "Bearer a-1.k") == AN
    keys.key = "another"

    clock.now = 29.9
    assert ask(door, "Bearer a-1.k") == AN
    clock.now = 30
    assert ask(door, "Bearer a-1.k") == 401


def test_a_wrong_key_is_remembered_for_a_second_only() -> None:
    """
    An agent that is enrolled just now must not wait; one that hammers must not reach the database each time.
    """
    keys, clock = Keys(), Clock()
    door = AgentDoor(keys.who, keys.closer, clock)

    assert [ask(door, "Bearer a-1.new"), ask(door, "Bearer a-1.new")] == [401, 401]
    assert keys.asked == 1
    keys.key = "new"
    clock.now = 1
    assert ask(door, "Bearer a-1.new") == AN


def test_wrong_keys_do_not_push_out_the_sound_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("haidang_collector.auth.REMEMBERED", 10)
    keys = Keys()
    door = AgentDoor(keys.who, keys.closer, Clock())
    ask(door, "Bearer a-1.k")

    for number in range(30):
        ask(door, f"Bearer a-1.wrong{number}")

    asked = keys.asked
    assert ask(door, "Bearer a-1.k") == AN
    assert keys.asked == asked


def test_a_flood_of_made_up_keys_is_bounded_and_holds_up_nobody_who_was_known_lately() -> None:
    """
    The registry keeps all strangers waiting here; who has to be asked for again after ten seconds is answered still.
    """
    keys, clock, answered = Keys(), Clock(), threading.Event()

    def who(asked: Sequence[tuple[str, str]]) -> list[Identity | None]:
        if any(key != "k" for _, key in asked):
            answered.wait()
        return keys.who(asked)

    async def run() -> tuple[Identity | int, Counter[Identity | int]]:
        door = AgentDoor(who, keys.closer, clock)
        assert await asked(door, "Bearer a-1.k") == AN
        clock.now = 30
        numbers = range(STRANGERS_WAITING + 5)
        flood = [asyncio.create_task(asked(door, f"Bearer a-1.wrong{number}")) for number in numbers]
        await asyncio.sleep(0)
        try:
            sound = await asyncio.wait_for(asked(door, "Bearer a-1.k"), 60)
        finally:
            answered.set()
        return sound, Counter(await asyncio.gather(*flood))

    assert asyncio.run(run()) == (AN, Counter({401: STRANGERS_WAITING, 429: 5}))


def test_questions_of_one_agent_are_counted_by_the_minute() -> None:
    clock = Clock()
    door = AgentDoor((keys := Keys()).who, keys.closer, clock)
    for _ in range(QUESTIONS_A_MINUTE):
        door.count_question(AN)

    clock.now = 50
    with pytest.raises(Refusal) as refused:
        door.count_question(AN)
    assert (refused.value.status, refused.value.retry_seconds) == (429, 10)
    door.count_question(Identity("a-2", "TH-001", "Quận 1"))
    clock.now = 60
    door.count_question(AN)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer a-1",
        "Bearer .k",
        "Bearer a-1.",
        "Basic a-1.k",
        "a-1.k",
        "Bearer " + "x." * 500,
    ],
)
def test_what_is_no_key_does_not_reach_the_registry(authorization: str | None) -> None:
    keys = Keys()

    assert ask(AgentDoor(keys.who, keys.closer), authorization) == 401
    assert keys.asked == 0


def test_a_registry_that_is_away_is_503_and_not_remembered() -> None:
    """
    401 would make the agent believe that it is not enrolled any more.
    """
    keys = Keys()
    door = AgentDoor(keys.who, keys.closer)
    keys.away = True
    assert ask(door, "Bearer a-1.k") == 503

    keys.away = False
    assert ask(door, "Bearer a-1.k") == AN


def basic(password: str, *, user: str = "operator") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    ("peer", "headers", "password", "status"),
    [
        ("127.0.0.1", {}, None, 200),
        ("127.8.9.10", {}, None, 200),
        ("::1", {}, None, 200),
        ("::ffff:127.0.0.1", {}, None, 200),
        ("127.0.0.1", {"Host": "localhost:8080"}, None, 200),
        ("127.0.0.1", {"Host": "[::1]:8080"}, None, 200),
        ("127.0.0.1", {"Host": "rebound.example"}, None, 403),
        ("127.0.0.1", {"X-Forwarded-For": "198.51.100.7"}, None, 403),
        ("127.0.0.1", {"Forwarded": "for=198.51.100.7"}, None, 403),
        ("198.51.100.7", {}, None, 403),
        ("::ffff:198.51.100.7", {}, None, 403),
        ("no address", {}, None, 403),
        ("198.51.100.7", basic(""), None, 403),
        ("127.0.0.1", {}, "mật:khẩu", 200),
        ("198.51.100.7", {}, "mật:khẩu", 401),
        ("198.51.100.7", basic("mật:khẩu"), "mật:khẩu", 200),
        ("198.51.100.7", basic("mật:khẩu", user=""), "mật:khẩu", 200),
        ("198.51.100.7", basic("mật"), "mật:khẩu", 401),
        ("198.51.100.7", {"Authorization": "Basic !!!"}, "mật:khẩu", 401),
        ("198.51.100.7", {"Authorization": "Basic"}, "mật:khẩu", 401),
        ("198.51.100.7", {"Authorization": "Bearer a-1.k"}, "mật:khẩu", 401),
    ],
)
@pytest.mark.parametrize("path", ["/metrics", "/docs"])
def test_operators_sit_at_the_machine_or_know_the_password(
    tmp_path: Path, *, path: str, peer: str, headers: dict[str, str], password: str | None, status: int
) -> None:
    settings = Settings(database_url=database_url(tmp_path), operator_password=password)
    with client_of(settings, peer=peer) as client:
        answer = client.get(path, headers=headers)

    assert answer.status_code == status
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    if status == 403:
        assert "HAIDANG_OPERATOR_PASSWORD" in answer.text


@pytest.mark.parametrize("path", ["/metrics", "/metrics/registry", "/sd/agents", "/docs", "/openapi.json"])
def test_strangers_see_nothing_of_the_city(tmp_path: Path, path: str) -> None:
    with client_of(Settings(database_url=database_url(tmp_path)), peer="198.51.100.7") as client:
        assert client.get(path).status_code == 403
