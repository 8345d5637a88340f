"""Which versions of the registry's tables there are: as the names of the migrations' files begin.

Read from the folder, for to load Alembic takes longer than most commands.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent / "migrations"


def known() -> frozenset[str]:
    """All that this program knows; raises RuntimeError where the package holds none."""
    found = frozenset(file.name.partition("_")[0] for file in (FOLDER / "versions").glob("[0-9]*_*.py"))
    if not found:
        raise RuntimeError("the package holds no migrations")
    return found


def newest() -> str:
    return max(known())
