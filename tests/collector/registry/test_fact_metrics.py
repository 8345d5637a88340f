from __future__ import annotations

import subprocess
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from haidang_collector.ingest.seen import Seen
from haidang_collector.metrics import FactCollector
from haidang_collector.policy.policy import parse
from haidang_collector.registry.fact_metrics import VIETNAM, school_year
from haidang_collector.registry.mail_domains import domain_word
from haidang_collector.registry.models import (
    Change,
    Contact,
    Contract,
    Equipment,
    Lab,
    Plan,
    Portal,
    SubjectGroup,
    Unit,
)
from haidang_collector.registry.store import Registry
from prometheus_client.parser import text_string_to_metric_families

TH, THCS = {"unit": "TH-001", "district": "Quận Bắc"}, {"unit": "THCS-002", "district": "Quận Bắc"}
POLICY = """
[[limit]]
row = "R4"
limit = "students_per_computer"
level = "primary"
value = 24
from = 2016-10-27
source = "540/GDĐT-TTTT"
[[limit]]
row = "R4"
limit = "students_per_computer"
level = "primary"
value = 20
from = 2999-01-01
source = "a later one"
[[limit]]
row = "R1"
limit = "fibre_ratio"
value = 1
from = 2016-10-27
source = "540/GDĐT-TTTT"
"""


def exposition(registry: Registry) -> bytes:
    return FactCollector(registry, Seen(registry.record_seen), policy=parse(POLICY)).text()


def samples(registry: Registry, name: str) -> list[tuple[dict[str, str], float]]:
    families = text_string_to_metric_families(exposition(registry).decode())
    found = [(sample.labels, sample.value) for family in families for sample in family.samples if sample.name == name]
    return sorted(found, key=lambda sample: (sample[0].get("unit", ""), sorted(sample[0].items())))


def test_what_nobody_told_is_absent(registry: Registry) -> None:
    text = exposition(registry).decode()

    told = {line.partition("{")[0] for line in text.splitlines() if "TH-001" in line}
    assert told == {"school_unit_info"}


def test_facts_of_a_unit(registry: Registry) -> None:
    today = datetime.now(UTC).date()
    with registry.database.write() as session:
        unit = session.get(Unit, "TH-001")
        assert unit is not None
        unit.students = {"primary": 480, "lower_secondary": 0}
        session.add(Lab(unit="TH-001", name="Phòng 1", computers=40, level="primary"))
        session.add(Lab(unit="TH-001", name="Phòng 2", computers=0))
        session.add(Lab(unit="TH-001", name="Phòng 3"))
        session.add(Equipment(unit="TH-001", kind="webcam", number=0))
        session.add(SubjectGroup(unit="TH-001", name="Tổ Toán", has_computer=True))
        session.add(SubjectGroup(unit="TH-001", name="Tổ Văn", has_computer=True))
        session.add(SubjectGroup(unit="THCS-002", name="Tổ Văn", has_computer=False))
        session.add(Contact(unit="TH-001", role="officer", name="Người Bí Mật", phone="0900000001"))
        session.add(Plan(unit="TH-001", year="2026-2027", received=date(2026, 9, 14)))
        session.add(Contract(unit="TH-001", wan="wan1", number="1", isp="VNPT", down=200, up=7.5, starts=today))
        session.add(Contract(unit="TH-001", wan="wan1", number="2", isp="FPT", down=1, ends=today - timedelta(1)))
        session.add(Contract(unit="TH-001", wan="wan2", number="", isp="Viettel", up=1))

    assert samples(registry, "school_students") == [
        (TH | {"level": "lower_secondary"}, 0), (TH | {"level": "primary"}, 480),
    ]  # fmt: skip
    assert samples(registry, "school_declared_lab_computers") == [
        (TH | {"lab": "Phòng 1", "level": "primary"}, 40), (TH | {"lab": "Phòng 2", "level": ""}, 0),
    ]  # fmt: skip
    assert samples(registry, "school_lab_info") == [
        (TH | {"lab": "Phòng 1", "level": "primary"}, 1), (TH | {"lab": "Phòng 2", "level": ""}, 1),
        (TH | {"lab": "Phòng 3", "level": ""}, 1),
    ]  # fmt: skip
    assert samples(registry, "school_declared_equipment") == [(TH | {"kind": "webcam"}, 0)]
    assert samples(registry, "school_subject_groups") == [
        (TH | {"state": "with"}, 2), (TH | {"state": "without"}, 0),
        (THCS | {"state": "with"}, 0), (THCS | {"state": "without"}, 1),
    ]  # fmt: skip
    assert samples(registry, "school_contacts") == [(TH | {"role": "leader"}, 0), (TH | {"role": "officer"}, 1)]
    assert samples(registry, "school_plan_received_timestamp_seconds") == [
        (TH | {"year": "2026-2027"}, datetime(2026, 9, 14, tzinfo=UTC).timestamp())
    ]
    assert samples(registry, "school_contract_bytes_per_second") == [
        (TH | {"wan": "wan1", "isp": "VNPT", "direction": "receive"}, 25_000_000),
        (TH | {"wan": "wan1", "isp": "VNPT", "direction": "transmit"}, 937_500),
        (TH | {"wan": "wan2", "isp": "Viettel", "direction": "transmit"}, 125_000),
    ]
    text = exposition(registry).decode()
    assert "Bí Mật" not in text
    assert "0900000001" not in text
    checked = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_addresses_and_portals_are_told_of_without_themselves(registry: Registry) -> None:
    with registry.database.write() as session:
        session.add(Portal(unit="TH-001", url="https://bi-mat.edu.vn/", mail_domain="bi-mat.edu.vn"))
        session.add(Portal(unit="THCS-002", mail_domain="bi-mat.com"))
        session.add(Contact(unit="TH-001", role="leader", name="A", email="a@bi-mat.edu.vn"))
        session.add(Contact(unit="TH-001", role="leader", name="B", email="b@gmail.com"))
        session.add(Contact(unit="TH-001", role="officer", name="C"))

    assert samples(registry, "school_portal_declared") == [(TH, 1)]
    assert samples(registry, "school_mail_domain_declared") == [
        (TH | {"domain": "education"}, 1), (THCS | {"domain": "other"}, 1),
    ]  # fmt: skip
    assert samples(registry, "school_contact_mail") == [
        (TH | {"role": "leader", "domain": "education"}, 1), (TH | {"role": "leader", "domain": "other"}, 1),
    ]  # fmt: skip
    assert "bi-mat" not in exposition(registry).decode()


def test_facts_have_the_age_of_their_newest_change_of_that_kind(registry: Registry) -> None:
    first, newest = datetime(2026, 9, 1, 8, tzinfo=UTC), datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    told = {"who": "A", "before": None, "after": {}}
    with registry.database.write() as session:
        session.add(Change(unit="TH-001", what="labs", entry="Phòng 1", at=newest, **told))
        session.add(Change(unit="TH-001", what="labs", entry="Phòng 2", at=first, **told))
        session.add(Change(unit="TH-001", what="contacts", entry="Người Bí Mật", at=first, **told))
        session.add(Change(unit="THCS-002", what="labs", entry="Phòng 1", at=first, **told))

    assert samples(registry, "school_fact_told_timestamp_seconds") == [
        (TH | {"what": "contacts"}, first.timestamp()),
        (TH | {"what": "labs"}, newest.timestamp()),
        (THCS | {"what": "labs"}, first.timestamp()),
    ]
    assert "Bí Mật" not in exposition(registry).decode()


@pytest.mark.parametrize(
    ("domain", "word"),
    [
        ("th-mau.edu.vn", "education"), ("hcm.edu.vn", "education"), ("edu.vn", "education"),
        ("q1.tphcm.gov.vn", "education"), ("gmail.com", "other"), ("edu.vn.evil.com", "other"), ("myedu.vn", "other"),
        ("hanoi.gov.vn", "other"),
    ],
)  # fmt: skip
def test_domains_of_education_end_in_a_known_one(domain: str, word: str) -> None:
    assert domain_word(domain) == word


def test_a_school_year_begins_in_july_by_vietnams_clock() -> None:
    before, after = (school_year(datetime(2026, 6, 30, hour, tzinfo=UTC).astimezone(VIETNAM)) for hour in (16, 17))

    assert [(s.labels, s.value) for s in before.samples] == [({"year": "2025-2026"}, 1751302800)]
    assert [(s.labels, s.value) for s in after.samples] == [({"year": "2026-2027"}, 1782838800)]


def test_the_limits_in_force_today(registry: Registry) -> None:
    assert samples(registry, "school_policy_limit") == [
        ({"row": "R4", "limit": "students_per_computer", "level": "primary"}, 24),
        ({"row": "R1", "limit": "fibre_ratio"}, 1),
    ]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_exporting_a_city_costs_less_than_two_seconds(registry: Registry) -> None:
    codes = [f"X-{number}" for number in range(2_500)]
    with registry.database.write() as session:
        session.add_all(Unit(code=c, name=f"Trường {c}", district="D", level="primary", students={}) for c in codes)
        session.flush()
        for code in codes:
            session.add_all(Lab(unit=code, name=f"Phòng {n}", computers=40, level="primary") for n in range(3))
            session.add_all(Equipment(unit=code, kind=k, number=2) for k in ("printer", "webcam", "camera", "server"))
            session.add_all(SubjectGroup(unit=code, name=f"Tổ {n}", has_computer=n > 1) for n in range(6))
            session.add_all(Contact(unit=code, role=r, name="Ví Dụ") for r in ("leader", "officer"))
            session.add(Plan(unit=code, year="2026-2027", received=date(2026, 9, 14)))
            session.add_all(Contract(unit=code, wan=f"wan{n}", number="", isp="I", down=9, up=9) for n in range(2))
    start = time.process_time()
    lines = exposition(registry).count(b"\n")
    seconds = time.process_time() - start

    assert lines > 2_500 * 17
    assert seconds < 8, f"{seconds:.2f} s for {lines} lines, on a machine that may be four times slower"
