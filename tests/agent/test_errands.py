"""What an agent settles with its centre once a minute, against a scripted one."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_agent import credentials, outbox_export
from haidang_agent.centre import Centre, UnreachableError
from haidang_agent.credentials import NEXT_FILE, Credentials
from haidang_agent.errands import Errands
from haidang_agent.outbox import Outbox
from haidang_agent.remote_config import RemoteConfig

from tests.agent.outboxes import NOW, fill
from tests.agent.scripted_centre import CONFIG, Asked, Say, ScriptedCentre, json_body, scripted_centre
from tests.agent.test_outbox_export import export

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "/api/v1/agent/key"
OLD = Credentials("k" * 43, "a-1", "TH-001")
WANTED = Say(304, headers={"Haidang-New-Key": "wanted"})


@pytest.fixture
def centre() -> Iterator[ScriptedCentre]:
    with scripted_centre() as scripted:
        yield scripted


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    credentials.save(tmp_path, OLD)
    (tmp_path / "agent.toml").write_text(f'[agent]\nstate_dir = "{tmp_path}"\n')
    box = Outbox(tmp_path / "outbox.db")
    yield box
    box.close()


def run(centre: ScriptedCentre, outbox: Outbox, folder: Path, *, boot: str = "boot", times: int = 1) -> None:
    """With the key that is on the disk, as after a restart."""
    mine = credentials.load(folder)
    assert mine is not None
    errands = Errands(folder, outbox, RemoteConfig(folder, folder / "agent.toml", lambda: None), boot)
    with closing(Centre(centre.url, None, mine.bearer)) as client:
        for _ in range(times):
            errands.run(client)


def test_it_says_what_it_runs_once_it_runs_it(centre: ScriptedCentre, outbox: Outbox, tmp_path: Path) -> None:
    tables = {"agent": {"push_interval": "5s"}}
    centre.answer = lambda _: Say(200, json_body(tables), {"ETag": 'W/"abc"'})
    run(centre, outbox, tmp_path, times=2)
    tables = {"agent": {"push_interval": "1h"}}
    centre.answer = lambda _: Say(200, json_body(tables), {"ETag": '"def"'})
    run(centre, outbox, tmp_path, times=2)

    said = [asked.headers.get("haidang-config") for asked in centre.of(CONFIG)]
    assert said == [None, "abc", "abc", "abc"], "what it cannot use it does not run"
    assert centre.of(CONFIG)[-1].headers["if-none-match"] == '"def"', "and does not fetch over and over"


def test_a_run_of_the_machine_has_a_word_of_chance(centre: ScriptedCentre, outbox: Outbox, tmp_path: Path) -> None:
    centre.answer = lambda _: Say(304)
    run(centre, outbox, tmp_path, boot="first", times=2)
    run(centre, outbox, tmp_path, boot="second")

    first, same, second = (asked.headers["haidang-run"] for asked in centre.of(CONFIG))
    assert first == same != second
    assert len(first) == 16


def test_a_new_key_is_kept_before_it_is_told_and_used_after(
    centre: ScriptedCentre, outbox: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def answer(asked: Asked) -> Say:
        if asked.path != KEY:
            return WANTED if asked.headers["authorization"] == f"Bearer {OLD.bearer}" else Say(304)
        begun = credentials.load(tmp_path, NEXT_FILE)
        assert begun is not None
        assert json.loads(asked.body) == {"key": begun.key}
        assert credentials.load(tmp_path) == OLD
        return Say(204)

    centre.answer = answer
    run(centre, outbox, tmp_path, times=2)

    fresh = credentials.load(tmp_path)
    assert fresh is not None
    bearers = [asked.headers["authorization"] for asked in centre.asked]
    assert bearers[:2] == [f"Bearer {OLD.bearer}"] * 2
    assert bearers[2].startswith("Bearer a-1.")
    assert bearers[2] != bearers[0]
    assert not (tmp_path / NEXT_FILE).exists()
    assert fresh.key not in caplog.text
    assert OLD.key not in caplog.text


def test_a_lost_answer_is_asked_for_again_with_the_same_key(
    centre: ScriptedCentre, outbox: Outbox, tmp_path: Path
) -> None:
    centre.answer = lambda asked: Say(hang_up=True) if asked.path == KEY else WANTED
    with pytest.raises(UnreachableError):
        run(centre, outbox, tmp_path)
    assert credentials.load(tmp_path) == OLD

    centre.answer = lambda asked: Say(204) if asked.path == KEY else WANTED
    run(centre, outbox, tmp_path)

    fresh = credentials.load(tmp_path)
    assert fresh is not None
    assert {json.loads(asked.body)["key"] for asked in centre.of(KEY)} == {fresh.key}


@pytest.mark.parametrize("said", [Say(200, b"<html>", time=False), Say(204, time=False), Say(503), Say(422)])
def test_only_the_collectors_word_changes_the_key(
    centre: ScriptedCentre, outbox: Outbox, tmp_path: Path, said: Say
) -> None:
    centre.answer = lambda asked: said if asked.path == KEY else WANTED
    run(centre, outbox, tmp_path)

    assert credentials.load(tmp_path) == OLD


def test_a_key_begun_for_another_identity_or_broken_is_left(
    centre: ScriptedCentre, outbox: Outbox, tmp_path: Path
) -> None:
    for begun in ('{"key": "' + "x" * 43 + '", "agent": "a-other", "unit": "U"}', "{"):
        (tmp_path / NEXT_FILE).write_text(begun)
        centre.answer = lambda asked: Say(204) if asked.path == KEY else WANTED
        run(centre, outbox, tmp_path)

        mine = credentials.load(tmp_path)
        assert mine is not None
        assert (mine.agent, mine.key != "x" * 43) == ("a-1", True)


def test_after_a_kill_before_the_end_the_next_new_key_is_another(
    centre: ScriptedCentre, outbox: Outbox, tmp_path: Path
) -> None:
    credentials.save(tmp_path, OLD, NEXT_FILE)  # as where the power went after the new key had its place
    centre.answer = lambda asked: Say(204) if asked.path == KEY else WANTED

    run(centre, outbox, tmp_path)

    (offered,) = centre.of(KEY)
    assert json.loads(offered.body)["key"] != OLD.key


def test_an_identity_that_somebody_put_beside_the_running_agent_stays(
    centre: ScriptedCentre, outbox: Outbox, tmp_path: Path
) -> None:
    other = Credentials("o" * 43, "a-2", "TH-001")
    errands = Errands(tmp_path, outbox, RemoteConfig(tmp_path, tmp_path / "agent.toml", lambda: None), "boot")
    centre.answer = lambda asked: Say(204) if asked.path == KEY else WANTED
    credentials.save(tmp_path, other)

    with closing(Centre(centre.url, None, OLD.bearer)) as client:
        errands.run(client)

    assert centre.of(KEY) == []
    assert credentials.load(tmp_path) == other


def test_what_came_on_a_stick_is_settled_when_a_collector_says_so(
    centre: ScriptedCentre, outbox: Outbox, tmp_path: Path
) -> None:
    fill(outbox, [NOW, NOW + 1])
    done = export(outbox)
    centre.answer = lambda _: Say(304, headers={"Haidang-Imported": "0"}, time=False)
    run(centre, outbox, tmp_path)
    assert outbox.stats().snapshots == 2, "a portal says many things"

    centre.answer = lambda _: Say(304, headers={"Haidang-Imported": "0"})
    run(centre, outbox, tmp_path, times=2)

    assert outbox.stats().snapshots == 0
    assert [asked.headers.get("haidang-export") for asked in centre.asked] == [done.export, done.export, None]
    assert outbox_export.waiting(outbox) == ""


def test_a_configuration_that_cannot_be_kept_holds_up_nothing_else(
    centre: ScriptedCentre, outbox: Outbox, tmp_path: Path
) -> None:
    """
    The disk is full: what came on a stick may go, which makes room.
    """
    fill(outbox, [NOW, NOW + 1])
    export(outbox)
    told = Say(200, json_body({}), {"ETag": '"1"', "Haidang-Imported": "0", "Haidang-New-Key": "wanted"})
    centre.answer = lambda asked: Say(204) if asked.path == KEY else told
    draft = tmp_path / "centre.new"
    draft.mkdir()

    with pytest.raises(OSError, match=r"centre\.new"):
        run(centre, outbox, tmp_path)

    assert outbox.stats().snapshots == 0
    assert len(centre.of(KEY)) == 1
    assert credentials.load(tmp_path) != OLD
    draft.rmdir()
    centre.answer = lambda _: Say(200, json_body({}), {"ETag": '"1"'})
    run(centre, outbox, tmp_path)
    assert RemoteConfig(tmp_path, tmp_path / "agent.toml", lambda: None).in_use == "1"
