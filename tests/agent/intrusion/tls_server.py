"""Run inside a namespace until it is killed: `tls_server.py ADDRESS:PORT NAME=FILE…` has certificates by name.

Says `ready`, then how many bytes came after each handshake.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys


def main(place: str, *certificates: str) -> None:
    contexts = {}
    for text in certificates:
        name, _, file = text.partition("=")
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(file)
    first = next(iter(contexts.values()))
    first.sni_callback = lambda taken, name, _context: setattr(taken, "context", contexts.get(name, first))
    address, _, port = place.partition(":")
    with socket.create_server((address, int(port))) as listening:
        print("ready", flush=True)
        while True:
            plain, _ = listening.accept()
            with contextlib.suppress(OSError), plain, first.wrap_socket(plain, server_side=True) as secured:
                print(len(secured.recv(100)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
