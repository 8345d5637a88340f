"""Linux machines with equipment, as trees of files: what the kernel and udev tell of it."""

from __future__ import annotations

from pathlib import Path

from haidang_agent.equipment.look import Found, on_linux

from tests.agent.posture.trees import Tree


class Machine(Tree):
    """Has the graphics of a server with no screen, so that everything can be read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, **{"sys/class/drm/card0-VGA-1/status": "disconnected\n"})

    def look(self) -> Found:
        return on_linux(self.root, self.root / "sys")

    def usb_device(self, name: str, *, vendor: str = "046d", interfaces: tuple[str, ...] = ()) -> None:
        """`1-2` with the classes of its interfaces."""
        device = f"sys/devices/usb1/{name}"
        self.write({f"{device}/idVendor": f"{vendor}\n"})
        for i, class_ in enumerate(interfaces):
            self.write({f"{device}/{name}:1.{i}/bInterfaceClass": f"{class_}\n"})
            self.link(f"sys/bus/usb/devices/{name}:1.{i}", str(self.root / device / f"{name}:1.{i}"))
        self.link(f"sys/bus/usb/devices/{name}", str(self.root / device))

    def video(
        self, number: int, device: str, *, index: int = 0, able: str | None = None, driver: str = "uvcvideo"
    ) -> None:
        """A node at `device` below sys/devices; `able` is what udev noted, None where it noted nothing."""
        node = f"sys/class/video4linux/video{number}"
        self.write({f"{node}/index": f"{index}\n", f"{node}/dev": f"81:{number}\n"})
        self.link(f"{node}/device", str(self.root / "sys/devices" / device))
        self.link(f"sys/devices/{device}/driver", f"/sys/bus/usb/drivers/{driver}")
        if able is not None:
            self.write({f"run/udev/data/c81:{number}": f"I:1\nE:ID_V4L_VERSION=2\nE:ID_V4L_CAPABILITIES={able}\n"})

    def link(self, name: str, target: str) -> None:
        if not (self.root / name).is_symlink():
            super().link(name, target)

    def screen(self, connector: str, edid: bytes, *, connected: bool = True) -> None:
        self.write({f"sys/class/drm/{connector}/status": "connected\n" if connected else "disconnected\n"})
        (self.root / "sys/class/drm" / connector / "edid").write_bytes(edid)
