"""What the fuzzer's targets share: an input that can be written down, and ways to spoil bytes and texts."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

NASTY = (
    "", " ", "\0", "'", '"', "\\", "\r\n", "=1+1", "@x", "-1", "0", "1e309", "NaN", "9" * 5000, "null", "[]", "{}",
    "%00", "\u202e", "\ufeff", "e\u0301" * 40, "\ufb03", "\u0130", "\u00df", "\u0110", "\U0001d7d9", "\u0663", "\u00b2",
    "a" * 300, "../../x", "<script>", "${x}", "%s", "1/1/1", "2026-02-30", "31/12/9999", "::1", "1.2.3.4/0", "1_0",
    "http://[::1", "http://x:99999/", "\x85",
)  # fmt: skip
"""Texts that have broken somebody's program."""
EDGES = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff\x0f", b"\xed\xa0\x80", b"\r\n\r\n", b"{", b"\x0a\x00")


@dataclass(frozen=True, slots=True)
class Input:
    """`how` is what is said beside the content: the headers of a request, the options of an import."""

    content: bytes
    how: Mapping[str, str]

    def written(self, **beside: object) -> str:
        content = base64.b64encode(self.content).decode()
        return json.dumps({**beside, "how": dict(self.how), "content": content}, indent=1)

    @classmethod
    def read(cls, text: str) -> Input:
        told = json.loads(text)
        return cls(base64.b64decode(told["content"]), told["how"])


class FaultError(AssertionError):
    """The product did with an input what it must not do."""


class Target(Protocol):
    """Something that takes what others wrote."""

    def make(self, noise: random.Random) -> Input:
        """The same for the same noise, up to the time in it."""

    async def give(self, made: Input) -> str:
        """What came of it, in a word to be counted. Raises FaultError; whatever else it raises is a fault as well."""


def bent(noise: random.Random, content: bytes) -> bytes:
    """One to four places changed, put in, taken out, doubled; or its end missing."""
    piece = bytearray(content)
    for _ in range(noise.randint(1, 4)):
        at = noise.randrange(len(piece) + 1)
        match noise.randrange(7):
            case 0 if at < len(piece):
                piece[at] = noise.randrange(256)
            case 1 if at < len(piece):
                piece[at] ^= 1 << noise.randrange(8)
            case 2:
                piece[at:at] = noise.randbytes(noise.randint(1, 8))
            case 3:
                piece[at:at] = noise.choice(EDGES)
            case 4:
                del piece[at : at + noise.randint(1, 8)]
            case 5:
                piece[at:at] = piece[at : at + noise.randint(1, 64)]
            case _ if noise.random() < 0.3:
                del piece[at:]
            case _:
                pass
    return bytes(piece)


def text(noise: random.Random) -> str:
    """A word, a nasty one, or signs from anywhere in Unicode."""
    if noise.random() < 0.6:
        return noise.choice(NASTY)
    signs = (noise.randrange(0x20, 0x7F), noise.randrange(0x80, 0x3000), noise.randrange(0xE000, 0x110000))
    return "".join(chr(noise.choice(signs)) for _ in range(noise.randint(1, 12)))


def json_bent(noise: random.Random, told: object) -> object:
    """The same with a value, a name or an entry changed somewhere."""
    if isinstance(told, dict) and told and noise.random() < 0.8:
        name = noise.choice(list(told))
        changed = {**told, name: json_bent(noise, told[name])}
        match noise.randrange(10):
            case 0:
                del changed[name]
            case 1:
                changed[text(noise)] = changed[name]
            case _:
                pass
        return changed
    if isinstance(told, list) and told and noise.random() < 0.8:
        at = noise.randrange(len(told))
        return [*told[:at], json_bent(noise, told[at]), *told[at : at + noise.randrange(3)], *told[at + 1 :]]
    word = text(noise)
    strange: tuple[object, ...] = (None, True, -1, 2**70, 1.5, float("nan"), [], {}, [[]], word, word * 50, [told] * 20)
    return noise.choice(strange)
