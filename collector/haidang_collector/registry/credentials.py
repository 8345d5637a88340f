"""Keys and tokens: how they are made, and what is kept of them."""

from __future__ import annotations

import base64
import hashlib
import secrets

TOKEN_BYTES = 20
AGENT_ID_LENGTH = 12


def secret_hash(secret: str) -> str:
    """What is kept of a key or a token. Both hold at least 160 random bits, so one round of SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_token() -> str:
    """32 lower-case letters and digits 2 to 7: can be read out on the telephone, and never starts with a dash."""
    return _base32(TOKEN_BYTES)


def new_agent_id() -> str:
    """`a-` and 12 random characters; says nothing of machine or unit."""
    return "a-" + _base32(8)[:AGENT_ID_LENGTH]


def _base32(size: int) -> str:
    return base64.b32encode(secrets.token_bytes(size)).decode().rstrip("=").lower()
