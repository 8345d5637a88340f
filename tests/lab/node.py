"""One machine of the virtual school: a network namespace and the processes started in it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAMESPACES = Path("/run/netns")
PR_SET_PDEATHSIG = 1
CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


class Node:
    """`name` is the namespace's. All that is started here is gone after `close`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._processes: list[subprocess.Popen[Any]] = []

    def ip(self, *lines: str) -> None:
        """Lines of `ip` commands, carried out at once."""
        _feed(["ip", "-n", self.name, "-batch", "-"], lines)

    def nft(self, *lines: str) -> None:
        """Lines of an nftables ruleset."""
        _feed(["ip", "netns", "exec", self.name, "nft", "-f", "-"], lines)

    def sysctl(self, **settings: str) -> None:
        """`sysctl(net_ipv4_ip_forward="1")`."""
        with self.inside():
            for key, value in settings.items():
                Path("/proc/sys", *_split(key)).write_text(value)

    def run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run to the end; the output is captured. `check` and the like as for subprocess.run."""
        options.setdefault("timeout", 30)
        return subprocess.run(self._inside(command), capture_output=True, text=True, check=False, **options)

    def start(self, *command: str, **options: Any) -> subprocess.Popen[Any]:
        """Start a process that lives until it is stopped, the node is closed or this program dies."""
        process = subprocess.Popen(
            self._inside(command),
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - it takes no lock
            **options,
        )
        self._processes.append(process)
        return process

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread's sockets are made in the node's network (setns(2)); another thread's are not."""
        with Path(f"/proc/self/task/{threading.get_native_id()}/ns/net").open("rb") as home:
            _enter(NAMESPACES / self.name)
            try:
                yield
            finally:
                _set_namespace(home.fileno())

    def kill_all(self) -> None:
        """As if the power had gone: every process in the namespace, and those started from here."""
        listed = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False)
        for pid in listed.stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                continue
        for process in self._processes:
            with process:
                process.kill()
        self._processes.clear()

    def _inside(self, command: Iterable[str]) -> list[str]:
        return ["ip", "netns", "exec", self.name, *command]


def add_namespaces(nodes: Iterable[Node]) -> None:
    """Make the nodes' namespaces, with loopback up and unprivileged ping allowed, as Debian has it."""
    nodes = list(nodes)
    _feed(["ip", "-batch", "-"], [f"netns add {node.name}" for node in nodes])
    for node in nodes:
        node.ip("link set lo up")
        node.sysctl(net_ipv4_ping_group_range="0 2147483647", net_ipv4_conf_all_rp_filter="0")


def remove_namespaces(nodes: Iterable[Node]) -> None:
    """Kill what runs in them and take them away; those that are gone already are no error."""
    for node in nodes:
        if (NAMESPACES / node.name).exists():
            node.kill_all()
            subprocess.run(["ip", "netns", "del", node.name], check=False, stderr=subprocess.DEVNULL)


def _feed(command: list[str], lines: Iterable[str]) -> None:
    text = "\n".join(lines) + "\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}\n{text}")


def _split(key: str) -> list[str]:
    """`net_ipv4_conf_all_rp_filter` to path parts; underscores inside the last name stay."""
    for last in ("ping_group_range", "rp_filter", "ip_forward", "proxy_arp"):
        if key.endswith(last):
            return [*key.removesuffix(last).strip("_").split("_"), last]
    raise ValueError(f"unknown setting {key}")


def _enter(path: Path) -> None:
    with path.open("rb") as namespace:
        _set_namespace(namespace.fileno())


def _set_namespace(descriptor: int) -> None:
    if _LIBC.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _die_with_parent() -> None:
    if sys.platform == "linux":
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
