"""Answers of our own in the form of Prometheus' HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

ErrorType = Literal["bad_data", "unauthorized", "forbidden", "not_found", "too_large", "timeout", "unavailable"]

BAD_REQUEST = 400
UNAUTHORISED = 401
FORBIDDEN = 403
NOT_FOUND = 404
TOO_LARGE = 413
UNAVAILABLE = 503

NOT_STORED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class PromError(Exception):
    """A question that is not asked, or got no answer; the text says why and what to do."""

    def __init__(self, status: int, error_type: ErrorType, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.error_type = error_type
        self.headers = headers or {}

    def response(self) -> JSONResponse:
        content = {"status": "error", "errorType": self.error_type, "error": str(self)}
        return JSONResponse(content, self.status, {**NOT_STORED, **self.headers})


def bad_data(text: str) -> PromError:
    """A question that can never be asked like this."""
    return PromError(BAD_REQUEST, "bad_data", text)


def success(data: object) -> JSONResponse:
    """An answer that needs nobody's data."""
    return JSONResponse({"status": "success", "data": data}, headers=NOT_STORED)
