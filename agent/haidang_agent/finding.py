"""What one check of the doctor found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from haidang_agent.i18n import _

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is in English; `tried`, `found` and `remedy` (empty: nothing to do) in the reader's language."""

    check: str
    state: State
    tried: str
    found: str
    remedy: str = ""
    probe: str = ""

    @property
    def title(self) -> str:
        """What was checked, for the reader."""
        return f"{_(self.check)} {self.probe}".rstrip()
