"""What an exchange came to: phases, fault, and what was read."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from haidang_reach.faults import FAULTS, PHASES

if TYPE_CHECKING:
    from haidang_reach.address import Address
    from haidang_reach.faults import Fault, Phase

CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)
HEAD_BYTES = 2048


@dataclass(slots=True)
class Answer:
    """What is known at the end, however far it came.

    `seconds` of each phase that was passed, summed up over redirects as blackbox_exporter does. `fault` is None where
    all went well. `address` is the last one asked, `version` of IP, `not_after` the end of its certificate in Unix
    seconds, where an authority vouches for that.
    """

    address: Address
    seconds: defaultdict[Phase, float] = field(default_factory=lambda: defaultdict(float))
    fault: Fault | None = None
    detail: str = ""
    status: int | None = None
    version: Literal[4, 6] | None = None
    not_after: float | None = None
    redirects: int = 0
    content_type: str = ""
    body: bytes = b""
    whole: bool = True
    tls: bool = False
    matched: bool = False

    def passed(self) -> dict[Phase, bool]:
        """True for each phase that was passed, False for the one at fault; those after it are not known, so absent."""
        at_fault = FAULTS[self.fault] if self.fault else None
        told: dict[Phase, bool] = {}
        for phase in PHASES:
            if phase == at_fault:
                return told if self.fault == "unread" else told | {phase: False}
            if (phase != "tls" or self.tls) and (phase != "content" or self.matched):
                told[phase] = True
        return told

    def text(self) -> str:
        """The body by the charset that the header or the page says, else UTF-8; what does not fit is replaced."""
        told = CHARSET.search(self.content_type) or CHARSET.search(self.body[:HEAD_BYTES].decode("latin-1"))
        try:
            return self.body.decode(told[1] if told else "utf-8", errors="replace")
        except (LookupError, ValueError):  # no charset at all, or a codec that is none of text
            return self.body.decode(errors="replace")
