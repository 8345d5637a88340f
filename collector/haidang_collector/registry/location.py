"""Where the registry's database is, the same for every command and for the server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM_FOLDER = Path("/var/lib/haidang-collector")
TRIAL_FOLDER = Path(".data")
FILE_NAME = "haidang.db"


def database_url(data: Path | None = None, environment: Mapping[str, str] = os.environ) -> str:
    """The folder given, else HAIDANG_DATABASE_URL, else the data folder."""
    if data is None and (url := environment.get("HAIDANG_DATABASE_URL")):
        return url
    return sqlite_url(data or data_folder(environment))


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """HAIDANG_DATA, else the system's folder where this user may write, else a folder here, for a trial."""
    if named := environment.get("HAIDANG_DATA"):
        return Path(named)
    return SYSTEM_FOLDER if os.access(SYSTEM_FOLDER, os.W_OK | os.X_OK) else TRIAL_FOLDER


def sqlite_url(folder: Path) -> str:
    """The database file of a data folder."""
    return f"sqlite:///{(folder / FILE_NAME).absolute()}"
