"""A mounted file system, as both systems tell of it."""

from __future__ import annotations

from typing import NamedTuple


class Mount(NamedTuple):
    """`path` is where it is read and stays in this process; the other texts name no person and may leave."""

    path: str
    device: str
    fstype: str
    mountpoint: str
    readonly: bool

    @property
    def labels(self) -> tuple[str, str, str]:
        """node_exporter's: device, fstype, mountpoint."""
        return self.device, self.fstype, self.mountpoint
