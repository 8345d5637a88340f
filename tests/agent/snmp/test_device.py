"""What a device is: real recordings, what makers write of themselves, and devices that say next to nothing."""

import json
from types import SimpleNamespace

import pytest
from haidang_agent.snmp.device import classify
from haidang_agent.snmp.session import ObjectId
from haidang_agent.snmp.values import text
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.snmp.recording import RECORDINGS, SHARED, Recording

OUR_WORDS = {"pc": "computer", "other": "display"}
"""Of the only `other` among the recordings, a projector."""

ENTERPRISES = "1.3.6.1.4.1."
SAYINGS = [
    line.split("\t") for line in (RECORDINGS / "own_sayings.tsv").read_text().splitlines() if not line.startswith("#")
]

DESCR, OBJECT_ID = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.2.0"
MOST_REQUESTS = 12


def kinds():
    yield RECORDINGS / "own_router_sfp.snmprec", "router"
    yield RECORDINGS / "own_router_cisco.snmprec", "router"
    yield RECORDINGS / "own_switch_sensors.snmprec", "switch"
    yield RECORDINGS / "own_printer.snmprec", "printer"
    index = SHARED / "index.json"
    for entry in json.loads(index.read_text())["snmp"] if index.exists() else []:
        yield SHARED / entry["file"], OUR_WORDS.get(entry["kind"], entry["kind"])


def classified(session, object_id=None, descr=None):
    return classify(session, SimpleNamespace(object_id=object_id, descr=descr))


@pytest.mark.parametrize(("path", "kind"), [pytest.param(*row, id=row[0].stem) for row in kinds()])
def test_recorded_device_is_what_it_is(path, kind):
    session = Recording.read(path)
    told = session.get([DESCR, OBJECT_ID])

    device = classified(session, told.get(OBJECT_ID), text(told.get(DESCR), 1024))

    assert device.class_ == kind
    assert device.reasons
    assert session.requests <= MOST_REQUESTS


@pytest.mark.parametrize(
    ("object_id", "descr", "kind", "vendor"),
    SAYINGS,
    ids=[f"{vendor}: {descr[:30]}" for _, descr, _, vendor in SAYINGS],
)
def test_system_group_alone_is_enough_where_it_is_clear(object_id, descr, kind, vendor):
    device = classified(Recording({}), ENTERPRISES + object_id, descr)

    assert (device.class_, device.vendor) == (kind, vendor or None)


@pytest.mark.parametrize(
    ("object_id", "descr"),
    [
        (None, None),
        ("1.3.6.1.4.1.8072.3.2.10", "appliance 7"),
        ("1.3.6.1.4.1.99999999.1", "XJ-9"),
        ("0.0", ""),
        ("not an OID", "\x00"),
    ],
)
def test_thin_evidence_is_unknown(object_id, descr):
    device = classified(Recording({}), object_id, descr)

    assert (device.class_, device.vendor, device.role) == ("unknown", None, None)
    assert device.reasons == ["nothing that it says tells what it is"]


@pytest.mark.parametrize(
    ("rows", "kind", "role", "model"),
    [
        ({"1.3.6.1.4.1.6574.1.5.1.0": b"DS220+"}, "server", "nas", "DS220+"),
        ({"1.3.6.1.4.1.41112.1.6.3.3.0": b"U6-LR"}, "ap", None, "U6-LR"),
        ({"1.3.6.1.2.1.33.1.1.2.0": b"Sentinel Pro 2200"}, "ups", None, "Sentinel Pro 2200"),
        ({"1.3.6.1.2.1.43.5.1.1.17.1": b"S1"}, "printer", None, None),
        ({f"1.3.6.1.2.1.2.2.1.3.{port}": 250 for port in range(1, 9)}, "ont", "olt", None),
    ],
    ids=["nas", "ap", "ups", "printer", "olt"],
)
def test_what_only_such_devices_have_outweighs_the_agents_own_name(rows, kind, role, model):
    device = classified(Recording(rows), "1.3.6.1.4.1.8072.3.2.10", "Linux box 4.4.0 armv7l")

    assert (device.class_, device.role, device.model) == (kind, role, model)


@pytest.mark.parametrize(
    ("object_id", "descr"),
    [
        ("311.1.1.3.1.2", "Hardware: Intel64 Family 6 - Software: Windows Version 10.0 (Build 17763)"),
        ("8072.3.2.10", "Linux cups 6.1.0-18-amd64 #1 SMP Debian 6.1.76-1 x86_64"),
    ],
)
def test_a_server_with_print_queues_is_a_server(object_id, descr):
    devices = [ObjectId("1.3.6.1.2.1.25.3.1.5")] * 3 + [ObjectId("1.3.6.1.2.1.25.3.1.3")] * 2
    rows = {f"1.3.6.1.2.1.25.3.2.1.2.{row}": kind for row, kind in enumerate(devices, 1)}

    assert classified(Recording(rows), ENTERPRISES + object_id, descr).class_ == "server"


@pytest.mark.parametrize(
    "rows",
    [{"1.3.6.1.2.1.1.7.0": 2}, {"1.3.6.1.2.1.4.1.0": 1, "1.3.6.1.2.1.2.2.1.3.1": 6, "1.3.6.1.2.1.2.2.1.3.2": 6}],
    ids=["layer 2", "forwards IP"],
)
def test_a_hint_alone_is_no_verdict(rows):
    assert classified(Recording(rows), "1.3.6.1.4.1.8072.3.2.10", "appliance").class_ == "unknown"


def test_mac_address_is_no_part_of_a_model():
    rows = {"1.3.6.1.2.1.25.3.2.1.3.1": b"Brother HL-L2350DW series [00119a0b0c0d]", "1.3.6.1.2.1.43.5.1.1.17.1": b"E7"}

    assert classified(Recording(rows), "1.3.6.1.4.1.2435.2.3.9.1", "Brother NC-8900w").model == "HL-L2350DW"


def test_json_has_the_agreed_keys():
    told = classified(Recording({}), "1.3.6.1.4.1.14988.1", "RouterOS RB750Gr3").as_json()

    assert list(told) == ["class", "vendor", "model", "role", "reasons"]
    assert (told["class"], told["vendor"], told["model"]) == ("router", "MikroTik", "RB750Gr3")


ROWS = st.dictionaries(
    st.sampled_from(
        [
            *(f"1.3.6.1.2.1.47.1.1.1.1.{column}.{row}" for column in (2, 5, 7, 13) for row in (1, 2)),
            *("1.3.6.1.2.1.1.7.0", "1.3.6.1.2.1.17.1.2.0", "1.3.6.1.2.1.2.2.1.3.1", "1.3.6.1.2.1.25.3.2.1.2.1"),
            *(
                "1.3.6.1.2.1.25.3.2.1.3.1",
                "1.3.6.1.2.1.16.19.3.0",
                "1.3.6.1.2.1.33.1.1.2.0",
                "1.2.840.10036.3.1.2.1.3.7",
            ),
            *("1.3.6.1.4.1.6574.1.5.1.0", "1.3.6.1.4.1.12356.101.4.1.1.0", "1.3.6.1.4.1.8741.2.1.1.1.0"),
        ]
    ),
    st.one_of(st.integers(-(2**63), 2**64), st.binary(max_size=300), st.just(ObjectId("0.0"))),
)
OBJECT_IDS = st.one_of(st.none(), st.text(max_size=20), st.sampled_from([ENTERPRISES + row[0] for row in SAYINGS]))


@given(ROWS, OBJECT_IDS, st.one_of(st.none(), st.text(max_size=300)))
def test_whatever_a_device_sends_there_is_a_verdict_with_reasons(rows, object_id, descr):
    device = classified(Recording(rows), object_id, descr)

    assert device.class_
    assert device.reasons
    assert device.model is None or 0 < len(device.model) <= 80
