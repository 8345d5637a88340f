"""Room on the store's disk, as GET /metrics tells it."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

import pytest
from haidang_collector.settings import BadSettingError, Settings
from haidang_collector.store_disk import StoreDisk

from tests.collector.running import client_of, database_url

if TYPE_CHECKING:
    from pathlib import Path


def told(folder: Path, store_folder: str) -> dict[str, float]:
    with client_of(Settings(database_url=database_url(folder), store_folder=store_folder)) as client:
        lines = client.get("/metrics").text.splitlines()
    return {
        name: float(value)
        for name, _, value in (line.partition(" ") for line in lines if line.startswith("haidang_store_"))
    }


def test_size_and_room_of_the_stores_disk_are_told(tmp_path: Path) -> None:
    found = told(tmp_path, str(tmp_path))

    assert found["haidang_store_size_bytes"] == shutil.disk_usage(tmp_path).total
    assert 0 <= found["haidang_store_free_bytes"] <= found["haidang_store_size_bytes"]


@pytest.mark.parametrize("folder", ["", "/nowhere/at/all"])
def test_nothing_is_told_of_a_disk_that_is_elsewhere_or_cannot_be_read(tmp_path: Path, folder: str) -> None:
    assert told(tmp_path, folder) == {}


def test_a_folder_that_cannot_be_read_is_said_once_until_it_can(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "store"
    disk = StoreDisk(folder)

    with caplog.at_level(logging.WARNING):
        assert (list(disk.collect()), list(disk.collect())) == ([], [])
        assert len(caplog.messages) == 1
        folder.mkdir()
        assert len(list(disk.collect())) == 2
        folder.rmdir()
        assert list(disk.collect()) == []

    assert len(caplog.messages) == 2
    assert "HAIDANG_STORE_FOLDER" in caplog.text


def test_a_folder_is_given_from_the_root_on() -> None:
    with pytest.raises(BadSettingError, match="HAIDANG_STORE_FOLDER='data'"):
        Settings(store_folder="data")
