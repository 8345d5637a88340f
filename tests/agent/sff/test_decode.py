"""Whatever is in the cage, and whatever bytes come."""

from __future__ import annotations

import math

import pytest
from haidang_agent.sff import decode
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.sff.recorded import NAMES, RECORDINGS, eeprom


def cmis(medium: int) -> bytes:
    """Built after CMIS 5.0: a QSFP-DD at 40 °C and 3.3 V."""
    found = bytearray(256)
    found[0:2], found[14:18], found[85] = b"\x18\x50", b"\x28\x00\x80\xe8", medium
    found[128], found[203] = 0x18, 0x07
    found[129:145], found[148:164] = b"HAI DANG".ljust(16), b"QDD-400G-FR4".ljust(16)
    found[222] = sum(found[128:222]) & 0xFF
    return bytes(found)


@pytest.mark.parametrize("nothing", [b"", bytes(256), b"\xff" * 512, bytes(640)])
def test_empty_cage_is_no_module(nothing):
    assert decode(nothing) is None


@pytest.mark.parametrize(("code", "medium"), [(2, "fibre"), (3, "copper"), (4, "unknown"), (5, "copper")])
def test_cmis_module_is_identified_and_said_not_to_be_decoded(code, medium):
    module = decode(cmis(code))

    assert (module.kind, module.identifier, module.medium, module.connector) == ("CMIS", "QSFP-DD", medium, "LC")
    assert (module.vendor, module.part) == ("HAI DANG", "QDD-400G-FR4")
    assert (module.temperature_celsius, module.voltage, module.rx_dbm) == (40, 3.3, None)
    assert module.problems == ("optical power is not decoded from CMIS modules",)


def test_cmis_module_of_which_only_the_lower_page_came():
    module = decode(cmis(2)[:128])

    assert (module.medium, module.vendor) == ("fibre", None)
    assert "page 00h was not read" in module.problems


@pytest.mark.parametrize(
    ("bytes_read", "problem"),
    [
        (b"\x06" + bytes(255), "identifier 06h (XFP) is not decoded"),
        (b"\x55" + bytes(255), "identifier 55h (55h) is not decoded"),
        (b"\x03\x04\x07", "only 3 bytes of EEPROM, at least 128 are needed"),
    ],
)
def test_what_is_not_decoded_is_said(bytes_read, problem):
    module = decode(bytes_read)

    assert (module.kind, module.medium, module.problems) == ("unknown", "unknown", (problem,))


@pytest.mark.parametrize("name", NAMES)
def test_serial_number_never_leaves_the_bytes(name):
    """Another serial number in the module changes nothing but what its checksum says."""
    first, last = (196, 212) if name.startswith("qsfp") else (68, 84)
    bytes_read = bytearray(eeprom(name))
    bytes_read[first:last] = b"SECRETSERIAL0001"

    assert "SECRETSERIAL" not in repr(decode(bytes(bytes_read)))


@pytest.mark.parametrize("name", NAMES)
def test_recordings_hold_no_serial_number_and_name_their_source(name):
    first, last = (196, 212) if name.startswith("qsfp") else (68, 84)
    bytes_kept = eeprom(name)

    assert name == "garbled-by-the-driver" or bytes_kept[first:last] == b" " * 16
    assert (RECORDINGS / f"{name}.hex").read_text().startswith("# ")


@st.composite
def mutilated(draw):
    """A recording with some bytes overwritten, cut anywhere."""
    found = bytearray(eeprom(draw(st.sampled_from(NAMES))))
    for place, value in draw(st.dictionaries(st.integers(0, len(found) - 1), st.integers(0, 255), max_size=40)).items():
        found[place] = value
    return bytes(found[: draw(st.integers(0, len(found)))])


headed = st.builds(
    lambda identifier, rest: bytes([identifier]) + rest,
    st.sampled_from([0x02, 0x03, 0x0D, 0x11, 0x18, 0x1E]),
    st.binary(min_size=0, max_size=700),
)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=700), headed, mutilated()))
def test_any_bytes_give_plausible_values_or_none(bytes_read):
    module = decode(bytes_read)

    if module is None:
        assert not bytes_read[:64].strip(b"\x00") or not bytes_read[:64].strip(b"\xff")
        return
    powers = [module.rx_dbm, module.tx_dbm, *(power for lane in module.lanes for power in (lane.rx_dbm, lane.tx_dbm))]
    assert all(-50 <= power <= 15 for power in [*powers, module.rx_low_dbm] if power is not None)
    assert module.temperature_celsius is None or -60 <= module.temperature_celsius <= 127
    assert module.voltage is None or 1 <= module.voltage <= 6
    assert module.bias_ma is None or 0 <= module.bias_ma <= 132
    assert module.wavelength_nm is None or module.wavelength_nm > 0
    limits = [value for limit in module.limits.values() for value in values_of(limit)]
    assert all(math.isfinite(value) for value in limits if value is not None)
    assert all(text.isprintable() for text in (module.vendor, module.part, module.revision) if text is not None)
    assert len(module.problems) < 20


def values_of(limit):
    return (limit.high_alarm, limit.low_alarm, limit.high_warning, limit.low_warning)
