"""A real CUPS in a folder of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Self

from tests.servers import free_port
from tests.waiting import eventually

PLACES = """\
ServerRoot {0}/etc
RequestRoot {0}/spool
CacheDir {0}/cache
StateDir {0}/state
TempDir {0}/spool
AccessLog {0}/access.log
ErrorLog {0}/error.log
PageLog {0}/page.log
SystemGroup root
"""
SETTINGS = """\
Listen {socket}
Listen 127.0.0.1:{port}
Browsing Off
WebInterface No
DefaultAuthType None
<Location />
{access}
</Location>
"""


class Cupsd:
    """Context manager; `queues` are device URIs by name. It listens at `socket` (below `folder`) and at `port`."""

    def __init__(self, folder: Path, queues: dict[str, str], *, access: str = "Allow all") -> None:
        self.socket = folder / "run/cups/cups.sock"
        self.port = free_port()
        self._folder = folder
        for name in ("run/cups", "etc", "spool", "cache", "state"):
            (folder / name).mkdir(parents=True)
        (folder / "etc/cups-files.conf").write_text(PLACES.format(folder))
        settings = SETTINGS.format(socket=self.socket, port=self.port, access=access)
        (folder / "etc/cupsd.conf").write_text(settings)
        printers = (
            f"<Printer {name}>\nDeviceURI {uri}\nState Idle\nAccepting Yes\n</Printer>\n"
            for name, uri in queues.items()
        )
        (folder / "etc/printers.conf").write_text("".join(printers))
        (folder / "etc/classes.conf").write_text("".join(f"<Class all>\nPrinter {name}\n</Class>\n" for name in queues))

    def __enter__(self) -> Self:
        etc = self._folder / "etc"
        command = ["/usr/sbin/cupsd", "-f", "-c", etc / "cupsd.conf", "-s", etc / "cups-files.conf"]
        self._process = subprocess.Popen(command)
        eventually("cupsd listens", self.socket.exists, seconds=10)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(60)
