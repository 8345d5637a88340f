"""The real Alertmanager with the committed routes, a collector in a process of its own, and a mailbox."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import yaml
from haidang_collector.registry.store import Registry
from haidang_collector.supervisor.files import write_files
from haidang_collector.supervisor.plan import Plan

from tests.collector.notify.conftest import Mailbox, fill
from tests.collector.notify.test_worker import settings_file
from tests.collector.running import database_url, serving
from tests.servers import free_port, wait_until_ready
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LAN, MINH, CENTRE = "lan@u1.edu.vn", "minh@u1.edu.vn", "alerts@example"


@contextmanager
def alertmanager(folder: Path, plan: Plan) -> Iterator[str]:
    """Its address. Groups are looked at every second, to be done sooner."""
    write_files(plan)
    file = plan.data / "alertmanager/alertmanager.yml"
    config = yaml.safe_load(file.read_text())
    config["route"]["group_interval"] = "1s"
    file.write_text(yaml.safe_dump(config, allow_unicode=True))
    address = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus-alertmanager", f"--config.file={file}", f"--storage.path={folder / 'am'}",
        f"--web.listen-address={address}", "--cluster.listen-address=",
    ]  # fmt: skip
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until_ready(f"http://{address}/-/ready", process)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def post(address: str, *alerts: dict[str, Any]) -> None:
    body = json.dumps(alerts).encode()
    request = urllib.request.Request(f"{address}/api/v2/alerts", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=60).close()


def alert(name: str, *, over: bool = False, **labels: str) -> dict[str, Any]:
    known = {"alertname": name, "severity": "critical", "category": "security", "kind": "x", "unit": "U1"}
    end = datetime.now(UTC) + (timedelta() if over else timedelta(hours=1))
    texts = {
        "summary": f"U1: {name}", "summary_en": f"U1: {name}", "description": "Rút dây.",
        "runbook_url": f"docs/runbooks/{name}.md",
    }  # fmt: skip
    return {
        "labels": known | labels,
        "annotations": texts,
        "startsAt": "2026-11-25T05:00:00Z",
        "endsAt": end.isoformat(),
    }


def to(mailbox: Mailbox, address: str) -> list[str]:
    return [str(letter["Subject"]) for letter in mailbox.letters if address in str(letter["To"])]


def test_an_attack_reaches_who_is_in_charge_once_and_its_end_too(tmp_path: Path, mailbox: Mailbox) -> None:
    """
    Two alerts of one group are one letter to each person. Alertmanager's own mail goes out for what is critical only.
    """
    registry = Registry(database_url(tmp_path))
    fill(registry.database)
    registry.close()
    environment = {"DATABASE_URL": database_url(tmp_path), "NOTIFY": str(settings_file(tmp_path, mailbox))}
    with serving(tmp_path, **environment) as collector:
        plan = Plan(
            tmp_path, collector_port=collector.port, smtp=mailbox.mail["server"], mail_to=(CENTRE,), notify=True,
            public_url="https://hd.example/",
        )  # fmt: skip
        with alertmanager(tmp_path, plan) as address:
            weak = alert("PostureFindings", severity="warning")
            post(address, alert("RogueDhcpServer"), alert("ArpSpoofing"), weak)
            eventually("both are told", lambda: to(mailbox, LAN) and to(mailbox, MINH), seconds=30)
            eventually("the centre is told", lambda: to(mailbox, CENTRE), seconds=10)
            post(address, alert("RogueDhcpServer", over=True), alert("ArpSpoofing", over=True))
            eventually("its end is told", lambda: any("[ĐÃ HẾT]" in each for each in to(mailbox, MINH)), seconds=30)

    assert to(mailbox, MINH)[0].endswith(" và 1 việc nữa")
    assert {subject.split(" (")[0] for subject in to(mailbox, MINH)} <= {
        "[NGHIÊM TRỌNG] U1: ArpSpoofing", "[NGHIÊM TRỌNG] U1: RogueDhcpServer",
        "[ĐÃ HẾT] U1: ArpSpoofing", "[ĐÃ HẾT] U1: RogueDhcpServer",
    }  # fmt: skip
    assert len(to(mailbox, MINH)) <= 3, "one letter, and one or two of the end"
    of_centre = next(letter for letter in mailbox.letters if CENTRE in str(letter["To"]))
    plain = of_centre.get_body(("plain",))
    assert plain is not None
    assert "Step by step: https://hd.example/runbooks/ArpSpoofing\n" in plain.get_content().replace("\r\n", "\n")
    assert all("PostureFindings" not in subject for subject in to(mailbox, CENTRE))
    assert any("[CẢNH BÁO · ALERT]" in subject for subject in to(mailbox, CENTRE))
