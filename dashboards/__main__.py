"""`python -m dashboards` writes every dashboard to `dashboards/json/LANGUAGE/`; with `--check` it writes nothing.

Exit 0: written, or all as built. 1: with `--check`, a file differs from what is built, or lacks, or is no dashboard's.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from grafana_foundation_sdk.cog.encoder import JSONEncoder

import dashboards
from dashboards.words import LANGUAGES, Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from grafana_foundation_sdk.models.dashboard import Dashboard

FOLDER = Path(__file__).parent / "json"
NO_DASHBOARDS = ("__main__", "inside", "look", "names", "page", "panels", "parts", "table", "words")
DIFFERENCES_SHOWN = 40


def builders() -> dict[str, Callable[[Words], Dashboard]]:
    """By module: each but those that dashboards are made with has a `build`."""
    names = {info.name for info in pkgutil.iter_modules(dashboards.__path__)} - set(NO_DASHBOARDS)
    return {name: importlib.import_module(f"dashboards.{name}").build for name in sorted(names)}


def built() -> dict[Path, str]:
    """The text of each file."""
    return {
        FOLDER / language / f"{name}.json": json.dumps(
            build(Words(language)), cls=JSONEncoder, ensure_ascii=False, indent=1, sort_keys=True
        )
        + "\n"
        for name, build in builders().items()
        for language in LANGUAGES
    }


def differences() -> list[str]:
    """What differs between the files that are there and what is built; empty if nothing does."""
    texts = built()
    strangers = sorted(set(FOLDER.glob("*/*.json")) - texts.keys())
    told = [f"{file}: no dashboard is built of that name" for file in strangers]
    for file, text in texts.items():
        there = file.read_text() if file.is_file() else ""
        lines = unified_diff(there.splitlines(), text.splitlines(), str(file), "as built", lineterm="", n=1)
        told += list(lines)[:DIFFERENCES_SHOWN]
    return told


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dashboards", description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say what differs from the files that are there")
    if parser.parse_args().check:
        told = differences()
        sys.stderr.write("\n".join(told or ["all as built"]) + "\n")
        return 1 if told else 0
    for file, text in built().items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        sys.stdout.write(f"{file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
