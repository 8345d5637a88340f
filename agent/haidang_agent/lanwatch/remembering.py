"""Detectors that must know after a restart what they saw before it: who stands in a network, who leads it.

`memory` is the agent's on a live watch. Over a capture file it is empty, and what is learnt in it goes with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haidang_agent.lanwatch.incident import Detector
from haidang_agent.probe import Memory

if TYPE_CHECKING:
    from haidang_agent.lanwatch.lan import Lan


class Remembering(Detector):
    """Keeps a JSON object under the name of its kind."""

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        self.memory = Memory()
        super().__init__()

    def recall(self) -> dict[str, Any]:
        """What was kept; empty where nothing was, or another version of the agent kept something else."""
        kept = self.memory.recall(self._key)
        return dict(kept) if isinstance(kept, dict) else {}

    def keep(self, known: dict[str, Any]) -> None:
        """For `recall`; replaces what was kept."""
        self.memory.keep(self._key, known)

    @property
    def _key(self) -> str:
        return f"intrusion_{self.kind}"
