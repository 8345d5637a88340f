"""QSFP+ and QSFP28."""

from __future__ import annotations

import pytest
from haidang_agent.sff import Lane, Limits, decode

from tests.agent.sff.recorded import eeprom


def with_bytes(name: str, changes: dict[int, bytes]) -> bytes:
    found = bytearray(eeprom(name))
    for place, data in changes.items():
        found[place : place + len(data)] = data
    for first, place in ((128, 191), (192, 223)):
        found[place] = sum(found[first:place]) & 0xFF
    return bytes(found)


def test_lanes_against_what_routeros_printed():
    """RouterOS shows the first lane; the module as a whole is as good as its weakest."""
    module = decode(eeprom("qsfp28-lr4"))

    assert (module.kind, module.identifier, module.connector, module.medium) == ("SFF-8636", "QSFP28", "LC", "fibre")
    assert (module.vendor, module.part, module.revision) == ("FS", "QSFP28-LR4-100G", "01")
    assert (module.wavelength_nm, module.reach_metres) == (1310, 10_000)
    assert (int(module.temperature_celsius), module.voltage) == (35, pytest.approx(3.299, abs=2e-3))
    assert module.lanes[0] == Lane(pytest.approx(0.805, abs=2e-3), pytest.approx(1.73, abs=2e-3), 54.324)
    assert (module.rx_dbm, module.tx_dbm, module.bias_ma) == (0.057, 0.952, 66.036)
    assert module.problems == ("page 03h (thresholds) was not read",)


def test_thresholds_and_flags_of_a_module_that_sends_nothing():
    module = decode(eeprom("qsfp-40g-sr4"))

    assert (module.vendor, module.part, module.oui) == ("Arista Networks", "QSFP-40G-SR4", "00:1c:73")
    assert (module.wavelength_nm, module.reach_metres) == (850, 100)
    assert (module.temperature_celsius, module.voltage) == (25.359, 3.267)
    assert [lane.rx_dbm for lane in module.lanes] == [-0.893, -0.842, -0.038, -0.53]
    assert (module.rx_dbm, module.tx_dbm, module.bias_ma) == (-0.893, None, 0)
    assert module.limits["temperature"] == Limits(75, -5, 70, 0)
    assert module.limits["voltage"] == Limits(3.63, 2.97, 3.465, 3.135)
    assert module.limits["rx_power"] == Limits(3.4, -13.507, 2.4, -9.5)
    assert module.limits["bias"] == Limits(10, 0.5, 9.5, 1)
    assert module.rx_low_dbm == -13.507
    assert module.alarms == ("tx_los_lane1", "tx_los_lane2", "tx_los_lane3", "tx_los_lane4")
    assert module.problems == ()


def test_a_lane_without_light_leaves_the_module_without():
    module = decode(with_bytes("qsfp-40g-sr4", {38: b"\x00\x00", 3: b"\x04"}))

    assert [lane.rx_dbm for lane in module.lanes] == [-0.893, -0.842, None, -0.53]
    assert (module.rx_dbm, module.alarms) == (None, ("rx_los_lane3",))
    assert module.problems == ("rx of lane 3: no light",)


def test_flags_by_lane():
    module = decode(with_bytes("qsfp-40g-sr4", {3: bytes(1), 6: b"\x80\x10", 9: b"\x04\x01", 11: b"\x80\x00"}))

    assert module.alarms == (
        "temperature_high_alarm",
        "voltage_low_warning",
        "rx_power_low_alarm_lane2",
        "rx_power_low_warning_lane4",
        "bias_high_alarm_lane1",
    )


def test_copper_cable_has_no_light():
    """Built: the recording with a passive cable's technology, connector and compliance (40GBASE-CR4)."""
    module = decode(with_bytes("qsfp-40g-sr4", {130: b"\x23\x08", 147: b"\xb0"}))

    assert (module.medium, module.rx_dbm, module.lanes, module.wavelength_nm) == ("copper", None, (), None)
    assert (module.connector, module.problems) == ("no separable connector", ())


def test_wrong_checksum_proves_nothing():
    wrong = bytearray(eeprom("qsfp-40g-sr4"))
    wrong[191] ^= 0xFF
    module = decode(bytes(wrong))

    assert (module.medium, module.problems) == ("unknown", ("checksum CC_BASE (identification) is wrong",))


@pytest.mark.parametrize(
    ("bytes_read", "problem"),
    [
        (eeprom("qsfp-40g-sr4")[:128], "page 00h was not read"),
        (eeprom("qsfp-40g-sr4")[:256], "page 03h (thresholds) was not read"),
        (with_bytes("qsfp-40g-sr4", {22: bytes(36)}), "diagnostics are blank"),
        (with_bytes("qsfp-40g-sr4", {2: b"\x01"}), "diagnostics are not ready"),
    ],
)
def test_what_is_missing_is_named(bytes_read, problem):
    assert decode(bytes_read).problems == (problem,)


def test_thresholds_that_were_never_set_are_absent():
    module = decode(with_bytes("qsfp-40g-sr4", {512: bytes(128)}))

    assert set(module.limits.values()) == {Limits(None, None, None, None)}
    assert (module.rx_low_dbm, module.rx_dbm) == (None, -0.893)


def test_module_without_other_pages_misses_none():
    """Flat memory, byte 2 bit 2."""
    assert decode(with_bytes("qsfp28-lr4", {2: b"\x04"})).problems == ()
