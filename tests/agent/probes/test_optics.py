"""Optical modules of this router's WAN ports: recorded ones behind a stand-in for the system call, and none."""

from __future__ import annotations

import errno

import pytest
from haidang_agent.platform import module_eeprom
from haidang_agent.probe import Host, NothingToMeasureError, ProbeError, Watch
from haidang_agent.probes.optics import ALARMS, MODULE, PROBE, Settings
from haidang_agent.probes.wan import PROBE as WAN
from haidang_agent.probes.wan import Settings as WanSettings
from haidang_agent.tables import Wan

from tests.agent.sff.recorded import eeprom


def router(*wans: Wan) -> Host:
    return Host(watch=Watch(roles=("router",), wan=wans))


def collect(host: Host) -> dict[tuple[str, ...], float]:
    found = PROBE.start(Settings(), host).collect()
    return {(sample.metric.name, *sample.labels): sample.value for sample in found}


@pytest.fixture
def kernel(monkeypatch):
    """ioctl(2) as a kernel has it whose ports hold these recordings, by the interface's name."""
    ports: dict[str, bytes | int] = {}

    def ioctl(_descriptor: int, _request: int, ifreq: bytes) -> None:
        held = ports.get(ifreq[:16].rstrip(b"\0").decode(), errno.EOPNOTSUPP)
        if isinstance(held, int):
            raise OSError(held, "refused")
        answer_to(held, ifreq)

    monkeypatch.setattr(module_eeprom.read, "__defaults__", (ioctl,))
    return ports


def answer_to(held: bytes, ifreq: bytes) -> None:
    import ctypes  # noqa: PLC0415 - for this stand-in alone
    import struct  # noqa: PLC0415
    import sys  # noqa: PLC0415

    address = int.from_bytes(ifreq[16 : 16 + struct.calcsize("P")], sys.byteorder)
    command, _, offset, length = struct.unpack("=4I", ctypes.string_at(address, 16))
    if command == 0x42:
        ctypes.memmove(address + 4, struct.pack("=2I", 2, len(held)), 8)
    else:
        ctypes.memmove(address + 16, held[offset : offset + length], length)


def test_a_module_and_its_light(kernel):
    kernel["eth1"] = eeprom("sfp-10g-lr")
    host = router(Wan("wan1", "VNPT", interface="eth1"))
    values = collect(host)
    facts = host.evidence.ask("optics", "wan1")

    (module,) = [key for key in values if key[0] == MODULE.name]
    assert module[1] == "wan1"
    assert values[ALARMS.name, "wan1"] >= 0
    assert facts["fibre"] is True
    assert -40 < facts["rx_dbm"] < 10
    assert facts["rx_low_dbm"] < facts["rx_dbm"]
    assert facts["dark"] is False


def test_the_physical_port_is_asked_where_the_line_is_dialled(kernel):
    kernel["eth1"] = eeprom("sfp-10g-lr")
    values = collect(router(Wan("wan1", "VNPT", interface="ppp0", port="eth1")))

    assert (ALARMS.name, "wan1") in values


def test_a_module_without_light_is_dark_not_minus_40(kernel):
    kernel["eth1"] = eeprom("xgspon-dark")
    host = router(Wan("wan1", "VNPT", interface="eth1"))
    collect(host)
    facts = host.evidence.ask("optics", "wan1")

    assert facts["dark"] is True
    assert "rx_dbm" not in facts


def test_copper_in_the_cage_is_no_fibre(kernel):
    kernel["eth1"] = eeprom("sfp-1000base-t")
    host = router(Wan("wan1", "VNPT", interface="eth1"))
    collect(host)

    assert host.evidence.ask("optics", "wan1") == {"fibre": False, "dark": False}


def test_what_the_module_measures_is_told_by_the_line(kernel):
    """The probe `wan` takes it from the evidence."""
    kernel["eth1"] = eeprom("sfp-10g-lr")
    host = router(Wan("wan1", "VNPT", interface="eth1", medium="copper"))
    collect(host)
    wan = WAN.start(WanSettings(references=()), host)
    values = {(sample.metric.name, *sample.labels): sample.value for sample in wan.collect()}
    wan.close()

    facts = host.evidence.ask("optics", "wan1")
    assert values["school_wan_info", "wan1", "VNPT", "fibre", "optical"] == 1
    assert values["school_fibre_rx_power_dbm", "wan1"] == facts["rx_dbm"]
    assert values["school_fibre_rx_power_low_dbm", "wan1"] == facts["rx_low_dbm"]


def test_no_module_is_nothing_to_measure():
    """The interfaces of this machine: none has a cage."""
    with pytest.raises(NothingToMeasureError):
        collect(router(Wan("wan1", "VNPT", interface="lo"), Wan("wan2", "FPT", interface="gone0")))


def test_a_line_that_is_not_this_routers_is_left_alone(kernel):
    kernel[""] = eeprom("sfp-10g-lr")
    with pytest.raises(NothingToMeasureError):
        collect(router(Wan("wan1", "VNPT")))


@pytest.mark.parametrize(("number", "reason"), [(errno.EPERM, "denied"), (errno.EIO, "unreadable")])
def test_what_keeps_it_from_reading_is_said(kernel, number, reason):
    kernel["eth1"] = number
    with pytest.raises(ProbeError, match="eth1") as failed:
        collect(router(Wan("wan1", "VNPT", interface="eth1")))

    assert failed.value.reason == reason
