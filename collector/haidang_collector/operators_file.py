"""A file that the operator may give in the place of a built-in one: read whole, bounded, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 256 << 10


def text_of(path: Path) -> str:
    """Its text, a byte order mark left out. Raises ValueError that says what is wrong with the file."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as failed:
        raise ValueError(failed.strerror) from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as failed:
        raise ValueError(f"not UTF-8: {failed}") from None
