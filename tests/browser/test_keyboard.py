"""Everything can be done without a mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.browsing import PHONE, visit
from tests.browser.places import places
from tests.browser.town import ADMINISTRATOR, PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.town import Town

WITH_FORMS = (
    "units", "incident", "enrol-unit", "registry-edit", "registry-edit-labs", "registry-import", "reports", "users",
    "account",
)  # fmt: skip
MOST_STOPS = 400
NUMBER = """\
() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]")]
  .filter((each) => each.checkVisibility({visibilityProperty: true}) && !each.disabled && each.tabIndex >= 0)
  .filter((each) => each.type !== "radio" || each.checked)
  .map((each, number) => { each.dataset.stop = number; return each.outerHTML.slice(0, 120); })
"""
FOCUSED = """\
() => {
  const here = document.activeElement;
  const style = getComputedStyle(here);
  return {stop: here.dataset.stop ?? "", main: !!here.closest("main"), html: here.outerHTML.slice(0, 120),
          seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none"};
}
"""


def test_log_in_look_for_a_unit_and_take_an_incident_on(browser: Browser, city: Town) -> None:
    with visit(browser, city.url) as visiting:
        page = visiting.open("/login")
        _tab_to(page, "#login")
        page.keyboard.type(ADMINISTRATOR)
        _tab_to(page, "#password")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/")

        page.keyboard.press("Tab")
        assert page.locator(".skip").bounding_box()["y"] >= 0, "the skip link comes first, and is seen"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED)["main"], "it leads past the navigation"

        visiting.open("/units")
        _tab_to(page, "input[name=q]")
        page.keyboard.type(city.cut.code)
        page.keyboard.press("Enter")
        page.wait_for_url("**q=*")
        _tab_to(page, f"main a[href='/units/{city.cut.code}']")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/units/{city.cut.code}")

        visiting.open("/incidents/1")
        _tab_to(page, "form[action$='/acknowledge'] button")
        page.keyboard.press("Enter")
        page.locator(f"text={ADMINISTRATOR} took it on").wait_for()
        _tab_to(page, "#text")
        page.keyboard.type("Đã gọi nhà mạng")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.locator("blockquote:has-text('Đã gọi nhà mạng')").wait_for()


def test_every_part_is_reached_in_order_and_shows_that_it_is(browser: Browser, city: Town) -> None:
    """Tab walks through all that can be used, as it stands on the page, with a mark at each stop."""
    with visit(browser, city.url, ADMINISTRATOR, screen=PHONE) as visiting:
        for name in WITH_FORMS:
            page = visiting.open(places(city.cut)[name])
            wanted = page.evaluate(NUMBER)
            stops = _walk(page)
            assert [int(each["stop"]) for each in stops] == list(range(len(wanted))), name
            assert [each["html"] for each in stops if not each["seen"]] == [], name


def _walk(page: Page) -> list[dict[str, str]]:
    """The stops of Tab, from the beginning of the page to its end."""
    stops: list[dict[str, str]] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        here = page.evaluate(FOCUSED)
        if not here["stop"] or (stops and here["stop"] == stops[0]["stop"]):
            return stops
        stops += [here] if not stops or here["stop"] != stops[-1]["stop"] else []
    raise AssertionError(f"{page.url}: Tab comes to no end")


def _tab_to(page: Page, selector: str) -> None:
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{page.url}: Tab never comes to {selector}")
