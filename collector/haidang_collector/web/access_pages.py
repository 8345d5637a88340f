"""The pages of who may in: `/login`, `/logout`, `/account`; and what is answered to who may not.

An answer to a form leads on to a page (303), or shows the form again with what was wrong in it.
"""

import time
from functools import partial
from typing import Annotated
from urllib.parse import quote, urlsplit

from anyio import sleep, to_thread
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from haidang_collector.access import login as entrance
from haidang_collector.access.accounts import accounts, any_account
from haidang_collector.access.attempts import ADDRESS_SECONDS
from haidang_collector.access.cookies import SESSION, drop_session, form_token, set_session
from haidang_collector.access.doors import DoorError, FirstPasswordError, LoginWantedError, form, form_with, visitor
from haidang_collector.access.passwords import LONGEST, BadPasswordError, BusyError
from haidang_collector.access.sessions import Opened, count
from haidang_collector.access.visitor import Visitor
from haidang_collector.auth import address_of
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.pages import page

LOGIN_BYTES = 16 << 10
LONGEST_NEXT = 1000
LONGEST_LOGIN = 254
FAILURE_SECONDS = 0.3
"""How long a refusal takes at least, so that its time does not tell whether there is such an account."""
RETRY_SECONDS = {"closed": round(ADDRESS_SECONDS), "busy": 5, "away": 30}
NO_STORE = {"Cache-Control": "no-store"}

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)
Asking = Annotated[Visitor, Depends(visitor)]


@router.get("/login")
async def login_page(request: Request) -> HTMLResponse:
    """Asks for login and password, and leads to `?next=` after them."""
    return await sign_in(request, 200, request.query_params.get("next", ""))


@router.post("/login")
async def login(request: Request) -> Response:
    """The same answer for an unknown login, a wrong password, and an account that is locked or disabled."""
    fields = await form_with(request, form_token(request), LOGIN_BYTES)
    name, password, wanted = (str(fields.get(field, "")) for field in ("login", "password", "next"))
    address, state, started = address_of(request), request.app.state, time.monotonic()
    if state.attempts.closed(address):
        return await sign_in(request, 429, wanted, "closed")
    opened = None
    if len(name) <= LONGEST_LOGIN and len(password) <= LONGEST:
        attempt = partial(entrance.enter, state.registry.database, name.strip().casefold(), password, address)
        try:
            opened = await state.password_threads.run(attempt)
        except BusyError:
            return await sign_in(request, 503, wanted, "busy")
    if opened is None:
        await failed(request, address)
        await sleep(max(0.0, started + FAILURE_SECONDS - time.monotonic()))
        return await sign_in(request, 401, wanted, "wrong")
    return await welcome(request, opened, wanted)


@router.get("/logout")
async def logout_page() -> RedirectResponse:
    """To the page that has the button: following a link must log nobody out."""
    return RedirectResponse("/account", 303, NO_STORE)


@router.post("/logout")
async def logout(request: Request, asking: Asking) -> Response:
    """Ends this browser's session."""
    await form(request)
    if asking.session:
        database = request.app.state.registry.database
        await to_thread.run_sync(entrance.leave, database, asking, address_of(request))
    answer = RedirectResponse("/login", 303, NO_STORE)
    drop_session(answer, request)
    return answer


@router.get("/account")
async def account_page(request: Request, asking: Asking) -> HTMLResponse:
    """Who this is, what they may, and where the password is changed."""
    return await _account(request, asking, 200)


@router.post("/account")
async def change_password(request: Request, asking: Asking) -> Response:
    """A new password; every other session of the account ends."""
    fields = await form(request)
    if asking.by != "account":
        raise HTTPException(404)
    old, new, again = (str(fields.get(name, "")) for name in ("old", "new", "again"))
    status, wrong = (422, "differ") if new != again else await _changed(request, asking, old, new)
    if wrong:
        return await _account(request, asking, status, wrong)
    return RedirectResponse("/account?changed=yes", 303, NO_STORE)


async def refused(request: Request, error: Exception) -> Response:
    """Handles DoorError: a page for a person, JSON for a program; who has to log in first is led there."""
    if not isinstance(error, DoorError):
        raise error
    reads = request.method in ("GET", "HEAD") and not request.url.path.startswith("/api/")
    if isinstance(error, FirstPasswordError) and reads:
        return RedirectResponse("/account", 303, NO_STORE)
    if isinstance(error, LoginWantedError) and reads:
        wanted = request.scope["raw_path"].decode("ascii") + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(wanted, safe='/')}", 303, NO_STORE)
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": error.detail}, error.status_code, NO_STORE)
    template = "registry.html" if error.reason == "registry" else "forbidden.html"
    return page(request, template, error.status_code, reason=error.reason)


def local_path(text: str) -> str:
    """`text` where it is a path of this site, else the start page: no link may lead on to another site."""
    is_local = text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable()
    if not is_local or len(text) > LONGEST_NEXT or text.partition("?")[0] in ("/login", "/logout"):
        return "/"
    return text


async def sign_in(request: Request, status: int, wanted: str, wrong: str = "") -> HTMLResponse:
    """The login page; `wrong` is a word that `login.html` knows."""
    settings = request.app.state.settings
    answer = page(
        request,
        "login.html",
        status,
        wrong=wrong,
        csrf=form_token(request),
        next=local_path(wanted),
        provider=settings.oidc_name or urlsplit(settings.oidc_issuer).hostname,
        none=not await to_thread.run_sync(any_account, request.app.state.registry.database),
    )
    if wrong in RETRY_SECONDS:
        answer.headers["Retry-After"] = str(RETRY_SECONDS[wrong])
    return answer


async def welcome(request: Request, opened: Opened, wanted: str) -> Response:
    """Sends the new session's cookie and leads on; a session that the browser brought along ends."""
    old = request.cookies.get(SESSION, "")
    if old:
        await to_thread.run_sync(entrance.forget, request.app.state.registry.database, old)
    answer = RedirectResponse(local_path(wanted), 303, NO_STORE)
    set_session(answer, request, opened.token)
    return answer


async def failed(request: Request, address: str) -> None:
    """Counts a failure; the one that closes the address goes to the log of deeds."""
    if request.app.state.attempts.failed(address):
        await to_thread.run_sync(entrance.note_closed, request.app.state.registry.database, address)


async def _account(request: Request, asking: Visitor, status: int, wrong: str = "") -> HTMLResponse:
    database = request.app.state.registry.database
    own = await to_thread.run_sync(partial(accounts, database, login=asking.name)) if asking.by == "account" else []
    return page(
        request,
        "account.html",
        status,
        wrong=wrong,
        has_password=any(account.has_password for account in own),
        sessions=await to_thread.run_sync(count, database, asking.name),
        changed="changed" in request.query_params and not wrong,
    )


async def _changed(request: Request, asking: Visitor, old: str, new: str) -> tuple[int, str]:
    """Changes the password; status and a word that `account.html` knows, empty when it is done."""
    address, state = address_of(request), request.app.state
    if state.attempts.closed(address):
        return 429, "closed"
    if new == old:
        return 422, "same"
    change = partial(entrance.change_password, state.registry.database, asking, old, new, address)
    try:
        changed = await state.password_threads.run(change)
    except BadPasswordError as bad:
        return 422, bad.reason
    except BusyError:
        return 503, "busy"
    if changed:
        return 200, ""
    await failed(request, address)
    return 422, "old"
