"""One walk of ifTable and ifXTable, about 2,000 values of net-snmp's snmpd: our CPU beside snmp_exporter's, and the
longest pause that a probing thread saw meanwhile.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.snmp.opening import libraries, open_session
from haidang_agent.tables import Snmp

from benchmarks.measure import cpu_seconds, fetch, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

PAIRS = 25
SNMPD, EXPORTER = 29161, 29116
TABLES = ("1.3.6.1.2.1.2.2", "1.3.6.1.2.1.31.1.1")
SNMPD_CONF = f"agentaddress udp:127.0.0.1:{SNMPD}\nrocommunity public\n"
SCRAPE = f"http://127.0.0.1:{EXPORTER}/snmp?module=if_mib&target=127.0.0.1:{SNMPD}"
IF_ENTRY, IF_X_ENTRY = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
GAUGES = {
    IF_ENTRY: {1: "ifIndex", 3: "ifType", 4: "ifMtu", 5: "ifSpeed", 7: "ifAdminStatus", 8: "ifOperStatus",
               9: "ifLastChange"},
    IF_X_ENTRY: {14: "ifLinkUpDownTrapEnable", 15: "ifHighSpeed", 16: "ifPromiscuousMode", 17: "ifConnectorPresent",
                 19: "ifCounterDiscontinuityTime"},
}  # fmt: skip
COUNTERS = {
    IF_ENTRY: {10: "ifInOctets", 11: "ifInUcastPkts", 13: "ifInDiscards", 14: "ifInErrors", 15: "ifInUnknownProtos",
               16: "ifOutOctets", 17: "ifOutUcastPkts", 19: "ifOutDiscards", 20: "ifOutErrors"},
    IF_X_ENTRY: {2: "ifInMulticastPkts", 3: "ifInBroadcastPkts", 4: "ifOutMulticastPkts", 5: "ifOutBroadcastPkts",
                 6: "ifHCInOctets", 7: "ifHCInUcastPkts", 8: "ifHCInMulticastPkts", 9: "ifHCInBroadcastPkts",
                 10: "ifHCOutOctets", 11: "ifHCOutUcastPkts", 12: "ifHCOutMulticastPkts", 13: "ifHCOutBroadcastPkts"},
}  # fmt: skip
LABELS = {"ifAlias": f"{IF_X_ENTRY}.18", "ifDescr": f"{IF_ENTRY}.2", "ifName": f"{IF_X_ENTRY}.1"}
WALKS = 60
TICK_SECONDS = 0.01


def main(seconds: float) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="haidang-bench-")))
        for number in range(PAIRS):
            pair = [f"near{number}", "type", "veth", "peer", "name", f"far{number}"]
            subprocess.run(["ip", "link", "add", *pair], check=True)
        _snmpd(stack, folder)
        exporter = _exporter(stack, folder)
        theirs = _cost_of(partial(fetch, SCRAPE), lambda: cpu_seconds(exporter))
        print(f"{'walker':16} {'values':>7} {'CPU ms a walk':>14} {'longest pause ms':>17}")
        print(f"{'snmp_exporter':16} {_values_of(fetch(SCRAPE)):>7} {theirs * 1000:14.1f}")
        ours = {library: _ours(library, min(seconds, 10.0)) for library in libraries()}
    best, (cost, pause) = next(iter(ours.items()))
    print(f"\n{best} / snmp_exporter: CPU {cost / theirs:.2f} (at most 0.50); pause {pause * 1000:.1f} ms (at most 50)")


def _ours(library: str, seconds: float) -> tuple[float, float]:
    """CPU of one walk and the longest pause, in seconds."""
    target = Snmp("127.0.0.1", SNMPD, community="public")
    with open_session(target, library=library) as session:

        def walk() -> int:
            session.renew()
            return sum(len(session.walk(table)) for table in TABLES)

        values = walk()
        cost = _cost_of(walk, time.thread_time)
        pause = _longest_pause(walk, seconds)
        if session.problems:
            raise SystemExit(f"the walk is of no use: {session.problems}")
    print(f"{library:16} {values:>7} {cost * 1000:14.1f} {pause * 1000:17.1f}", flush=True)
    return cost, pause


def _cost_of(work: Callable[[], object], clock: Callable[[], float]) -> float:
    work()
    began = clock()
    for _ in range(WALKS):
        work()
    return (clock() - began) / WALKS


def _longest_pause(walk: Callable[[], object], seconds: float) -> float:
    """How late the latest tick of a thread came that wakes 100 times a second, while another walks without end."""
    done = threading.Event()
    walker = threading.Thread(target=_until, args=(done, walk))
    walker.start()
    latest, ends = 0.0, time.monotonic() + seconds
    while (now := time.monotonic()) < ends:
        time.sleep(TICK_SECONDS)
        latest = max(latest, time.monotonic() - now - TICK_SECONDS)
    done.set()
    walker.join()
    return latest


def _until(done: threading.Event, walk: Callable[[], object]) -> None:
    while not done.is_set():
        walk()


def _values_of(exposition: bytes) -> int:
    return sum(1 for line in exposition.splitlines() if not line.startswith(b"#"))


def _snmpd(stack: ExitStack, folder: Path) -> None:
    (folder / "snmpd.conf").write_text(SNMPD_CONF)
    command = ["snmpd", "-f", "-C", "-c", f"{folder}/snmpd.conf", "-Lf", f"{folder}/snmpd.log", "-I", "-smux"]
    _start(stack, command, {"SNMP_PERSISTENT_DIR": f"{folder}/kept", "MIBS": ""})
    wait_for("snmpd", lambda: b"NET-SNMP version" in (folder / "snmpd.log").read_bytes())


def _if_mib() -> dict[str, object]:
    """The module of that name as snmp_exporter's generator makes it from IF-MIB; Debian ships none (a licence)."""
    lookups = [
        {"labels": ["ifIndex"], "labelname": name, "oid": oid, "type": "DisplayString"} for name, oid in LABELS.items()
    ]
    index = [{"labelname": "ifIndex", "type": "gauge"}]
    metrics = [
        {"name": name, "oid": f"{entry}.{column}", "type": kind, "help": name, "indexes": index, "lookups": lookups}
        for kind, tables in (("gauge", GAUGES), ("counter", COUNTERS))
        for entry, columns in tables.items()
        for column, name in columns.items()
    ]
    return {"version": 2, "max_repetitions": 25, "auth": {"community": "public"}, "walk": TABLES, "metrics": metrics}


def _exporter(stack: ExitStack, folder: Path) -> int:
    (folder / "snmp.yml").write_text(json.dumps({"if_mib": _if_mib()}))
    address = f"--web.listen-address=127.0.0.1:{EXPORTER}"
    pid = _start(
        stack, ["prometheus-snmp-exporter", f"--config.file={folder}/snmp.yml", address, "--log.level=error"], {}
    )
    wait_for("snmp_exporter", partial(fetch, f"http://127.0.0.1:{EXPORTER}/metrics"))
    return pid


def _start(stack: ExitStack, command: list[str], environment: dict[str, str]) -> int:
    path = os.environ["PATH"] + ":/usr/sbin"
    process = subprocess.Popen(command, env={**os.environ, "PATH": path, **environment})
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process.pid
