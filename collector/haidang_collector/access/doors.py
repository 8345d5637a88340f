"""Dependencies of pages: who asks, whether they may, and whether a form was sent from a page of ours."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.access.accounts import any_account
from haidang_collector.access.cookies import SESSION, form_token
from haidang_collector.access.sessions import visitor_of
from haidang_collector.access.visitor import Role, Scope, Visitor
from haidang_collector.auth import is_local, knows_password, nobody
from haidang_collector.ingest.body import Body

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.types import Message

FORM_FIELDS = 1000
FORM_BYTES = 1 << 20
UPLOAD_BYTES = 21 << 20
"""Above what a table to import may have (`registry.sheet`)."""
FORM_SECONDS = 60.0
NUL = "the character U+0000 is in no name; PostgreSQL keeps none"
FIRST_PAGES = ("/account", "/logout")
"""All that somebody whose password was given by another may open."""


class DoorError(HTTPException):
    """Who asks is not let in; `reason` is one that `forbidden.html` knows."""

    def __init__(self, reason: str) -> None:
        status, detail = REASONS[reason]
        super().__init__(status, detail)
        self.reason = reason


class LoginWantedError(DoorError):
    """A person who has to log in first, and is led to where that is done."""


class FirstPasswordError(DoorError):
    """A person who has to choose a password of their own first, and is led there."""


REASONS = {
    "login": (401, "log in at /login"),
    "first": (403, "choose a password of your own at /account first"),
    "role": (403, "your role does not allow this"),
    "scope": (403, "this is not in your district or unit"),
    "form": (403, "this form is too old or came from elsewhere; open the page again"),
    "registry": (503, "the registry does not answer; try again"),
}


def visitor(request: Request) -> Visitor:
    """Whoever may read; what they may see is in `scope`.

    Who is logged in; else who knows the operator's password; else, while there is no account at all, who sits at the
    machine: the last two are administrators of the city. Raises HTTPException 400, 401, 403 or 503.
    """
    known: Visitor | None = getattr(request.state, "visitor", None)
    if known is not None:
        return known
    if b"%00" in request.scope["raw_path"] + request.scope["query_string"]:
        raise HTTPException(400, NUL)
    try:
        found = _visitor(request)
    except SQLAlchemyError:
        raise DoorError("registry") from None
    request.state.visitor = found
    if found.first and request.url.path not in FIRST_PAGES:
        raise FirstPasswordError("first")
    return found


def operating(request: Request) -> Visitor:
    """Who handles incidents, facts and agents. Raises HTTPException 403."""
    return _at_least(request, "operator")


def administering(request: Request) -> Visitor:
    """Who handles users and the whole registry. Raises HTTPException 403."""
    return _at_least(request, "administrator")


async def form(request: Request) -> FormData:
    """What a form of ours sent. To be called after one of the doors. Raises HTTPException 403 where it is not ours.

    1 MiB at most, with files 21 MiB; files are closed when the request is answered.
    """
    return await form_with(request, request.state.visitor.csrf)


async def form_with(request: Request, csrf: str, most_bytes: int = FORM_BYTES) -> FormData:
    """As `form`, for who is nobody yet. Raises HTTPException 400, 403 or 415, and Refusal 413 or 408.

    Browsers name no charset; one that is named would be any codec of Python's.
    """
    if not _from_here(request):
        raise DoorError("form")
    kind = request.headers.get("content-type", "").lower()
    is_upload = kind.startswith("multipart/form-data")
    if is_upload and "charset" in kind:
        raise HTTPException(415, "Content-Type: leave out the charset; forms are UTF-8")
    body = Body(request, UPLOAD_BYTES if is_upload and most_bytes == FORM_BYTES else most_bytes)
    body.expected_bytes()
    content = await body.read(FORM_SECONDS)

    async def once() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    fields = await Request(request.scope, once).form(max_fields=FORM_FIELDS)
    request.state.form = fields
    if any("\0" in value for _, value in fields.multi_items() if isinstance(value, str)):
        raise HTTPException(400, NUL)
    sent = fields.get("csrf")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), csrf.encode()):
        raise DoorError("form")
    return fields


def see(asking: Visitor, *, district: str, unit: str = "") -> None:
    """Raises HTTPException 403 where that is not in the visitor's scope."""
    if not asking.scope.sees(district=district, unit=unit):
        raise DoorError("scope")


def absent(asking: Visitor, what: str) -> HTTPException:
    """For what is not there: 404 to whoever sees the city; to others what they hear of what is elsewhere."""
    return HTTPException(404, f"there is no such {what}") if asking.scope.city else DoorError("scope")


def _visitor(request: Request) -> Visitor:
    database = request.app.state.registry.database
    found = visitor_of(database, request.cookies.get(SESSION, ""))
    if found is not None:
        return found
    there_are_accounts = any_account(database)
    if not there_are_accounts and is_local(request):
        return Visitor("operator", "administrator", Scope(), form_token(request), by="machine")
    if knows_password(request):
        return Visitor("operator", "administrator", Scope(), form_token(request), by="password")
    if not there_are_accounts or "authorization" in request.headers:
        raise nobody(request)
    raise LoginWantedError("login")


def _at_least(request: Request, role: Role) -> Visitor:
    found = visitor(request)
    if not found.may(role):
        raise DoorError("role")
    return found


def _from_here(request: Request) -> bool:
    """What the browser itself says of where a form was sent from, where it says anything.

    Our pages send no referrer, for which browsers write `Origin: null`: that says nothing.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin", "null")
    return origin == "null" or urlsplit(origin).netloc == request.headers.get("host")
