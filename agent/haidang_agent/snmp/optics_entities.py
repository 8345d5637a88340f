"""Which interface a physical part belongs to (ENTITY-MIB, RFC 6933): by its name, or by the port it sits in."""

from __future__ import annotations

import itertools
import re
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from haidang_agent.snmp.session import ObjectId
from haidang_agent.snmp.values import number, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_agent.snmp.session import Session

IF_DESCR = "1.3.6.1.2.1.2.2.1.2"
IF_INDEX = "1.3.6.1.2.1.2.2.1.1."
ENTITY = "1.3.6.1.2.1.47.1.1.1.1."
DESCR, CONTAINED_IN, NAME = (ENTITY + column for column in ("2", "4", "7"))
ALIAS = "1.3.6.1.2.1.47.1.3.2.1.2"

PORT_NAME = re.compile(r"[a-zA-Z].*\d|\d.*[a-zA-Z]")
HIGHEST_CLIMB = 3
"""From a sensor over its transceiver and the cage to the port; further up is the line card, which has many ports."""


class Port(Protocol):
    """What is needed of an interface: its ifIndex and the name that people know it by."""

    @property
    def index(self) -> int: ...
    @property
    def name(self) -> str | None: ...


class Ports:
    """The device's interfaces by ifIndex and by every name that they have."""

    def __init__(self, session: Session, interfaces: Sequence[Port]) -> None:
        self._session = session
        self._names = {port.index: port.name for port in interfaces}

    def __contains__(self, index: int) -> bool:
        return index in self._names

    def name(self, index: int) -> str | None:
        return self._names.get(index)

    @cached_property
    def _by_name(self) -> dict[str, int]:
        """By ifDescr and ifName, in small letters; only names with a letter and a digit tell ports apart."""
        rows = self._session.walk(IF_DESCR).items()
        described = {int(row): text(value) for row, value in rows if row.isdigit() and int(row) in self}
        names = [*described.items(), *self._names.items()]
        return {name.lower(): index for index, name in names if name and PORT_NAME.search(name)}

    def named(self, words: str) -> int | None:
        """The interface whose name stands in `words` as a word, or as two."""
        parts = [part.strip("()[],;:") for part in words.lower().split()]
        pairs = [f"{first} {second}" for first, second in itertools.pairwise(parts)]
        return next((self._by_name[name] for name in (*pairs, *parts) if name in self._by_name), None)


class Entities:
    """Physical parts by entPhysicalIndex (as text); each column is read when it is first needed."""

    def __init__(self, session: Session, ports: Ports) -> None:
        self._session = session
        self._ports = ports

    @cached_property
    def _names(self) -> dict[str, str]:
        return self._texts(NAME)

    @cached_property
    def _descriptions(self) -> dict[str, str]:
        return self._texts(DESCR)

    def _texts(self, column: str) -> dict[str, str]:
        return {entity: known for entity, value in self._session.walk(column).items() if (known := text(value))}

    @cached_property
    def _container(self) -> dict[str, str]:
        rows = self._session.walk(CONTAINED_IN).items()
        return {entity: str(parent) for entity, value in rows if (parent := number(value))}

    @cached_property
    def _interface(self) -> dict[str, int]:
        found = {}
        for row, value in self._session.walk(ALIAS).items():
            if isinstance(value, ObjectId) and value.startswith(IF_INDEX):
                index = value.removeprefix(IF_INDEX)
                if index.isdigit() and int(index) in self._ports:
                    found[row.partition(".")[0]] = int(index)
        return found

    @cached_property
    def _ports_inside(self) -> dict[str, set[int]]:
        """By box, the ifIndexes of the parts that sit directly in it."""
        inside: dict[str, set[int]] = {}
        for part, index in self._interface.items():
            if (box := self._container.get(part)) is not None:
                inside.setdefault(box, set()).add(index)
        return inside

    def words(self, entity: str) -> str:
        """Name and description, as the device puts it; empty where it says nothing."""
        name, descr = self._names.get(entity, ""), self._descriptions.get(entity, "")
        return name if descr in name else f"{name} {descr}".strip()

    def parent(self, entity: str) -> str | None:
        return self._container.get(entity)

    def interface(self, entity: str) -> int | None:
        """ifIndex, None where the device does not say it."""
        if (named := self._ports.named(self.words(entity))) is not None:
            return named
        at: str | None = entity
        for _ in range(HIGHEST_CLIMB + 1):
            if at is None:
                break
            if at in self._interface:
                return self._interface[at]
            if inside := self._ports_inside.get(at):
                return next(iter(inside)) if len(inside) == 1 else None
            at = self.parent(at)
        return None
