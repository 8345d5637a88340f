"""A certificate authority for an afternoon, for sites by name."""

from __future__ import annotations

import base64
import datetime as dt
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

DAY = dt.timedelta(days=1)


class Authority:
    """`pem` is the file of its certificate, `known` the same as a setting has it. `days`: from when to when.

    It signs its own certificate, or `above` does.
    """

    def __init__(
        self, folder: Path, name: str, days: tuple[int, int] = (-1, 9), above: Authority | None = None
    ) -> None:
        self.name, self._folder = name, folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        certificate = (above or self)._certificate(self._subject, self._key, days, constraints)
        self.known = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
        self.pem = folder / f"{name}.ca.pem"
        self.pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, site: str, days: tuple[int, int] = (-1, 9)) -> str:
        """A file with certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(site)])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, site)])
        certificate = self._certificate(subject, key, days, names)
        file = self._folder / f"{self.name}.{site}.{days[1]}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return str(file)

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: tuple[int, int], extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder(subject_name=subject, issuer_name=self._subject, public_key=key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + days[0] * DAY)
            .not_valid_after(now + days[1] * DAY)
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )
