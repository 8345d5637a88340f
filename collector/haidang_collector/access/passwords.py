"""Passwords: which ones are good enough, how they are kept, and how many are checked at once."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

SHORTEST = 12
LONGEST = 256
FEWEST_CHARACTERS = 5
"""That differ, and that are left when common words are taken away: `121212121212` is the first that is guessed."""
COMMON = (
    "1234567890", "0987654321", "qwertyuiop", "asdfghjkl", "truonghoc", "iloveyou", "anhyeuem", "emyeuanh", "password",
    "vietnam", "welcome", "haidang", "matkhau", "giaoduc", "zxcvbnm", "letmein", "saigon", "abcdef", "qwerty", "123456",
    "654321", "passwd", "hanoi", "admin", "12345", "1234",
)  # fmt: skip
"""The longest first: a password of these and hardly anything else is guessed soon."""

HASHER = PasswordHasher(time_cost=2, memory_cost=19 << 10, parallelism=1, type=Type.ID)
"""The parameters that OWASP's Password Storage Cheat Sheet gives first for Argon2id: 19 MiB, two passes, one lane."""
AT_ONCE = 2
MOST_WAITING = 16

FIRST_WORDS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what looks alike on paper."""


class BadPasswordError(ValueError):
    """A password that may not be set; `reason` is one of short, long, login, common."""

    def __init__(self, reason: str) -> None:
        super().__init__(REASONS[reason])
        self.reason = reason


class BusyError(Exception):
    """Too many passwords are waiting to be checked."""


REASONS = {
    "short": f"use at least {SHORTEST} characters; several words are easiest to keep in mind",
    "long": f"use at most {LONGEST} characters",
    "login": "use something else than the login",
    "common": "this is among the first that are guessed; use several words that do not belong together",
}


def check(password: str, login: str) -> None:
    """The rules of NIST SP 800-63B, section 5.1.1.2: long, not known, and nothing about kinds of characters.

    Raises BadPasswordError.
    """
    text = _plain(password).casefold()
    if len(text) < SHORTEST:
        raise BadPasswordError("short")
    if len(password) > LONGEST:
        raise BadPasswordError("long")
    if len(text.replace(login.casefold(), "")) < FEWEST_CHARACTERS:
        raise BadPasswordError("login")
    if len(set(text)) < FEWEST_CHARACTERS or len(_uncommon(text)) < FEWEST_CHARACTERS:
        raise BadPasswordError("common")


def hashed(password: str) -> str:
    """What is kept of it: the Argon2id string, with its parameters and salt."""
    return HASHER.hash(_plain(password))


def matches(password: str, kept: str | None) -> bool:
    """Whether that is the password of which `kept` was kept. Takes as long where there is none to compare with."""
    if len(password) > LONGEST:
        return False
    try:
        return HASHER.verify(kept or _nobody(), _plain(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether it was made with other parameters than today's."""
    return HASHER.check_needs_rehash(kept)


def first_password() -> str:
    """Four times four characters, 79 random bits: can be read out on the telephone."""
    return "-".join("".join(secrets.choice(FIRST_WORDS) for _ in range(4)) for _ in range(4))


class Threads:
    """Where passwords are checked: two at once, for each takes 19 MiB and some 50 ms of a processor."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(AT_ONCE)
        self._under_way = 0

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Raises BusyError where many wait already."""
        if self._under_way >= AT_ONCE + MOST_WAITING:
            raise BusyError
        self._under_way += 1
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._under_way -= 1


def _plain(password: str) -> str:
    """The same for every keyboard: one types `ế` as one character, another as three."""
    return unicodedata.normalize("NFKC", password)


def _uncommon(text: str) -> str:
    rest = "".join(c for c in text if c.isalnum())
    for word in COMMON:
        rest = rest.replace(word, "")
    return rest


@cache
def _nobody() -> str:
    """What the password of a login that does not exist is compared with."""
    return hashed(secrets.token_urlsafe())
