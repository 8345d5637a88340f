"""Run inside a namespace until it is killed: `poisoner.py INTERFACE SECONDS HEX` sends a frame again and again."""

from __future__ import annotations

import socket
import sys
import time


def main() -> None:
    interface, seconds, frame = sys.argv[1:]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
        raw.bind((interface, 0))
        while True:
            raw.send(bytes.fromhex(frame))
            time.sleep(float(seconds))


if __name__ == "__main__":
    main()
