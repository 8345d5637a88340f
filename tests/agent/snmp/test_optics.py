"""Optical power: every vendor's table and unit, the right interface, and darkness that is absent instead of perfect."""

import json
import math
import re
from dataclasses import dataclass

import pytest
from haidang_agent.snmp.optics import Optic, read_optics
from haidang_agent.snmp.optics_tables import ENTERPRISES, TABLES
from haidang_agent.snmp.session import ObjectId
from haidang_agent.snmp.values import text
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.snmp.recording import RECORDINGS, SHARED, Recording, expectations, recording_of, value

OBJECT_ID = "1.3.6.1.2.1.1.2.0"
MOST_REQUESTS = 16
"""For a device that has none: its vendor's tables, and the types of its sensors."""


@dataclass(frozen=True)
class Port:
    index: int
    name: str


def optics_of(session):
    descrs, names = session.walk("1.3.6.1.2.1.2.2.1.2"), session.walk("1.3.6.1.2.1.31.1.1.1.1")
    ports = [Port(int(index), text(names.get(index)) or text(descr)) for index, descr in descrs.items()]
    return read_optics(session, ports)


def of_vendor(object_id, rows, ports=("a0", "a1", "a2", "a3")):
    below = {ENTERPRISES + oid: value for oid, value in rows.items()}
    session = Recording({OBJECT_ID: ObjectId(ENTERPRISES + object_id), **below})
    return read_optics(session, [Port(index, name) for index, name in enumerate(ports)])


@pytest.mark.parametrize("expected", expectations("sensors"), ids=lambda path: path.stem)
def test_every_power_that_another_reader_finds_is_read_unless_it_is_dark(expected):
    """LibreNMS publishes the 0 dBm of empty cages, dark ONUs and switched-off lasers as measured."""
    sensors = json.loads(expected.read_text())["sensors"]
    powers = [sensor for sensor in sensors if sensor["sensor_class"] == "dbm"]
    told = [sensor for sensor in powers if sensor["sensor_current"] != 0]

    optics = optics_of(Recording.read(recording_of(expected)))

    read = [(optic.interface, power) for optic in optics for power in (optic.rx_dbm, optic.tx_dbm) if power is not None]
    for sensor in told:
        named = [power for interface, power in read if names(interface, sensor["sensor_descr"])]
        assert any(math.isclose(power, sensor["sensor_current"], abs_tol=0.006) for power in named), sensor
    assert len(read) == len(told) or not powers


def names(interface, descr):
    """Cisco's sensors do not say their interface; that they have the right one is tested by its number below."""
    return re.search(rf"(?<!\w){re.escape(interface)}(?!\w)", descr) or "Transceiver" in descr


@pytest.mark.parametrize(
    "path", sorted([*RECORDINGS.glob("*.snmprec"), *(SHARED / "snmp").glob("*.snmprec")]), ids=lambda path: path.stem
)
def test_no_recorded_device_has_an_implausible_or_made_up_power(path):
    session = Recording.read(path)
    before = session.requests

    for optic in optics_of(session):
        assert optic.interface
        assert optic.rx_dbm is None or -39.9 <= optic.rx_dbm <= 3
        assert optic.tx_dbm is None or -20 <= optic.tx_dbm <= 9
        assert (optic.rx_dbm, optic.tx_dbm, optic.temperature_celsius) != (None, None, None)
        assert optic.temperature_celsius is None or 0 < optic.temperature_celsius < 90
    assert session.requests - before <= MOST_REQUESTS


def test_lit_dark_and_empty_cage():
    optics = optics_of(Recording.read(RECORDINGS / "own_router_sfp.snmprec"))

    assert optics == [
        Optic("sfp1", rx_dbm=-18.31, tx_dbm=-5.21, temperature_celsius=41),
        Optic("sfp2", rx_dbm=None, tx_dbm=-5.53, temperature_celsius=38),
    ]


def test_sensors_by_their_names_and_places():
    """Only working sensors, no radio, no power supply; watts are turned into dBm; a lane without light is absent."""
    optics = optics_of(Recording.read(RECORDINGS / "own_switch_sensors.snmprec"))

    assert optics == [
        Optic("Ethernet49", rx_dbm=-7.33, tx_dbm=-2.41, temperature_celsius=36.2),
        Optic("Ethernet50/1", rx_dbm=-3.12, lane=1),
        Optic("Ethernet51", rx_dbm=-6.99),
    ]


def test_cisco_sensor_finds_its_interface_through_the_entity_tree():
    optics = optics_of(Recording.read(RECORDINGS / "own_router_cisco.snmprec"))

    assert optics == [Optic("Gi0/0/1", rx_dbm=-21.4, tx_dbm=3.1, temperature_celsius=31.2, rx_low_dbm=-28.0)]


def test_the_only_lane_of_a_module_needs_no_number():
    sensors, names = "1.3.6.1.4.1.9.9.91.1.1.1.1.", "1.3.6.1.2.1.47.1.1.1.1.7."
    words = {
        300: b"Eth1/49 Lane 1 Transceiver Receive Power Sensor",
        301: b"Eth1/49 Lane 1 Transceiver Transmit Power Sensor",
    }
    rows = {OBJECT_ID: ObjectId("1.3.6.1.4.1.9.12.3.1.3.1")}
    for sensor, told in words.items():
        columns = {1: 14, 2: 9, 3: 2, 4: -512, 5: 1}
        rows |= {f"{sensors}{column}.{sensor}": number for column, number in columns.items()}
        rows[f"{names}{sensor}"] = told

    assert read_optics(Recording(rows), [Port(9, "Eth1/49")]) == [Optic("Eth1/49", -5.12, -5.12)]


def test_high_alarms_are_no_low_ones():
    lines = (RECORDINGS / "own_router_cisco.snmprec").read_text().splitlines()
    rows = {
        oid: value(tag, raw.encode())
        for oid, tag, raw in (line.split("|", 2) for line in lines)
        if not oid.startswith("1.3.6.1.4.1.9.9.91.1.2.1.1") or oid.endswith((".315.1", ".315.2"))
    }

    assert [optic.rx_low_dbm for optic in optics_of(Recording(rows))] == [None]


HUAWEI, TPLINK, DLINK = "2011.5.25.31.1.1.3.1.", "11863.6.96.1.7.1.1.", "171.12.72.2.1.1.1."


@pytest.mark.parametrize(
    ("object_id", "rows", "expected"),
    [
        ("2636.1.1.1.2.43", {"2636.3.60.1.1.1.1.5.1": -1234, "2636.3.60.1.1.1.1.7.1": -512,
                             "2636.3.60.1.1.1.1.8.1": 36, "2636.3.60.1.1.1.1.10.1": -2500},
         Optic("a1", -12.34, -5.12, 36, rx_low_dbm=-25.0)),
        ("25506.11.1.24", {"25506.2.70.1.1.1.9.2": -300, "25506.2.70.1.1.1.12.2": -1045, "25506.2.70.1.1.1.35.2": 100},
         Optic("a2", -10.45, -3.0, rx_low_dbm=-20.0)),
        ("25506.11.1.24", {"25506.2.70.1.1.1.9.2": 2147483647, "25506.2.70.1.1.1.12.2": -800}, Optic("a2", -8.0)),
        ("11.2.3.7.11.160", {"11.2.14.11.5.1.82.1.1.1.1.14.1": -6020, "11.2.14.11.5.1.82.1.1.1.1.15.1": -99999999},
         Optic("a1", tx_dbm=-6.02)),
        ("171.10.137.2.1", {"171.14.72.1.4.1.1.19.3": 2512, "171.14.72.1.4.1.1.25.3": 1000,
                            "171.14.72.1.4.1.1.1.3": 41500},
         Optic("a3", -10.0, -6.0, 41.5)),
        ("171.10.117.1.3", {f"{DLINK}5.1": b"0.0583", f"{DLINK}6.1": b"0.0932", f"{DLINK}2.1": b"45.2305"},
         Optic("a1", -10.31, -12.34, 45.2)),
        ("171.10.117.1.3", {f"{DLINK}5.1": b"-12.3433", f"{DLINK}6.1": b"-10.3058"}, Optic("a1", -10.31, -12.34)),
        ("171.10.76.28.1", {"171.10.76.28.1.105.2.1.1.1.5.1": b"0.2512", "171.10.76.28.1.105.2.1.1.1.6.1": b"0.0100"},
         Optic("a1", -20.0, -6.0)),
        ("11863.5.1", {f"{TPLINK}5.2": b"0.5012", f"{TPLINK}6.2": b"0.0398", f"{TPLINK}2.2": b"38.1"},
         Optic("a2", -14.0, -3.0, 38.1)),
        ("259.10.1.43.101", {"259.10.1.43.1.2.11.1.2.1": b"33.50 degrees C normal",
                             "259.10.1.43.1.2.11.1.5.1": b"-5.20 dBm normal",
                             "259.10.1.43.1.2.11.1.6.1": b"-17.30 dBm low warning"},
         Optic("a1", -17.3, -5.2, 33.5)),
        ("40418.7.53", {"40418.7.100.30.1.1.17.1": b"0.77(A+)", "40418.7.100.30.1.1.22.1": b"-0.00(A-)"},
         Optic("a1", 0.77)),
        ("4881.1.1.10.1.116", {"4881.1.1.10.2.105.1.1.1.76.1": -1530, "4881.1.1.10.2.105.1.1.1.81.1": -10000},
         Optic("a1", -15.3)),
        ("890.1.5.8.68", {"890.1.15.3.84.1.2.1.6.1.1": 3925, "890.1.15.3.84.1.2.1.6.1.4": -612,
                          "890.1.15.3.84.1.2.1.6.1.5": -1877}, Optic("a1", -18.77, -6.12, 39.2)),
        ("9.6.1.83.28.1", {"9.6.1.101.90.1.2.1.3.2.5": 33, "9.6.1.101.90.1.2.1.3.2.8": -5100,
                           "9.6.1.101.90.1.2.1.3.2.9": -21500}, Optic("a2", -21.5, -5.1, 33)),
        ("8886.6.1", {"8886.1.18.2.2.1.1.2.1.3": -6214, "8886.1.18.2.2.1.1.2.1.4": -19100}, Optic("a1", -19.1, -6.21)),
        ("207.1.14.99", {"207.8.4.4.3.28.1.4.1.3.1.1": 5012, "207.8.4.4.3.28.1.5.1.3.1.1": 100},
         Optic("a1", -20.0, -3.0)),
        ("1991.1.3.62", {"1991.1.1.3.3.6.1.1.1": b"  34.5269 C: Normal",
                         "1991.1.1.3.3.6.1.2.1": b"-002.6103 dBm: Normal",
                         "1991.1.1.3.3.6.1.3.1": b"-011.7005 dBm: Low-Warn"}, Optic("a1", -11.7, -2.61, 34.5)),
        ("6527.1.3.8", {"6527.3.1.2.2.4.31.1.16.1.2": 3162, "6527.3.1.2.2.4.31.1.21.1.2": 50},
         Optic("a2", -23.01, -5.0)),
        ("47196.4.1.1.1.100", {"47196.4.1.1.3.27.1.2.2.1.7.1.1": b"0.6451",
                               "47196.4.1.1.3.27.1.2.2.1.12.1.1": b"0.5537",
                               "47196.4.1.1.3.27.1.2.1.1.2.1": b"33.6797", "47196.4.1.1.3.27.1.2.1.1.29.1": b"0.0316"},
         Optic("a1", -2.57, -1.9, 33.7, rx_low_dbm=-15.0)),
        ("3320.1.212", {"3320.9.63.1.7.1.2.1": -610, "3320.9.63.1.7.1.3.1": -1420, "3320.9.63.1.7.1.4.1": 8960},
         Optic("a1", -14.2, -6.1, 35)),
        ("3320.1.237", {"3320.101.10.5.1.5.3": -213, "3320.101.10.5.1.6.3": 24}, Optic("a3", -21.3, 2.4, remote=True)),
        ("2011.2.80.8", {"2011.6.128.1.1.2.51.1.3.1.7": 218, "2011.6.128.1.1.2.51.1.4.1.7": -2104},
         Optic("a1 ONU 7", -21.04, 2.18, remote=True)),
        ("3902.1082.1001.320.2.1", {"3902.1082.500.20.2.2.2.1.10.1.4.1": 4525,
                                    "3902.1082.500.20.2.2.2.1.14.1.4.1": 16200},
         Optic("a1 ONU 4.1", -20.95, 2.4, remote=True)),
        ("37950.1.1.5", {"37950.1.1.6.1.1.3.1.6.1.2": b"2.13", "37950.1.1.6.1.1.3.1.7.1.2": b"-22.01"},
         Optic("ONU 1.2", -22.01, 2.13, remote=True)),
        ("5875.800.1001.11", {"5875.800.3.9.3.3.1.6.9": -1987, "5875.800.3.9.3.3.1.7.9": 231},
         Optic("ONU 9", -19.87, 2.31, remote=True)),
    ],
)  # fmt: skip
def test_each_vendors_table_in_its_unit(object_id, rows, expected):
    assert of_vendor(object_id, rows) == [expected]


def test_huawei_module_in_microwatts_and_in_hundredths_of_dbm():
    """Watts are never negative: one negative power tells the unit of the whole table."""
    alias = {"1.3.6.1.2.1.47.1.3.2.1.2.67.0": ObjectId("1.3.6.1.2.1.2.2.1.1.2")}

    def read(rx, tx):
        rows = {ENTERPRISES + HUAWEI + "8.67": rx, ENTERPRISES + HUAWEI + "9.67": tx}
        session = Recording({OBJECT_ID: ObjectId(ENTERPRISES + "2011.2.23.1"), **alias, **rows})
        return read_optics(session, [Port(1, "GE0/0/1"), Port(2, "GE0/0/2")])

    assert read(50, 316) == [Optic("GE0/0/2", -13.01, -5.0)]
    assert read(-849, 316) == [Optic("GE0/0/2", -8.49, 3.16)]
    assert read(-1, 0) == []


def test_lanes_are_told_apart_and_replace_their_sum():
    current, lanes = "2636.3.60.1.1.1.1.", "2636.3.60.1.2.1.1."
    rows = {
        f"{current}5.1": -100,
        f"{current}7.1": -100,
        f"{lanes}6.1.0": -210,
        f"{lanes}6.1.1": -4000,
        f"{lanes}8.1.0": -50,
    }

    assert of_vendor("2636.1.1.1.2.29", rows) == [Optic("a1", -2.1, -0.5, lane=0)]


def test_onus_of_one_name_stay_apart_and_a_dark_one_is_absent():
    onu = "41112.1.5.6.2.1."
    rows = {
        **{f"{onu}2.{row}": b"home" for row in (1, 2, 3)},
        **{f"{onu}8.{row}": power for row, power in ((1, 0), (2, 210), (3, 198))},
        **{f"{onu}9.{row}": power for row, power in ((1, 0), (2, -2110), (3, -1987))},
    }

    assert of_vendor("41112.1.5", rows) == [
        Optic("home", -21.1, 2.1, remote=True),
        Optic("home", -19.87, 1.98, remote=True),
    ]


def test_tables_of_other_vendors_are_not_asked_for():
    session = Recording({OBJECT_ID: ObjectId("1.3.6.1.4.1.8072.3.2.10")})

    assert read_optics(session, []) == []
    assert session.requests == 2


VALUES = st.one_of(
    st.integers(-(2**63), 2**64), st.binary(max_size=40), st.sampled_from([b"NULL", b"n/a", b"-inf", b"nan dBm"])
)
SENSORS = [f"1.3.6.1.2.1.99.1.1.1.{c}" for c in range(1, 7)] + [f"1.3.6.1.4.1.9.9.91.1.1.1.1.{c}" for c in range(1, 6)]
ENTITY = [f"1.3.6.1.2.1.47.1.1.1.1.{c}" for c in (2, 4, 7)]


@st.composite
def devices(draw):
    """A device of one vendor with anything in any column of its tables, of its sensors and of ENTITY-MIB."""
    table = draw(st.sampled_from(TABLES))
    product = ENTERPRISES + draw(st.sampled_from(table.products))
    entry = table.entry.format(product=product) if "{" in table.entry else ENTERPRISES + table.entry
    columns = [column.replace("*", "1") for column in (table.rx, table.tx, table.temperature, table.rx_low) if column]
    columns = [f"{entry}.{column}" for column in columns] + SENSORS + ENTITY
    rows = draw(st.dictionaries(st.tuples(st.sampled_from(columns), st.integers(1, 3)), VALUES, max_size=60))
    return {OBJECT_ID: ObjectId(product), **{f"{column}.{row}": value for (column, row), value in rows.items()}}


@given(devices())
def test_whatever_a_device_sends_no_power_is_made_up(rows):
    for optic in read_optics(Recording(rows), [Port(1, "a1")]):
        for power in (optic.rx_dbm, optic.tx_dbm, optic.rx_low_dbm):
            assert power is None or -39.9 <= power <= 12
            assert power != 0
        assert optic.temperature_celsius is None or -50 <= optic.temperature_celsius <= 125


@given(devices())
def test_what_is_no_number_never_becomes_a_power(rows):
    words = {oid: b"NULL" if oid != OBJECT_ID else value for oid, value in rows.items()}

    assert read_optics(Recording(words), [Port(1, "a1")]) == []
