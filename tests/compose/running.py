"""The programs of compose.yaml without Docker: the same command lines and files, at other places."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.lab.ca import CertificateAuthority
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

COMPOSE = Path(__file__).parents[2] / "compose"
GIVEN = {"HAIDANG_VERSION": "1", "HAIDANG_PUBLIC_URL": "https://127.0.0.1/", "HAIDANG_NETWORK": "127.0.0.0/8"}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
OWN = str(Path(sys.executable).with_name("haidang"))
TOOLS = {"python": [sys.executable], "wget": ["busybox", "wget"]}
"""Of the images, by which they see whether a service is well: wget is BusyBox's in Prometheus' and Alpine's."""
PROGRAMS = {"prometheus": "prometheus", "alertmanager": "prometheus-alertmanager"}
"""As the images call them, and as Debian does."""


def services(given: Mapping[str, str] = GIVEN) -> dict[str, dict[str, Any]]:
    """compose.yaml as docker compose reads it, with these variables."""

    def value(found: re.Match[str]) -> str:
        return given.get(found[1]) or (found[3] if found[2] == "-" else "")

    text = (COMPOSE / "compose.yaml").read_text(encoding="utf-8")
    content: dict[str, dict[str, Any]] = yaml.safe_load(VARIABLE.sub(value, text).replace("$$", "$"))["services"]
    return content


class Machine:
    """Folders in the place of the containers' own, and a network in which `localhost` has every service's name."""

    def __init__(self, folder: Path, prefix: Sequence[str]) -> None:
        self.folder = folder
        self._prefix = prefix
        (folder / "bin").mkdir()
        for there, here in PROGRAMS.items():
            (folder / "bin" / there).symlink_to(shutil.which(here) or here)
        certificate, key = CertificateAuthority(folder).issue("127.0.0.1")
        self.places = {
            "/etc/haidang/alerts": str(COMPOSE.parent / "alerts"),
            "/etc/prometheus/prometheus.yml": str(folder / "prometheus.yml"),
            "/etc/haidang/collectors.conf": str(folder / "collectors.conf"),
            "/etc/haidang/nginx.conf": str(folder / "nginx.conf"),
            "/run/secrets/tls_certificate": str(certificate),
            "/run/secrets/tls_key": str(key),
            "/run/secrets/pgpass": str(folder / "pgpass"),
            "/prometheus": str(folder / "prometheus"),
            "/alertmanager": str(folder / "alertmanager"),
            "/provisioning": str(folder / "provisioning"),
            "/tmp": str(folder),
        }

    def here(self, text: str) -> str:
        """The same with this machine's places; the longest that fits is taken."""
        names = sorted(self.places, key=len, reverse=True)
        return re.sub(rf"({'|'.join(map(re.escape, names))})(?![\w.-])", lambda found: self.places[found[0]], text)

    def place(self, file: str, text: str | None = None) -> None:
        content = (COMPOSE / file).read_text(encoding="utf-8") if text is None else text
        (self.folder / Path(file).name).write_text(self.here(content), encoding="utf-8")

    def command(self, service: str) -> list[str]:
        said = services()[service]
        words = [self.here(word) for word in (*said.get("entrypoint", ()), *said["command"])]
        if said["image"].startswith("haidang-collector"):
            words = [sys.executable, *words[1:]] if "entrypoint" in said else [OWN, *words]
        elif service in PROGRAMS and "entrypoint" not in said:
            words = [service, *words]
        return [*self._prefix, *words]

    def healthcheck(self, service: str) -> list[str]:
        """The command that says by its status whether the service is well."""
        kind, program, *words = services()[service]["healthcheck"]["test"]
        if kind != "CMD":
            raise ValueError(f"{service}: {kind} is no command")
        return [*self._prefix, *TOOLS.get(program, [program]), *words]

    def is_well(self, service: str) -> bool:
        """What Docker would be told by its health check."""
        there = {**os.environ, "PGHOST": "127.0.0.1"}
        done = subprocess.run(self.healthcheck(service), env=there, check=False, capture_output=True, timeout=60)
        return done.returncode == 0

    def environment(self, service: str) -> dict[str, str]:
        own = services()[service].get("environment", {})
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HAIDANG_")}
        ours = {"HAIDANG_DATA": str(self.folder), "PATH": f"{self.folder / 'bin'}:{inherited['PATH']}"}
        return inherited | ours | {name: self.here(own[name]) for name in own}

    @contextmanager
    def running(self, service: str, *more: str) -> Iterator[subprocess.Popen[bytes]]:
        """By its own command and `more`."""
        command, environment = [*self.command(service), *more], self.environment(service)
        with (self.folder / f"{service}.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)


@contextmanager
def names_here(namespace: str, names: Sequence[str]) -> Iterator[None]:
    """In this network namespace, all of `names` are loopback."""
    own_files = Path("/etc/netns") / namespace
    own_files.mkdir(parents=True)
    try:
        (own_files / "hosts").write_text(f"127.0.0.1 localhost {' '.join(names)}\n", encoding="ascii")
        yield
    finally:
        shutil.rmtree(own_files)


@contextmanager
def balancer(folder: Path, ports: list[int]) -> Iterator[str]:
    """nginx by compose's file before these collectors; its URL."""
    machine, port = Machine(folder, []), free_port()
    machine.place("scale/collectors.conf")
    machine.place("nginx.conf")
    replaced = {f"collector-{number}.haidang.internal:8080": f"127.0.0.1:{ports[number - 1]}" for number in (1, 2)}
    replaced |= {"listen 8443": f"listen 127.0.0.1:{port}"}
    for file in ("collectors.conf", "nginx.conf"):
        text = (folder / file).read_text(encoding="utf-8")
        for there, here in replaced.items():
            text = text.replace(there, here)
        (folder / file).write_text(text, encoding="utf-8")
    with (folder / "nginx.log").open("wb") as log:
        # Long bodies go into a folder that only its starter may enter, who in the image is its workers' user, too.
        command = ["nginx", "-c", str(folder / "nginx.conf"), "-g", "daemon off; user root root;"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)
