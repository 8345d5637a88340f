"""How pages are made: templates in the visitor's language, times of the schools, headers that let nothing else in."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import jinja2
from fastapi.responses import HTMLResponse

from haidang_collector.evaluation.words import Words
from haidang_collector.i18n import COOKIE, LANGUAGES, language_of, translations
from haidang_collector.web.runbooks import name_of as runbook_name

if TYPE_CHECKING:
    from fastapi import Request

FOLDER = Path(__file__).parent
REFRESH_SECONDS = 30
YEAR_SECONDS = 365 * 86400
LONGEST_PARAMETER = 100
MOST_PARAMETERS = 10
OF_ONE_VIEW = ("page", "lang")
"""Parameters that links to other views of the same page leave out."""
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
FORMATS = {"vi": ("%H:%M:%S", "%H:%M %d/%m/%Y"), "en": ("%H:%M:%S", "%Y-%m-%d %H:%M")}
"""Of a moment today, and of another day."""
DAYS = {"vi": "%d/%m", "en": "%d %b"}


def page(request: Request, template: str, status: int = 200, **content: Any) -> HTMLResponse:
    """`template` with `content`. A language chosen by `?lang=` is remembered in a cookie.

    `now` in `content`: of when it is, where that is not this moment.

    A page renews itself where `?refresh=on` asks for it, never unasked: who reads by ear would lose the place
    (WCAG 2.2.1, failure F41). One that takes what people type sets `stays` at its top.
    """
    language = language_of(request)
    environment = _environment(language, request.app.state.settings.time_zone)
    refreshes = request.query_params.get("refresh") == "on"
    text = environment.get_template(template).render(
        link=partial(_link, request),
        path=request.url.path,
        refresh_seconds=REFRESH_SECONDS if refreshes else None,
        halted=not refreshes,
        version=request.app.version,
        visitor=getattr(request.state, "visitor", None),
        **{"now": time.time(), **content},
    )
    answer = HTMLResponse(text, status, SECURITY_HEADERS | {"Content-Language": language})
    if request.query_params.get("lang") in LANGUAGES:
        answer.set_cookie(COOKIE, language, max_age=YEAR_SECONDS, httponly=True, samesite="lax")
    return answer


def _link(request: Request, **changes: str | int) -> str:
    """The same page with other parameters; an empty value drops one. Relative, for who knows what proxy is in front."""
    asked = [(name, value) for name, value in request.query_params.items() if name not in OF_ONE_VIEW]
    kept = {name: value for name, value in asked[:MOST_PARAMETERS] if len(name) + len(value) <= LONGEST_PARAMETER}
    return "?" + urlencode({name: value for name, value in (kept | changes).items() if value}, errors="replace")


@cache
def _environment(language: str, time_zone: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]  # by the extension
    environment.filters["moment"] = partial(_moment, language=language, zone=ZoneInfo(time_zone))
    environment.filters["day"] = partial(_day, language=language, zone=ZoneInfo(time_zone))
    environment.filters["iso"] = lambda when: _utc(when).isoformat(timespec="seconds")
    environment.filters["seconds"] = lambda when: _utc(when).timestamp()
    environment.globals |= {"language": language, "words": Words(language), "runbook_name": runbook_name}
    return environment


def _moment(when: float | datetime, *, language: str, zone: ZoneInfo) -> str:
    """In school time; without the date where that is today's."""
    moment = _utc(when).astimezone(zone)
    today, other_day = FORMATS[language]
    return moment.strftime(today if moment.date() == datetime.now(zone).date() else other_day)


def _day(when: float | datetime, *, language: str, zone: ZoneInfo) -> str:
    return _utc(when).astimezone(zone).strftime(DAYS[language])


def _utc(when: float | datetime) -> datetime:
    return when if isinstance(when, datetime) else datetime.fromtimestamp(when, UTC)
