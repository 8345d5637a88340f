"""The kernel's side: real interfaces without a module, and recorded modules behind a stand-in for the system call."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import subprocess
import sys

import pytest
from haidang_agent.platform import module_eeprom
from haidang_agent.sff import decode

from tests.agent.namespaces import Namespace
from tests.agent.sff.recorded import eeprom

READ = "import sys; from haidang_agent.platform.module_eeprom import read; print([read(name) for name in sys.argv[1:]])"
POINTER = struct.calcsize("P")


class Kernel:
    """ioctl(2) of a kernel with one module: layouts after linux/ethtool.h, written down apart from ours.

    `answers_to` is how many bytes the module gives before it falls silent.
    """

    def __init__(self, contents: bytes, kind: int, announced: int | None = None, answers_to: int | None = None) -> None:
        self.contents = contents
        self.kind = kind
        self.announced = len(contents) if announced is None else announced
        self.answers_to = len(contents) if answers_to is None else answers_to
        self.interfaces: set[str] = set()

    def __call__(self, descriptor: int, request: int, ifreq: bytes) -> None:
        os.fstat(descriptor)
        assert (request, len(ifreq)) == (0x8946, 16 + POINTER + 16)
        self.interfaces.add(ifreq[:16].rstrip(b"\0").decode())
        address = int.from_bytes(ifreq[16 : 16 + POINTER], sys.byteorder)
        command = int.from_bytes(ctypes.string_at(address, 4), sys.byteorder)
        if command == 0x42:
            size = 44
            assert ctypes.string_at(address, size)[4:] == bytes(size - 4)
            ctypes.memmove(address + 4, struct.pack("=2I", self.kind, self.announced), 8)
            return
        assert command == 0x43
        _, _, offset, length = struct.unpack("=4I", ctypes.string_at(address, 16))
        if offset + length > max(self.answers_to, 0):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        ctypes.memmove(address + 16, self.contents[offset : offset + length], length)


def refusing(number: int):
    def ioctl(descriptor: int, request: int, ifreq: bytes) -> None:
        raise OSError(number, os.strerror(number))

    return ioctl


@pytest.mark.parametrize(
    ("name", "kind"),
    [("sfp-10g-lr", 2), ("sfp-1000base-t", 1), ("qsfp-40g-sr4", 3), ("qsfp28-lr4", 3)],
)
def test_recorded_module_comes_through_whole(name, kind):
    kernel = Kernel(eeprom(name), kind)

    assert module_eeprom.read("sfp-0", kernel) == eeprom(name)
    assert kernel.interfaces == {"sfp-0"}


def test_module_whose_diagnostics_do_not_answer_keeps_its_identity():
    found = module_eeprom.read("eth4", Kernel(eeprom("sfp-10g-lr"), 2, answers_to=256))

    assert found == eeprom("sfp-10g-lr")[:256]
    assert decode(found).problems == ("diagnostics announced, but page A2h was not read",)


def test_module_that_does_not_answer_is_no_empty_cage():
    with pytest.raises(OSError, match="Input/output error"):
        module_eeprom.read("eth4", Kernel(eeprom("sfp-10g-lr"), 2, answers_to=0))


def test_a_driver_that_announces_too_much_is_held_to_the_longest_layout():
    assert len(module_eeprom.read("eth4", Kernel(bytes(4096), 3, announced=0xFFFFFFFF))) == 640


def test_a_driver_that_announces_nothing_has_no_module():
    assert module_eeprom.read("eth4", Kernel(b"", 2)) is None


def test_a_name_too_long_is_not_cut_to_another_interface():
    """Of 16 bytes the kernel takes 15."""
    assert module_eeprom.read("a-name-of-16-byt", Kernel(eeprom("sfp-10g-lr"), 2)) is None


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV])
def test_no_module(number):
    assert module_eeprom.read("eth4", refusing(number)) is None


@pytest.mark.parametrize(("number", "error"), [(errno.EPERM, PermissionError), (errno.EREMOTEIO, OSError)])
def test_what_is_no_answer_is_an_error(number, error):
    with pytest.raises(error):
        module_eeprom.read("eth4", refusing(number))


def test_real_interfaces_without_a_module():
    """veth, bridge and loopback answer EOPNOTSUPP, a name that is not there ENODEV."""
    with Namespace() as machine:
        machine.ip("link", "add", "wan0", "type", "veth", "peer", "name", "wan1")
        machine.ip("link", "add", "br0", "type", "bridge")

        told = machine.run(sys.executable, "-c", READ, "wan0", "br0", "lo", "gone0")

    assert told.strip() == str([None] * 4)


def test_reading_needs_cap_net_admin():
    """Root without the capability: the kernel looks at it before it looks for a module."""
    without = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]
    with Namespace() as machine:
        machine.ip("link", "add", "wan0", "type", "veth", "peer", "name", "wan1")

        done = subprocess.run(
            machine.command(*without, sys.executable, "-c", READ, "wan0"), check=False, capture_output=True, text=True
        )

    assert (done.stdout, done.stderr.splitlines()[-1]) == ("", "PermissionError: [Errno 1] Operation not permitted")
