"""net-snmp's snmpd on loopback, with an SNMPv3 user for each set of protocols."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.servers import free_port
from tests.waiting import eventually

AUTH_SECRET, PRIV_SECRET = "authentication-1", "encryption-1"
USERS = {  # name: authentication, encryption
    "plain": ("", ""),
    "md5": ("MD5", ""),
    "shades": ("SHA", "DES"),
    "shaaes": ("SHA", "AES"),
    "sha256aes": ("SHA-256", "AES"),
    "sha512aes256": ("SHA-512", "AES-256"),
}


class Snmpd:
    """Context manager; `port` answers community `public` and USERS."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()

    def __enter__(self) -> Self:
        lines = [f"agentaddress udp:127.0.0.1:{self.port}", "rocommunity public", "sysLocation Phòng máy 1"]
        for name, (auth, priv) in USERS.items():
            secrets = [auth, AUTH_SECRET] if auth else []
            secrets += [priv, PRIV_SECRET] if priv else []
            lines.append(" ".join(["createUser", name, *secrets]))
            lines.append(f"rouser {name} {'priv' if priv else 'auth' if auth else 'noauth'}")
        (self._folder / "snmpd.conf").write_text("\n".join(lines) + "\n")
        environment = {**os.environ, "SNMP_PERSISTENT_DIR": f"{self._folder}/kept", "MIBS": ""}
        environment["PATH"] += ":/usr/sbin"
        self._log = self._folder / "snmpd.log"
        self._log.unlink(missing_ok=True)
        command = ["snmpd", "-f", "-C", "-c", f"{self._folder}/snmpd.conf", "-Lf", str(self._log), "-I", "-smux"]
        self._process = subprocess.Popen(command, env=environment)
        eventually("snmpd runs", lambda: "NET-SNMP version" in self._log.read_text(errors="replace"), seconds=10)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
