"""`haidang serve`: the collector alone, for agents and people."""

import gc
import os
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import PROBLEM, Data, refuse, say

if TYPE_CHECKING:
    from haidang_collector.settings import Settings

KEEP_ALIVE_SECONDS = 75
"""Longer than the agents' push interval, so that a connection (and its TLS handshake) serves many pushes."""
GRACE_SECONDS = 10
HEADER_BYTES = 16 << 10
BACKLOG = 2048
MOST_CONNECTIONS = 20_000
SPARE_FILES = 100
"""For what is no connection of an agent: database, log, the way to the store."""


def command(
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where to answer (default HAIDANG_LISTEN, 127.0.0.1:8080).")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate with its chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="First bring the registry's tables to the version of this program.")
    ] = False,
    data: Data = None,
) -> None:
    """Take in what agents report, and show it. Settings are HAIDANG_* variables; see docs/operations.md.

    Example: haidang serve --listen 0.0.0.0:8080 --tls-cert cert.pem --tls-key key.pem
    """
    _check_certificate(tls_cert, tls_key)
    settings = _settings(listen, data)
    listener = _listener(settings)
    _check_registry(settings.database_url, upgrade=upgrade)

    import uvicorn  # noqa: PLC0415 - what can be refused is refused before the second that these take

    from haidang_collector.app import create_app  # noqa: PLC0415
    from haidang_collector.connection import TimedConnection  # noqa: PLC0415

    config = uvicorn.Config(
        create_app(settings),
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        h11_max_incomplete_event_size=HEADER_BYTES,
        limit_concurrency=_connections(),
        http=TimedConnection,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
    )
    say(f"listening on {'https' if tls_cert else 'http'}://{settings.listen}")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))  # uvicorn stops in order, then hands the signal on to this
    gc.freeze()  # what was loaded stays: the collector of garbage need not walk it in the middle of an answer
    uvicorn.Server(config).run(sockets=[listener])


def _settings(listen: str | None, data: Path | None) -> "Settings":
    import dataclasses  # noqa: PLC0415 - as above

    from haidang_collector.registry.location import database_url  # noqa: PLC0415
    from haidang_collector.settings import BadSettingError, from_environment  # noqa: PLC0415

    try:
        settings = dataclasses.replace(from_environment(), database_url=database_url(data))
        return dataclasses.replace(settings, listen=listen or settings.listen)
    except BadSettingError as wrong:
        refuse(str(wrong))


def _check_registry(url: str, *, upgrade: bool) -> None:
    """Before anything listens, so that a registry of no use is one line."""
    from contextlib import closing  # noqa: PLC0415 - as above

    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    from haidang_collector.registry.database import Database, RegistryDatabaseError  # noqa: PLC0415

    try:
        with closing(Database(url)) as database:
            if upgrade and database.is_behind():
                database.upgrade()
            database.prepare()
    except RegistryDatabaseError as wrong:
        refuse(str(wrong))
    except DBAPIError as failed:
        refuse(f"database {database.name}: {failed.orig}")


def _check_certificate(certificate: Path | None, key: Path | None) -> None:
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        refuse("--tls-cert and --tls-key go together")
    for option, file in (("--tls-cert", certificate), ("--tls-key", key)):
        try:
            file.read_bytes()
        except OSError as failed:
            refuse(f"{option} {file}: {failed.strerror}")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, _no_password)
    except (ssl.SSLError, ValueError) as wrong:
        refuse(f"--tls-cert {certificate}, --tls-key {key}: not a certificate and its key without password ({wrong})")


def _no_password() -> str:
    raise ValueError("the key asks for a password")


def _listener(settings: "Settings") -> socket.socket:
    """Bound here, so that a taken port is one line and "listening" is true when it is said."""
    from haidang_collector.settings import split_address  # noqa: PLC0415 - as above

    host, port = split_address(settings.listen)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(
            address[:2],
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=family == socket.AF_INET6 and host == "::",
        )
    except OSError as failed:
        reason = os.strerror(failed.errno) if failed.errno and failed.errno > 0 else failed.strerror
        refuse(f"cannot listen on {settings.listen}: {reason}; give another with --listen", PROBLEM)


def _connections() -> int:
    """How many connections at once the system lets this process hold; its soft limit is raised to the hard one."""
    import resource  # noqa: PLC0415 - as above

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + SPARE_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(1, files - SPARE_FILES)
