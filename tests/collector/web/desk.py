"""A person at the pages, logged in, who fills in forms as a browser does."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from tests.collector.web.reading import Page

if TYPE_CHECKING:
    import httpx

    from tests.collector.access.house import House

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
BIDI = "Trường \u202eTHPT\u2066 A"


class Desk:
    """`login` with a role and a scope (`district=`, `unit=`; neither: the city)."""

    def __init__(self, house: House, login: str, role: str, **scope: str) -> None:
        house.person(login, role, password=None, **scope)
        self._client = house.client
        self._headers, self._visitor = house.session(login)
        self.csrf = self._visitor.csrf

    def page(self, path: str, *, status: int = 200, language: str = "en") -> str:
        answer = self._client.get(path, headers=self._headers | {"Accept-Language": language})
        assert answer.status_code == status, answer.text[:500]
        return answer.text

    def get(self, path: str) -> httpx.Response:
        return self._client.get(path, headers=self._headers, follow_redirects=False)

    def post(
        self, path: str, fields: dict[str, str], *, status: int = 303, language: str = "en", **more: Any
    ) -> httpx.Response:
        headers = self._headers | {"Accept-Language": language}
        data = {"csrf": self.csrf} | fields
        answer = self._client.post(path, data=data, headers=headers, follow_redirects=False, **more)
        assert answer.status_code == status, Page(answer.text).text[:800] if answer.text else answer.headers
        return answer

    def send(self, path: str, changes: dict[str, str], *, status: int = 303, language: str = "en") -> httpx.Response:
        """Opens the form at `path`, changes some fields of it, and sends all of them."""
        fields = form_of(self.page(path, language=language))
        assert set(changes) <= set(fields) | {name for name in changes if name.endswith(".remove")}
        return self.post(path, fields | changes, status=status, language=language)


def form_of(text: str) -> dict[str, str]:
    """The fields of the last form with method post, as a browser would send them."""
    return _Form(text).fields


class _Form(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.fields: dict[str, str] = {}
        self._in_form = False
        self._text_area = self._select = ""
        self._chosen = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._in_form = told.get("method") == "post"
            self.fields = {} if self._in_form else self.fields
        elif self._in_form and tag == "input" and told.get("type") not in ("checkbox", "file"):
            self.fields[told["name"]] = told.get("value", "")
        elif self._in_form and tag == "input" and told.get("type") == "checkbox" and "checked" in told:
            self.fields[told["name"]] = told.get("value", "on")
        elif self._in_form and tag == "textarea":
            self._text_area = told["name"]
            self.fields[self._text_area] = ""
        elif self._in_form and tag == "select":
            self._select, self._chosen = told["name"], False
        elif tag == "option" and self._select and ("selected" in told or not self._chosen):
            self.fields[self._select] = told.get("value", "")
            self._chosen = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._text_area = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._text_area:
            self.fields[self._text_area] += data


def assert_harmless(text: str) -> None:
    """Nothing of what people wrote became markup, a handler, or a link that runs."""
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "style"), tag
        assert not [name for name in attributes if name.startswith("on")], attributes
        assert attributes.get("src", "") != "x"
    for link in page.values("href") + page.values("action") + page.values("formaction"):
        assert re.match(r"/|\?|#|https?://", link), link
