"""What three people come for: a technician, an officer of a district, an administrator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from tests.browser.browsing import faults, visit
from tests.browser.town import ADMINISTRATOR
from tests.waiting import eventually

if TYPE_CHECKING:
    from haidang_collector.simulate.model import SimUnit
    from playwright.sync_api import Browser, Page

    from tests.browser.town import Town

BIN = Path(sys.executable).parent
SUDO = '#!/bin/sh\nexec "$@"\n'
AGENT = '[agent]\nroles = ["site"]\npush_interval = "1s"\nprobes = []\nlisten = ""\nstate_dir = "{state}"\n'
HEADER = "Mã đơn vị,Tên đơn vị,Quận/Huyện,Cấp học\n"
MOST_PAGES = 70
"""That are followed from link to link."""
LINK = re.compile(r'<a\s[^>]*href="([^"]+)"')
HEAVY = re.compile(r"^/(evaluation|static|openapi)")


def test_a_technician_enrols_an_agent(browser: Browser, city: Town, tmp_path: Path) -> None:
    """Log in, make a token, run the command that is shown: the agent is on the list and on the page of the unit."""
    unit = next(unit for unit in city.units if unit.presence == "none")
    city.person("ky.thuat", "operator", unit=unit.code)
    with visit(browser, city.url, "ky.thuat") as visiting:
        page = visiting.page
        assert urlsplit(page.url).path == f"/units/{unit.code}"
        page.locator("nav.places a[href='/agents']").click()
        page.locator("a[href='/agents/enrol']").click()
        page.locator("#make button").click()
        assert faults(page) == []
        assert page.locator("figure svg").bounding_box() is not None
        command = page.locator("pre.copy").first.inner_text()

        environment = _machine(tmp_path)
        done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        agent = done.stdout.split()[0]
        row = _agent_row(page, agent)
        assert "Never heard yet" in row

        _, asked_for = done.stderr.split(":\n", 1)
        with Path(environment["HAIDANG_CONFIG"]).open("a") as config:
            config.write(asked_for)
        with (tmp_path / "agent.log").open("wb") as log:
            running = subprocess.Popen([BIN / "haidang-agent", "run"], env=environment, stdout=log, stderr=log)
        try:
            eventually("the agent is heard", lambda: "Heard" in _agent_row(page, agent), seconds=60, every=0.5)
        finally:
            running.terminate()
            running.wait(60)
        visiting.open(f"/units/{unit.code}")
        assert agent in page.locator("#main").inner_text()


def test_an_officer_finds_the_worst_school_and_no_other_districts(browser: Browser, city: Town) -> None:
    """The worst is a click away from the start page; what is others' is refused by address, and linked nowhere."""
    worst = city.cut
    eventually("the cut is known", lambda: city.value("unit:school_internet_up").get(worst.code) == 0, seconds=60)
    city.person("phong.gd", "operator", district=worst.district)
    with visit(browser, city.url, ADMINISTRATOR) as visiting:
        page = visiting.page
        page.locator(f"#districts a[href='/districts/{quote(worst.district)}']").click()
        page.locator("#worst table.worst tbody th a").first.click()
        assert urlsplit(page.url).path == f"/units/{worst.code}"
        incidents = page.request.get("/incidents.json").json()["incidents"]

    with visit(browser, city.url, "phong.gd") as visiting:
        page = visiting.page
        assert page.locator("h1").inner_text() == worst.district
        page.locator("#worst table.worst tbody th a").first.click()
        assert urlsplit(page.url).path == f"/units/{worst.code}"

        others = [unit for unit in city.units if unit.district != worst.district]
        foreign = next(each["id"] for each in incidents if each["unit"] in {unit.code for unit in others})
        for path in (*_doors(others[0]), f"/incidents/{foreign}"):
            answer = page.goto(path)
            assert answer is not None
            assert answer.status == 403, path
            assert _named(page.locator("body").inner_text(), others) == [], path
            assert faults(page) == []
        assert _strays(page, others) == []


def test_an_administrator_imports_a_registry_with_mistakes(browser: Browser, city: Town) -> None:
    """Each mistake is told by line; nothing is written before it is applied; then the history says who did it."""
    known = city.units[3]
    renamed = f"{known.code},Trường Đổi Tên,{known.district},{known.level}\n"
    wrong = "MOI-1,Trường Mới,Quận Mô Phỏng 01,tiểu hạc\nMOI-2,,Quận Mô Phỏng 01,primary\n"
    mended = "MOI-1,Trường Mới,Quận Mô Phỏng 01,tiểu học\nMOI-2,Trường Mới Hai,Quận Mô Phỏng 01,primary\n"
    with visit(browser, city.url, ADMINISTRATOR) as visiting:
        page = visiting.page
        page.locator("nav.places a[href='/registry']").click()
        page.locator("a[href='/registry/import']").click()
        _upload(page, HEADER + renamed + wrong)

        refused = [row.inner_text() for row in page.locator("#refused tbody tr").all()]
        assert [re.findall(r"\S+", row)[0] for row in refused] == ["3", "4"]
        assert "Cấp học" in refused[0]
        assert "tiểu hạc" in refused[0]
        assert "Tên đơn vị" in refused[1]
        assert faults(page) == []

        _upload(page, HEADER + renamed + mended)
        assert page.locator("#refused").count() == 0
        assert "2 new, 1 changed, 0 unchanged" in page.locator("#preview").inner_text()
        changes = page.locator("#changes").inner_text()
        assert known.name in changes
        assert "Trường Đổi Tên" in changes
        assert page.request.get("/registry/units/MOI-1").status == 404, "nothing is written yet"

        page.locator("#preview button").click()
        assert "It is imported" in page.locator("[role=status]").inner_text()
        visiting.open(f"/registry/units/{known.code}")
        assert "Trường Đổi Tên" in page.locator("h1").inner_text()
        history = page.locator("#history").inner_text()
        assert ADMINISTRATOR in history
        assert known.name in history
        assert page.request.get("/registry/units/MOI-1").status == 200


def _machine(folder: Path) -> dict[str, str]:
    """The environment of a school's machine: its own folders, and a sudo, for who runs this is root or may not be."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "sudo").write_text(SUDO)
    (programs / "sudo").chmod(0o755)
    config = folder / "agent.toml"
    config.write_text(AGENT.format(state=folder / "state"))
    return os.environ | {"PATH": f"{programs}:{BIN}:{os.environ['PATH']}", "HAIDANG_CONFIG": str(config)}


def _agent_row(page: Page, agent: str) -> str:
    page.goto(f"/agents?q={agent}")
    return page.locator("#agents tbody tr").first.inner_text()


def _doors(unit: SimUnit) -> list[str]:
    """Addresses at which somebody of another district has no business."""
    code, district = quote(unit.code), quote(unit.district)
    return [
        f"/units/{code}", f"/districts/{district}", f"/registry/units/{code}", f"/registry/edit/units/{code}",
        f"/registry/remove/{code}", f"/agents/enrol?unit={code}", f"/agents/revoke/a-{code.lower()}-0",
        f"/evaluation?unit={code}", f"/evaluation?district={district}", "/users", "/audit",
    ]  # fmt: skip


def _named(text: str, others: list[SimUnit]) -> list[str]:
    """Which of the others are told of in a page."""
    return [unit.code for unit in others if unit.code in text or unit.name in text]


def _strays(page: Page, others: list[SimUnit]) -> list[str]:
    """Follows links from the start page on: those that are dead, and pages that tell of others."""
    seen, wrong = {"/"}, []
    waiting = ["/"]
    while waiting and len(seen) <= MOST_PAGES:
        path = waiting.pop(0)
        answer = page.request.get(path)
        text = answer.text()
        if answer.status >= 400:
            wrong.append(f"{path}: {answer.status}")
        wrong += [f"{path} tells of {code}" for code in _named(text, others)]
        for link in LINK.findall(text):
            led = urljoin(path, link.replace("&amp;", "&")).partition("#")[0]
            if led.startswith("/") and led not in seen and not HEAVY.match(led):
                seen.add(led)
                waiting.append(led)
    return wrong


def _upload(page: Page, text: str) -> None:
    file = {"name": "truong.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.locator("#kind").select_option("units")
    page.locator("#file").set_input_files([file])
    page.locator("#choose button").click()
