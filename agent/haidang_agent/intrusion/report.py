"""What the agent of this machine has found so far, for commands that show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.intrusion.case import MEMORY_KEY, Case, recall
from haidang_agent.outbox_file import look_into_memory

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cases:
    """`past` with the latest last. `left_out`: how often one was found while too many were open.

    `watched`: whether this agent has ever watched the LAN.
    """

    open: list[Case]
    past: list[Case]
    left_out: int
    watched: bool


def of_agent(state_dir: Path) -> Cases:
    """What the agent of this state folder has stored last, running or not. Raises sqlite3.Error where none has run."""
    kept = look_into_memory(state_dir / "outbox.db").get(MEMORY_KEY)
    if kept is None:
        return Cases([], [], 0, watched=False)
    return Cases(recall(kept["open"]), recall(kept["past"]), kept["left_out"], watched=True)
