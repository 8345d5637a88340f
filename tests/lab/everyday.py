"""What happens in a school on any day and is no attack: leases, restarts, a router pair that changes hands, repairs.

Real programs do it: udhcpc, keepalived (VRRP), and the kernel, which announces an address when a card comes up.
"""

from __future__ import annotations

import signal
import socket
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from tests.agent.lanwatch.building import announces
from tests.waiting import eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from tests.lab.school import VirtualSchool

CLIENTS = (3, 4)
PAIR = (5, 6)
PRINTER = 7
"""PCs by number: DHCP clients, two that share an address, a printer."""
SHARED = "10.20.0.2"
NEW_PRINTER = "02:00:5e:00:21:{:02x}"
LEASE_SCRIPT = """#!/bin/sh
case "$1" in
  deconfig) ip -4 address flush dev "$interface" ;;
  bound|renew)
    ip address replace "$ip/$mask" broadcast + dev "$interface"
    ip route replace default via "$router"
    echo "$1" >>"$0.$interface.$(cat /sys/class/net/$interface/address)" ;;
esac
"""
KEEPALIVED = """vrrp_instance school {{
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority {priority}
  advert_int 1
  garp_master_delay 1
  virtual_ipaddress {{ {address}/24 }}
}}
"""


class EverydaySchool:
    """Context manager: clients have leases, the pair has elected who holds SHARED, and PCs talk to all of them."""

    def __init__(self, school: VirtualSchool) -> None:
        self._school = school
        self._script = school.folder / "lease"
        self._running: dict[int, subprocess.Popen[Any]] = {}
        self._printers = 0

    def __enter__(self) -> Self:
        school = self._school
        self._script.write_text(LEASE_SCRIPT, encoding="ascii")
        self._script.chmod(0o755)
        for number in (*CLIENTS, *PAIR, PRINTER):
            school.pc(number).sysctl({"ipv4/conf/eth0/arp_notify": "1"})
        with ExitStack() as stack:
            stack.callback(self._stop)
            for number in CLIENTS:
                self._start_client(number)
            for number in PAIR:
                self._start_router(number)
            self._talk()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def day(self) -> Iterator[Callable[[], None]]:
        """One thing after the other, each to be called."""
        first, second = CLIENTS
        yield partial(self.renew, first)
        yield partial(self.renew, second)
        yield partial(self.restart_pc, first)
        yield partial(self.fail_over, orderly=False)
        yield self.replace_printer
        yield partial(self.restart_pc, second)
        yield partial(self.fail_over, orderly=True)
        yield self.change_places

    def renew(self, client: int) -> None:
        """As at half of the lease."""
        before = self._leases(client)
        self._running[client].send_signal(signal.SIGUSR1)
        eventually("the lease is renewed", lambda: self._leases(client) > before, seconds=20)

    def restart_pc(self, client: int) -> None:
        """Power off and on; it asks for an address anew."""
        self._school.power_off(client)
        self._boot(client)
        self._start_client(client)
        self._talk()

    def change_places(self) -> None:
        """Both clients give their addresses back, go, and come up again each at the other's port of the switch."""
        for client in CLIENTS:
            self._running[client].send_signal(signal.SIGUSR2)
        macs = [self._mac(client) for client in CLIENTS]
        for client in CLIENTS:
            self._school.power_off(client)
        for client, mac in zip(CLIENTS, reversed(macs), strict=True):
            self._boot(client, mac)
            self._start_client(client)
        self._talk()

    def fail_over(self, *, orderly: bool) -> None:
        """Whoever holds the shared address stops, or loses its power; the other takes over, then the first is back."""
        holder = eventually("one of the pair holds the shared address", self._holder, seconds=20)
        other = sum(PAIR) - holder
        if orderly:
            with self._running[holder] as process:
                process.terminate()
        else:
            self._school.power_off(holder)
        eventually("the other takes over", lambda: self._holds(other), seconds=20)
        self._talk()
        if not orderly:
            self._school.pc(holder).ip(f"addr flush dev eth0 to {SHARED}")
            self._boot(holder)
        self._start_router(holder)
        self._talk()

    def replace_printer(self) -> None:
        """Another machine with the address of the old one."""
        self._printers += 1
        self._school.power_off(PRINTER)
        self._boot(PRINTER, NEW_PRINTER.format(self._printers % 256))
        self._talk()

    def _boot(self, number: int, mac: str = "") -> None:
        """Its card comes up, perhaps another one; who has an address already announces it."""
        pc = self._school.pc(number)
        pc.ip("link set eth0 down", *([f"link set eth0 address {mac}"] if mac else []))
        self._school.power_on(number)
        pc.ip("link set eth0 up")
        if number not in CLIENTS:
            pc.ip(f"route replace default via {self._school.router_address}")
            eventually(
                "the cable is found", lambda: "LOWER_UP" in pc.run("ip", "link", "show", "eth0").stdout, seconds=5
            )
            with pc.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
                out.bind(("eth0", 0))
                out.send(announces(self._mac(number), self._school.pc_address(number)))

    def _talk(self) -> None:
        """Agent's PC and clients reach the shared address and the printer; who has known them long asks anew."""
        for number in (1, *CLIENTS):
            for address in (SHARED, self._school.pc_address(PRINTER)):
                ping = ("ping", "-q", "-c", "2", "-i", "0.2", "-W", "1", address)
                eventually(
                    f"PC {number} reaches {address}",
                    lambda: self._school.pc(number).run(*ping).returncode == 0,  # noqa: B023 - called at once
                    seconds=20,
                )

    def _start_client(self, number: int) -> None:
        pc, before = self._school.pc(number), self._leases(number)
        pc.ip(f"addr flush dev eth0 to {self._school.lan}")
        self._start(number, "udhcpc", "-i", "eth0", "-f", "-s", str(self._script), "-T", "1", "-A", "2")
        eventually(f"PC {number} has an address", lambda: self._leases(number) > before, seconds=20)

    def _start_router(self, number: int) -> None:
        folder = self._school.folder
        settings = folder / f"keepalived{number}.conf"
        settings.write_text(KEEPALIVED.format(priority=100 + number, address=SHARED), encoding="ascii")
        files = [f"--pid={folder}/keepalived{number}.pid", f"--vrrp_pid={folder}/vrrp{number}.pid"]
        words = ["keepalived", "--vrrp", "--dont-fork", "--log-console", f"--use-file={settings}", *files]
        self._start(number, *words)
        eventually("somebody holds the shared address", lambda: any(map(self._holds, PAIR)), seconds=20)

    def _start(self, number: int, *command: str) -> None:
        with (self._school.folder / f"everyday{number}.log").open("ab") as log:
            self._running[number] = self._school.pc(number).start(*command, stdout=log, stderr=log)

    def _stop(self) -> None:
        for process in self._running.values():
            with process:
                process.kill()

    def _holder(self) -> int:
        """0: nobody, or both. A pair that heard nothing of each other for three seconds has two, for a moment."""
        holders = [number for number in PAIR if self._holds(number)]
        return holders[0] if len(holders) == 1 else 0

    def _holds(self, number: int) -> bool:
        return f"{SHARED}/" in self._school.pc(number).run("ip", "-4", "address", "show", "eth0").stdout

    def _leases(self, number: int) -> int:
        file = self._script.with_name(f"lease.eth0.{self._mac(number)}")
        return file.read_text(encoding="ascii").count("\n") if file.exists() else 0

    def _mac(self, number: int) -> str:
        shown = self._school.pc(number).run("cat", "/sys/class/net/eth0/address", check=True)
        return shown.stdout.strip()
