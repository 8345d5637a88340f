"""Who this agent is: the id it was issued and the key it made, in `credentials.json` of the state folder."""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE = "credentials.json"
PENDING_FILE = "credentials.pending.json"
"""The key of an enrolment that is under way; what `FILE` holds stays good until the centre has answered."""

NEXT_FILE = "credentials.next.json"
"""A new key that the centre may know already; the one in `FILE` is good until this one is used."""


class CredentialsError(Exception):
    """The file is there but cannot be used; the text says why and what to do."""


BEARER = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""RFC 6750 2.1, token68."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """`agent` and `unit` are empty between making the key and the centre's answer. Raises TypeError, ValueError."""

    key: str = field(repr=False)
    agent: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        for name, text in asdict(self).items():
            if not isinstance(text, str):
                raise TypeError(f"{name} is no text")
        if not BEARER.fullmatch(self.bearer):
            raise ValueError("agent or key has a character that no header may carry")

    @property
    def bearer(self) -> str:
        return f"{self.agent}.{self.key}"


def new_key() -> str:
    """32 random bytes in 43 characters."""
    return secrets.token_urlsafe(32)


def load(state_dir: Path, file: str = FILE) -> Credentials | None:
    """None where this machine was never enrolled. Raises CredentialsError."""
    path = state_dir / file
    try:
        return Credentials(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except PermissionError:
        raise CredentialsError(f"{path}: may not be read by this user; run as the agent's user or as root") from None
    except (ValueError, TypeError) as broken:
        raise CredentialsError(f"{path}: not readable as credentials ({broken}); enrol again with --force") from None


def save(state_dir: Path, credentials: Credentials, file: str = FILE) -> None:
    """Whole or not at all, on the disk when this returns, readable by its owner only.

    Written by root it belongs to whom the folder belongs to: the service reads it after `sudo haidang-agent enrol`.
    """
    path = state_dir / file
    state_dir.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        if os.name == "posix" and os.geteuid() == 0:
            folder_is = state_dir.stat()
            os.fchown(out.fileno(), folder_is.st_uid, folder_is.st_gid)
        json.dump(asdict(credentials), out)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)
    if os.name == "posix":
        folder = os.open(state_dir, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
