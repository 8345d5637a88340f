"""Every page, in both languages, at a desk and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from haidang_collector.app import create_app
from haidang_collector.settings import Settings
from starlette.routing import Match

from tests.browser.browsing import DESKTOP, LANGUAGES, PHONE, faults, overflow, visit
from tests.browser.places import places
from tests.browser.town import ADMINISTRATOR

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.town import Town

SCREENS = {"desktop": DESKTOP, "phone": PHONE}
FOR_PROGRAMMERS = {"docs"}
"""In English only."""
NO_PAGES = {
    "/evaluation.json", "/evaluation.pdf", "/evaluation.xlsx", "/incidents.csv", "/incidents.json",
    "/registry/export/{what}.csv", "/registry/templates/{what}.{ending}", "/openapi.json", "/static/{name}",
    "/login/oidc", "/login/oidc/callback", "/logout", "/metrics/registry",
}  # fmt: skip
"""Files, and ways that lead on to a page."""


def found_in(page: Page, name: str, language: str) -> list[str]:
    """What somebody could not use, at a desk and then on a phone. Colours are the same in all of them."""
    found = []
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        contrast = (language, screen) == ("vi", "desktop")
        found += [f"{name}, {screen}: {fault}" for fault in faults(page, contrast=contrast)]
        if beyond := overflow(page):
            found.append(f"{name}, {screen}: {beyond} px too wide")
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_everybody_can_use_every_page(browser: Browser, city: Town, language: str) -> None:
    """No grave fault by axe-core, nothing beyond the edge of the screen, and the language that was asked for."""
    found = []
    with visit(browser, city.url, language=language) as stranger:
        found += found_in(stranger.open("/login"), "login", language)
    with visit(browser, city.url, ADMINISTRATOR, language=language) as visiting:
        for name, path in places(city.cut).items():
            page = visiting.open(path)
            told = "en" if name in FOR_PROGRAMMERS else language
            assert page.locator("html").get_attribute("lang") == told, name
            found += found_in(page, name, language)
    assert found == []


def test_no_page_is_left_out(city: Town) -> None:
    """Whoever adds a page adds it to the places that are looked at."""
    visited = {urlsplit(path).path for path in places(city.cut).values()} | {"/login"}
    routes = [route for route in create_app(Settings()).routes if "GET" in (getattr(route, "methods", None) or ())]
    unseen = {
        route.path
        for route in routes
        if not getattr(route, "include_in_schema", True)
        and not any(route.matches({"type": "http", "path": path, "method": "GET"})[0] == Match.FULL for path in visited)
    }
    assert unseen <= NO_PAGES
