"""What a school may set about its machines' posture, and what each must keep to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The section `[probes.posture]`.

    `update_days`: how long a security update may wait; `administrators`: how many accounts may administer.
    """

    update_days: int = 14
    administrators: int = 3
