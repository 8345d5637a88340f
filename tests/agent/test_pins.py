"""A pinned certificate: to no other a word is said, valid or not."""

from __future__ import annotations

import hashlib
import ssl
import textwrap
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from haidang_agent.centre import Centre, UnreachableError
from haidang_agent.config import BadConfigError, load
from haidang_agent.enrol import EnrolError, enrol

from tests.agent.scripted_centre import Say, json_body, scripted_centre
from tests.agent.test_centre import Authority

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "sha256:" + "ab" * 32


def pin_of(folder: Path) -> str:
    """Of the certificate that `Authority.server` wrote."""
    pem = (folder / "server.pem").read_text()
    end = "-----END CERTIFICATE-----"
    der = ssl.PEM_cert_to_DER_cert(pem[: pem.index(end) + len(end)])
    return "sha256:" + hashlib.sha256(der).hexdigest()


def with_colons(pin: str) -> str:
    """As openssl tells it."""
    return "sha256:" + ":".join(textwrap.wrap(pin.removeprefix("sha256:"), 2))


@pytest.mark.parametrize("written", [str, str.upper, with_colons])
def test_the_pinned_certificate_is_taken_however_it_is_written(tmp_path: Path, written) -> None:
    authority = Authority(tmp_path, "ours")
    with scripted_centre(tls=authority.server()) as centre:
        client = Centre(centre.url, authority.file, "a.k", pins=[OTHER, written(pin_of(tmp_path))])
        assert [client.write(b"").status for _ in range(2)] == [204, 204]
        client.close()
        assert len({asked.connection for asked in centre.asked}) == 1


def test_another_certificate_of_the_same_ca_hears_nothing(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ours")
    with scripted_centre(tls=authority.server()) as centre:
        with pytest.raises(UnreachableError, match=rf"none of \[server\] pins: {pin_of(tmp_path)}"):
            Centre(centre.url, authority.file, "a.k", pins=[OTHER]).write(b"")
        with pytest.raises(EnrolError, match=r"\[server\] pins"):
            enrol(centre.url, "TOKEN", tmp_path, ["site"], authority.file, pins=[OTHER])
        assert centre.asked == []


def test_a_pin_takes_no_check_away(tmp_path: Path) -> None:
    with scripted_centre(tls=Authority(tmp_path, "ours").server()) as centre:
        pin = pin_of(tmp_path)
        with pytest.raises(UnreachableError, match="not trusted"):
            Centre(centre.url, Authority(tmp_path, "other").file, pins=[pin]).write(b"")


class Tomorrow(Authority):
    """Its certificates begin tomorrow, as everything does for a machine whose battery is empty."""

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self._name, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now + timedelta(days=1)).not_valid_after(now + timedelta(days=2))
        return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def test_a_clock_that_is_off_is_told_as_such(tmp_path: Path) -> None:
    authority = Tomorrow(tmp_path, "ours")
    with scripted_centre(tls=authority.server()) as centre:
        with pytest.raises(UnreachableError, match=r"does not hold on .* this machine's clock .* set the clock"):
            Centre(centre.url, authority.file, "a.k").write(b"")
        assert centre.asked == []


def test_enrolment_by_a_pinned_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ours")
    with scripted_centre(tls=authority.server()) as centre:
        centre.answer = lambda _: Say(201, json_body({"agent": "a-1", "unit": "TH-001"}))
        assert enrol(centre.url, "T", tmp_path, ["site"], authority.file, pins=[pin_of(tmp_path)]).agent == "a-1"


@pytest.mark.parametrize("pin", ["", "sha256:abcd", "sha1:" + "ab" * 20, "ab" * 32, OTHER + "cd"])
def test_what_is_no_fingerprint_is_a_fault_of_the_file(tmp_path: Path, pin: str) -> None:
    file = tmp_path / "agent.toml"
    file.write_text(f'[server]\nurl = "https://collector.example"\npins = ["{OTHER}"]\n')
    assert load(file).server is not None
    file.write_text(f'[server]\nurl = "https://collector.example"\npins = ["{pin}"]\n')
    with pytest.raises(BadConfigError, match=r"\[server\] pins = .*: must be sha256: and 64 hexadecimal digits"):
        load(file)
