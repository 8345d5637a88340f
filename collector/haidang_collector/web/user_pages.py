"""The pages of administrators: `/users`, `/users/LOGIN` and `/audit`."""

from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from haidang_collector.access import passwords
from haidang_collector.access.accounts import (
    FIRST_PASSWORD_TIME,
    AccountError,
    AccountFact,
    Administration,
    Wanted,
    accounts,
    districts,
)
from haidang_collector.access.audit import entries
from haidang_collector.access.doors import DoorError, administering, form
from haidang_collector.access.passwords import BusyError
from haidang_collector.access.visitor import ROLES, Visitor
from haidang_collector.auth import address_of
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import asked_for, database_of, page_of, text_of, whole
from haidang_collector.web.pages import page
from haidang_collector.web.registry_asking import in_words_of

PAGE_ROWS = 100
MOST_PAGES = 10_000
NO_STORE = {"Cache-Control": "no-store"}

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)
Asking = Annotated[Visitor, Depends(administering)]


@router.get("/users")
async def users(request: Request, asking: Asking) -> HTMLResponse:
    """The accounts in the administrator's scope: `?q=` a part of login, name or address, `?page=` of 100."""
    return await _users(request, asking, 200)


@router.post("/users")
async def add(request: Request, asking: Asking) -> Response:
    """A new account; its first password is in the answer, and nowhere else."""
    fields = await form(request)
    login = _text(fields, "login").casefold()
    first = passwords.first_password()
    try:
        kept = await request.app.state.password_threads.run(partial(passwords.hashed, first))
        work = partial(_administration(request, asking).add, login, _wanted(fields), kept, first=True)
        await to_thread.run_sync(work)
    except AccountError as wrong:
        return await _users(request, asking, 422, wrong=wrong.reason, sent=fields)
    except BusyError:
        return await _users(request, asking, 503, wrong="busy", sent=fields)
    return await _users(request, asking, 200, given=(login, first))


@router.get("/users/{login}")
async def user(request: Request, asking: Asking, login: str) -> HTMLResponse:
    """One account, and what can be done to it."""
    return await _user(request, asking, login, 200)


@router.post("/users/{login}")
async def change(request: Request, asking: Asking, login: str) -> Response:
    """Field `do`: change, disable, enable, or password, whose answer holds the new first password."""
    fields = await form(request)
    await _found(request, asking, login)
    do, administration = _text(fields, "do"), _administration(request, asking)
    try:
        if do == "password":
            return await _reset(request, asking, login, administration)
        deeds = {
            "change": partial(administration.change, login, _wanted(fields)),
            "disable": partial(administration.disable, login),
            "enable": partial(administration.enable, login),
        }
        if do not in deeds:
            raise HTTPException(422, "do: change, disable, enable or password")
        await to_thread.run_sync(deeds[do])
    except AccountError as wrong:
        return await _user(request, asking, login, 422, wrong=wrong.reason)
    except BusyError:
        return await _user(request, asking, login, 503, wrong="busy")
    return RedirectResponse("/users", 303, NO_STORE)


@router.get("/audit")
async def audit(request: Request, asking: Asking) -> HTMLResponse:
    """Who did what, the newest first: `?who=` a name, `?subject=` a part of one, `?page=` of 100."""
    who, subject, asked = asked_for(request, "who", "subject", "page")
    number = min(max(1, whole(asked)), MOST_PAGES)
    read = partial(entries, database_of(request), asking.scope, who=who, subject=subject, page=number)
    found, more = await to_thread.run_sync(read)
    return page(
        request,
        "audit.html",
        **in_words_of(request),
        entries=found,
        more=more,
        number=number,
        who=who,
        subject=subject,
    )


async def _reset(request: Request, asking: Visitor, login: str, administration: Administration) -> HTMLResponse:
    first = passwords.first_password()
    kept = await request.app.state.password_threads.run(partial(passwords.hashed, first))
    await to_thread.run_sync(partial(administration.set_password, login, kept, first=True))
    return await _users(request, asking, 200, given=(login, first))


async def _users(
    request: Request,
    asking: Visitor,
    status: int,
    *,
    wrong: str = "",
    sent: FormData | None = None,
    given: tuple[str, str] | None = None,
) -> HTMLResponse:
    """`sent`: what stood in a form that was refused; `given`: login and first password, to show once."""
    text, asked = asked_for(request, "q", "page")
    found = await to_thread.run_sync(accounts, database_of(request), asking.scope, text)
    number, pages = page_of(len(found), PAGE_ROWS, asked)
    return page(
        request,
        "users.html",
        status,
        accounts=found[(number - 1) * PAGE_ROWS : number * PAGE_ROWS],
        number=number,
        pages=pages,
        q=text,
        wrong=wrong,
        sent=sent or {},
        given=given,
        days=FIRST_PASSWORD_TIME.days,
        **await _choices(request, asking),
    )


async def _user(request: Request, asking: Visitor, login: str, status: int, wrong: str = "") -> HTMLResponse:
    found = await _found(request, asking, login)
    choices = await _choices(request, asking)
    return page(request, "user.html", status, account=found, wrong=wrong, **choices)


async def _found(request: Request, asking: Visitor, login: str) -> AccountFact:
    """An account in the administrator's scope: 403 for one elsewhere and for one that does not exist alike."""
    found = await to_thread.run_sync(partial(accounts, database_of(request), asking.scope, login=login))
    if found:
        return found[0]
    raise DoorError("scope")


async def _choices(request: Request, asking: Visitor) -> dict[str, list[str]]:
    """Roles and districts that the administrator may give."""
    scope = asking.scope
    there = await to_thread.run_sync(districts, database_of(request)) if scope.city else [scope.district]
    return {"roles": list(ROLES), "districts": [district for district in there if district]}


def _administration(request: Request, asking: Visitor) -> Administration:
    return Administration(database_of(request), asking.name, asking, address_of(request) or None)


def _wanted(fields: FormData) -> Wanted:
    return Wanted(**{name: _text(fields, name) for name in ("role", "district", "unit", "name", "email")})


def _text(fields: FormData, name: str) -> str:
    return text_of(fields, name).strip()
