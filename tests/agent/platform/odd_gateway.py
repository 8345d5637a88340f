"""Answers echo requests as some networks do, on the interface named: padded, cut short, forged, or many times over.

By how the target's address ends: .1 padded to 60 bytes as Ethernet has it; .2 cut within the ICMP header; .3 with
another text; .4 under another number; .5 five times; .6 with options in the IP header; .7 not at all, a request back.
"""

import socket
import struct
import sys


def checksum(packet: bytes) -> int:
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def answer(request: bytes) -> list[bytes]:
    header, ident, number, text = request[:20], *struct.unpack("!HH", request[24:28]), request[28:]
    sender, target = header[12:16], header[16:20]
    odd = target[3]
    options = b"\x01" * 8 if odd == 6 else b""
    kind = 8 if odd == 7 else 0
    text = bytes(len(text)) if odd == 3 else text
    number = (number + 1) % 65536 if odd == 4 else number
    icmp = struct.pack("!BBHHH", kind, 0, 0, ident, number) + text
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    icmp = icmp[:6] if odd == 2 else icmp
    length = 20 + len(options) + len(icmp)
    first = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, length, 0, 0, 64, 1, 0) + target + sender + options
    packet = first[:10] + struct.pack("!H", checksum(first)) + first[12:] + icmp
    padding = bytes(max(0, 46 - len(packet))) if odd == 1 else b""
    return [packet + padding] * (5 if odd == 5 else 1)


def main(interface: str) -> None:
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    out.bind((interface, 0x0800))
    print("ready", flush=True)
    while True:
        frame, address = out.recvfrom(2048)
        if address[2] == socket.PACKET_OUTGOING or frame[23] != 1 or frame[34] != 8:
            continue
        for packet in answer(frame[14:]):
            out.send(frame[6:12] + frame[:6] + b"\x08\x00" + packet)


if __name__ == "__main__":
    main(sys.argv[1])
