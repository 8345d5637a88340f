"""SFP and SFP+. What is expected beside a recording was printed by the device that it was read from."""

from __future__ import annotations

import math
import struct

import pytest
from haidang_agent.sff import Limits, decode
from haidang_agent.sff.calibration import Calibration

from tests.agent.sff.recorded import changed, eeprom


def test_long_reach_module_against_what_cisco_printed():
    module = decode(eeprom("sfp-10g-lr"))

    assert (module.kind, module.identifier, module.connector, module.medium) == ("SFF-8472", "SFP", "LC", "fibre")
    assert (module.vendor, module.part, module.revision) == ("CISCO-FINISAR", "FTLX1474D3BCL-CS", "A")
    assert (module.oui, module.wavelength_nm, module.reach_metres) == ("00:90:65", 1310, 10_000)
    assert (module.temperature_celsius, module.voltage, module.bias_ma) == pytest.approx(
        (27.563, 3.349, 30.938), abs=1e-3
    )
    assert (module.tx_dbm, module.rx_dbm) == pytest.approx((-2.05303, -2.93197), abs=1e-3)
    assert module.rx_power_type == "average"
    assert (module.alarms, module.problems) == ((), ())


def test_thresholds_against_what_cisco_printed():
    module = decode(eeprom("sfp-10g-lr"))

    assert module.limits == {
        "temperature": Limits(75, -6, 70, 0),
        "voltage": Limits(3.7, 2.9, 3.6, 3.0),
        "bias": Limits(85, 15, 80, 20),
        "tx_power": Limits(3.497, -12.204, 0.495, -8.196),
        "rx_power": Limits(3.497, -18.416, 0.495, -14.401),
    }
    assert module.rx_low_dbm == -18.416


def test_short_reach_module_against_what_routeros_printed():
    module = decode(eeprom("sfp-1g-sx"))

    assert (module.vendor, module.part, module.wavelength_nm, module.reach_metres) == (
        "Mikrotik",
        "S-85DLC05D",
        850,
        550,
    )
    assert (math.floor(module.temperature_celsius), module.voltage, math.floor(module.bias_ma)) == (33, 3.237, 2)
    assert (module.tx_dbm, module.rx_dbm) == (-5.792, -5.22)


def test_bidirectional_module_against_what_ethtool_printed():
    module = decode(eeprom("bidi-rebuilt"))

    assert (module.connector, module.medium, module.wavelength_nm, module.reach_metres) == ("LC", "fibre", 1310, 10_000)
    assert (module.vendor, module.oui, module.part, module.revision) == ("FS", "64:9d:99", "SFP-GE-BX", None)
    assert (module.temperature_celsius, module.voltage, module.bias_ma) == pytest.approx(
        (47.3, 3.2576, 17.65), abs=0.01
    )
    assert (module.tx_dbm, module.rx_dbm) == pytest.approx((-6.71, -5.62), abs=0.01)
    assert module.limits["temperature"] == Limits(90, -45, 85, -40)
    assert module.limits["voltage"] == Limits(3.795, 2.805, 3.465, 3.135)
    assert module.limits["bias"] == Limits(110, 1, 100, 1)
    assert module.limits["tx_power"] == Limits(-1.5, *(pytest.approx(power, abs=0.01) for power in (-10.5, -2, -10)))
    assert module.limits["rx_power"].low_alarm == module.rx_low_dbm == pytest.approx(-25.53, abs=0.01)
    assert (module.alarms, module.problems) == ((), ())


def test_external_calibration_against_what_routeros_printed_and_a_class_b_plus_receiver_is():
    """ITU-T G.984.2 class B+: an ONU's receiver works from -27 dBm up and warns below."""
    module = decode(eeprom("gpon-external"))

    assert (module.tx_dbm, math.floor(module.bias_ma)) == (pytest.approx(2.499, abs=2e-3), 0)
    assert (module.rx_low_dbm, module.limits["rx_power"].high_alarm) == (-28.0, -9.0)
    assert module.limits["bias"] == Limits(pytest.approx(100, abs=0.01), pytest.approx(4, abs=0.01), 99.996, 3.998)
    assert module.limits["voltage"].low_warning == 3.135
    assert (module.temperature_celsius, module.voltage) == (37.5, 3.324)
    assert (module.rx_dbm, module.problems) == (None, ("rx: no light",))


def test_external_calibration_of_every_quantity():
    """Built: SFF-8472, table 9-6, with constants that give round values."""
    constants = struct.pack(">5fHhHhHhHh", 0, 0, 0.001, 2, 5, 0x0180, 10, 0x0200, -100, 0x0080, 256, 0x0101, -3)
    calibration = Calibration.read(bytes(56) + constants)

    assert calibration.apply("rx_power", 1000) == pytest.approx(0.001 * 1_000_000 + 2000 + 5)
    assert calibration.apply("bias", 1000) == pytest.approx(1510 * 0.002)
    assert calibration.apply("tx_power", 1000) == 1900
    assert calibration.apply("temperature", -512) == pytest.approx(0)
    assert calibration.apply("voltage", 25600) == pytest.approx((25700 - 3) * 1e-4)


def test_calibration_constants_of_an_internally_calibrated_module_change_nothing():
    constants = struct.pack(">5fHhHhHhHh", *([9.0] * 5), *([0x0900, 9] * 4))

    assert decode(changed("sfp-10g-lr", {256 + 56: constants})) == decode(eeprom("sfp-10g-lr"))


@pytest.mark.parametrize("constants", [(math.nan,) * 5, (math.inf, 0, 0, 1, 0), (0, 0, 0, 1e30, 0)])
def test_calibration_constants_without_sense_give_no_power(constants):
    """100 raw steps of light, so that no product is 0."""
    module = decode(changed("gpon-external", {256 + 56: struct.pack(">5f", *constants), 256 + 104: b"\x00\x64"}))

    assert module.rx_dbm is None
    assert "rx: no plausible power" in module.problems


@pytest.mark.parametrize(("raw", "rx_dbm"), [(0, None), (1, None), (2, -36.99), (10_000, 0.0), (65_535, 8.165)])
def test_no_light_is_absent_and_said(raw, rx_dbm):
    """Neither 0 dBm nor -40 dBm, as many tools print it."""
    module = decode(changed("sfp-10g-lr", {256 + 104: raw.to_bytes(2, "big")}))

    assert module.rx_dbm == rx_dbm
    assert module.problems == (() if rx_dbm is not None else ("rx: no light",))


def test_dark_module_of_a_pon():
    module = decode(eeprom("xgspon-dark"))

    assert (module.medium, module.connector, module.wavelength_nm) == ("fibre", "SC", 1270)
    assert (module.rx_dbm, module.tx_dbm) == (None, None)
    assert {"rx_los", "tx_disabled", "rx_power_low_alarm"} <= set(module.alarms)
    assert module.problems == ("rx: no light", "tx: no light")


def test_next_to_no_light_is_measured_and_alarmed():
    module = decode(eeprom("sfp-10g-sr-weak"))

    assert (module.rx_dbm, module.rx_low_dbm) == (-26.778, -20)
    assert module.alarms == ("rx_los", "rx_power_low_alarm", "rx_power_low_warning")


def test_transmitter_that_is_off():
    module = decode(eeprom("sfp-25g-laser-off"))

    assert (module.tx_dbm, module.rx_dbm) == (None, -5.594)
    assert "tx_disabled" in module.alarms
    assert module.problems == ("tx: no light",)


def test_flags_that_the_module_does_not_implement_are_not_read():
    module = decode(changed("sfp-10g-sr-weak", {93: b"\x00"}))

    assert module.alarms == ()


@pytest.mark.parametrize(
    ("name", "connector", "wavelength"), [("bidi-no-diagnostics", "LC", 1310), ("gpon-stick", "SC", 1310)]
)
def test_module_without_diagnostics_is_fibre_without_powers(name, connector, wavelength):
    module = decode(eeprom(name))

    assert (module.kind, module.medium, module.connector, module.wavelength_nm) == (
        "SFF-8079", "fibre", connector, wavelength,
    )  # fmt: skip
    assert (module.rx_dbm, module.tx_dbm, module.rx_low_dbm, module.temperature_celsius) == (None, None, None, None)
    assert module.problems == ()


@pytest.mark.parametrize("name", ["dac-1m", "sfp-1000base-t"])
def test_copper_is_copper(name):
    module = decode(eeprom(name))

    assert (module.medium, module.wavelength_nm, module.reach_metres, module.problems) == ("copper", None, None, ())


def test_copper_that_says_fibre_is_no_proof_of_fibre():
    module = decode(eeprom("copper-that-says-fibre"))

    assert (module.medium, module.rx_dbm, module.tx_dbm, module.rx_low_dbm) == ("unknown", None, None, None)
    assert module.temperature_celsius == 41.102
    assert module.problems == ("says fibre, with the part number of a copper module (SFP-2.5G-T)",)


def test_flags_of_light_mean_nothing_without_light():
    module = decode(changed("copper-that-says-fibre", {256 + 110: b"\x82", 256 + 112: b"\x80\x40"}))

    assert module.alarms == ("temperature_high_alarm",)


def test_optical_connector_alone_is_no_proof_of_fibre():
    """As TP-LINK's TL-SM410U says of itself, which is 2.5GBASE-T."""
    module = decode(changed("bidi-no-diagnostics", {14: bytes(6), 60: bytes(2)}))

    assert (module.medium, module.problems) == ("unknown", ("says connector LC, but neither wavelength nor reach",))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({63: b"\x00"}, "checksum CC_BASE (identification) is wrong"),
        ({95: b"\x00"}, "checksum CC_EXT (options) is wrong"),
        ({256 + 95: b"\x00"}, "checksum CC_DMI (thresholds, calibration) is wrong"),
    ],
)
def test_wrong_checksum_is_named(changes, problem):
    wrong = bytearray(eeprom("sfp-10g-lr"))
    for place, data in changes.items():
        wrong[place : place + 1] = data

    assert decode(bytes(wrong)).problems == (problem,)


def test_bytes_garbled_by_a_driver_prove_nothing():
    module = decode(eeprom("garbled-by-the-driver"))

    assert (module.medium, module.vendor, module.rx_dbm) == ("unknown", None, None)
    assert "checksum CC_BASE (identification) is wrong" in module.problems
    assert "vendor name is not text" in module.problems


@pytest.mark.parametrize(
    ("bytes_read", "problem"),
    [
        (eeprom("sfp-10g-lr")[:256], "diagnostics announced, but page A2h was not read"),
        (
            changed("sfp-10g-lr", {92: b"\x6c"})[:256],
            "diagnostics announced, but page A2h was not read (needs an address change)",
        ),
        (eeprom("sfp-10g-lr")[:256] + bytes(256), "diagnostics announced, but page A2h is blank"),
        (eeprom("sfp-10g-lr")[:256] + b"\xff" * 256, "diagnostics announced, but page A2h is blank"),
    ],
)  # fmt: skip
def test_diagnostics_that_are_not_there(bytes_read, problem):
    module = decode(bytes_read)

    assert (module.medium, module.rx_dbm, module.temperature_celsius) == ("fibre", None, None)
    assert module.problems == (problem,)


@pytest.mark.parametrize("blank", [40, 96])
def test_thresholds_that_were_never_set_are_absent(blank):
    module = decode(changed("sfp-10g-lr", {256: bytes(blank)}))

    assert set(module.limits.values()) == {Limits(None, None, None, None)}
    assert (module.rx_low_dbm, module.rx_dbm, module.temperature_celsius) == (None, -2.932, 27.562)


def test_values_that_are_not_ready_are_absent():
    module = decode(changed("sfp-10g-lr", {256 + 110: b"\x01"}))

    assert (module.rx_dbm, module.temperature_celsius, module.rx_low_dbm) == (None, None, -18.416)
    assert module.problems == ("diagnostics are not ready",)


def test_values_that_cannot_be_are_absent():
    module = decode(changed("sfp-10g-lr", {256 + 96: b"\x80\x00\x00\x00"}))

    assert (module.temperature_celsius, module.voltage, module.rx_dbm) == (None, None, -2.932)
    assert module.problems == ("temperature: -128 cannot be", "voltage: 0 cannot be")


def test_received_power_may_be_modulation_amplitude():
    assert decode(changed("sfp-10g-lr", {92: b"\x60"})).rx_power_type == "OMA"
