"""Routes that ask the registry: where it does not answer, the page says so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.web.pages import page

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Request, Response

log = logging.getLogger(__name__)


class RegistryRoute(APIRoute):
    """A route whose handler may let SQLAlchemyError through: it is logged, and answered with 503."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except SQLAlchemyError:
                log.exception("the registry's database does not answer")
                return page(request, "registry.html", 503, stays=request.method != "GET")

        return answer
