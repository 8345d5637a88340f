"""Which of a machine's screens are for a whole room. No screen says so itself: the rule is in docs/equipment.md."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

PROJECTOR = re.compile(r"projector|(?:^|[^a-z])pj(?:$|[^a-z])|optoma|infocus|vivitek|beamer", re.IGNORECASE)
"""In the names that Epson, BenQ, ViewSonic, NEC, Optoma, InFocus, Vivitek and others give to their projectors."""
TALLEST_ON_A_DESK_CM = 44
"""A 16:9 screen of 36 inches; wide desk screens are longer, and not taller."""
ONLY_A_RATIO = frozenset({(16, 9), (160, 90)})
"""Sizes that televisions tell where they mean 16:9."""


class Screen(NamedTuple):
    """`size_cm` is width and height: 0 where the screen leaves it open, None where it tells nothing at all."""

    built_in: bool
    name: str = ""
    size_cm: tuple[int, int] | None = None


def for_a_room(screens: Sequence[Screen]) -> int:
    """Projectors and large screens; of the others all but the one that the computer itself is used with."""
    outside = [screen for screen in screens if not screen.built_in]
    large = sum(_is_large(screen) for screen in outside)
    needed = 0 if len(outside) < len(screens) else 1
    return large + max(0, len(outside) - large - needed)


def _is_large(screen: Screen) -> bool:
    if PROJECTOR.search(screen.name):
        return True
    size = screen.size_cm
    return size is not None and (0 in size or size in ONLY_A_RATIO or size[1] > TALLEST_ON_A_DESK_CM)
