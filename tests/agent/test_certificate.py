"""Dates and issuers of certificates, beside what OpenSSL reads; broken ones are named."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from haidang_agent.certificate import NoCertificateError, from_pem, issuer, validity
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.ca import CertificateAuthority

MOMENTS = st.integers(-631152000, 253402300799).map(lambda seconds: EPOCH + dt.timedelta(seconds=seconds))
"""From 1950 to 9999, as RFC 5280 has them."""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Trường")])


def certificate(begin: dt.datetime, end: dt.datetime) -> bytes:
    builder = x509.CertificateBuilder().subject_name(NAME).issuer_name(NAME).public_key(KEY.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


WHOLE = certificate(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2027, 1, 1, tzinfo=dt.UTC))


@given(MOMENTS, MOMENTS)
def test_the_dates_are_those_that_were_written(one: dt.datetime, other: dt.datetime) -> None:
    begin, end = sorted((one, other))

    assert validity(certificate(begin, end)) == (begin.timestamp(), end.timestamp())


def test_a_chain_is_read_whole(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    leaf, _ = authority.issue("127.0.0.1")
    chain = b"leaf\r\n" + leaf.read_bytes() + authority.certificate.read_bytes()

    assert from_pem(chain) == [ssl.PEM_cert_to_DER_cert(file.read_text()) for file in (leaf, authority.certificate)]


@pytest.mark.parametrize("text", [
    b"", b"-----BEGIN PRIVATE KEY-----", b"-----BEGIN CERTIFICATE-----\nAAAA", b"\xff\xfe",
    b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----",
])  # fmt: skip
def test_what_holds_no_certificate(text: bytes) -> None:
    with pytest.raises(NoCertificateError):
        from_pem(text)


@given(st.binary(max_size=80))
def test_whatever_bytes(der: bytes) -> None:
    with pytest.raises(NoCertificateError):
        validity(der)


@given(st.data())
def test_a_certificate_with_a_broken_byte(data: st.DataObject) -> None:
    der = bytearray(WHOLE)
    der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    try:
        dates = validity(bytes(der))
    except NoCertificateError:
        return
    assert all(isinstance(date, float) for date in dates)


def test_the_issuer_of_a_certificate() -> None:
    assert issuer(WHOLE) == "Trường"
    assert all(issuer(WHOLE[:length]) == "?" for length in range(len(WHOLE)))


@given(st.binary(max_size=400))
def test_any_certificate_has_an_issuer_or_none(der: bytes) -> None:
    assert issuer(der) == "?" or issuer(der).isprintable()
