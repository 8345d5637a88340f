"""SNMP by pysnmp, without its MIB look-up: Windows, where gufo-snmp has no wheels."""

from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from pyasn1.type import univ
from pysnmp.hlapi.v3arch import asyncio as hlapi
from pysnmp.proto import errind, rfc1902, rfc1905

from haidang_agent.i18n import _
from haidang_agent.snmp import usm
from haidang_agent.snmp.bounded import REFUSED, BadAnswerError, BoundedSession, NoAnswerError, Page
from haidang_agent.snmp.session import NoLibraryError, ObjectId, SnmpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_agent.snmp.session import Limits, Value
    from haidang_agent.tables import Snmp

AUTH = {
    "md5": hlapi.USM_AUTH_HMAC96_MD5,
    "sha": hlapi.USM_AUTH_HMAC96_SHA,
    "sha224": hlapi.USM_AUTH_HMAC128_SHA224,
    "sha256": hlapi.USM_AUTH_HMAC192_SHA256,
    "sha384": hlapi.USM_AUTH_HMAC256_SHA384,
    "sha512": hlapi.USM_AUTH_HMAC384_SHA512,
}
PRIV = {
    "des": hlapi.USM_PRIV_CBC56_DES,
    "aes": hlapi.USM_PRIV_CFB128_AES,
    "aes192": hlapi.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "aes256": hlapi.USM_PRIV_CFB256_AES_BLUMENTHAL,
}
NONE = (univ.Null, rfc1905.NoSuchObject, rfc1905.NoSuchInstance, rfc1905.EndOfMibView)
SILENCE = (errind.RequestTimedOut,)
ADDRESS_BYTES = 4


@dataclass(slots=True)
class Cursor:
    """`after` is the last OID that the walk of `below` brought."""

    below: str
    after: str
    repetitions: int


class PysnmpSession(BoundedSession[Cursor]):
    """`address` is numeric. Runs its own event loop, only while it asks.

    Raises ValueError for keys of no use, NoLibraryError.
    """

    def __init__(self, target: Snmp, address: str, limits: Limits) -> None:
        super().__init__(f"{target.host}:{target.port}", limits)
        self._credentials = _credentials(target)
        self._address = (address, target.port)
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._crashed)
        self._engine = hlapi.SnmpEngine()

    def close(self) -> None:
        self._engine.close_dispatcher()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _ask_get(self, oids: Sequence[str], wait: float) -> dict[str, Value]:
        told = self._run(hlapi.get_cmd, wait, (), oids)
        return {oid: value for oid, raw in told if (value := _value(raw)) is not None}

    def _cursor(self, oid: str, repetitions: int) -> Cursor:
        return Cursor(oid, oid, repetitions)

    def _ask_bulk(self, cursor: Cursor, wait: float) -> Page:
        return self._page(cursor, self._run(hlapi.bulk_cmd, wait, (0, cursor.repetitions), [cursor.after]))

    def _ask_next(self, cursor: Cursor, wait: float) -> Page:
        return self._page(cursor, self._run(hlapi.next_cmd, wait, (), [cursor.after]))

    @staticmethod
    def _page(cursor: Cursor, told: list[tuple[str, Any]]) -> Page:
        rows: list[tuple[str, Value]] = []
        for oid, raw in told:
            if isinstance(raw, rfc1905.EndOfMibView) or not oid.startswith(cursor.below + "."):
                return Page(rows, ended=True)
            cursor.after = oid
            if (value := _value(raw)) is not None:
                rows.append((oid, value))
        return Page(rows, ended=not told)

    def _run(self, command: Any, wait: float, numbers: tuple[int, ...], oids: Sequence[str]) -> list[tuple[str, Any]]:
        """OIDs and pysnmp's values, in the order told. Raises NoAnswerError, BadAnswerError, SnmpError."""
        indication, status, _index, told = self._loop.run_until_complete(self._command(command, wait, numbers, oids))
        if isinstance(indication, SILENCE):
            raise NoAnswerError
        if indication is not None:
            if self._met:
                raise NoAnswerError
            raise SnmpError(f"{_(REFUSED).format(device=self._name)} ({indication})")
        if status:
            raise BadAnswerError(status.prettyPrint() if hasattr(status, "prettyPrint") else str(status))
        return [(".".join(map(str, name)), raw) for name, raw in told]

    async def _command(self, command: Any, wait: float, numbers: tuple[int, ...], oids: Sequence[str]) -> Any:
        kind = hlapi.Udp6TransportTarget if ":" in self._address[0] else hlapi.UdpTransportTarget
        where = await kind.create(self._address, timeout=wait, retries=0)
        asked = [hlapi.ObjectType(hlapi.ObjectIdentity(oid)) for oid in oids]
        return await command(
            self._engine, self._credentials, where, hlapi.ContextData(), *numbers, *asked, lookupMib=False
        )

    def _crashed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What pysnmp could not read: the request then ends as unanswered."""


def _credentials(target: Snmp) -> Any:
    if target.version != "3":
        return hlapi.CommunityData(target.community, mpModel=1)  # noqa: S508 - version 3 where the device has it
    auth, priv = usm.read_auth(target.auth), usm.read_priv(target.priv)
    if priv and not auth:
        raise ValueError("priv needs auth")
    if priv and not importlib.util.find_spec("cryptography"):
        raise NoLibraryError("encrypted SNMPv3 needs cryptography: pip install 'haidang[snmp]'")
    return hlapi.UsmUserData(
        target.user,
        authKey=auth.secret if auth else None,
        privKey=priv.secret if priv else None,
        authProtocol=AUTH[auth.protocol] if auth else hlapi.USM_AUTH_NONE,
        privProtocol=PRIV[priv.protocol] if priv else hlapi.USM_PRIV_NONE,
    )


def _value(raw: Any) -> Value | None:
    """As Session wants it."""
    if isinstance(raw, NONE):
        return None
    if isinstance(raw, rfc1902.IpAddress):
        return IPv4Address(bytes(raw)) if len(raw) == ADDRESS_BYTES else bytes(raw)
    if isinstance(raw, univ.ObjectIdentifier):
        return ObjectId(".".join(map(str, raw)))
    if isinstance(raw, univ.OctetString):
        return bytes(raw)
    return int(raw)
