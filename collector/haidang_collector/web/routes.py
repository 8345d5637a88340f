"""The pages that read: city, districts, units; the API to read; style and picture. No script, nothing from outside."""

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse

from haidang_collector.access.doors import visitor
from haidang_collector.web import city_pages, services_pages, unit_pages
from haidang_collector.web.pages import FOLDER, page

STATIC = {file.name: file for file in (FOLDER / "static").iterdir()}

router = APIRouter(include_in_schema=False)
router.include_router(city_pages.router)
router.include_router(unit_pages.router)
router.include_router(services_pages.router)


@router.get("/docs", dependencies=[Depends(visitor)])
def docs(request: Request) -> HTMLResponse:
    """The API, to read; drawn here, because the usual viewer comes from somebody else's servers."""
    return page(request, "docs.html", api=request.app.openapi())


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    """Style and picture of the pages; asked for with the version, so that a new one is seen at once. For everybody."""
    if name not in STATIC:
        raise HTTPException(404)
    return FileResponse(STATIC[name], headers={"Cache-Control": "max-age=86400", "X-Content-Type-Options": "nosniff"})
