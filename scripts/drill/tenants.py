"""A tenant for each district in a real store of many tenants: `python -m scripts.drill.tenants --cortex PROGRAM`.

Cortex speaks Mimir's API (push, query, `X-Scope-OrgID`), of which Mimir is a fork. All rules run as they are, in
vmalerts that know `-datasource.headers` (Debian's 1.79 does not). Prints what was seen, and after how many seconds.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import httpx
from haidang_collector.tenants import CENTRE, HEADER, tenant_of

from tests.collector.running import DISTRICT, UNIT
from tests.collector.tenancy import ALERTS, OTHER, TENANTS, City, city, running
from tests.servers import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = {CENTRE: CENTRE, DISTRICT: tenant_of(DISTRICT), OTHER: tenant_of(OTHER)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cortex", metavar="PROGRAM", required=True)
    parser.add_argument("--vmalert", metavar="PROGRAM", default="vmalert")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="haidang-tenants-") as name, ExitStack() as stack:
        folder = Path(name)
        url = _cortex(stack, folder, given.cortex)
        store = {
            "STORE": "mimir",
            "STORE_TENANT": "district",
            "STORE_WRITE_URL": f"{url}/api/v1/push",
            "PROMETHEUS_URL": f"{url}/prometheus",
            "ALERTMANAGER_URL": url,
        }
        _watch(city(stack, folder, store, _asking(url), given.vmalert))
        for file in sorted((folder / "tenants").glob("vmalert-*.log")):
            failed = re.findall(r'rule "([^"]+)": failed to execute', file.read_text("utf-8"))
            print(file.stem, "rules that failed, how often:", dict(Counter(failed)))


def _cortex(stack: ExitStack, folder: Path, program: str) -> str:
    port, grpc = free_port(), free_port()
    data = folder / "cortex"
    command = [
        program,
        "-target=distributor,ingester,querier,store-gateway",
        "-auth.enabled=true",
        "-server.http-listen-address=127.0.0.1",
        f"-server.http-listen-port={port}",
        "-server.grpc-listen-address=127.0.0.1",
        f"-server.grpc-listen-port={grpc}",
        f"-querier.store-gateway-addresses=127.0.0.1:{grpc}",
        "-blocks-storage.backend=filesystem",
        f"-blocks-storage.filesystem.dir={data / 'blocks'}",
        f"-blocks-storage.tsdb.dir={data / 'tsdb'}",
        f"-blocks-storage.bucket-store.sync-dir={data / 'sync'}",
        "-ring.store=inmemory",
        "-distributor.ring.store=inmemory",
        "-distributor.ring.instance-interface-names=lo",
        "-distributor.replication-factor=1",
        "-ingester.lifecycler.addr=127.0.0.1",
        "-ingester.min-ready-duration=0s",
        "-ingester.out-of-order-time-window=744h",
        "-validation.max-label-names-per-series=80",
    ]
    url = f"http://127.0.0.1:{port}"
    stack.enter_context(running(folder, "cortex", command, f"{url}/ready"))
    return url


def _asking(url: str) -> Callable[[str, str], list[dict[str, Any]]]:
    def ask(whose: str, expression: str) -> list[dict[str, Any]]:
        asked = urlencode({"query": expression})
        request = Request(f"{url}/prometheus/api/v1/query?{asked}", headers={HEADER: NAMES[whose]})  # noqa: S310 - ours
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            found = json.load(answer)["data"]["result"]
        return [each["metric"] | {"value": each["value"][1]} for each in found]

    return ask


def _watch(town: City) -> None:
    begin = time.monotonic()

    def seen(what: str, look: Callable[[], bool]) -> None:
        def after_a_snapshot() -> bool:
            try:
                town.attack()
            except httpx.HTTPStatusError as refused:
                print(refused.response.status_code, refused.response.text.strip())
                return False
            return look()

        eventually(what, after_a_snapshot, seconds=100, every=2)
        print(f"{time.monotonic() - begin:6.1f} s  {what}", flush=True)

    seen("each district alerts of its own, the centre has both", lambda: town.alerts() == ALERTS)
    seen("the city's rule counts both, in every tenant", lambda: town.counted() == {whose: ["2"] for whose in TENANTS})
    others = [
        town.ask(whose, f"{{district={json.dumps(other)}}}") for whose, other in ((DISTRICT, OTHER), (OTHER, DISTRICT))
    ]
    print("series of the other district:", *map(len, others))
    print("series by tenant:", *(town.ask(whose, 'count({__name__=~".+"})')[0]["value"] for whose in TENANTS))
    page = town.client.get(f"{town.collector}/units/{UNIT}")
    print("page of a unit:", page.status_code)


if __name__ == "__main__":
    main()
