"""For whom something of the agents' configuration can be set, and who gets it first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["default", "district", "unit", "role", "agent"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ROLES = ("host", "site", "router")
"""In the order in which their layers lie: a machine that is both a computer and the router follows the router's."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Of all (`name` empty), a district, a unit, a role or one agent."""

    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


DEFAULT = Layer("default")


def bucket(agent: str) -> int:
    """0 to 99, the same for an agent for ever: it gets what is staged to more than that percentage."""
    return int.from_bytes(hashlib.sha256(agent.encode()).digest()[:8]) % 100
