"""Words that people, agents and rules send are shown as words: no page runs them."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from haidang_collector.registry.tokens import Applicant, create_token, enrol

from tests.browser.browsing import visit
from tests.browser.hostile import HOSTILE
from tests.browser.places import places
from tests.browser.town import ADMINISTRATOR

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.town import Town

RUNS = "[onerror], [onmouseover], img[src='x'], script, a[href^='javascript:']"
BREAK_IN = """\
text => new Promise((told) => {
  document.addEventListener("securitypolicyviolation", (event) => /^script/.test(event.effectiveDirective) && told());
  document.body.insertAdjacentHTML("beforeend", text);
})
"""
ECHOES = (
    "/units?q={}", "/units?district={}&state={}", "/agents?q={}", "/registry?q={}&district={}", "/incidents?unit={}",
    "/incidents?district={}&severity={}", "/reports?unit={}&at={}", "/districts/{}", "/units/{}", "/evaluation?unit={}",
    "/evaluation?at={}", "/agents/enrol?q={}", "/login?next={}",
    "/login?next=javascript:{}", "/users?q={}", "/audit?q={}", "/registry/units/{}",
)  # fmt: skip
SPOKEN = {"city", "district", "units", "unit", "incidents", "incident", "agents", "registry-unit", "users", "audit"}
"""Where the hostile unit must be seen, or the test looks past it."""


def shown(page: Page) -> bool:
    """Whether hostile words stand in the page; they are words and nothing else."""
    source = page.content()
    assert HOSTILE not in source.replace(escape(HOSTILE), ""), page.url
    assert page.locator(RUNS).count() == 0, page.url
    return "onerror" in page.locator("body").inner_text()


def test_markup_in_every_field_stays_words(browser: Browser, city: Town) -> None:
    """Registry, agents, alerts, notes, accounts: seen on the pages, and nothing runs or tries to."""
    unit = city.hostile
    assert unit is not None
    token = create_token(city.database, unit.code, uses=1, lifetime=timedelta(hours=1)).token
    assert enrol(city.database, Applicant(token, "k" * 43, ("host",), HOSTILE, HOSTILE)) is not None
    city.person("ke.la", "reader", name=HOSTILE, unit=unit.code)
    with visit(browser, city.url, ADMINISTRATOR) as visiting:
        page = visiting.open(f"/incidents?unit={unit.code}")
        page.get_by_role("link", name=HOSTILE).first.click()
        for field in ("text", "person"):
            page.locator(f"#{field}").fill(HOSTILE)
            page.locator(f"form:has(#{field}) button").click()
        incident = page.url.rpartition("/")[2]
        assert shown(page)
        paths = places(unit) | {"incident": f"/incidents/{incident}"}
        assert {name for name, path in paths.items() if shown(visiting.open(path))} >= SPOKEN
    with visit(browser, city.url, "ke.la") as own:
        assert shown(own.page)


def test_markup_in_the_address_stays_words(browser: Browser, city: Town) -> None:
    with visit(browser, city.url, ADMINISTRATOR) as visiting:
        for path in ECHOES:
            shown(visiting.open(path.replace("{}", quote(f"'\">{HOSTILE}"))))


def test_the_witness_is_awake(browser: Browser, city: Town) -> None:
    """Markup that did get into a page would be noticed: the policy stops it, and says so."""
    with pytest.raises(AssertionError, match="script-src"):
        _break_in(browser, city)


def _break_in(browser: Browser, city: Town) -> None:
    with visit(browser, city.url) as visiting:
        visiting.open("/login").evaluate(BREAK_IN, HOSTILE)
