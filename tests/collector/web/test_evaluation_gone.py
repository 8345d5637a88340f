"""Who asks for a PDF and goes away (closes the tab, asks again) keeps nobody else waiting."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.collector.evaluation.told import told_store
from tests.collector.running import database_url, serving
from tests.waiting import eventually

if TYPE_CHECKING:
    import pytest

ENDLESS = """\
import os, time
class HTML:
    def __init__(self, **_): pass
    def write_pdf(self, file, **_):
        if os.path.exists(PIDS):
            file.write(b"%PDF for who stayed")
            return
        with open(PIDS + ".new", "w") as pids:
            pids.write(str(os.getpid()))
        os.rename(PIDS + ".new", PIDS)
        time.sleep(600)
"""
"""In the place of WeasyPrint: the first PDF takes ten minutes."""


def test_a_pdf_that_nobody_waits_for_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weasyprint").mkdir()
    (tmp_path / "weasyprint/__init__.py").write_text(ENDLESS.replace("PIDS", repr(str(tmp_path / "pid"))))
    (tmp_path / "weasyprint/urls.py").write_text("URLFetcher = dict")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "store").mkdir()

    with (
        told_store(tmp_path / "store", datetime.now(UTC)) as store,
        serving(tmp_path, DATABASE_URL=database_url(tmp_path), PROMETHEUS_URL=store.url) as served,
    ):
        with socket.create_connection(("127.0.0.1", served.port)) as asker:
            asker.sendall(b"GET /evaluation.pdf?unit=TH-001 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            pid = int(eventually("the PDF was begun", (tmp_path / "pid").read_text, seconds=60))
            os.kill(pid, 0)

        assert httpx.get(f"{served.url}/evaluation.pdf?unit=TH-001", timeout=120).content == b"%PDF for who stayed"
        assert not Path(f"/proc/{pid}").exists()
