"""What tells one computer from another: SMBIOS as Linux and Windows give it, filler of mainboards, network cards."""

from __future__ import annotations

import struct
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from haidang_agent.platform import linux, windows
from haidang_agent.platform.machine_id import MachineId, Smbios, is_burnt_in, machine_id, parse_smbios
from hypothesis import given
from hypothesis import strategies as st

KEY = bytes(range(32))
UUID = "4c4c4544-0039-3510-8056-b7c04f4a3032"
SOUND = Smbios(UUID, "/J9XV7J2/CN1296378900AB/", "J9XV7J2")
CARDS = ("3c:52:82:01:02:03", "3c:52:82:01:02:04")


def structure(kind: int, formatted: bytes, *texts: bytes) -> bytes:
    strings = b"\0".join(texts) + b"\0" if texts else b"\0"
    return struct.pack("<BBH", kind, 4 + len(formatted), kind) + formatted + strings + b"\0"


def system(uuid: bytes, serial: int) -> bytes:
    """Type 1: maker, product, version, serial, UUID, wake-up, SKU, family."""
    return bytes((1, 2, 0, serial)) + uuid + bytes((6, 0, 0))


TABLE = (
    structure(0, bytes(20), b"BIOS maker", b"1.2.3")
    + structure(1, system(bytes(range(16)), 3), b"Maker", b"Model", b"SYS-77123")
    + structure(2, bytes((1, 2, 0, 3)), b"Board maker", b"Board", b" BRD-90817 ")
    + structure(2, bytes((1, 0, 0, 2)), b"Riser", b"RISER-1")
    + structure(127, b"")
)


def test_one_computer_has_one_strong_id_whatever_its_cards_and_its_system() -> None:
    found = {
        machine_id(SOUND, CARDS, KEY),
        machine_id(SOUND, ["00:1b:21:00:00:01"], KEY),
        machine_id(Smbios(f" {UUID.upper()}\n", SOUND.board_serial.lower() + " ", SOUND.system_serial), (), KEY),
    }

    assert len(found) == 1
    assert found.pop().strong


def test_two_computers_have_two_ids_and_two_units_see_two() -> None:
    other = SOUND._replace(board_serial="/J9XV7J3/CN1296378900AC/")

    assert len({machine_id(SOUND, (), KEY), machine_id(other, (), KEY), machine_id(SOUND, (), bytes(32))}) == 3


def test_no_text_of_the_mainboard_shows_in_it() -> None:
    text = machine_id(SOUND, CARDS, KEY).text

    assert len(bytes.fromhex(text)) == 16
    assert not any(part.replace("-", "")[:8].lower() in text for part in SOUND)


@pytest.mark.parametrize(
    "uuid",
    [
        "",
        "Not Settable",
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "FFFFFF00-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "03000200-0400-0500-0006-000700080009",
        "00020003-0004-0005-0006-000700080009",
        "12345678-1234-5678-90AB-CDDEEFAABBCC",
        "01010101-0101-0101-0101-010101010101",
        "4c4c4544-0039-3510-8056-b7c04f4a303",
    ],
)
def test_a_filler_uuid_makes_no_strong_id(uuid: str) -> None:
    assert not machine_id(SOUND._replace(uuid=uuid), CARDS, KEY).strong


@pytest.mark.parametrize(
    "serial",
    [
        "",
        "    ",
        "Default string",
        "To be filled by O.E.M.",
        "To Be Filled By O.E.M. by More String",
        "System Serial Number",
        "Base Board Serial Number",
        "Type2 - Board Serial Number",
        "Not Specified",
        "Not Applicable",
        "None",
        "N/A",
        "OEM",
        "INVALID",
        "00000000",
        "xxxxxxxxxxxx",
        "123456789",
        "0123456789ABCDEF",
        "MB-1234567890",
        "SYS-9876543210",
        ".PC",
    ],
)
def test_a_uuid_alone_is_not_strong(serial: str) -> None:
    """Makers have sold whole batches of boards under one UUID: hundreds of schools would be one computer."""
    found = machine_id(Smbios(UUID, serial, serial), CARDS, KEY)

    assert found == machine_id(Smbios(), CARDS, KEY)
    assert not found.strong


@pytest.mark.parametrize("serial", ["M80-5B020501684", "LR202007007444", "PF2ABCDE", "CZC1234XYZ"])
def test_serials_of_real_boards_are_none_of_those(serial: str) -> None:
    assert machine_id(Smbios(UUID, serial), (), KEY).strong


def test_without_smbios_it_is_told_by_its_cards_in_any_order() -> None:
    assert machine_id(Smbios(), CARDS, KEY) == machine_id(Smbios(), CARDS[::-1], KEY)
    assert machine_id(Smbios(), CARDS, KEY) != machine_id(Smbios(), CARDS[:1], KEY)
    assert machine_id(Smbios(), (), KEY) == MachineId("", strong=False)


def test_the_firmwares_table_is_read_as_linux_reads_it() -> None:
    """The first board is the mainboard; a UUID's first fields are little-endian since SMBIOS 2.6."""
    assert parse_smbios(TABLE, (2, 6)) == Smbios("030201000504070608090a0b0c0d0e0f", " BRD-90817 ", "SYS-77123")
    assert parse_smbios(TABLE, (2, 5)).uuid == "000102030405060708090a0b0c0d0e0f"


def test_windows_hands_the_table_out_behind_a_header() -> None:
    raw = struct.pack("<BBBBI", 0, 3, 2, 0, len(TABLE)) + TABLE

    assert windows.parse_raw_smbios(raw) == parse_smbios(TABLE, (3, 2))
    assert windows.parse_raw_smbios(raw[:7]) == Smbios()


def test_an_old_short_structure_and_a_text_that_is_not_there_are_absent() -> None:
    """SMBIOS 2.0 has no UUID."""
    table = structure(1, bytes((1, 2, 0, 9)), b"Maker", b"Model") + structure(2, b"\1", b"Board maker")

    assert parse_smbios(table, (2, 0)) == Smbios()


@given(st.binary(max_size=300), st.integers(0, len(TABLE)), st.integers(0, 255), st.integers(0, 255))
def test_a_broken_table_gives_texts_or_nothing(noise: bytes, cut: int, major: int, minor: int) -> None:
    for table in (noise, TABLE[:cut] + noise):
        found = parse_smbios(table, (major, minor))

        assert all(isinstance(text, str) for text in found)
        assert len(found.uuid) in (0, 32)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PC's /sys with a network card of its own, Wi-Fi under an address set by the system, a bridge, a serial port."""
    cards = {
        "eth0": ("1", "0", "3c:52:82:01:02:03", True),
        "wlan0": ("1", "3", "00:11:22:33:44:55", True),
        "usb0": ("1", "0", "02:11:22:33:44:55", True),
        "br0": ("1", "0", "3c:52:82:01:02:99", False),
        "wwan0": ("65534", "0", "3c:52:82:01:02:98", True),
        "lo": ("772", "0", "00:00:00:00:00:00", False),
    }
    for name, (kind, assigned, mac, physical) in cards.items():
        folder = tmp_path / "class" / "net" / name
        folder.mkdir(parents=True)
        for file, text in (("type", kind), ("addr_assign_type", assigned), ("address", mac)):
            (folder / file).write_text(text + "\n")
        if physical:
            (folder / "device").mkdir()
    folder = tmp_path / "class" / "dmi" / "id"
    folder.mkdir(parents=True)
    for file, text in (
        ("product_uuid", UUID),
        ("board_serial", "M80-5B020501684"),
        ("product_serial", "Default string"),
    ):
        (folder / file).write_text(text + "\n")
    return tmp_path


def test_linux_tells_what_the_kernel_shows(machine: Path) -> None:
    assert linux.smbios(machine) == Smbios(UUID, "M80-5B020501684", "Default string")
    assert linux.burnt_in_addresses(machine) == ["3c:52:82:01:02:03"]


def test_what_linux_keeps_from_this_user_is_absent(machine: Path) -> None:
    """A folder in the file's place: like a file of root's it can't be read, and this test may run as root."""
    (machine / "class/dmi/id/board_serial").unlink()
    (machine / "class/dmi/id/board_serial").mkdir()

    assert linux.smbios(machine) == Smbios(UUID, "", "Default string")


def test_a_machine_without_smbios_has_none(tmp_path: Path) -> None:
    assert linux.smbios(tmp_path) == Smbios()
    assert linux.burnt_in_addresses(tmp_path) == []


def test_windows_cards_are_those_that_are_not_virtual(monkeypatch) -> None:
    def card(mac: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(family=psutil.AF_LINK, address=mac), SimpleNamespace(family=2, address="10.0.0.1")]

    held = {
        "Ethernet": card("3C-52-82-01-02-03"),
        "Wi-Fi": card("DA-A1-19-00-00-01"),
        "VMware Network Adapter VMnet8": card("00-50-56-C0-00-08"),
        "Tunnel": card("00-00-00-00-00-00-00-E0"),
    }
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: held)

    assert windows.burnt_in_addresses(Path("/sys")) == ["3c:52:82:01:02:03"]


@pytest.mark.parametrize(
    ("mac", "burnt_in"),
    [
        ("3c:52:82:01:02:03", True),
        ("02:00:00:00:00:01", False),
        ("01:00:5e:00:00:01", False),
        ("00:00:00:00:00:00", False),
    ],
)
def test_an_address_by_the_manufacturer(mac: str, burnt_in: bool) -> None:
    assert is_burnt_in(mac) == burnt_in


def test_both_systems_offer_what_the_roll_call_asks_of_them() -> None:
    asked = {"burnt_in_addresses", "send_from", "smbios"}

    assert asked <= set(vars(linux)) & set(vars(windows))
