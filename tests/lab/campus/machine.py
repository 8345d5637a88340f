"""A PC of the virtual school with hardware of its own: what its agent reads in /sys is a tree that is made here."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from tests.lab.node import Node

AGENT = [sys.executable, str(Path(__file__).with_name("hurried.py"))]
WITH_OWN_SYS = 'mount --bind "$0" /sys && exec "$@"'
"""`ip netns exec` has made a mount namespace of its own for the command (ip-netns(8))."""
ETHERNET, PERMANENT = "1", "0"


class Machine:
    """`folder` holds its /sys and, by the name of each system that is installed on it, the agent's files."""

    def __init__(self, node: Node, folder: Path, mac: str) -> None:
        self._node, self._folder = node, folder
        told = {"product_uuid": str(uuid.uuid4()), "board_serial": uuid.uuid4().hex, "product_serial": "To be filled"}
        for name, text in told.items():
            self._write(f"class/dmi/id/{name}", text)
        self.has_card(mac)

    def has_card(self, mac: str) -> None:
        """One card on its mainboard, this one from now on."""
        told = {"address": mac, "type": ETHERNET, "addr_assign_type": PERMANENT, "device/vendor": "0x8086"}
        for name, text in told.items():
            self._write(f"class/net/eth0/{name}", text)

    def plug_in_webcam(self) -> None:
        """One camera with two nodes, of which one captures."""
        self._write("devices/usb1/1-1/idVendor", "046d")
        for number in range(2):
            self._write(f"class/video4linux/video{number}/index", str(number))
            self._write(f"class/video4linux/video{number}/dev", f"81:{number}")
            (self._sys / f"class/video4linux/video{number}/device").symlink_to("../../../devices/usb1/1-1")

    def plug_in_printer(self) -> None:
        """By USB."""
        self._write("bus/usb/devices/1-2:1.0/bInterfaceClass", "07")

    def install(self, system: str, settings: str) -> None:
        """An operating system with an agent; `settings` is agent.toml and ends in [agent], where its state is added."""
        folder = self._folder / system
        folder.mkdir()
        (folder / "agent.toml").write_text(f'{settings}state_dir = "{folder}"\n', encoding="utf-8")

    def start_agent(self, system: str, *words: str, **environment: str) -> subprocess.Popen[Any]:
        """`haidang-agent WORDS` on that system; what it says is in `agent.log` beside its settings."""
        folder = self._folder / system
        command = ["sh", "-c", WITH_OWN_SYS, str(self._sys), *AGENT, *words, "--config", str(folder / "agent.toml")]
        with (folder / "agent.log").open("ab") as log:
            self._agent = self._node.start(*command, env=os.environ | environment, stdout=log, stderr=log)
        return self._agent

    def stop_agent(self) -> None:
        """In order: it says goodbye and keeps what it knows."""
        with self._agent as process:
            process.terminate()
            assert process.wait(60) == 0

    @property
    def _sys(self) -> Path:
        return self._folder / "sys"

    def _write(self, name: str, text: str) -> None:
        file = self._sys / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n", encoding="ascii")
