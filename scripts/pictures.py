"""Takes the pictures of README and docs from a simulated city; with --all FOLDER every page at two widths.

Needs Debian's chromium and prometheus. The pictures are paletted, so that each stays below 150 KB.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.browsing import DESKTOP, LANGUAGES, PHONE, Visit, chromium, visit
from tests.browser.places import places
from tests.browser.town import ADMINISTRATOR, town
from tests.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.town import Town

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
PAGES = PICTURES.parent / "pages.md"
PAGES_HEAD = """\
# The pages

Each as it opens for an administrator of a simulated city. Pictures and page are made by `scripts/pictures.py`.
"""
UNITS, DISTRICTS = 96, 24
OF_README = {
    "start-page": ("city", DESKTOP, 900),
    "unit-page": ("unit", DESKTOP, 900),
    "incidents-page": ("incidents", DESKTOP, 640),
    "unit-on-a-phone": ("unit", PHONE, 844),
}
"""By file: the place, the width of the screen, and the height that is kept."""
EXAMPLE = "example: scripts/pictures.py --all /tmp/pages"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLE)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="take every page, whole, into FOLDER instead")
    options = parser.parse_args()
    with (
        TemporaryDirectory() as folder,
        town(Path(folder), UNITS, DISTRICTS, hostile=False) as there,
        chromium() as browser,
    ):
        if options.all:
            take_all(browser, there, options.all)
        else:
            take_some(browser, there)
            take_pages(browser, there)
    return 0


def take_some(browser: Browser, there: Town) -> None:
    """The README's: NAME.png in English and NAME.vi.png in Vietnamese."""
    for language in LANGUAGES:
        ending = "png" if language == "en" else f"{language}.png"
        for name, (place, (width, _), height) in OF_README.items():
            with visit(browser, there.url, ADMINISTRATOR, language=language, screen=(width, height)) as visiting:
                eventually("a city that is known", partial(_known, visiting), seconds=60, every=1)
                page = visiting.open(places(there.cut)[place])
                _keep(page, PICTURES / f"{name}.{ending}", whole=False)


def take_pages(browser: Browser, there: Town) -> None:
    """One of each page, as it opens, in Vietnamese; and `docs/pages.md` that shows them."""
    (PICTURES / "pages").mkdir(exist_ok=True)
    shown = places(there.cut)
    with visit(browser, there.url, ADMINISTRATOR, language="vi", screen=(DESKTOP[0], 900)) as visiting:
        for name, path in shown.items():
            _keep(visiting.open(path), PICTURES / "pages" / f"{name}.png", whole=False)
    pictures = "".join(
        f"\n## {name}: `{path}`\n\n![{name}](pictures/pages/{name}.png)\n" for name, path in shown.items()
    )
    PAGES.write_text(PAGES_HEAD + pictures, encoding="utf-8")


def take_all(browser: Browser, there: Town, folder: Path) -> None:
    """PLACE-LANGUAGE-WIDTH.png, from the head of a page to its foot."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        for screen in (DESKTOP, PHONE):
            with visit(browser, there.url, language=language, screen=screen) as stranger:
                _keep(stranger.open("/login"), folder / f"login-{language}-{screen[0]}.png", whole=True)
            with visit(browser, there.url, ADMINISTRATOR, language=language, screen=screen) as visiting:
                for name, path in places(there.cut).items():
                    _keep(visiting.open(path), folder / f"{name}-{language}-{screen[0]}.png", whole=True)


def _known(visiting: Visit) -> bool:
    """On a busy machine what the rules say may be late, and units be unknown for a moment."""
    page = visiting.open("/")
    return page.locator(".tile.unknown .number").inner_text() == "0" and page.locator(".tile.down.none").count() == 0


def _keep(page: Page, file: Path, *, whole: bool) -> None:
    with Image.open(BytesIO(page.screenshot(full_page=whole))) as taken:
        taken.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file} {file.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    sys.exit(main())
