"""What the centre says is kept for its owner alone: passwords of devices and the unit's key are in it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from haidang_agent.centre import Centre
from haidang_agent.config import BadConfigError, load
from haidang_agent.remote_config import FILE, RemoteConfig, cached, load_merged

from tests.agent.scripted_centre import Say, ScriptedCentre, json_body, scripted_centre

KEY = "ab" * 32


@pytest.fixture
def centre() -> Iterator[ScriptedCentre]:
    with scripted_centre() as scripted:
        yield scripted


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "agent.toml"
    file.write_text(f'[agent]\nstate_dir = "{tmp_path}"\n')
    return file


def refresh(centre: ScriptedCentre, config: Path, tables: object) -> list[str]:
    """What changed when the centre was asked."""
    changes: list[str] = []
    centre.answer = lambda _: Say(200, json_body(tables), {"ETag": '"1"'})
    with closing(Centre(centre.url, None, "a.k", lambda *_: None)) as client:
        RemoteConfig(config.parent, config, lambda: changes.append("changed")).refresh(client)
    return changes


def test_the_units_key_comes_from_the_centre_and_nobody_else_may_read_it(centre, config) -> None:
    """Also where an earlier version had left a file for all to read."""
    (config.parent / FILE).write_text('{"etag": "0", "tables": {}}')
    (config.parent / FILE).chmod(0o644)
    (config.parent / "centre.new").write_text("left by a crash")

    assert refresh(centre, config, {"privacy": {"unit_key": KEY}}) == ["changed"]
    assert (config.parent / FILE).stat().st_mode & 0o777 == 0o600
    assert load_merged(config).privacy.unit_key == KEY
    assert KEY not in repr(load_merged(config))


def test_the_schools_own_key_counts_over_the_centres(centre, config) -> None:
    config.write_text(config.read_text() + f'[privacy]\nunit_key = "{"cd" * 32}"\n')
    refresh(centre, config, {"privacy": {"unit_key": KEY}})

    assert load_merged(config).privacy.unit_key == "cd" * 32


@pytest.mark.parametrize("key", ["abcd", "ab" * 31, "zz" * 32, KEY + "\n", 5151515151])
def test_what_is_no_key_is_refused_and_not_repeated(centre, config, caplog, key: object) -> None:
    caplog.set_level(logging.DEBUG)

    assert refresh(centre, config, {"privacy": {"unit_key": key}}) == []
    assert "[privacy] unit_key = (secret): must be" in caplog.text
    assert repr(key) not in caplog.text


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [("privacy", "share_identifiers", True), ("agent", "use", "server"), ("agent", "lab", "lab-1")],
)
def test_what_one_machine_or_the_school_alone_decides_is_not_the_centres(config, table: str, key: str, value) -> None:
    """One lab for all agents of a unit would put every machine there."""
    with pytest.raises(BadConfigError, match=rf"\[{table}\] {key}: is for agent.toml only"):
        load(config, {table: {key: value}})


def test_use_and_lab_are_words_of_agent_toml(config) -> None:
    config.write_text(config.read_text() + 'use = "management"\nlab = "lab-1"\n')

    assert (load(config).agent.use, load(config).agent.lab) == ("management", "lab-1")
    config.write_text(config.read_text().replace("management", "Management"))
    with pytest.raises(BadConfigError, match=r"\[agent\] use = 'Management': must be one of '', 'teaching', "):
        load(config)


@pytest.mark.parametrize("text", ['[agent]\nlab = "{}"', '[[lab]]\nname = "{}"'])
def test_the_name_of_a_room_has_an_end(tmp_path: Path, text: str) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(text.format("x" * 100))
    load(file)
    file.write_text(text.format("x" * 101))
    with pytest.raises(BadConfigError, match="has more than 100 characters"):
        load(file)


def test_who_may_not_read_it_does_without(centre, config) -> None:
    """A command by another user than the agent's."""
    refresh(centre, config, {"privacy": {"unit_key": KEY}})
    program = (
        "import os, sys; from pathlib import Path; from haidang_agent.remote_config import cached; "
        "os.setgid(65534); os.setuid(65534); print(cached(Path(sys.argv[1])))"
    )
    for folder in (config.parent, *config.parent.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", program, config.parent], capture_output=True, text=True, check=True, env=os.environ
    )

    assert done.stdout == "({}, None)\n"
    assert "may not be read by this user" in done.stderr
    assert cached(config.parent)[0] == {"privacy": {"unit_key": KEY}}


def test_a_newer_centre_does_not_stop_an_older_agent(centre, config, caplog) -> None:
    """What it does not know is left out and named; all is kept for the day that it is renewed."""
    told = {
        "tomorrow": {"key": 1},
        "portal": {"url": "https://mau.edu.vn/", "colour": "blue"},
        "lab": [{"name": "lab-1", "cidr": "10.20.1.0/24", "shape": "round"}],
        "probes": {"internet": {"targets": ["192.0.2.1"], "warp": 9}, "next": {"on": True}},
    }

    assert refresh(centre, config, told) == ["changed"]
    merged = load_merged(config)
    assert (merged.portal.url, merged.lab[0].cidr) == ("https://mau.edu.vn/", "10.20.1.0/24")
    assert merged.probes["internet"].targets == ("192.0.2.1",)
    named = "[[lab]] shape, [portal] colour, [probes.internet] warp, [probes.next], [tomorrow]"
    assert f"does not know and leaves out: {named}" in caplog.text
    assert cached(config.parent)[0] == told


def test_a_value_that_does_not_fit_is_refused_all_the_same(centre, config, caplog) -> None:
    assert refresh(centre, config, {"lab": [{"name": "lab-1", "vlan": "twenty"}]}) == []
    assert refresh(centre, config, {"lab": "lab-1"}) == []
    assert "[[lab]] 1 vlan = 'twenty': must be a whole number" in caplog.text


def test_what_could_not_be_kept_is_asked_for_again(centre, config) -> None:
    """A full disk: the centre must not take it for known."""
    changes: list[str] = []
    centre.answer = lambda asked: (
        Say(304)
        if asked.headers.get("if-none-match") == '"2"'
        else Say(200, json_body({"lab": [{"name": "lab-1"}]}), {"ETag": '"2"'})
    )
    told = RemoteConfig(config.parent, config, lambda: changes.append("changed"))
    draft = config.parent / "centre.new"
    draft.mkdir()
    with closing(Centre(centre.url, None, "a.k", lambda *_: None)) as client:
        with pytest.raises(OSError, match=r"centre\.new"):
            told.refresh(client)
        assert (told.in_use, changes) == ("", [])
        draft.rmdir()
        told.refresh(client)
        assert (told.in_use, changes) == ("2", ["changed"])
        told.refresh(client)
    assert [lab.name for lab in load_merged(config).lab] == ["lab-1"]
    assert centre.asked[-1].headers["haidang-config"] == "2"
    assert changes == ["changed"]


def test_what_cannot_be_used_is_not_fetched_each_time(centre, config) -> None:
    centre.answer = lambda _: Say(200, json_body({"lab": "lab-1"}), {"ETag": '"3"'})
    told = RemoteConfig(config.parent, config, lambda: None)
    with closing(Centre(centre.url, None, "a.k", lambda *_: None)) as client:
        told.refresh(client)
        told.refresh(client)
    assert [asked.headers.get("if-none-match") for asked in centre.asked] == [None, '"3"']
    assert told.in_use == ""
