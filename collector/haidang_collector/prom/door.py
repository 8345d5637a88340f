"""Who may ask what: a data source's token for its scope, and visitors of our pages for theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import HTTPException, Request
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.access.doors import visitor
from haidang_collector.access.scopes import BadScopeError, parse_scope
from haidang_collector.grafana.tokens import scope_of
from haidang_collector.prom.answers import FORBIDDEN, NOT_FOUND, UNAUTHORISED, UNAVAILABLE, PromError
from haidang_collector.registry.models import Unit

if TYPE_CHECKING:
    from haidang_collector.access.visitor import Scope
    from haidang_collector.registry.database import Database


def asked_scope(request: Request) -> Scope:
    """Dependency: the scope in the address, where who asks may see it. Raises PromError 401, 403, 404 or 503.

    Notes the scope of who asks in `request.state.asking`, and in `request.state.district` where what is asked lies.

    A Bearer token decides alone, right or wrong: a data source on the collector's own machine would otherwise be let
    in as the operator, and reach every scope by another path.
    """
    try:
        asked = parse_scope(request.path_params["scope"])
    except BadScopeError as wrong:
        raise PromError(NOT_FOUND, "not_found", str(wrong)) from None
    database: Database = request.app.state.registry.database
    try:
        theirs = _theirs(request, database)
        district = _district_of(database, asked.unit) if asked.unit else asked.district
    except SQLAlchemyError:
        raise PromError(UNAVAILABLE, "unavailable", "the registry does not answer; try again") from None
    if not theirs.sees(district=district, unit=asked.unit):
        raise PromError(FORBIDDEN, "forbidden", "this scope is not yours")
    request.state.asking, request.state.district = theirs, district
    return asked


def _theirs(request: Request, database: Database) -> Scope:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        scope = scope_of(database, token.strip())
        if scope is None:
            text = "unknown or revoked token; `haidang grafana token` makes one"
            raise PromError(UNAUTHORISED, "unauthorized", text, {"WWW-Authenticate": "Bearer"})
        return scope
    try:
        return visitor(request).scope
    except HTTPException as refused:
        error_type = "unauthorized" if refused.status_code == UNAUTHORISED else "forbidden"
        if refused.status_code >= UNAVAILABLE:
            raise PromError(refused.status_code, "unavailable", refused.detail) from None
        raise PromError(refused.status_code, error_type, refused.detail, refused.headers) from None  # type: ignore[arg-type]


def _district_of(database: Database, unit: str) -> str:
    """Empty for a unit that is not there, which is no district's."""
    with database.read() as connection:
        return connection.scalar(select(Unit.district).where(Unit.code == unit)) or ""
