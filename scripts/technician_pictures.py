"""Takes the pictures of docs/technician/ from a simulated city and a real agent in one of its units.

Needs Debian's chromium and prometheus.
"""

from __future__ import annotations

import argparse
import html
import os
import re
import secrets
import subprocess
import sys
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from haidang_agent import __version__, credentials
from haidang_agent.credentials import Credentials
from haidang_collector.registry.tokens import Applicant, create_token, enrol

from tests.browser.browsing import DESKTOP, LANGUAGES, chromium, visit
from tests.browser.places import places
from tests.browser.town import ADMINISTRATOR, town
from tests.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from tests.browser.town import Town

PICTURES = Path(__file__).parents[1] / "docs" / "technician" / "pictures"
AGENT = Path(sys.executable).with_name("haidang-agent")
EXAMPLE = "example: scripts/technician_pictures.py"
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; width: 900px; }}
pre {{ margin: 0; padding: 14px 18px; font: 14px/1.45 "DejaVu Sans", sans-serif; white-space: pre-wrap;
  background: #101418; color: #e6e6e6; }}
.ok {{ color: #6cb6ff; }} .warn {{ color: #ffb454; }} .fail {{ color: #ff7b72; font-weight: bold; }}
</style><pre>$ haidang-agent doctor
{text}</pre>"""
SIGNS = {"✓": "ok", "!": "warn", "✕": "fail"}
COLOURS = 128
MARGIN = 8


def main() -> int:
    argparse.ArgumentParser(description=__doc__, epilog=EXAMPLE).parse_args()
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, town(Path(folder), hostile=False) as there, chromium() as browser:
        file = _real_agent(Path(folder), there)
        for language in LANGUAGES:
            _take(browser, there, file, language)
    return 0


def _take(browser: Browser, there: Town, file: Path, language: str) -> None:
    with visit(browser, there.url, ADMINISTRATOR, language=language, screen=DESKTOP) as visiting:
        page = visiting.page
        eventually("the cut is known", partial(_shows_the_cut, page, there), seconds=60, every=1)
        _keep(page.locator("#main .unit"), page.locator("#todo"), f"unit.{language}.png")
        agents = page.locator("#agents")
        _keep(agents, agents, f"agents.{language}.png")
    terminal = browser.new_page(viewport={"width": 900, "height": 600})
    terminal.set_content(TERMINAL.format(text=_coloured(_doctor(file, language))))
    _keep(terminal.locator("pre"), terminal.locator("pre"), f"doctor.{language}.png")
    terminal.close()


def _real_agent(folder: Path, there: Town) -> Path:
    """The agent.toml of one that is enrolled in the unit without Internet, and has sent what it found of itself."""
    token = create_token(there.database, there.cut.code, uses=1, lifetime=timedelta(hours=1)).token
    key = secrets.token_urlsafe(32)
    enrolled = enrol(there.database, Applicant(token, key, ("site",), __version__, "linux"))
    if enrolled is None:
        raise RuntimeError("a fresh token was refused")
    state = folder / "state"
    credentials.save(state, Credentials(key, agent=enrolled.agent, unit=enrolled.unit))
    file = folder / "agent.toml"
    file.write_text(
        f'[server]\nurl = "{there.url}"\n[agent]\nroles = ["site"]\nstate_dir = "{state}"\nlisten = "127.0.0.1:1"\n',
        encoding="utf-8",
    )
    _doctor(file, "vi", "--send")
    return file


def _doctor(file: Path, language: str, *options: str) -> str:
    environment = os.environ | {"HAIDANG_LANG": language}
    command = [str(AGENT), "doctor", "--config", str(file), *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    text = done.stdout.replace(f"{file.parent}/state", "/var/lib/haidang").replace(f"{file}", "/etc/haidang/agent.toml")
    return re.sub(r"127\.0\.0\.1:1\b", "127.0.0.1:9810", text)


def _coloured(text: str) -> str:
    lines = []
    for line in html.escape(text).splitlines():
        sign = SIGNS.get(line[:1])
        lines.append(f'<span class="{sign}">{line[0]}</span>{line[1:]}' if sign else line)
    return "\n".join(lines)


def _shows_the_cut(page: Page, there: Town) -> bool:
    page.goto(places(there.cut)["unit"])
    return page.locator("#todo.down").count() == 1


def _keep(first: Locator, last: Locator, name: str) -> None:
    """From the top of one element to the foot of the other."""
    above, below = first.bounding_box(), last.bounding_box()
    if above is None or below is None:
        raise RuntimeError(f"{name}: nothing is shown there")
    taken = first.page.screenshot(
        clip={
            "x": max(0, above["x"] - MARGIN),
            "y": max(0, above["y"] - MARGIN),
            "width": above["width"] + 2 * MARGIN,
            "height": below["y"] + below["height"] - above["y"] + 2 * MARGIN,
        },
        full_page=True,
    )
    with Image.open(BytesIO(taken)) as picture:
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            PICTURES / name, optimize=True
        )
    print(f"{name} {(PICTURES / name).stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    sys.exit(main())
