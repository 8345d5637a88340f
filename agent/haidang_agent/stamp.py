"""When a snapshot was taken, as far as is known by then."""

from __future__ import annotations

from typing import NamedTuple


class Stamp(NamedTuple):
    """`timestamp_ms` is the centre's time, None until it is known; then it follows from the rest.

    `boot` names the run of the machine's monotonic clock that `monotonic_ms` belongs to; `wall_ms` is what the
    machine's own clock said, right or wrong.
    """

    timestamp_ms: int | None
    boot: str = ""
    monotonic_ms: int = 0
    wall_ms: int = 0
