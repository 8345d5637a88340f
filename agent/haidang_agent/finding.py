"""What one check of the doctor found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from haidang_advice.doctor import REMEDIES

from haidang_agent.i18n import _

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is one of `haidang_advice.doctor.CHECKS`, in English; `tried` and `found` are in the reader's language.

    `case` names the remedy there; empty: nothing is to be done.
    """

    check: str
    state: State
    tried: str
    found: str
    case: str = ""
    probe: str = ""

    @property
    def title(self) -> str:
        """What was checked, for the reader."""
        return f"{_(self.check)} {self.probe}".rstrip()

    @property
    def remedy(self) -> str:
        """What to do, for the reader; empty for nothing."""
        return _(REMEDIES[self.case]) if self.case else ""

    def told(self) -> dict[str, str]:
        """As JSON tells it."""
        told = {"check": self.check, "state": self.state, "tried": self.tried, "found": self.found}
        return told | {"remedy": self.remedy, "probe": self.probe}
