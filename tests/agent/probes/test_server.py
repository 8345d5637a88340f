"""The `server` probe: what runs, what ends when, what was saved when; what is not read is absent."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest
from haidang_agent.probe import Host, Moment, NothingToMeasureError, ProbeError, Watch
from haidang_agent.probes.server import PROBE, Settings
from haidang_agent.server import services

from tests.agent.server.systemctl import UNITS, install
from tests.lab.ca import CertificateAuthority

UP, FAILED = "school_server_service_up", "school_server_failed_units"
EXPIRY = "school_server_certificate_expiry_timestamp_seconds"
FOUND, BACKUP = "school_server_backup_found", "school_server_backup_timestamp_seconds"


class Behind:
    """A machine whose clock is an hour behind the centre's."""

    def moment(self) -> Moment:
        return Moment("", time.monotonic(), time.time(), time.time() + 3600)


def measured(settings: Settings, host: Host | None = None) -> dict[tuple[str, ...], float]:
    samples = PROBE.start(settings, host or Host()).collect()
    return {(metric.name, *labels): value for metric, value, labels in samples}


@pytest.fixture
def told(tmp_path: Path) -> Settings:
    """Everything that can be told, under `tmp_path`."""
    certificate, _ = CertificateAuthority(tmp_path).issue("127.0.0.1")
    saved = tmp_path / "backups/a.gz"
    saved.parent.mkdir()
    saved.write_text("x")
    os.utime(saved, (1_700_000_000, 1_700_000_000))
    return Settings(UNITS, {"portal": str(certificate)}, {"sql": str(saved.parent)})


def test_everything_that_is_told(tmp_path: Path, told: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)
    values = measured(told)

    assert {key[1]: value for key, value in values.items() if key[0] == UP} == {
        name: float(name in ("nginx-trial", "web")) for name in UNITS
    }
    assert values[FAILED,] == 2
    assert (values[FOUND, "sql"], values[BACKUP, "sql"]) == (1, 1_700_000_000)
    assert values[EXPIRY, "portal"] == pytest.approx(time.time() + 86400, abs=60)


def test_a_backup_is_as_old_as_it_is_where_the_clock_is_wrong(told: Settings) -> None:
    assert measured(told, Host(time=Behind()))[BACKUP, "sql"] == pytest.approx(1_700_003_600, abs=1)


def test_a_backup_that_never_was_is_told(tmp_path: Path) -> None:
    assert measured(Settings(backups={"sql": str(tmp_path / "none")})) == {(FOUND, "sql"): 0}


def test_what_is_not_read_is_absent_and_said_once(
    told: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(services, "BOOTED", tmp_path / "none")
    os.utime(tmp_path / "backups/a.gz", (time.time() + 86400,) * 2)
    (tmp_path / "127.0.0.1.pem").unlink()
    probe = PROBE.start(told, Host())

    assert list(probe.collect()) == []
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 4
    assert list(probe.collect()) == []
    assert len(caplog.records) == 4


def test_a_server_counts_failed_units_without_being_told_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch)

    assert measured(Settings(), Host(watch=Watch(use="server"))) == {(FAILED,): 2}


def test_other_machines_have_nothing_to_measure() -> None:
    with pytest.raises(NothingToMeasureError):
        PROBE.start(Settings(), Host(watch=Watch(use="teaching")))


def test_more_than_there_is_time_for() -> None:
    with pytest.raises(ProbeError, match=r"misconfigured: .*more than 32"):
        PROBE.start(Settings(services=tuple(f"s{number}" for number in range(33))), Host())
