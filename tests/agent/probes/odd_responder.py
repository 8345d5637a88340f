"""Answers echo requests in place of the kernel: each twice, and after a delay where they were sent to ADDRESS.

slow_responder.py ADDRESS SECONDS
"""

import select
import socket
import sys
import time


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total = sum(int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def main(slow: str, forged: str) -> None:
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    raw.setsockopt(socket.SOL_IP, socket.IP_HDRINCL, 1)
    due: list[tuple[float, bytes, str]] = []
    print("ready", flush=True)
    while True:
        if select.select([raw], [], [], 0.01)[0]:
            packet, (asker, _) = raw.recvfrom(2048)
            header, request = packet[:20], packet[20:]
            if request[0] == 8:
                asked = socket.inet_ntoa(header[16:20])
                data = bytes(len(request) - 8) if asked == forged else request[8:]
                body = b"\0\0\0\0" + request[4:8] + data
                reply = body[:2] + checksum(body).to_bytes(2) + body[4:]
                late = 1.0 if asked == slow else 0.0
                answer = header[:12] + header[16:20] + header[12:16] + reply
                due += [(time.monotonic() + late, answer, asker)] * 2
        for each in [each for each in due if each[0] <= time.monotonic()]:
            raw.sendto(each[1], (each[2], 0))
            due.remove(each)


if __name__ == "__main__":
    main(*sys.argv[1:])
