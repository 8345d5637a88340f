"""Webcams, printers and displays of Linux machines."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.agent.equipment.cupsd import Cupsd
from tests.agent.equipment.edids import edid
from tests.agent.equipment.trees import Machine

CAPTURE, METADATA = ":capture:", ":"


def test_a_machine_with_nothing(tmp_path: Path) -> None:
    """Where the kernel has no folder for a kind, there is none of it."""
    assert Machine(tmp_path).look().counts == {"webcam": 0, "printer": 0, "display": 0}


def test_a_machine_without_sys(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    shutil.rmtree(tmp_path / "sys")

    assert machine.look().counts == {}
    assert machine.look().unread.keys() == {"webcam", "printer", "display"}


@pytest.mark.parametrize("told_by_udev", [True, False])
def test_a_webcam_of_several_nodes_is_one(tmp_path: Path, told_by_udev: bool) -> None:
    """Picture and metadata of the lens, and of the infrared lens beside it."""
    machine = Machine(tmp_path)
    machine.usb_device("1-2", interfaces=("0e", "0e", "0e", "0e"))
    for number, interface, index in ((0, 0, 0), (1, 0, 1), (2, 2, 0), (3, 2, 1)):
        able = (METADATA if index else CAPTURE) if told_by_udev else None
        machine.video(number, f"usb1/1-2/1-2:1.{interface}", index=index, able=able)

    assert machine.look().counts["webcam"] == 1


def test_without_udevs_word_a_node_that_is_not_the_first_is_no_camera(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.usb_device("1-2", interfaces=("0e",))
    machine.video(0, "usb1/1-2/1-2:1.0", index=1)

    assert machine.look().counts["webcam"] == 0


def test_two_of_one_model_are_two(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for i in (1, 2):
        machine.usb_device(f"1-{i}", interfaces=("0e",))
        machine.video(i, f"usb1/1-{i}/1-{i}:1.0", able=CAPTURE)

    assert machine.look().counts["webcam"] == 2


@pytest.mark.parametrize(
    ("vendor", "driver", "able"),
    [
        ("534d", "uvcvideo", CAPTURE),  # an HDMI grabber
        ("046d", "uvcvideo", METADATA),
        ("1b80", "usbtv", CAPTURE),
        ("0ccd", "em28xx", CAPTURE),
        ("2040", "some_tuner", ":capture:tuner:"),
    ],
)
def test_what_is_no_webcam_though_on_usb(tmp_path: Path, vendor: str, driver: str, able: str) -> None:
    machine = Machine(tmp_path)
    machine.usb_device("1-2", vendor=vendor, interfaces=("ff",))
    machine.video(0, "usb1/1-2/1-2:1.0", able=able, driver=driver)

    assert machine.look().counts["webcam"] == 0


def test_a_television_stick_that_also_broadcasts(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.usb_device("1-2", interfaces=("ff",))
    machine.video(0, "usb1/1-2/1-2:1.0", able=CAPTURE, driver="unheard_of")
    assert machine.look().counts["webcam"] == 1

    machine.link("sys/class/dvb/dvb0.frontend0/device", str(tmp_path / "sys/devices/usb1/1-2"))

    assert machine.look().counts["webcam"] == 0


def test_loopback_codec_and_tuner_card_are_no_webcams(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write({"sys/class/video4linux/video0/index": "0\n", "sys/class/video4linux/video0/dev": "81:0\n"})
    machine.video(1, "platform/bcm2835-codec", able=CAPTURE)
    machine.video(2, "pci0000:00/0000:00:1e.0", able=":capture:tuner:")

    assert machine.look().counts["webcam"] == 0


def test_printers_on_usb_where_there_is_no_cups(tmp_path: Path) -> None:
    """A device of several printer interfaces is one; a scanner is none."""
    machine = Machine(tmp_path)
    machine.usb_device("1-1", interfaces=("07", "ff", "07", "07"))
    machine.usb_device("1-3", interfaces=("07",))
    machine.usb_device("1-4", interfaces=("ff", "08"))

    assert machine.look().counts["printer"] == 2


def test_queues_and_plugged_in_printers_are_not_added_up(tmp_path: Path) -> None:
    """One of two queues is for the printer that is on; a second printer that is on has no queue."""
    machine = Machine(tmp_path)
    machine.usb_device("1-1", interfaces=("07",))
    with Cupsd(tmp_path, {"a": "usb://HP/1020?serial=AB12CD34", "b": "usb://Canon/LBP2900?serial=0000A1B2"}):
        assert machine.look().counts["printer"] == 2
        machine.usb_device("1-2", interfaces=("07",))
        machine.usb_device("1-3", interfaces=("07",))
        assert machine.look().counts["printer"] == 3


def test_a_cups_that_does_not_answer_leaves_printers_unread(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.usb_device("1-1", interfaces=("07",))
    machine.write({"run/cups/cups.sock": ""})
    found = machine.look()

    assert found.counts == {"webcam": 0, "display": 0}
    assert found.unread == {"printer": "CUPS failed: [Errno 111] Connection refused"}


def test_displays_by_connector(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.screen("card0-eDP-1", edid("", 31, 17))
    machine.screen("card0-HDMI-A-1", edid("EPSON PJ", 0, 0))
    machine.screen("card0-DP-1", edid("DELL", 53, 30), connected=False)
    machine.screen("card0-Virtual-1", edid("QEMU Monitor", 0, 0))
    machine.screen("card0-Writeback-1", b"")
    assert machine.look().counts["display"] == 1

    machine.screen("card1-DVI-I-1", b"cut off")

    assert machine.look().counts["display"] == 2


def test_an_only_screen_without_edid_is_the_computers_own(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write({"sys/class/drm/card0-VGA-1/status": "connected\n"})

    assert machine.look().counts["display"] == 0


def test_a_driver_without_connectors_leaves_displays_unread(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.remove("sys/class/drm/card0-VGA-1")
    machine.write({"sys/class/drm/card0/dev": "226:0\n"})

    assert machine.look().unread == {"display": "the graphics driver does not tell which screens are connected"}
