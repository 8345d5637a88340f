"""EEPROM of the optical module in a network interface: ioctl SIOCETHTOOL of Linux (linux/ethtool.h), no subprocess.

Both commands, ETHTOOL_GMODULEINFO and ETHTOOL_GMODULEEEPROM, need CAP_NET_ADMIN in the interface's network namespace:
they are not among those that the kernel's dev_ethtool() lets anybody ask (net/ethtool/ioctl.c).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SIOCETHTOOL = 0x8946
GMODULEINFO = 0x42
GMODULEEEPROM = 0x43
IFREQ = struct.Struct("16sP16x")
"""struct ifreq: name, address of the command's own structure; not shorter than the kernel's on 32 and 64 bits."""
MODINFO = struct.Struct("=3I32x")
"""struct ethtool_modinfo: command, type, length of the EEPROM, eight reserved words."""
EEPROM = struct.Struct("=4I")
"""struct ethtool_eeprom: command, magic, offset, length; the bytes follow."""
LONGEST_NAME = 15
PART = 256
"""Read at a time: A0h or the first two pages alone, so that they are kept where what follows does not answer."""
LONGEST = 640
"""ETH_MODULE_SFF_8636_MAX_LEN, the longest of the layouts."""
NO_MODULE = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV})
"""No cage, or none that the driver can look into; nothing in the cage; no such interface."""


def read(interface: str, ioctl: Callable[[int, int, bytes], object] = fcntl.ioctl) -> bytes | None:
    """The bytes of the module, None where there is none.

    What lies behind the first 256 bytes is left out where it cannot be read. Not for every second: over the module's
    I2C bus (100 kHz) 512 bytes take some 50 ms, in which the kernel holds its RTNL lock: other changes of links wait.
    Raises PermissionError without CAP_NET_ADMIN, OSError where there is a module that does not answer.
    """
    name = interface.encode()
    if len(name) > LONGEST_NAME:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:

        def ask(request: bytes) -> bytes:
            answer = ctypes.create_string_buffer(request, len(request))
            ioctl(out.fileno(), SIOCETHTOOL, IFREQ.pack(name, ctypes.addressof(answer)))
            return answer.raw

        try:
            _, _, length = MODINFO.unpack(ask(MODINFO.pack(GMODULEINFO, 0, 0)))
            return _bytes(ask, min(length, LONGEST)) or None
        except OSError as refused:
            if refused.errno in NO_MODULE:
                return None
            raise


def _bytes(ask: Callable[[bytes], bytes], length: int) -> bytes:
    found = b""
    while (left := length - len(found)) > 0:
        request = EEPROM.pack(GMODULEEEPROM, 0, len(found), min(left, PART))
        try:
            answer = ask(request + bytes(min(left, PART)))
        except OSError:
            if found:
                return found  # a module whose second address or upper pages do not answer: the first part stands
            raise
        found += answer[EEPROM.size :]
    return found
