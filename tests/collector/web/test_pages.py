"""What holds for every page: languages, safety, who may look."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from haidang_collector.settings import Settings
from haidang_collector.web import pages

from tests.collector.running import client_of, database_url
from tests.collector.web.reading import Page

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.web.conftest import Web

PATHS = ("/", "/districts/Qu%E1%BA%ADn%201", "/units", "/units/UP", "/docs", "/runbooks/InternetDown")
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.mark.parametrize(
    ("accepts", "language"),
    [
        ("", "vi"),
        ("en-GB,en;q=0.9", "en"),
        ("fr,de", "vi"),
        ("fr,en;q=0.5", "en"),
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        (";;,=", "vi"),
    ],
)
def test_vietnamese_first(city: Web, accepts: str, language: str) -> None:
    page = city.page(**{"Accept-Language": accepts})

    assert f'<html lang="{language}">' in page
    assert ("Mất Internet" in page) == (language == "vi")
    assert ("No Internet" in page) == (language == "en")


def test_a_chosen_language_is_remembered(city: Web) -> None:
    assert "No Internet" in city.page("/?lang=en")
    assert "No Internet" in city.page("/")
    assert "Mất Internet" in city.page("/?lang=vi")
    assert "Mất Internet" in city.page("/", **{"Accept-Language": "en"})
    assert "Mất Internet" in city.page(f"/?lang={quote(HOSTILE)}")


@pytest.mark.parametrize("path", [*PATHS, "/units/nowhere"])
def test_nothing_comes_from_outside(city: Web, path: str) -> None:
    answer = city.client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    page = Page(answer.text)

    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "style", "iframe"})
    assert page.values("style") == []
    for address in page.values("href") + page.values("src") + page.values("action"):
        assert re.match(r"[/?#]", address), address


@pytest.mark.parametrize("name", ["q", "district", "state", "row", "judged", "page", "lang", "refresh", "anything"])
def test_what_a_link_says_stays_text(city: Web, name: str) -> None:
    for path in ("/", "/districts/Qu%E1%BA%ADn%201", "/units", "/units/UP"):
        page = Page(city.page(f"{path}?{name}={quote(HOSTILE)}"))

        assert {tag for tag, _ in page.tags}.isdisjoint({"script"})
        assert [tag for tag, attributes in page.tags if "onerror" in attributes] == []


def test_what_a_table_or_an_alert_says_stays_text(web: Web) -> None:
    web.add("U-1", HOSTILE, district=HOSTILE, heard=3)
    web.alert("U-1", summary=HOSTILE, description=HOSTILE)

    hostile = quote(HOSTILE, safe="")
    for path in ("/", "/units", f"/districts/{hostile}", "/units/U-1", f"/units/{hostile}", f"/districts/{hostile}x"):
        answer = web.client.get(path)

        assert {tag for tag, _ in Page(answer.text).tags}.isdisjoint({"script"})
        assert HOSTILE.partition("<img")[0] in Page(answer.text).text


def test_a_number_of_strange_requests_is_no_error(city: Web) -> None:
    for query in ("q=%01", "q=" + "a" * 6000, "district=%ff", "q=%F0%9F%98%80", "q=%5C", "state=up&state=down"):
        for path in ("/", "/units", "/units/UP"):
            answer = city.client.get(f"{path}?{query}")

            assert answer.status_code == 200
            assert len(answer.content) < 50_000


def test_pages_are_for_operators(city: Web) -> None:
    settings = Settings(database_url=city.settings.database_url)
    with client_of(settings, peer="198.51.100.7") as client:
        assert [client.get(path).status_code for path in PATHS] == [403] * len(PATHS)
    settings = Settings(database_url=city.settings.database_url, operator_password="x")
    with client_of(settings, peer="198.51.100.7") as client:
        assert client.get("/").status_code == 401
        assert client.get("/", auth=("an", "x")).status_code == 200


def test_style_is_for_everybody(city: Web) -> None:
    """The page where one logs in needs it."""
    with client_of(Settings(database_url=city.settings.database_url), peer="198.51.100.7") as client:
        assert client.get("/static/style.css").status_code == 200


def test_style_and_picture_are_here(city: Web) -> None:
    page = Page(city.page())
    for tag, attributes in page.tags:
        for address in (attributes.get("src"), attributes.get("href") if tag == "link" else None):
            if address:
                assert city.client.get(address).status_code == 200, address
    for outside in ("/static/..%2froutes.py", "/static/%2fetc%2fpasswd", "/static/"):
        assert city.client.get(outside).status_code == 404


def test_a_running_collector_meets_no_newer_templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A package that is renewed under it would give it pages that its code cannot fill in.
    """
    shutil.copytree(pages.FOLDER / "templates", tmp_path / "templates")
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    with client_of(Settings(database_url=database_url(tmp_path), time_zone="Asia/Vientiane")) as client:
        before = client.get("/docs").text
        (tmp_path / "templates/docs.html").write_text("{{ of_the_next_version() }}")
        after = client.get("/docs")

    assert (after.status_code, after.text) == (200, before)


def test_the_api_s_page_has_a_heading(web: Web) -> None:
    assert [tag for tag, _ in Page(web.page("/docs")).tags if tag in ("h1", "h2")][:2] == ["h1", "h2"]
