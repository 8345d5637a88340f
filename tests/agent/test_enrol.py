"""Enrolment against a scripted collector: one identity, whatever gets lost on the way."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from haidang_agent import credentials
from haidang_agent.credentials import PENDING_FILE, Credentials
from haidang_agent.enrol import EnrolError, enrol

from tests.agent.scripted_centre import Asked, Say, ScriptedCentre, json_body, scripted_centre
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ISSUED = Say(201, json_body({"agent": "a-7f3k", "unit": "TH-001"}))


@pytest.fixture
def centre() -> Iterator[ScriptedCentre]:
    with scripted_centre() as server:
        server.answer = lambda _: ISSUED
        yield server


def said(asked: Asked) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(asked.body)
    return content


def test_enrolled(centre: ScriptedCentre, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The id is kept with the key that was sent; nothing secret is logged."""
    with caplog.at_level(logging.DEBUG):
        mine = enrol(centre.url, "TOKEN", tmp_path, ["site"])
    assert (mine.agent, mine.unit) == ("a-7f3k", "TH-001")
    assert credentials.load(tmp_path) == mine
    (asked,) = centre.asked
    assert asked.path == "/api/v1/enrol"
    assert said(asked) | {"version": "", "os": ""} == {
        "token": "TOKEN", "key": mine.key, "roles": ["site"], "version": "", "os": "",
    }  # fmt: skip
    assert "authorization" not in asked.headers
    assert mine.key not in caplog.text
    assert "TOKEN" not in caplog.text
    assert [file.name for file in tmp_path.iterdir()] == [credentials.FILE]


def test_a_lost_answer(centre: ScriptedCentre, tmp_path: Path) -> None:
    """Asked again with the same key, so that the collector gives the same id again."""
    centre.answer = lambda _: Say(hang_up=True)
    with pytest.raises(EnrolError, match="closed without an answer"):
        enrol(centre.url, "TOKEN", tmp_path, ["site"])
    assert credentials.load(tmp_path) is None, "not enrolled yet"
    assert (tmp_path / PENDING_FILE).stat().st_mode & 0o777 == 0o600
    centre.answer = lambda _: Say(200, ISSUED.body)
    mine = enrol(centre.url, "TOKEN", tmp_path, ["site"])
    assert {said(asked)["key"] for asked in centre.asked} == {mine.key}


def test_a_refused_token(centre: ScriptedCentre, tmp_path: Path) -> None:
    """The text says what to do."""
    centre.answer = lambda _: Say(401, json_body({"detail": "used up"}))
    with pytest.raises(EnrolError, match="token is unknown, used up or expired; ask"):
        enrol(centre.url, "TOKEN", tmp_path, ["site"])


def test_already_enrolled(centre: ScriptedCentre, tmp_path: Path) -> None:
    """Nobody is asked; the identity stays."""
    first = enrol(centre.url, "TOKEN", tmp_path, ["site"])
    assert enrol(centre.url, "ANOTHER", tmp_path, ["site"]) == first
    assert len(centre.asked) == 1


def test_forced(centre: ScriptedCentre, tmp_path: Path) -> None:
    """A new key, a new id."""
    first = enrol(centre.url, "TOKEN", tmp_path, ["site"])
    centre.answer = lambda _: Say(201, json_body({"agent": "a-2", "unit": "TH-002"}))
    second = enrol(centre.url, "ANOTHER", tmp_path, ["site"], force=True)
    assert second.key != first.key
    assert credentials.load(tmp_path) == second


def test_forced_without_success(centre: ScriptedCentre, tmp_path: Path) -> None:
    """The identity that works is not thrown away for one that was never given; asked again, it is the same new key."""
    first = enrol(centre.url, "TOKEN", tmp_path, ["site"])
    centre.answer = lambda _: Say(hang_up=True)
    with pytest.raises(EnrolError):
        enrol(centre.url, "ANOTHER", tmp_path, ["site"], force=True)
    assert credentials.load(tmp_path) == first
    centre.answer = lambda _: ISSUED
    second = enrol(centre.url, "ANOTHER", tmp_path, ["site"], force=True)
    assert said(centre.asked[1])["key"] == second.key != first.key


def test_forced_over_a_broken_file(centre: ScriptedCentre, tmp_path: Path) -> None:
    """As the error about a broken file says."""
    (tmp_path / credentials.FILE).write_text("{")
    assert enrol(centre.url, "TOKEN", tmp_path, ["site"], force=True).agent == "a-7f3k"


@pytest.mark.parametrize(
    "body",
    [b"<html>please log in", b"[]", b"{}", b'{"agent": 5, "unit": "TH-001"}', b'{"agent": "", "unit": "TH-001"}',
     b'{"agent": "a\\r\\nX: y", "unit": "TH-001"}'],
)  # fmt: skip
def test_something_else_answers(centre: ScriptedCentre, tmp_path: Path, body: bytes) -> None:
    """A captive portal's 200 is no identity."""
    centre.answer = lambda _: Say(200, body, time=False)
    with pytest.raises(EnrolError, match="no collector says"):
        enrol(centre.url, "TOKEN", tmp_path, ["site"])
    assert credentials.load(tmp_path) is None


def test_another_status(centre: ScriptedCentre, tmp_path: Path) -> None:
    """The status and the collector's words."""
    centre.answer = lambda _: Say(422, b"roles: unknown")
    with pytest.raises(EnrolError, match="422: roles: unknown"):
        enrol(centre.url, "TOKEN", tmp_path, ["none"])


@pytest.mark.parametrize("url", ["http://192.0.2.1", f"http://127.0.0.1:{free_port()}"], ids=["clear text", "nobody"])
def test_no_way_there(tmp_path: Path, url: str) -> None:
    """An address that is not allowed, or where nobody is: an EnrolError."""
    with pytest.raises(EnrolError, match=url.removeprefix("http://")):
        enrol(url, "TOKEN", tmp_path, ["site"])


def test_a_key_of_an_earlier_version(centre: ScriptedCentre, tmp_path: Path) -> None:
    """A key that stands in credentials.json without an id is no identity: a new one is asked for."""
    credentials.save(tmp_path, Credentials("k" * 43))
    assert enrol(centre.url, "TOKEN", tmp_path, ["site"]).agent == "a-7f3k"


def test_an_answer_that_repeats_the_token_does_not_spread_it(tmp_path: Path) -> None:
    with scripted_centre() as centre:
        centre.answer = lambda asked: Say(422, b"bad token " + json.loads(asked.body)["token"].encode())
        with pytest.raises(EnrolError) as refused:
            enrol(centre.url, "s3cret-token", tmp_path, ["site"])

    assert "s3cret" not in str(refused.value)
    assert "(token)" in str(refused.value)
