"""SNMP by gufo-snmp: Linux and macOS. Its sockets are used non-blocking, so that every wait is ours and ends.

Three things of it are worked around. It drops the error status of an answer, so SNMPv2c answers are looked at before it
takes them; of SNMPv3 only a refused GETBULK is noticed. It reads at most 4,080 bytes of an answer: longer ones count as
bad, and are asked for in smaller parts. At some malformed answers it panics (a BaseException, and a line on stderr).
"""

from __future__ import annotations

import os
import socket
import struct
import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

from gufo.snmp import (
    Aes128Key,
    Aes192Key,
    Aes256Key,
    DesKey,
    Md5Key,
    Sha1Key,
    Sha224Key,
    Sha256Key,
    Sha384Key,
    Sha512Key,
    SnmpAuthError,
    User,
)
from gufo.snmp import SnmpError as LibraryError
from gufo.snmp._fast import GetIter, SnmpV2cClientSocket, SnmpV3ClientSocket

from haidang_agent.i18n import N_, _
from haidang_agent.snmp import usm
from haidang_agent.snmp.ber import error_status, is_whole
from haidang_agent.snmp.bounded import REFUSED, BadAnswerError, BoundedSession, NoAnswerError, Page
from haidang_agent.snmp.session import ObjectId, SnmpError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from haidang_agent.snmp.session import Limits, Value
    from haidang_agent.tables import Snmp

T = TypeVar("T")

AUTH = {
    "md5": Md5Key, "sha": Sha1Key, "sha224": Sha224Key, "sha256": Sha256Key, "sha384": Sha384Key, "sha512": Sha512Key,
}  # fmt: skip
PRIV = {"des": DesKey, "aes": Aes128Key, "aes192": Aes192Key, "aes256": Aes256Key}
KNOWN_BUT_SILENT = N_(
    "{device} answers, but not what this user asks: the privacy key is wrong, or the user may not read"
)
NO_WAY = N_("{device} cannot be asked from here: {why}")
UNREADABLE = "an answer that is no SNMP, was cut off, or is longer than 4,080 bytes"
LONGEST_DATAGRAM, LONGEST_ANSWER = 65535, 4080
END_OF_MIB_VIEW, NULL = b"\x82\x00", b"\x05\x00"
"""Values as an SNMPv2c message ends with them (RFC 3416, section 3)."""
SYS_UP_TIME = "1.3.6.1.2.1.1.3.0"
ADDRESS_PARTS, LARGEST_OCTET = 4, 255


class GufoSession(BoundedSession[GetIter]):
    """`address` is numeric. Raises ValueError for keys of no use, SnmpError where no way leads to the address."""

    def __init__(self, target: Snmp, address: str, limits: Limits) -> None:
        super().__init__(f"{target.host}:{target.port}", limits)
        self._where = f"[{address}]:{target.port}" if ":" in address else f"{address}:{target.port}"
        self._community = target.community
        self._user = _user(target) if target.version == "3" else None
        self._tail = b""
        self._connect()

    def close(self) -> None:
        self._peek.close()

    def _connect(self) -> None:
        self._discovered = self._user is None
        self._socket: SnmpV2cClientSocket | SnmpV3ClientSocket
        try:
            if self._user is None:
                self._socket = SnmpV2cClientSocket(self._where, self._community, 0, 0, 0, 0)
            else:
                # The engine is discovered as nobody, without keys (RFC 3414, section 4).
                self._socket = SnmpV3ClientSocket(self._where, b"", "", 0, b"", 0, b"", 0, 0, 0, 0)
        except OSError as no_way:  # no network yet, as while the machine starts
            raise SnmpError(_(NO_WAY).format(device=self._name, why=no_way)) from no_way
        self._peek = socket.socket(fileno=os.dup(self._socket.get_fd()))

    def _ask_get(self, oids: Sequence[str], wait: float) -> dict[str, Value]:
        sock = self._socket
        answer = self._exchange(lambda: sock.send_get_many(list(oids)), sock.recv_get_many, wait)
        return {oid: value for oid, told in answer.items() if (value := _value(told)) is not None}

    def _cursor(self, oid: str, repetitions: int) -> GetIter:
        return GetIter(oid, repetitions)

    def _ask_bulk(self, cursor: GetIter, wait: float) -> Page:
        sock = self._socket
        try:
            told = self._exchange(lambda: sock.send_get_bulk(cursor), lambda: sock.recv_get_bulk(cursor), wait)
        except StopAsyncIteration:
            # The end, or rows of nothing but NULL, behind which only GETNEXT gets.
            return Page([], ended=True) if self._tail == END_OF_MIB_VIEW else self._ask_next(cursor, wait)
        rows = [(row[0], value) for row in told if row is not None and (value := _value(row[1])) is not None]
        return Page(rows, ended=told[-1] is None)

    def _ask_next(self, cursor: GetIter, wait: float) -> Page:
        sock = self._socket
        try:
            oid, told = self._exchange(lambda: sock.send_get_next(cursor), lambda: sock.recv_get_next(cursor), wait)
        except StopAsyncIteration:
            return Page([], ended=self._tail != NULL)
        value = _value(told)
        return Page([] if value is None else [(oid, value)], ended=value is None)

    def _exchange(self, send: Callable[[], None], receive: Callable[[], T], wait: float) -> T:
        """One request and its answer. Raises NoAnswerError, BadAnswerError, SnmpError; StopAsyncIteration is gufo's."""
        until = time.monotonic() + wait
        try:
            if self._user is not None and not self._discovered:
                self._discover(self._user, until)
                self._try(until)
                self._discovered = True
            return self._request(send, receive, until)
        except SnmpAuthError:
            if self._met:
                # Its clock has left ours behind (RFC 3414, section 3.2).
                self.close()
                self._connect()
                raise NoAnswerError from None
            raise SnmpError(_(REFUSED).format(device=self._name)) from None

    def _discover(self, user: User, until: float) -> None:
        """Learn the engine's name, and as the user its boots and time."""
        sock = self._socket
        if isinstance(sock, SnmpV2cClientSocket):
            raise TypeError("only SNMPv3 has engines")
        self._request(sock.send_refresh, sock.recv_refresh, until)
        sock.set_keys(*_keys(user))
        self._silent_because = KNOWN_BUT_SILENT
        if user.require_auth():
            self._request(sock.send_refresh, sock.recv_refresh, until)

    def _try(self, until: float) -> None:
        """A refusal by SNMPv3 looks like an empty table; the uptime, which every agent has, tells them apart."""
        sock = self._socket
        if not self._request(lambda: sock.send_get_many([SYS_UP_TIME]), sock.recv_get_many, until):
            self._problem("tells this user nothing, not even its uptime: is its security level high enough?")

    def _request(self, send: Callable[[], None], receive: Callable[[], T], until: float) -> T:
        try:
            send()
            return self._receive(receive, until)
        except SnmpAuthError:
            raise
        except (LibraryError, RuntimeError):
            raise BadAnswerError(UNREADABLE) from None
        except OSError:  # nobody listens there, or no way leads there
            raise NoAnswerError from None
        except BaseException as panic:  # what its Rust code raises at some nonsense is no Exception
            if type(panic).__name__ != "PanicException":
                raise
            raise BadAnswerError(UNREADABLE) from None

    def _receive(self, receive: Callable[[], T], until: float) -> T:
        while (left := until - time.monotonic()) > 0:
            self._peek.settimeout(left)
            refusal = self._look_ahead()
            try:
                answer = receive()
            except BlockingIOError:
                continue  # it was the answer to an earlier request
            except StopAsyncIteration:
                if refusal:
                    raise BadAnswerError(refusal) from None
                raise
            if refusal:
                raise BadAnswerError(refusal)
            return answer
        raise NoAnswerError

    def _look_ahead(self) -> str:
        """The error that the answer reports, if any; its last value is kept in `_tail`. Of SNMPv3 nothing is seen."""
        answer = self._peek.recv(LONGEST_DATAGRAM, socket.MSG_PEEK)
        if not is_whole(answer) or len(answer) > LONGEST_ANSWER:
            self._peek.recv(1)
            raise BadAnswerError(UNREADABLE)
        if self._user is not None:
            return ""
        self._tail = answer[-2:]
        return error_status(answer)


def _keys(user: User) -> tuple[str, int, bytes, int, bytes]:
    return user.name, user.get_auth_alg(), user.get_auth_key(), user.get_priv_alg(), user.get_priv_key()


def _user(target: Snmp) -> User:
    auth, priv = usm.read_auth(target.auth), usm.read_priv(target.priv)
    return User(
        target.user,
        auth_key=AUTH[auth.protocol](auth.secret.encode()) if auth else None,
        priv_key=PRIV[priv.protocol](priv.secret.encode()) if priv else None,
    )


def _value(told: object) -> Value | None:
    """As Session wants it. gufo gives IpAddress and OBJECT IDENTIFIER both as text; four numbers are an address."""
    if isinstance(told, str):
        parts = told.split(".")
        return (
            IPv4Address(told)
            if len(parts) == ADDRESS_PARTS and max(map(int, parts)) <= LARGEST_OCTET
            else ObjectId(told)
        )
    if isinstance(told, bool):
        return int(told)
    if isinstance(told, float):  # Opaque, as net-snmp's MIBs wrap it
        return b"\x9f\x78\x04" + struct.pack(">f", told)
    return told if isinstance(told, (int, bytes)) else None
