"""The registry by hand: everybody sees the units of their scope, and edits them by the checks of an import."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from haidang_collector.i18n import translations
from haidang_collector.registry.fact_import import all_facts, import_facts
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.fact_table import read_facts
from haidang_collector.registry.history import history_of
from haidang_collector.registry.models import Contact, Lab, Portal, Unit
from haidang_collector.registry.said import in_words
from haidang_collector.registry.unit_words import TITLES
from haidang_collector.registry.units_import import one_unit
from haidang_collector.web import registry_words as words
from markupsafe import escape

from tests.collector.access.house import FAR, NEAR, House, inhabited
from tests.collector.web.desk import BIDI, HOSTILE, Desk, assert_harmless, form_of
from tests.collector.web.reading import Page, part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNIT = "/registry/units/TH-001"
EDIT = "/registry/edit"
NO_TEXTS = {"vlan", "computers", "has_computer", "received", "down", "up", "starts", "ends"}
ISOLATED = re.compile(r"<(bdi|title|option|textarea)\b[^>]*>.*?</\1>|<input[^>]*>", re.DOTALL)
"""What keeps the direction of its text to itself."""
GOOD = {
    "labs": ({"0.name": "Phòng máy 1", "0.computers": "40", "0.cidr": "10.20.1.0/24"}, "10.20.1.0/24"),
    "subjects": ({"0.name": "Tổ Toán", "0.has_computer": "False"}, "Tổ Toán"),
    "contacts": ({"0.role": "leader", "0.name": "Trần Thị Ví Dụ", "0.phone": "+84 900 000 001"}, "0900000001"),
    "plans": ({"0.year": "2026-2027", "0.received": "25/11/2026"}, "2026-11-25"),
    "contracts": ({"0.wan": "wan1", "0.isp": "fpt telecom", "0.medium": "fibre", "0.down": "200"}, "FPT"),
    "portals": ({"0.url": "https://th-001.edu.vn/", "0.mail_domain": "TH-001.edu.vn"}, "th-001.edu.vn"),
    "public_services": (
        {"0.service": "Tuyển sinh đầu cấp", "0.url": "https://th-001.edu.vn/ts", "0.season": "cả năm"},
        "year",
    ),
    "equipment": ({"2.number": "0"}, "printer"),
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from inhabited(tmp_path)


@pytest.fixture
def near(house: House) -> Desk:
    """An operator of the first district."""
    return Desk(house, "near", "operator", district=NEAR)


def codes(text: str) -> list[str]:
    return re.findall(r'href="/registry/units/([^"]+)"', text)


def facts(house: House, kind: str) -> list[dict[str, object]]:
    return [dict(fact.values) for fact in all_facts(house.database, KINDS[kind], "TH-001")]


def test_everybody_sees_the_units_of_their_scope(house: House, near: Desk) -> None:
    city, own = Desk(house, "city", "reader"), Desk(house, "own", "reader", unit="TH-003")

    assert codes(city.page("/registry")) == ["TH-001", "TH-002", "TH-003"]
    assert codes(near.page("/registry")) == ["TH-001", "TH-002"]
    assert codes(own.page("/registry")) == ["TH-003"]
    assert codes(city.page(f"/registry?district={quote(FAR)}")) == ["TH-003"]
    assert codes(city.page("/registry?q=truong+th-002")) == ["TH-002"]
    assert "No unit matches" in city.page("/registry?q=nowhere")


@pytest.mark.parametrize("path", [UNIT, f"{EDIT}/labs/TH-001", "/registry/remove/TH-001"])
def test_others_units_are_refused(house: House, path: str) -> None:
    far = Desk(house, "far", "administrator", district=FAR)

    assert far.get(path).status_code == 403
    assert far.get(path.replace("TH-001", "TH-999")).status_code == 403, "not even whether there is one is told"
    assert Desk(house, "city", "administrator").get(path.replace("TH-001", "TH-999")).status_code == 404


def test_readers_read(house: House) -> None:
    reader = Desk(house, "reader", "reader")

    assert "/registry/edit" not in reader.page(UNIT)
    assert reader.get(f"{EDIT}/labs/TH-001").status_code == 403
    reader.post(f"{EDIT}/labs/TH-001", {"seen": "0", "0.name": "Phòng máy 1"}, status=403)
    assert facts(house, "labs") == []


@pytest.mark.parametrize("kind", GOOD)
def test_facts_of_every_kind_are_told(house: House, near: Desk, kind: str) -> None:
    fields, kept = GOOD[kind]

    answer = near.send(f"{EDIT}/{kind}/TH-001", fields)

    assert answer.headers["location"] == f"{UNIT}?saved={kind}#{kind}"
    assert kept in str([[str(value) for value in values.values()] for values in facts(house, kind)])
    (change,) = history_of(house.database, "TH-001")
    assert (change.who, change.what, change.before) == ("near", kind, None)
    shown = Page(near.page(answer.headers["location"])).text
    assert "saved" in shown
    assert "near" in shown


def test_the_units_own_facts_are_edited(house: House, near: Desk) -> None:
    near.send(f"{EDIT}/units/TH-001", {"name": "Trường Sao Mai", "students_primary": "840"})

    unit = one_unit(house.database, "TH-001")
    assert unit is not None
    assert (unit.name, unit.students, unit.district) == ("Trường Sao Mai", {"primary": 840}, NEAR)
    shown = Page(near.page(UNIT)).text
    assert "Name of the unit: Trường TH-001 → Trường Sao Mai" in shown
    assert "Students, primary: not told → 840" in shown


@pytest.mark.parametrize("language", ["vi", "en"])
def test_errors_are_those_of_the_import(house: House, near: Desk, language: str) -> None:
    """The field is named, what is wrong, and what to do; what was typed stays; nothing is stored."""
    table = read_facts("Mã đơn vị,Tên phòng máy,Dải mạng\nTH-001,P1,10.20.1.5/24".encode(), KINDS["labs"])
    (problem,) = table.problems
    say = translations(language).gettext

    answer = near.send(
        f"{EDIT}/labs/TH-001", {"0.name": "P1", "0.cidr": "10.20.1.5/24", "0.vlan": "20"}, status=422, language=language
    )

    said = f"{in_words(problem.reason, say)}; {in_words(problem.fix, say)}"
    assert f"{say('Network')} : {said}" in Page(answer.text).text
    assert 'value="10.20.1.5/24" placeholder="10.20.1.0/24" autocomplete="off" aria-invalid="true"' in answer.text
    assert 'value="20"' in answer.text
    assert facts(house, "labs") == []


def test_an_error_stands_at_its_own_entry(near: Desk) -> None:
    near.send(f"{EDIT}/subjects/TH-001", {"0.name": "Tổ Toán", "0.has_computer": "True"})

    text = near.send(f"{EDIT}/subjects/TH-001", {"2.name": "Tổ Văn", "2.has_computer": ""}, status=422).text

    assert re.findall(r'<select id="([^"]+)"[^>]*aria-invalid="true"', text) == ["f-2-has_computer"]


def test_entries_and_their_changes_stand_as_people_count_and_speak(house: House, near: Desk) -> None:
    near.send(f"{EDIT}/labs/TH-001", {"0.name": "Phòng 10"})
    near.send(f"{EDIT}/labs/TH-001", {"1.name": "Phòng 2", "1.computers": "30"})

    text = part(near.page("/registry/units/TH-001"), "labs")
    log = Page(Desk(house, "boss", "administrator").page("/audit", language="vi")).text

    assert text.index("Phòng 2") < text.index("Phòng 10")
    assert "sửa số liệu khai báo (Phòng máy) TH-001 Phòng 2 Số máy tính: 30" in log


def test_an_entry_is_renamed_and_removed(house: House, near: Desk) -> None:
    near.send(f"{EDIT}/labs/TH-001", {"0.name": "phòng 1", "0.computers": "30"})
    near.send(f"{EDIT}/labs/TH-001", {"0.name": "Phòng 1", "1.name": "Phòng 2"})
    assert {lab["name"]: lab["computers"] for lab in facts(house, "labs")} == {"Phòng 1": 30, "Phòng 2": None}

    near.send(f"{EDIT}/labs/TH-001", {"0.remove": "yes"})
    assert [lab["name"] for lab in facts(house, "labs")] == ["Phòng 2"]
    near.send(f"{EDIT}/labs/TH-001", {"0.remove": "yes"})
    assert facts(house, "labs") == []


def test_empty_is_unknown_and_0_is_none(house: House, near: Desk) -> None:
    near.send(f"{EDIT}/equipment/TH-001", {"0.number": "3", "2.number": "0"})
    assert {each["kind"]: each["number"] for each in facts(house, "equipment")} == {
        "management_computer": 3,
        "printer": 0,
    }

    near.send(f"{EDIT}/equipment/TH-001", {"0.number": ""})
    assert [each["kind"] for each in facts(house, "equipment")] == ["printer"]


def test_lists_may_be_written_in_lines(house: House, near: Desk) -> None:
    ports, machines = "10.20.0.2 Gi1/0/1-24\r\n10.20.0.3 eth5", "8C-EC-4B-00-00-01\r\n8cec.4b00.0002\r\n"
    near.send(f"{EDIT}/labs/TH-001", {"0.name": "P1", "0.ports": ports, "0.machines": machines})

    (lab,) = facts(house, "labs")
    assert lab["ports"] == "10.20.0.2 Gi1/0/1-24; 10.20.0.3 eth5"
    assert lab["machines"] == "8c:ec:4b:00:00:01 8c:ec:4b:00:00:02"


def test_what_others_changed_meanwhile_is_never_overwritten_unseen(house: House, near: Desk) -> None:
    own = Desk(house, "own", "operator", unit="TH-001")
    path = f"{EDIT}/contacts/TH-001"
    near.send(path, {"0.role": "leader", "0.name": "Trần Thị Ví Dụ", "0.phone": "0900000001"})
    old = {"seen": str(history_of(house.database, "TH-001")[0].id), "stored": "1", "0.role": "leader"}
    own.send(path, {"0.phone": "0900000002"})

    mine = old | {"0.name": "Trần Thị Ví Dụ", "0.phone": "0900000001", "0.email": "vd@th-001.edu.vn"}
    again = near.post(path, mine, status=409).text

    text = Page(again).text
    assert "Others changed this meanwhile" in text
    assert "own People in charge: leader Trần Thị Ví Dụ changed Telephone: 0900000001 → 0900000002" in text
    assert 'value="vd@th-001.edu.vn"' in again, "what was typed is there"
    assert [each["phone"] for each in facts(house, "contacts")] == ["0900000002"]
    seen = re.findall(r'name="seen" value="(\d+)"', again)[-1]
    near.post(path, mine | {"seen": seen, "0.phone": "0900000002"})
    assert [(each["phone"], each["email"]) for each in facts(house, "contacts")] == [("0900000002", "vd@th-001.edu.vn")]


def test_units_change_districts_by_the_city_alone(house: House, near: Desk) -> None:
    own = Desk(house, "own", "operator", unit="TH-001")
    for desk in (near, own):
        text = Page(desk.send(f"{EDIT}/units/TH-001", {"district": FAR}, status=422).text).text
        assert "is not the unit's district; write 'Quận 1'; only the city moves units between districts" in text

    Desk(house, "city", "operator").send(f"{EDIT}/units/TH-001", {"district": FAR})
    assert near.get(UNIT).status_code == 403


def test_forms_must_be_ours(house: House, near: Desk) -> None:
    near.post(f"{EDIT}/labs/TH-001", {"seen": "0", "0.name": "P1", "csrf": "forged"}, status=403)
    near.post("/registry/import", {"kind": "labs", "csrf": ""}, status=403)
    assert facts(house, "labs") == []


def test_what_one_form_cannot_hold_is_sent_to_the_import(house: House, near: Desk) -> None:
    with house.database.write() as session:
        session.add_all(Lab(unit="TH-001", name=f"P{number}") for number in range(200))

    text = near.page(f"{EDIT}/labs/TH-001")

    assert "more entries than one form holds" in text
    assert 'method="post"' not in text


@pytest.mark.parametrize("path", ["nothing", "units%2F..", "labs%00"])
def test_unknown_kinds_are_unknown(near: Desk, path: str) -> None:
    assert near.get(f"{EDIT}/{path}/TH-001").status_code in (400, 403, 404)
    near.post(f"{EDIT}/nothing/TH-001", {}, status=404)


@pytest.mark.parametrize("value", [HOSTILE, "javascript:alert(1)", BIDI, "x" * 200], ids=["html", "url", "bidi", "200"])
def test_no_field_becomes_markup(house: House, value: str) -> None:
    """Neither what was typed and refused, nor what stands in the database, however it came there."""
    desk = Desk(house, "city", "administrator")
    for kind in ("units", *KINDS):
        path = f"{EDIT}/{kind}/TH-001"
        typed = {name: value for name in form_of(desk.page(path)) if name not in ("csrf", "seen", "stored")}
        answer = desk.send(path, typed, status=422).text
        assert_harmless(answer)
        assert str(escape(value)) in answer, "what was typed is shown again"
    store(house, value)

    forms = [f"{EDIT}/{kind}/TH-001" for kind in ("units", *KINDS)]
    for path in ("/registry", UNIT, "/registry/remove/TH-001", *forms):
        text = desk.page(path)
        assert_harmless(text)
        assert BIDI not in ISOLATED.sub("", text), path


def store(house: House, value: str) -> None:
    """A fact of every kind with `value` in every text of it, as another program might have written it."""
    rest = {"number": 1, "has_computer": True, "received": date(2026, 11, 25)}
    with house.database.write() as session:
        unit = session.get_one(Unit, "TH-001")
        unit.name = unit.district = unit.level = unit.address = value
        for kind in KINDS.values():
            texts = {column.name for column in kind.columns if column.name not in NO_TEXTS}
            known = {name: told for name, told in rest.items() if hasattr(kind.model, name) and name not in texts}
            session.add(kind.model(unit="TH-001", **dict.fromkeys(texts, value), **known))


def test_a_portal_is_a_link_only_where_it_is_a_site(house: House, near: Desk) -> None:
    with house.database.write() as session:
        session.add(Portal(unit="TH-001", url="https://th-001.edu.vn/"))
        session.add(Portal(unit="TH-002", url="javascript:alert(1)//https://"))

    assert '<a href="https://th-001.edu.vn/" rel="noreferrer nofollow">' in near.page(UNIT)
    assert 'href="javascript' not in near.page("/registry/units/TH-002")
    assert "javascript:alert(1)" in near.page("/registry/units/TH-002")


def test_pages_call_columns_as_tables_do() -> None:
    """In Vietnamese, so that a page and a file speak of the same thing; in English every column has a word too."""
    say = translations("vi").gettext
    titles = {"units": dict(TITLES)} | {
        word: {column.name: column.title for column in kind.columns} for word, kind in KINDS.items()
    }

    assert {word: {name: say(text) for name, text in of.items()} for word, of in words.TITLES.items()} == titles


def test_the_history_is_cut_and_can_be_seen_whole(house: House, near: Desk) -> None:
    for number in range(60):
        table = read_facts(f"code,kind,number\nTH-001,printer,{number}".encode(), KINDS["equipment"])
        import_facts(house.database, KINDS["equipment"], table, who="loop")

    assert near.page(UNIT).count("<p><time") == 50
    assert near.page(f"{UNIT}?history=all").count("<p><time") == 60


def test_contacts_are_seen_in_their_scope_only(house: House, near: Desk) -> None:
    with house.database.write() as session:
        session.add(Contact(unit="TH-003", role="leader", name="Lê Văn Xa", phone="0900000003"))

    assert near.get("/registry/units/TH-003").status_code == 403
    assert "Lê Văn Xa" not in near.get("/registry/export/contacts.csv").text
    assert "Lê Văn Xa" in Desk(house, "city", "operator").get("/registry/export/contacts.csv").text


def test_a_registry_that_does_not_answer_is_said(house: House) -> None:
    with house.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE lab RENAME TO gone")

    answer = house.client.get(UNIT)

    assert answer.status_code == 503
    assert "Danh bạ không trả lời" in answer.text
