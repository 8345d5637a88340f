"""Writes docs/reference/ from the code: `python scripts/reference_pages.py`; a test sees that it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from haidang_advice import translations
from haidang_advice.doctor import CHECKS, REMEDIES
from haidang_collector.app import create_app
from haidang_collector.settings import Settings

from scripts.reference_commands import agent_programs, collector_programs
from scripts.reference_files import collector_files
from scripts.reference_markdown import MADE, page, table
from scripts.reference_settings import agent_configuration, collector_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
OF_DOCTOR = """\
Each check says what was tried, what came, and what to do. A check that needs an earlier one is left out where that
failed; what this user may not look at (the kernel's firewall rules, without root) is left out too. `doctor --send` puts
on the unit's page, of each check: its name, `ok`, `warn` or `fail`, the case, and the probe it is of. Nothing that was
found is sent. The centre keeps the newest of each agent, with its own time, and marks it after a day."""
OF_HTTP = """\
For programs. What people see is shown in [pages.md](../pages.md), who may in stands in [access.md](../access.md). A
running collector shows this under `/docs`, and as JSON under `/openapi.json`."""


def doctor() -> str:
    vietnamese = translations("vi").gettext
    checks = ((f"`{check}`", vietnamese(check)) for check in CHECKS)
    cases = ((f"`{case}`", text, vietnamese(text)) for case, text in REMEDIES.items())
    return page(
        [
            "# haidang-agent doctor",
            MADE,
            OF_DOCTOR,
            "## Checks, in their order",
            table(("check", "in Vietnamese"), checks),
            "## What to do, by case",
            table(("case", "what to do", "in Vietnamese"), cases),
        ]
    )


def http() -> str:
    told = create_app(Settings()).openapi()
    schemas = told["components"]["schemas"]
    parts = ["# HTTP", MADE, OF_HTTP]
    for path, methods in sorted(told["paths"].items()):
        for method, operation in methods.items():
            parts += [f"## {method.upper()} {path}", operation["summary"] + "."]
            if text := operation.get("description"):
                parts.append(" ".join(text.split()))
            parts += _bodies(operation, schemas)
            answers = ((status, " ".join(a["description"].split())) for status, a in operation["responses"].items())
            parts.append(table(("status", "answer"), answers))
    return page(parts)


def _bodies(operation: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {})
    for kind, told in content.items():
        yield f"Body: `{kind}`."
        if properties := told["schema"].get("properties"):
            required = told["schema"].get("required", ())
            defined = told["schema"].get("$defs", {}) | schemas
            yield table(("field", "type", ""), _fields(properties, required, defined, ""))


def _fields(
    properties: Mapping[str, Any], required: Any, defined: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, str, str]]:
    for name, told in properties.items():
        yield f"`{prefix}{name}`", told.get("type", "object"), "" if name in required else "optional"
        below = (told.get("items") or told).get("$ref", "").rpartition("/")[2]
        if below in defined:
            mark = "[]." if "items" in told else "."
            yield from _fields(
                defined[below].get("properties", {}),
                defined[below].get("required", ()),
                defined,
                f"{prefix}{name}{mark}",
            )


PAGES = {
    "agent-configuration.md": agent_configuration,
    "agent-commands.md": agent_programs,
    "collector-settings.md": collector_settings,
    "collector-files.md": collector_files,
    "collector-commands.md": collector_programs,
    "doctor.md": doctor,
    "http.md": http,
}
"""What makes the text of each file of the folder, by its name."""

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")
