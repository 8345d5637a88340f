"""The online systems that all agents are told to ask for: `[[service]]` of the default configuration."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haidang_reach.address import parse

from haidang_collector.registry import agent_config

if TYPE_CHECKING:
    from haidang_collector.registry.database import Database

BUILT_IN = Path(__file__).with_name("services.toml")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_LONGEST_MATCH = 200

Service = dict[str, Any]


class BadServiceError(ValueError):
    """A service that cannot be told to agents; the text says why."""


def built_in() -> list[Service]:
    """The sector's systems, requirement R12."""
    services: list[Service] = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))["service"]
    return services


def told(database: Database) -> list[Service]:
    """In the order of the configuration."""
    services: list[Service] = agent_config.own_tables(database, None).get("service", [])
    return services


def adopt(database: Database) -> list[str]:
    """Add the built-in ones that are not told yet; those that are stay as they are. The names of the new ones."""
    services = told(database)
    known = {service["name"] for service in services}
    new = [service for service in built_in() if service["name"] not in known]
    _tell(database, services + new)
    return [service["name"] for service in new]


def set_service(database: Database, service: Service) -> None:
    """Add one, or put it in the place of that of its name. Raises BadServiceError."""
    name, match = service["name"], service.get("match", "")
    if not _NAME.fullmatch(name):
        raise BadServiceError(f"{name!r}: write a name of small letters, digits, '-' and '_', at most 40")
    if len(match) > _LONGEST_MATCH or not match.isprintable():
        raise BadServiceError(f"match: write one line of at most {_LONGEST_MATCH} characters")
    try:
        parse(service["url"])
    except ValueError as wrong:
        raise BadServiceError(str(wrong)) from wrong
    by_name = {each["name"]: each for each in told(database)}
    by_name[name] = service
    _tell(database, list(by_name.values()))


def remove(database: Database, name: str) -> bool:
    """False: it was not told."""
    services = told(database)
    left = [service for service in services if service["name"] != name]
    if len(left) < len(services):
        _tell(database, left)
    return len(left) < len(services)


def _tell(database: Database, services: list[Service]) -> None:
    tables = agent_config.own_tables(database, None)
    agent_config.set_tables(database, None, {**tables, "service": services})
