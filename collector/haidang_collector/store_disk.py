"""Room on the store's disk, where the store is on this machine: what fills it is the centre's own trouble."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prometheus_client.metrics_core import Metric

log = logging.getLogger(__name__)


class StoreDisk(Collector):
    """Of the file system that `folder` is on. What cannot be read is absent, and the log says so once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failing = False

    def collect(self) -> Iterator[Metric]:
        try:
            disk = shutil.disk_usage(self._folder)
        except OSError as failed:
            if not self._failing:
                log.warning("room on the store's disk is unknown: HAIDANG_STORE_FOLDER: %s", failed)
            self._failing = True
            return
        self._failing = False
        free = "Bytes that the store can still write on its disk; absent without HAIDANG_STORE_FOLDER."
        yield GaugeMetricFamily("haidang_store_free_bytes", free, value=disk.free)
        size = "Size of the store's disk; absent without HAIDANG_STORE_FOLDER."
        yield GaugeMetricFamily("haidang_store_size_bytes", size, value=disk.total)
