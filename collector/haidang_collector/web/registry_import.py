"""A table into the registry: `/registry/import` shows what it would change, then applies exactly that.

Nothing is kept here between the two: the page with the preview holds the file, and the fingerprint of what was shown
decides that neither the file nor the registry is another one now.
"""

import binascii
import io
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData, UploadFile

from haidang_collector.access.doors import form, operating
from haidang_collector.access.visitor import Visitor
from haidang_collector.registry.database import Database
from haidang_collector.registry.editing import alone
from haidang_collector.registry.fact_import import all_facts, export_facts, import_facts
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.fact_table import read_facts
from haidang_collector.registry.sheet import MAX_FILE_BYTES, BadFileError
from haidang_collector.registry.templates import as_csv, as_xlsx, columns_of
from haidang_collector.registry.units_import import Outcome, export_units, import_units
from haidang_collector.registry.units_table import read_table
from haidang_collector.web import registry_words as words
from haidang_collector.web.answering import RegistryRoute
from haidang_collector.web.asking import database_of, text_of
from haidang_collector.web.pages import SECURITY_HEADERS, page
from haidang_collector.web.registry_asking import in_words_of, reach_of, units_of

MOST_HELD = 700_000
"""Bytes of a compressed file that the page with its preview holds."""
AT_ONCE = CapacityLimiter(2)
"""Files that are read: one of 20 MiB takes some 200 MB."""
SHOWN_CHANGES = 500
SHOWN_PROBLEMS = 200
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

router = APIRouter(include_in_schema=False, route_class=RegistryRoute)
Operator = Annotated[Visitor, Depends(operating)]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and what is to be done with it. `replace`: what it does not name goes, of the units that it names."""

    what: str
    name: str
    content: bytes
    replace: bool

    def held(self) -> str:
        """The file as the page holds it; empty where it is too large for that."""
        packed = zlib.compress(self.content)
        return urlsafe_b64encode(packed).decode() if len(packed) <= MOST_HELD else ""


@router.get("/registry/import")
def start(request: Request, _asking: Operator) -> HTMLResponse:
    """Choose a file; `?kind=` is what it holds."""
    return _page(request, kind=request.query_params.get("kind", ""))


@router.post("/registry/import")
async def preview(request: Request, asking: Operator) -> HTMLResponse:
    """What the file would change; nothing is written. 422 where it is no table of that kind, 413 where it is too large.

    It is answered at once, for there is no address to lead to: the file is in the page.
    """
    upload = await _uploaded(await form(request))
    if not upload.content:
        return _page(request, kind=upload.what, error="empty", status=422)
    return await to_thread.run_sync(_previewed, request, upload, asking, limiter=AT_ONCE)


@router.post("/registry/import/apply")
async def apply(request: Request, asking: Operator) -> HTMLResponse:
    """Applies what was shown, and says so; 409 with a new preview where the registry has changed since."""
    fields = await form(request)
    upload = Upload(_what(fields), text_of(fields, "name"), _unpacked(text_of(fields, "held")), "replace" in fields)
    fingerprint = text_of(fields, "fingerprint")
    skip_bad = "skip_bad" in fields
    return await to_thread.run_sync(_applied, request, upload, fingerprint, skip_bad, asking, limiter=AT_ONCE)


@router.get("/registry/templates/{what}.{ending}")
def template(what: str, ending: str, _asking: Operator) -> Response:
    """An empty table to fill in, as CSV or XLSX; the latter explains its columns."""
    if what not in words.KINDS or ending not in ("csv", "xlsx"):
        raise HTTPException(404)
    columns = columns_of(what)
    content = as_csv(columns) if ending == "csv" else as_xlsx(columns)
    return _file(content, f"{what}.{ending}", XLSX if ending == "xlsx" else "text/csv; charset=utf-8")


@router.get("/registry/export/{what}.csv")
def export(request: Request, what: str, asking: Operator) -> Response:
    """What the registry holds of the visitor's units, to be changed in a spreadsheet program and imported again."""
    if what not in words.KINDS:
        raise HTTPException(404)
    units = units_of(request, asking)
    file = io.StringIO()
    if what == "units":
        export_units(units, file)
    else:
        theirs = {unit.code for unit in units}
        facts = [fact for fact in all_facts(database_of(request), KINDS[what]) if fact.unit in theirs]
        export_facts(KINDS[what], facts, file)
    return _file(file.getvalue().encode(), f"{what}.csv", "text/csv; charset=utf-8")


def _previewed(request: Request, upload: Upload, asking: Visitor) -> HTMLResponse:
    try:
        outcome = _imported(database_of(request), upload, asking, dry_run=True)
    except BadFileError as bad:
        return _page(request, kind=upload.what, refused=bad.args[0], name=upload.name, status=422)
    return _shown(request, upload, outcome)


def _applied(request: Request, upload: Upload, fingerprint: str, skip_bad: bool, asking: Visitor) -> HTMLResponse:
    try:
        outcome = _imported(database_of(request), upload, asking, skip_bad=skip_bad, previewed=fingerprint)
    except BadFileError as bad:
        return _page(request, kind=upload.what, refused=bad.args[0], name=upload.name, status=422)
    if outcome.applied:
        return _page(request, kind=upload.what, done=outcome, name=upload.name)
    return _shown(request, upload, outcome, changed=outcome.fingerprint != fingerprint, status=409)


def _imported(
    database: Database,
    upload: Upload,
    asking: Visitor,
    *,
    dry_run: bool = False,
    skip_bad: bool = False,
    previewed: str | None = None,
) -> Outcome:
    """Raises BadFileError. With `replace` nothing is left out: which entry a bad row means is not known."""
    who, reach = asking.name, reach_of(asking)
    first = None if dry_run else alone
    if upload.what == "units":
        units = read_table(upload.content)
        return import_units(
            database, units, skip_bad=skip_bad, dry_run=dry_run, who=who, reach=reach, previewed=previewed, first=first
        )
    kind = KINDS[upload.what]
    return import_facts(
        database,
        kind,
        read_facts(upload.content, kind),
        skip_bad=skip_bad and not upload.replace,
        dry_run=dry_run,
        replace=upload.replace,
        who=who,
        reach=reach,
        previewed=previewed,
        first=first,
    )


async def _uploaded(fields: FormData) -> Upload:
    file = fields.get("file")
    content, name = b"", ""
    if isinstance(file, UploadFile):
        content, name = await file.read(MAX_FILE_BYTES + 1), (file.filename or "")[:100]
    return Upload(_what(fields), name, content, "replace" in fields)


def _what(fields: FormData) -> str:
    what = text_of(fields, "kind")
    if what not in words.KINDS:
        raise HTTPException(422, f"kind: send one of {', '.join(words.KINDS)}")
    return what


def _unpacked(held: str) -> bytes:
    """The file that a page held. Raises HTTPException 422 for anything else."""
    unpack = zlib.decompressobj()
    try:
        content = unpack.decompress(urlsafe_b64decode(held), MAX_FILE_BYTES + 1)
    except (binascii.Error, ValueError, zlib.error):
        raise HTTPException(
            422, "held: this is not what the page with the preview held; upload the file again"
        ) from None
    if not content or unpack.unconsumed_tail:
        raise HTTPException(422, "held: the file is empty or too large; upload it again")
    return content


def _shown(
    request: Request, upload: Upload, outcome: Outcome, *, changed: bool = False, status: int = 200
) -> HTMLResponse:
    held = upload.held()
    return _page(
        request,
        kind=upload.what,
        name=upload.name,
        outcome=outcome,
        upload=upload,
        held=held,
        changed=changed,
        shown_changes=SHOWN_CHANGES,
        shown_problems=SHOWN_PROBLEMS,
        status=status,
    )


def _page(request: Request, *, status: int = 200, **content: object) -> HTMLResponse:
    return page(request, "registry_import.html", status, **in_words_of(request), most_bytes=MAX_FILE_BYTES, **content)


def _file(content: bytes, name: str, media_type: str) -> Response:
    headers = SECURITY_HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
