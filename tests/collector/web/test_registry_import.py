"""A table into the registry: nothing is written before it was shown, and then exactly that is."""

from __future__ import annotations

import io
import random
import re
from typing import TYPE_CHECKING

import openpyxl
import pytest
from haidang_collector.i18n import translations
from haidang_collector.registry.fact_import import all_facts, import_facts
from haidang_collector.registry.fact_kinds import LABS
from haidang_collector.registry.fact_table import read_facts
from haidang_collector.registry.history import history_of
from haidang_collector.registry.said import in_words
from haidang_collector.registry.units_import import all_units, one_unit
from haidang_collector.web.registry_import import MOST_HELD

from tests.collector.access.house import NEAR, House, inhabited
from tests.collector.web.desk import BIDI, HOSTILE, Desk, assert_harmless
from tests.collector.web.reading import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATH = "/registry/import"
HEADER = "Mã đơn vị,Tên phòng máy,Số máy tính\n"
SOUND = HEADER + "TH-001,Phòng máy 1,40\nTH-002,Phòng máy 1,36\n"
UNITS = "Mã đơn vị,Tên đơn vị,Quận/Huyện,Cấp học\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from inhabited(tmp_path)


@pytest.fixture
def near(house: House) -> Desk:
    """An operator of the first district."""
    return Desk(house, "near", "operator", district=NEAR)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Who brings what cannot be imported."""
    for house in inhabited(tmp_path_factory.mktemp("house")):
        yield Desk(house, "wrong", "operator", district=NEAR)


def shown(
    desk: Desk, content: str | bytes, *, kind: str = "labs", status: int = 200, language: str = "en", **more: str
) -> str:
    """The page with the preview."""
    file = content.encode() if isinstance(content, str) else content
    return desk.post(
        PATH, {"kind": kind} | more, status=status, language=language, files={"file": ("l.csv", file)}
    ).text


def apply(desk: Desk, preview: str, *, status: int = 200, **changes: str) -> str:
    """Presses the button under a preview."""
    form = re.search(r'action="/registry/import/apply".*?</form>', preview, re.DOTALL)
    assert form is not None
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0])) | changes
    return desk.post(f"{PATH}/apply", fields, status=status, files={"none": b""}).text


def labs(house: House) -> dict[tuple[str, str], object]:
    return {(fact.unit, str(fact.values["name"])): fact.values["computers"] for fact in all_facts(house.database, LABS)}


def test_what_was_shown_is_applied(house: House, near: Desk) -> None:
    preview = shown(near, SOUND)

    text = Page(preview).text
    assert "2 new, 0 changed, 0 unchanged" in text
    assert "TH-001: Phòng máy 1 new Computers in it: 40" in text
    assert labs(house) == {}, "nothing is written yet"
    assert "It is imported" in apply(near, preview)
    assert labs(house) == {("TH-001", "Phòng máy 1"): 40, ("TH-002", "Phòng máy 1"): 36}
    assert [change.who for change in history_of(house.database, "TH-001")] == ["near"]


def test_a_change_is_shown_from_what_to_what(near: Desk) -> None:
    apply(near, shown(near, SOUND))

    text = Page(shown(near, HEADER + "TH-001,Phòng máy 1,41\nTH-002,Phòng máy 1,36\n")).text

    assert "0 new, 1 changed, 1 unchanged" in text
    assert "TH-001: Phòng máy 1 changed Computers in it: 40 → 41" in text
    assert "There is nothing to import" in shown(near, SOUND)


def test_the_registry_that_changed_meanwhile_is_shown_anew(house: House, near: Desk) -> None:
    preview = shown(near, SOUND)
    Desk(house, "own", "operator", unit="TH-001").send(
        "/registry/edit/labs/TH-001", {"0.name": "Phòng máy 1", "0.computers": "39"}
    )

    again = apply(near, preview, status=409)

    assert "nothing was imported" in Page(again).text
    assert "TH-001: Phòng máy 1 changed Computers in it: 39 → 40" in Page(again).text
    assert labs(house) == {("TH-001", "Phòng máy 1"): 39}
    assert "It is imported" in apply(near, again)
    assert labs(house) == {("TH-001", "Phòng máy 1"): 40, ("TH-002", "Phòng máy 1"): 36}


def test_another_file_than_the_one_shown_is_not_applied(house: House, near: Desk) -> None:
    """What the page held was changed on its way."""
    other = re.search(r'name="held" value="([^"]+)"', shown(near, SOUND.replace("40", "400")))
    assert other is not None

    apply(near, shown(near, SOUND), status=409, held=other[1])
    for held in ("", "@", "AAAA", "eJwDAAAAAAE="):
        apply(near, shown(near, SOUND), status=422, held=held)

    assert labs(house) == {}


@pytest.mark.parametrize("language", ["vi", "en"])
def test_refused_rows_are_told_as_the_command_does(house: House, near: Desk, language: str) -> None:
    """By line, field, and what to do."""
    content = HEADER + "TH-001,Phòng máy 1,40\nTH-001,Phòng máy 2,1.234\nTH-001,=1+1,2\n"
    say = translations(language).gettext

    preview = shown(near, content, language=language)

    for problem in read_facts(content.encode(), LABS).problems:
        row = f"{problem.row} {problem.column} {problem.value} {in_words(problem.reason, say)}; "
        assert row + in_words(problem.fix, say) in Page(preview).text
    assert "It is imported" in apply(near, preview)
    assert labs(house) == {("TH-001", "Phòng máy 1"): 40}


def test_others_rows_are_refused_by_line(house: House, near: Desk) -> None:
    preview = shown(near, SOUND + "TH-003,Phòng máy 1,20\n")

    assert "4 Mã đơn vị TH-003 is not one of your units; leave the row to those whose unit it is" in Page(preview).text
    apply(near, preview)
    assert ("TH-003", "Phòng máy 1") not in labs(house)
    city = Desk(house, "city", "operator")
    apply(city, shown(city, SOUND + "TH-003,Phòng máy 1,20\n"))
    assert ("TH-003", "Phòng máy 1") in labs(house)


def test_units_are_added_and_moved_by_whom_it_behoves(house: House, near: Desk) -> None:
    content = (
        UNITS + "TH-001,Trường Sao Mai,Quận 1,Tiểu học\nTH-002,Trường B,Quận 3,Tiểu học\n"
        "TH-003,Trường C,Quận 1,Tiểu học\nTH-010,Trường D,Quận 1,Tiểu học\n"
    )

    refused = Page(preview := shown(near, content, kind="units")).text
    for said in (
        "3 Quận/Huyện Quận 3 is not the unit's district",
        "4 Mã đơn vị TH-003 is not one of your units",
        "5 Mã đơn vị TH-010 is no registered unit; mend the code, or let an administrator add the unit",
    ):
        assert said in refused
    apply(near, preview)
    assert [unit.name for unit in all_units(house.database)] == ["Trường Sao Mai", "Trường TH-002", "Trường TH-003"]

    city = Desk(house, "city", "administrator")
    apply(city, shown(city, content, kind="units"))
    moved = one_unit(house.database, "TH-002")
    assert moved is not None
    assert moved.district == "Quận 3"
    assert one_unit(house.database, "TH-010") is not None


def test_a_complete_table_removes_what_it_does_not_name(house: House, near: Desk) -> None:
    apply(near, shown(near, SOUND))

    preview = shown(near, HEADER + "TH-001,Phòng máy 2,10\n", replace="yes")

    assert "1 new, 0 changed, 0 unchanged, 1 removed" in Page(preview).text
    apply(near, preview)
    assert labs(house) == {("TH-001", "Phòng máy 2"): 10, ("TH-002", "Phòng máy 1"): 36}


def test_a_complete_table_with_bad_rows_is_not_applied(house: House, near: Desk) -> None:
    """A bad row would count as not named, and what it meant would go."""
    apply(near, shown(near, SOUND))

    content = HEADER + "TH-001,Phòng máy 1,x\nTH-001,Phòng máy 2,3\n"
    preview = shown(near, content, replace="yes")

    assert "mend them first" in Page(preview).text
    assert "import/apply" not in preview
    outcome = import_facts(house.database, LABS, read_facts(content.encode(), LABS), replace=True, dry_run=True)
    sent = {"replace": "yes", "skip_bad": "yes", "fingerprint": outcome.fingerprint}
    apply(near, shown(near, content), status=409, **sent)
    assert ("TH-001", "Phòng máy 1") in labs(house)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "No file came"),
        (b"a,b\n1,2\n", "no row among the first 30 has the columns of labs"),
        (b"\xff\xfeM\x00", "the encoding is UTF-16"),
        (b"PK\x03\x04 broken", "a damaged .xlsx"),
        (b"\xd0\xcf\x11\xe0", "an old Excel file"),
    ],
)
def test_what_is_no_table_is_refused_in_words(wrong: Desk, content: bytes, said: str) -> None:
    assert said in Page(shown(wrong, content, status=422)).text


def test_a_spreadsheet_from_the_template_goes_in(house: House, near: Desk) -> None:
    book = openpyxl.load_workbook(io.BytesIO(near.get("/registry/templates/labs.xlsx").content))
    book.worksheets[0].append(["TH-001", "Phòng máy 1", "10.20.1.0/24", 20, 40])
    file = io.BytesIO()
    book.save(file)

    apply(near, shown(near, file.getvalue()))

    assert labs(house) == {("TH-001", "Phòng máy 1"): 40}


def test_what_is_exported_changes_nothing(house: House, near: Desk) -> None:
    apply(near, shown(near, SOUND))
    for kind in ("labs", "units"):
        exported = near.get(f"/registry/export/{kind}.csv")

        assert "TH-003" not in exported.text
        assert "There is nothing to import" in shown(near, exported.content, kind=kind)
    for name in ("nothing.csv", "labs.exe"):
        assert near.get(f"/registry/templates/{name}").status_code == 404
    assert near.get("/registry/export/nothing.csv").status_code == 404


def test_files_are_bounded(near: Desk) -> None:
    """What the page cannot hold is shown, and led to the command; what is too large altogether is not read."""
    noise = random.Random(1)
    names = "".join(f"TH-001,{noise.randbytes(30).hex()},1\n" for _ in range(int(MOST_HELD / 30)))

    preview = shown(near, HEADER + names)

    assert "haidang units import FILE --kind labs" in preview
    assert "import/apply" not in preview
    assert "and 22833 more, which are not shown" in Page(preview).text
    shown(near, b"x" * (22 << 20), status=413)


@pytest.mark.parametrize("value", [HOSTILE, "javascript:alert(1)", BIDI, "x" * 200], ids=["html", "url", "bidi", "200"])
def test_nothing_of_a_file_becomes_markup(wrong: Desk, value: str) -> None:
    quoted = '"' + value.replace('"', '""') + '"'
    head = f"code,name,{quoted}\n"
    preview = wrong.post(
        PATH, {"kind": "subjects"}, status=422, files={"file": (value, f"{head}TH-001,{quoted},x".encode())}
    ).text
    assert_harmless(preview)

    for row in (f"TH-001,{quoted},có", f"{quoted},Tổ Toán,có", f"TH-001,Tổ Toán,{quoted}"):
        file = f"code,name,computer,{quoted}\n{row},1"
        assert_harmless(wrong.post(PATH, {"kind": "subjects"}, status=200, files={"file": (value, file.encode())}).text)


def test_readers_import_nothing(house: House) -> None:
    reader = Desk(house, "reader", "reader")

    assert reader.get(PATH).status_code == 403
    reader.post(PATH, {"kind": "labs"}, status=403, files={"file": SOUND.encode()})
    reader.post(f"{PATH}/apply", {"kind": "labs"}, status=403)
    assert "/registry/import" not in reader.page("/registry")
