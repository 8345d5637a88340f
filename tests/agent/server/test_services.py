"""What systemd says of services, as recorded from a real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from haidang_agent.server import services
from haidang_agent.server.services import failed_units, running
from haidang_agent.unread import UnreadError

from tests.agent.server.systemctl import UNITS, install


def test_only_what_is_active_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A service that is restarted again and again is "activating", and does not run.
    """
    asked = install(tmp_path, monkeypatch)

    assert [name for name, runs in running(UNITS).items() if runs] == ["nginx-trial", "web"]
    assert list(running(UNITS)) == list(UNITS)
    assert asked.read_text().splitlines()[0] == f"C show --property=ActiveState -- {' '.join(UNITS)}"


def test_failed_units_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)

    assert failed_units() == 2


@pytest.mark.parametrize("name", ["", "a b", "x;reboot", "nginx\n", "../x", "a" * 256])
def test_what_is_no_name_is_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    asked = install(tmp_path, monkeypatch)
    with pytest.raises(UnreadError, match="is no name of a service"):
        running(("nginx", name))

    assert not asked.exists()


@pytest.mark.parametrize(("script", "words"), [
    ("#!/bin/sh\necho no bus >&2\nexit 1", "systemctl does not tell: no bus"),
    ("#!/bin/sh\necho ActiveState=active", "told of 1 services, not of 2"),
    ("#!/no/such/shell\n", "systemctl does not tell"),
])  # fmt: skip
def test_an_answer_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str) -> None:
    install(tmp_path, monkeypatch, script)
    with pytest.raises(UnreadError, match=words):
        running(("nginx", "ssh"))


def test_a_count_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "#!/bin/sh\necho NFailedUnits=")
    with pytest.raises(UnreadError, match="does not tell"):
        failed_units()


def test_one_that_hangs_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "#!/bin/sh\nexec sleep 60")
    monkeypatch.setattr(services, "PATIENCE_SECONDS", 0.2)
    with pytest.raises(UnreadError, match="timed out"):
        failed_units()


def test_without_systemd_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = install(tmp_path, monkeypatch)
    monkeypatch.setattr(services, "BOOTED", tmp_path / "none")
    with pytest.raises(UnreadError, match="not started by systemd"):
        running(("nginx",))

    assert not asked.exists()
