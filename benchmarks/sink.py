"""A store that stores nothing: answers every request with 204. Run as `python -m benchmarks.sink PORT`."""

from __future__ import annotations

import asyncio
import sys


class Sink(asyncio.Protocol):
    """HTTP/1.1 with Content-Length, kept alive; GET is answered 200."""

    def __init__(self) -> None:
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, _ = self._received.partition(b"\r\n\r\n")
        while found:
            _, _, length = head.lower().partition(b"content-length:")
            end = len(head) + 4 + int(length.partition(b"\r\n")[0] or 0)
            if len(self._received) < end:
                return
            answer = b"204 No Content\r\n\r\n" if head.startswith(b"POST") else b"200 OK\r\nContent-Length: 2\r\n\r\nok"
            self._transport.write(b"HTTP/1.1 " + answer)  # type: ignore[attr-defined]  # of a connection: it writes
            del self._received[:end]
            head, found, _ = self._received.partition(b"\r\n\r\n")


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
