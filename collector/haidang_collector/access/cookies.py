"""The two cookies: `haidang_session` of who logged in, `haidang_form` of everybody else who may send a form."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import FormData, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SESSION = "haidang_session"
FORM = "haidang_form"
FORM_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
FORM_BYTES = 32


def is_https(request: Request) -> bool:
    """Whether the browser came by TLS, to us or to a proxy before us. A lie harms only who tells it."""
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return "https" in (request.url.scheme, forwarded)


def set_session(answer: Response, request: Request, token: str) -> None:
    """For as long as the browser runs; how long it holds is the server's to say.

    Lax and not Strict, so that a link in a message leads to the page and not to the login.
    """
    answer.set_cookie(SESSION, token, httponly=True, samesite="lax", secure=is_https(request))


def drop_session(answer: Response, request: Request) -> None:
    answer.delete_cookie(SESSION, httponly=True, samesite="lax", secure=is_https(request))


def form_token(request: Request) -> str:
    """What forms of a browser without a session have to send back (a double submit).

    It holds in every process of a collector, for all it takes is that field and cookie are the same: another site can
    neither read nor set the cookie, and SameSite=Strict keeps it from being sent along with what that site sends.
    """
    kept = request.cookies.get(FORM, "")
    if FORM_TOKEN.fullmatch(kept):
        return kept
    made: str | None = getattr(request.state, FORM, None)
    if made is None:
        made = secrets.token_urlsafe(FORM_BYTES)
        setattr(request.state, FORM, made)
    return made


class Visits:
    """Sends the cookie that `form_token` made, and closes the files of a form when it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and FORM in state:
                cookie = _form_cookie(state[FORM], secure=is_https(Request(scope)))
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        try:
            await self._app(scope, receive, send_with_cookie)
        finally:
            if isinstance(sent := state.get("form"), FormData):
                await sent.close()


def _form_cookie(token: str, *, secure: bool) -> str:
    answer = Response()
    answer.set_cookie(FORM, token, httponly=True, samesite="strict", secure=secure)
    return answer.headers["set-cookie"]
