"""Whose facts somebody may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def _every(_unit: str, _district: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Reach:
    """`holds`: whether a unit (code, district) is theirs; `adds`: new units too; `moves`: to another district too."""

    holds: Callable[[str, str], bool] = _every
    adds: bool = True
    moves: bool = True


EVERYTHING = Reach()
"""Whoever sits at the collector itself."""
