"""The evaluation's pages and files, over a real Prometheus and a registry of its units."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import openpyxl
import pytest
from anyio import create_task_group, run
from haidang_collector.policy.policy import load
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from haidang_collector.settings import Settings
from haidang_collector.web.evaluation import AT_ONCE, Evaluations
from sqlalchemy import text as sql

from tests.collector.evaluation.told import PAST, REGISTERED, TRICKY, told_store
from tests.collector.running import client_of, database_url
from tests.collector.web.reading import Page
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_collector.evaluation.model import Evaluation
    from starlette.testclient import TestClient

    from tests.servers import Prometheus

PATHS = ("/evaluation", "/evaluation.pdf", "/evaluation.xlsx", "/evaluation.json")
DISTRICT = quote("Quận 1")
ALONE = """\
import os, time
class HTML:
    def __init__(self, **_): pass
    def write_pdf(self, file, **_):
        os.close(os.open(LOCK, os.O_CREAT | os.O_EXCL))
        time.sleep(0.2)
        os.unlink(LOCK)
        file.write(b"%PDF made alone")
"""
"""In the place of WeasyPrint: takes its time, and fails where another is at work."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with told_store(tmp_path_factory.mktemp("told"), datetime.now(UTC)) as store:
        yield store


@pytest.fixture(scope="module")
def settings(told: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    url = database_url(tmp_path_factory.mktemp("registry"))
    registry = Registry(url)
    with registry.database.write() as session:
        for unit in REGISTERED:
            session.add(Unit(code=unit.code, name=unit.name, district=unit.district, level=unit.level, students={}))
    registry.close()
    return Settings(database_url=url, prometheus_url=told.url)


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    with client_of(settings) as client:
        yield client


def shown(client: TestClient, path: str, *, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return Page(answer.text).text


def test_a_unit_says_what_it_lacks(client: TestClient) -> None:
    text = shown(client, "/evaluation?unit=TH-001&lang=en")

    assert "Trường Tiểu học Sao Mai TH-001" in text
    assert "computers missing: 11" in text
    assert "students: primary 840" in text


def test_a_district_and_the_city_hold_their_units(client: TestClient) -> None:
    district, city = shown(client, f"/evaluation?district={DISTRICT}"), shown(client, "/evaluation")

    assert "Quận 1: tổng quan" in district
    assert "Trường Tiểu học Hoa Sen" not in district
    assert "Toàn thành phố: tổng quan" in city
    assert "Trường Tiểu học Hoa Sen" in city


def test_a_moment_of_the_past_is_shown_as_it_was(client: TestClient) -> None:
    at = quote(PAST.isoformat())

    text = shown(client, f"/evaluation?unit=GONE&at={at}")

    assert f"Tính đến {PAST:%H:%M %d/%m/%Y}" in text
    assert "0 ✓" in text
    assert "1 ✗" in text
    assert client.get("/evaluation?unit=GONE").status_code == 404


def test_it_is_in_the_language_asked_for(client: TestClient) -> None:
    assert client.get("/evaluation").headers["Content-Language"] == "vi"
    assert client.get("/evaluation", headers={"Accept-Language": "en"}).headers["Content-Language"] == "en"
    assert '<html lang="en">' in client.get("/evaluation?lang=en").text


def test_links_keep_moment_and_language(client: TestClient) -> None:
    at = f"{PAST:%Y-%m-%dT%H:%M:%S}"
    links = Page(client.get("/evaluation", params={"at": at, "lang": "en"}).text).values("href")

    assert f"?unit=TH-001&at={quote(at)}&lang=en" in links
    assert f"/evaluation.pdf?at={quote(at)}&lang=en" in links
    for link in links:
        assert client.get(link if link.startswith("/") else f"/evaluation{link}").status_code == 200, link


def test_a_day_can_be_chosen(client: TestClient) -> None:
    page = Page(client.get("/evaluation", params={"district": "Quận 1", "at": f"{PAST:%Y-%m-%d}"}).text)
    fields = {each["name"]: each["value"] for tag, each in page.tags if tag == "input"}

    assert fields == {"district": "Quận 1", "lang": "vi", "at": f"{PAST:%Y-%m-%d}"}


def test_its_own_style_is_let_in_and_nothing_else(client: TestClient) -> None:
    answer = client.get("/evaluation?unit=TH-001")
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]

    assert f"style-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert Page(answer.text).values("style") == []


def test_json_tells_the_same(client: TestClient) -> None:
    told = client.get("/evaluation.json?unit=TH-001").json()

    assert (told["scope"], told["of"]) == ("unit", "TH-001")
    assert told["units"][0]["rows"]["R4"]["state"] == "unmet"


def test_a_spreadsheet_and_a_pdf_to_keep(client: TestClient, tmp_path: Path) -> None:
    sheet = client.get(f"/evaluation.xlsx?district={DISTRICT}")
    paper = client.get(f"/evaluation.pdf?district={DISTRICT}")
    (tmp_path / "x.pdf").write_bytes(paper.content)
    read = subprocess.run(["pdftotext", tmp_path / "x.pdf", "-"], check=True, capture_output=True, text=True).stdout

    assert "R16" in openpyxl.load_workbook(io.BytesIO(sheet.content)).sheetnames
    assert "Trường Tiểu học Sao Mai" in read
    assert re.fullmatch(
        r"attachment; filename\*=UTF-8''evaluation%20Qu%E1%BA%ADn%201%20[\d-]+%20\d{4}\.pdf",
        paper.headers["Content-Disposition"],
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("query", "status"),
    [("unit=X-1", 404), ("district=X", 404), ("at=yesterday", 400), ("at=2999-01-01", 400), ("at=%01%ff", 400)],
)
def test_what_cannot_be_evaluated_is_refused_in_words(client: TestClient, path: str, query: str, status: int) -> None:
    answer = client.get(f"{path}?{query}")

    assert answer.status_code == status
    said = answer.json()["detail"] if path.endswith("json") else Page(answer.text).text
    assert re.search(r"X|2026-11-25|still to come", said)


def test_a_tricky_code_is_a_code(client: TestClient) -> None:
    for path in PATHS:
        assert client.get(path, params={"unit": TRICKY}).status_code == 200
        assert client.get(path, params={"unit": "<script>alert(1)</script>\x01"}).status_code == 404


@pytest.mark.parametrize("path", PATHS)
def test_without_the_store_it_is_said_what_to_mend(settings: Settings, path: str) -> None:
    away = Settings(database_url=settings.database_url, prometheus_url=f"http://127.0.0.1:{free_port()}")
    with client_of(away) as client:
        answer = client.get(path)

    assert answer.status_code == 503
    assert "start it, or set HAIDANG_PROMETHEUS_URL" in answer.text
    assert ("Kho số liệu (Prometheus) không trả lời" in answer.text) == (path != "/evaluation.json")


def test_without_the_registry_too(told: Prometheus, tmp_path: Path) -> None:
    with client_of(Settings(database_url=database_url(tmp_path), prometheus_url=told.url)) as client:
        registry = Registry(database_url(tmp_path))
        with registry.database.write() as session:
            session.execute(sql("ALTER TABLE unit RENAME TO lost"))
        registry.close()

        assert client.get("/evaluation").status_code == 503
        assert client.get("/evaluation.json").json() == {"detail": "the registry does not answer"}


def weasyprint_here(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """`source` is the module that makes PDFs, for processes to come."""
    (folder / "weasyprint").mkdir()
    (folder / "weasyprint/__init__.py").write_text(source)
    (folder / "weasyprint/urls.py").write_text("URLFetcher = dict")
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_where_no_pdf_can_be_made_it_is_said_what_to_install(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weasyprint_here(tmp_path, monkeypatch, "raise OSError('cannot load library libpango-1.0-0')")

    text = shown(client, "/evaluation.pdf?unit=TH-001", status=503)

    assert "Trung tâm không lập được tệp PDF" in text
    assert "cannot load library libpango-1.0-0): pip install 'haidang[pdf]'" in text


def test_pdfs_are_made_one_at_a_time(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weasyprint_here(tmp_path, monkeypatch, ALONE.replace("LOCK", repr(str(tmp_path / "lock"))))

    with ThreadPoolExecutor(3) as people:
        answers = list(people.map(lambda _: client.get("/evaluation.pdf?unit=TH-001"), range(3)))

    assert [answer.content for answer in answers] == [b"%PDF made alone"] * 3


def test_no_more_than_two_evaluations_are_in_memory_at_once(settings: Settings) -> None:
    """Not while the store is asked, nor while the page or the spreadsheet is made of what it said."""
    registry = Registry(settings.database_url)
    evaluations = Evaluations(settings, registry, load())
    at_work, most, count, together = 0, 0, threading.Lock(), threading.Barrier(AT_ONCE)

    def form(_: Evaluation) -> None:
        nonlocal at_work, most
        with count:
            at_work += 1
            most = max(most, at_work)
        together.wait(60)
        time.sleep(0.1)  # in which one too many would come
        with count:
            at_work -= 1

    async def ask() -> None:
        async with create_task_group() as everybody:
            for _ in range(6):
                everybody.start_soon(evaluations.of, {"unit": "TH-001"}, form)

    run(ask)
    evaluations.close()
    registry.close()
    assert most == AT_ONCE


@pytest.mark.parametrize("path", PATHS)
def test_it_is_for_operators(settings: Settings, path: str) -> None:
    with client_of(settings, peer="198.51.100.7") as client:
        assert client.get(path).status_code == 403


def test_the_pages_of_city_district_and_unit_lead_to_it(client: TestClient) -> None:
    assert f"/evaluation?district={DISTRICT}" in Page(client.get(f"/districts/{DISTRICT}").text).values("href")
    assert "/evaluation" in Page(client.get("/").text).values("href")
    assert "/evaluation?unit=TH-001" in Page(client.get("/units/TH-001").text).values("href")
