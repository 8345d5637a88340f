"""What to do about an alert, step by step (`/runbooks/NAME`). It names no unit: for every visitor."""

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from haidang_collector.access.doors import visitor
from haidang_collector.i18n import language_of
from haidang_collector.web.pages import page
from haidang_collector.web.runbooks import NAMES, runbook

router = APIRouter(include_in_schema=False)


@router.get("/runbooks/{name}", dependencies=[Depends(visitor)])
def show(request: Request, name: str) -> HTMLResponse:
    """In the visitor's language."""
    if name not in NAMES:
        raise HTTPException(404)
    return page(request, "runbook.html", name=name, runbook=runbook(name, language_of(request)))
