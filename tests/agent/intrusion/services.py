"""Run inside a namespace until it is killed: `services.py PORT…` takes TCP connections at these ports.

`upnp` as a port answers SSDP questions for an Internet gateway device. Says `ready`, then each connection's port and
how many bytes came before it was closed.
"""

from __future__ import annotations

import selectors
import socket
import sys

ANSWER = (
    b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"USN: uuid:1::urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nEXT:\r\nSERVER: Linux\r\n\r\n"
)


def main(wanted: list[str]) -> None:
    watched = selectors.DefaultSelector()
    for text in wanted:
        if text == "upnp":
            asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            asked.bind(("0.0.0.0", 1900))
            watched.register(asked, selectors.EVENT_READ, "upnp")
        else:
            watched.register(socket.create_server(("0.0.0.0", int(text))), selectors.EVENT_READ, text)
    print("ready", flush=True)
    while True:
        for key, _ in watched.select():
            if key.data == "upnp":
                message, sender = key.fileobj.recvfrom(2048)
                if b"InternetGatewayDevice" in message:
                    key.fileobj.sendto(ANSWER, sender)
                continue
            taken, _address = key.fileobj.accept()
            with taken:
                print(key.data, len(taken.recv(100)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
