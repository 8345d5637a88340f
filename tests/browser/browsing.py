"""Chromium as people use it: a visitor logged in, in a language, at a screen; and what no page may ever do."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import sync_playwright

from tests.browser.town import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

DESKTOP, PHONE = (1280, 800), (390, 844)
LANGUAGES = {"vi": "vi-VN", "en": "en-GB"}
TELL_VIOLATIONS = """\
document.addEventListener("securitypolicyviolation", (event) =>
  violated(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`))
"""
GRAVE = ["serious", "critical"]
FIND_FAULTS = """\
async ([grave, contrast]) => {
  const options = {resultTypes: ["violations"], preload: false, rules: {"color-contrast": {enabled: contrast}}};
  const found = await axe.run(document, options);
  return found.violations.filter((each) => grave.includes(each.impact))
    .map((each) => `${each.id} (${each.impact}): ${each.nodes.slice(0, 5).map((node) => node.target).join(", ")}`);
}
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's, without a window; Playwright's own is not asked for."""
    program = shutil.which("chromium")
    if program is None:
        raise FileNotFoundError("no chromium on PATH; run: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A browser of one person. `wrong`: scripts that ran, dialogs, breaches of the policy, missing parts."""

    def __init__(self, context: BrowserContext) -> None:
        self.wrong: list[str] = []
        context.expose_binding("violated", lambda _, what: self.wrong.append(f"policy: {what}"))
        context.add_init_script(TELL_VIOLATIONS)
        self.page = context.new_page()
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("response", self._answered)

    def open(self, path: str) -> Page:
        """`path` of the collector, whatever it answers."""
        self.page.goto(path)
        return self.page

    def log_in(self, login: str, password: str = PASSWORD) -> None:
        page = self.open("/login")
        page.locator("#login").fill(login)
        page.locator("#password").fill(password)
        page.locator("#main button").click()
        page.wait_for_url(lambda url: "/login" not in url)

    def _dialog(self, dialog: Any) -> None:
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _answered(self, response: Any) -> None:
        if response.status >= 400 and response.request.resource_type != "document":
            self.wrong.append(f"{response.status}: {response.url}")


@contextmanager
def visit(
    browser: Browser, url: str, login: str | None = None, *, language: str = "en", screen: tuple[int, int] = DESKTOP
) -> Iterator[Visit]:
    """`login` None: somebody whom nobody knows. Ends in a look at whether anything was wrong."""
    width, height = screen
    context = browser.new_context(
        base_url=url, locale=LANGUAGES[language], viewport={"width": width, "height": height}, accept_downloads=True
    )
    context.set_default_timeout(20_000)
    try:
        visiting = Visit(context)
        if login is not None:
            visiting.log_in(login)
        yield visiting
        assert not visiting.wrong, visiting.wrong
    finally:
        context.close()


def faults(page: Page, *, contrast: bool = True) -> list[str]:
    """What axe-core finds grave in the page as it is, and where. Contrast of colours takes it five times the rest."""
    page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(FIND_FAULTS, [GRAVE, contrast])
    return found


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider
