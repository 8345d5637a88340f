"""Run inside a namespace until it is killed: `liar.py [llmnr] [netbios] [mdns] [only=NAME]` answers for every name.

With `only` for this name alone. Says `ready`, then each name that it is asked for.
"""

from __future__ import annotations

import selectors
import socket
import struct
import sys

from haidang_agent.lanwatch.protocols.dns import netbios_name, read

GROUPS = {"llmnr": ("224.0.0.252", 5355), "mdns": ("224.0.0.251", 5353), "netbios": ("", 137)}
OWN = socket.inet_aton("10.9.0.2")
HEAD_BYTES = 12


def answer(message: bytes, protocol: str) -> bytes:
    """The address of the asked name."""
    owner = message[HEAD_BYTES : message.index(b"\0", HEAD_BYTES) + 1]
    data = b"\0\0" + OWN if protocol == "netbios" else OWN
    kind = 32 if protocol == "netbios" else 1
    asked = b"" if protocol == "netbios" else owner + struct.pack("!HH", kind, 1)
    head = message[:2] + struct.pack("!HHHHH", 0x8500, bool(asked), 1, 0, 0)
    return head + asked + owner + struct.pack("!HHIH", kind, 1, 30, len(data)) + data


def main(words: list[str]) -> None:
    only = next((word.partition("=")[2].lower() for word in words if word.startswith("only=")), "")
    watched = selectors.DefaultSelector()
    for protocol in GROUPS.keys() & set(words):
        group, port = GROUPS[protocol]
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind(("0.0.0.0", port))
        if group:
            opened.setsockopt(
                socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton("10.9.0.2")
            )
        watched.register(opened, selectors.EVENT_READ, protocol)
    print("ready", flush=True)
    while True:
        for key, _ in watched.select():
            message, sender = key.fileobj.recvfrom(2048)
            said = read(message)
            name = netbios_name(said.name)[0] if key.data == "netbios" else said.name
            if not said.is_response:
                print(name, flush=True)
                if only in {"", name}:
                    key.fileobj.sendto(answer(message, key.data), sender)


if __name__ == "__main__":
    main(sys.argv[1:])
