"""TLS to the centre on machines whose clock cannot be right, and what is shown to a proxy that asks for it."""

from __future__ import annotations

import datetime as dt
import ssl
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from haidang_agent import trust
from haidang_agent.centre import Centre, UnreachableError
from haidang_agent.config import BadConfigError, parse
from haidang_agent.doctor_way import way_to_the_centre
from haidang_agent.tables import Server
from haidang_agent.trust import UnusableCertificateError, context_for

from tests.agent.scripted_centre import scripted_centre
from tests.lab.ca import CertificateAuthority

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.timedelta(days=1)
TOMORROW, GONE = (DAY, 9 * DAY), (-9 * DAY, -DAY)


@pytest.fixture
def _impossible_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that woke up in 2009: before a certificate began to hold, and before this program."""
    monkeypatch.setattr(trust, "EARLIEST", time.time() + 3600)


def authority(folder: Path, name: str) -> CertificateAuthority:
    (folder / name).mkdir()
    return CertificateAuthority(folder / name, name)


def tls(of: CertificateAuthority, address: str, lifetime: tuple[dt.timedelta, dt.timedelta]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*of.issue(address, lifetime))
    return context


@pytest.mark.usefixtures("_impossible_clock")
def test_a_machine_without_a_battery_learns_the_time(tmp_path: Path) -> None:
    ours = authority(tmp_path, "ours")
    learnt: list[float] = []
    with scripted_centre(tls=tls(ours, "127.0.0.1", TOMORROW)) as centre:
        with closing(Centre(centre.url, ours.certificate, "a.k", lambda seconds, *_: learnt.append(seconds))) as client:
            assert client.write(b"").status == 204
        found = list(way_to_the_centre(Server(centre.url, str(ours.certificate)), tmp_path, known=False))

    assert len(learnt) == 1
    assert {each.state for each in found} == {"ok"}


@pytest.mark.usefixtures("_impossible_clock")
@pytest.mark.parametrize(
    ("trusted", "address", "lifetime", "words"),
    [
        ("other", "127.0.0.1", TOMORROW, "is not trusted"),
        ("ours", "192.0.2.1", TOMORROW, "is not trusted"),
        ("ours", "127.0.0.1", GONE, "ended long ago"),
    ],
    ids=["another authority", "another name", "one that has ended"],
)
def test_nothing_but_the_days_is_let_pass(
    tmp_path: Path, trusted: str, address: str, lifetime: tuple[dt.timedelta, dt.timedelta], words: str
) -> None:
    by_name = {name: authority(tmp_path, name) for name in ("ours", "other")}
    with scripted_centre(tls=tls(by_name["ours"], address, lifetime)) as centre:
        with pytest.raises(UnreachableError, match=words):
            Centre(centre.url, by_name[trusted].certificate, "a.k").write(b"")
        assert centre.asked == []


def test_a_clock_that_may_be_right_is_believed(tmp_path: Path) -> None:
    ours = authority(tmp_path, "ours")
    with scripted_centre(tls=tls(ours, "127.0.0.1", TOMORROW)) as centre:
        with pytest.raises(UnreachableError, match="which is today by this machine's clock"):
            Centre(centre.url, ours.certificate, "a.k").write(b"")
        assert centre.asked == []


def test_a_key_with_a_password_is_refused_and_not_asked_for(tmp_path: Path) -> None:
    certificate, key = authority(tmp_path, "ours").issue("192.0.2.1")
    key.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )

    with pytest.raises(UnusableCertificateError, match=rf"client_cert {certificate} .* the key has a password"):
        context_for(None, (str(certificate), str(key)))


def test_a_key_without_a_certificate_is_a_fault_of_the_file() -> None:
    server = {"url": "https://collector.example", "client_key": "school.key"}

    with pytest.raises(BadConfigError, match=r"\[server\] client_key: is the key of a certificate"):
        parse({"server": server}, "agent.toml")
