"""The doctor where there is a relay: on the PC the way through it, on the relay what it keeps for others."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

import pytest
from haidang_agent.doctor_way import way_to_the_centre
from haidang_agent.relay.custody import CustodyStats
from haidang_agent.relay.metrics import relay_samples
from haidang_agent.tables import Server

from tests.agent.relay.opened import LOOPBACK, opened
from tests.agent.scripted_centre import scripted_centre
from tests.agent.test_doctor_running import answering, outbox
from tests.lab.ca import CertificateAuthority
from tests.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path


def found(url: str, relay: str, folder: Path, authority: str = "") -> list[tuple[str, str, str]]:
    server = Server(url, authority, relay=relay)
    return [(each.check, each.state, each.case) for each in way_to_the_centre(server, folder, known=False)]


def test_the_way_through_it(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(LOOPBACK))
    with scripted_centre(tls=context) as centre, opened(tmp_path, centre.url) as relay:
        assert found(centre.url, relay.url, tmp_path, str(authority.certificate)) == [
            ("relay", "ok", ""),
            ("certificate", "ok", ""),
        ]
        assert found(centre.url, relay.url, tmp_path)[-1] == ("certificate", "fail", "certificate_untrusted")


def test_what_is_in_the_way(tmp_path: Path) -> None:
    url = f"https://{LOOPBACK}:{free_port()}"
    with opened(tmp_path, url) as relay:
        assert found(url, relay.url, tmp_path) == [("relay", "fail", "relay_cut_off")]
        assert found("https://collector.example", relay.url, tmp_path) == [("relay", "fail", "relay_closed")]
    assert found(url, f"http://{LOOPBACK}:{free_port()}", tmp_path) == [("relay", "fail", "relay_away")]


@pytest.mark.parametrize(
    ("kept", "state", "case"),
    [
        (CustodyStats(0, 0, None, {}), "ok", ""),
        (CustodyStats(3, 50, time.time(), {}), "ok", ""),
        (CustodyStats(3, 95, time.time(), {}), "warn", "relay_full"),
        (CustodyStats(3, 50, time.time() - 3600, {}), "warn", "relay_waits"),
        (None, "fail", "outbox_closed"),
    ],
)
def test_what_it_keeps(kept: CustodyStats | None, state: str, case: str) -> None:
    with answering(*outbox(), *relay_samples(kept, 100, 0, {})) as running:
        told = {each.check: each for each in running.findings(enrolled=True)}
    assert (told["relay"].state, told["relay"].case) == (state, case)


def test_who_is_no_relay_hears_nothing_of_it() -> None:
    with answering(*outbox()) as running:
        assert "relay" not in {each.check for each in running.findings(enrolled=True)}
