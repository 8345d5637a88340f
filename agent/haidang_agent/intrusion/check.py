"""What an active check is: it looks for one thing now and then, and says what it found; `keeper` does the rest."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from haidang_agent.intrusion import checks
from haidang_agent.probe import ProbeError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence

    from haidang_agent.intrusion.settings import Settings
    from haidang_agent.lanwatch.incident import Evidence, Severity
    from haidang_agent.platform.subnets import Subnet
    from haidang_agent.probe import Host


@dataclass(frozen=True, slots=True)
class Site:
    """What a check may know and use. `subnets` are this machine's own on the watched interfaces, at this moment.

    `host.memory` and `host.evidence` are the agent's; a check keeps what it must know later under its own name.
    A check that takes longer than a second looks at `ending` in between, and waits by `ending.wait`.
    """

    settings: Settings
    host: Host
    subnets: Sequence[Subnet]
    ending: threading.Event


class NotYetError(ProbeError):
    """What the check needs from another probe is not told yet: in the first quarter of an hour no failure."""


@dataclass(frozen=True, slots=True)
class Found:
    """`subject` says who or what (keys of `lanwatch.words.SUBJECT`), and is the same each time it is found."""

    kind: str
    severity: Severity
    subject: dict[str, str]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Check:
    """`run` returns all that is wrong now; an incident opens, and closes, by so many runs in a row.

    `run` raises ProbeError where it could not look: then nothing opens or closes, and the reason is told. `kinds` are
    those it can find, with the severities each can have; none where what it stirs up is found by the passive watch.
    `every` gives seconds, 0 for never; `while_open` is the pace as long as an incident of `hurries` is open. Where one
    of these is suspected (`Keeper.suspect`) it looks at once, and after a failure within a minute.
    """

    name: str
    run: Callable[[Site], Sequence[Found]]
    every: Callable[[Settings], float]
    kinds: Mapping[str, tuple[Severity, ...]] = field(default_factory=dict)
    hurries: frozenset[str] = frozenset()
    while_open: float = 60.0
    opens_after: int = 1
    closes_after: int = 2


def discover() -> dict[str, Check]:
    """Every check of the folder, by name. Raises RuntimeError where file and name differ."""
    found: dict[str, Check] = {}
    for info in pkgutil.iter_modules(checks.__path__):
        check: Check = importlib.import_module(f"{checks.__name__}.{info.name}").CHECK
        if check.name != info.name:
            raise RuntimeError(f"{info.name}.py declares a check named {check.name!r}")
        found[check.name] = check
    return found
