"""Run inside a namespace: `wire.py record INTERFACE FILE` until it is killed, `wire.py send INTERFACE HEX…`."""

from __future__ import annotations

import socket
import struct
import sys
import time
from pathlib import Path

ETH_P_ALL = 3
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1


def main() -> None:
    what, interface, *rest = sys.argv[1:]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as raw:
        raw.bind((interface, ETH_P_ALL))
        if what == "send":
            for frame in rest:
                raw.send(bytes.fromhex(frame))
            return
        index = socket.if_nametoindex(interface)
        raw.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("IHH8s", index, PACKET_MR_PROMISC, 0, b""))
        with Path(rest[0]).open("wb", buffering=0) as file:
            file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            while True:
                frame = raw.recv(65535)
                seconds, fraction = divmod(time.time_ns() // 1000, 10**6)
                file.write(struct.pack("<IIII", seconds, fraction, len(frame), len(frame)) + frame)


if __name__ == "__main__":
    main()
