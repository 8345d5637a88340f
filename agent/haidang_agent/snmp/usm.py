"""The keys of an SNMPv3 user as people write them: `sha256:secret`, or the secret alone (SHA-1 and AES-128).

Protocols of RFC 3414 (MD5, SHA, DES), RFC 3826 (AES) and RFC 7860 (SHA-2); AES-192 and AES-256 are no standard, and
meant as net-snmp and most vendors do them (Blumenthal's key extension).
"""

from __future__ import annotations

from dataclasses import dataclass, field

AUTH = ("md5", "sha", "sha224", "sha256", "sha384", "sha512")
PRIV = ("des", "aes", "aes192", "aes256")
SHORTEST = 8
"""Characters of a password (RFC 3414, section 11.2)."""
SAME = {"sha1": "sha", "aes128": "aes"}


@dataclass(frozen=True, slots=True)
class Key:
    """`protocol` is one of AUTH or PRIV."""

    protocol: str
    secret: str = field(repr=False)


def read_auth(text: str) -> Key | None:
    """None where the text is empty: no authentication. Raises ValueError."""
    return _read(text, AUTH, "sha")


def read_priv(text: str) -> Key | None:
    """None where the text is empty: no encryption. Raises ValueError."""
    return _read(text, PRIV, "aes")


def _read(text: str, known: tuple[str, ...], usual: str) -> Key | None:
    if not text:
        return None
    word, colon, secret = text.partition(":")
    word = word.lower().replace("-", "").replace("_", "")
    protocol = SAME.get(word, word)
    if not colon or protocol not in known:
        protocol, secret = usual, text
    if len(secret) < SHORTEST:
        raise ValueError(f"an SNMPv3 secret has at least {SHORTEST} characters; written as {usual}:secret")
    return Key(protocol, secret)
