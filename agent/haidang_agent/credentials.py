"""Who this agent is: the id it was issued and the key it made, in `credentials.json` of the state folder."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE = "credentials.json"


class CredentialsError(Exception):
    """The file is there but cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """`agent` and `unit` are empty between making the key and the centre's answer."""

    key: str = field(repr=False)
    agent: str = ""
    unit: str = ""

    @property
    def bearer(self) -> str:
        return f"{self.agent}.{self.key}"


def new_key() -> str:
    """32 random bytes in 43 characters."""
    return secrets.token_urlsafe(32)


def load(state_dir: Path) -> Credentials | None:
    """None where this machine was never enrolled. Raises CredentialsError."""
    path = state_dir / FILE
    try:
        return Credentials(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except PermissionError:
        raise CredentialsError(f"{path}: may not be read by this user; run as the agent's user or as root") from None
    except (ValueError, TypeError) as broken:
        raise CredentialsError(f"{path}: not readable as credentials ({broken}); enrol again with --force") from None


def save(state_dir: Path, credentials: Credentials) -> None:
    """Whole or not at all, on the disk when this returns, readable by its owner only."""
    path = state_dir / FILE
    state_dir.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(credentials), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
