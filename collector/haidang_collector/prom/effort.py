r"""How much work the parser has with a regular expression: it compiles each, on the event loop, before anybody asks.

`(\w{1,99}){1,9}` is short, and takes seconds. Figures are measured, in microseconds or so; a plain character is 2.
"""

from __future__ import annotations

import re
from math import prod

MOST = 64_000
"""Of all texts of a question together: some tenth of a second, for each is compiled a few times."""
OF_TEXT, OF_CHARACTER, OF_ANY, OF_CLASS, OF_FLAG = 100, 2, 20, 1_500, 20_000

_ESCAPED = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3})|(.))")
_CLASS = re.compile(r"\\[A-Za-z]")
_FLAG = re.compile(r"\(\?(?!:)")
_REPEATED = re.compile(r"\{\s*(\d+)\s*(?:,\s*(\d*))?")


def of_literal(literal: str) -> int:
    """Of a text as PromQL writes it, in its quotes, if it is a regular expression: that is not asked."""
    text = literal[1:-1] if literal[0] == "`" else _ESCAPED.sub(_character, literal[1:-1])
    once = (
        OF_TEXT
        + len(text) * OF_CHARACTER
        + text.count(".") * OF_ANY
        + len(_CLASS.findall(text)) * OF_CLASS
        + len(_FLAG.findall(text)) * OF_FLAG
    )
    return once * prod(max(1, int(most or least)) for least, most in _REPEATED.findall(text))


def _character(escape: re.Match[str]) -> str:
    """Control characters stay letters; they cost the same."""
    two, four, eight, octal, itself = escape.groups()
    number = int(octal, 8) if octal else int(two or four or eight or "0", 16)
    return itself or chr(min(number, 0x10FFFF))
