"""`haidang serve`: the collector alone, for agents and people."""

import os
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from haidang_collector.commands._registry import PROBLEM, Data, refuse, say

if TYPE_CHECKING:
    from haidang_collector.serving import Door
    from haidang_collector.settings import Settings

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
    workers: Annotated[
        int | None,
        typer.Option(metavar="N", help="Processes that answer there, one a core (default HAIDANG_WORKERS, 1)."),
    ] = None,
    data: Data = None,
) -> None:
    """Take in what agents report, and show it. Settings are HAIDANG_* variables; see docs/operations.md.

    Example: haidang serve --listen 0.0.0.0:8080 --tls-cert cert.pem --tls-key key.pem
    """
    _check_certificate(tls_cert, tls_key)
    settings = _settings(listen, data, workers)
    listener = _listener(settings)
    _check_registry(settings.database_url, upgrade=upgrade)

    from haidang_collector.serving import Door  # noqa: PLC0415 - what can be refused is refused before it is loaded

    door = Door(tls_cert, tls_key, _connections(settings.workers))
    where = f"listening on {'https' if tls_cert else 'http'}://{settings.listen}"
    if settings.workers == 1:
        _serve_alone(settings, door, listener, where)
    else:
        _serve_together(settings, door, listener, where)


def _serve_alone(settings: "Settings", door: "Door", listener: socket.socket, where: str) -> None:
    from haidang_collector.serving import serve  # noqa: PLC0415 - as above
    from haidang_collector.worker import Worker  # noqa: PLC0415

    say(where)
    serve(settings, door, listener, Worker())


def _serve_together(settings: "Settings", door: "Door", listener: socket.socket, where: str) -> None:
    """Each worker has a socket of its own at the address, and the kernel deals out connections by their hash.

    With one socket for all, whoever wakes first takes all that wait: a city that comes back would be with one worker.
    """
    from haidang_collector.serving import serve  # noqa: PLC0415 - as above
    from haidang_collector.supervisor.workers import Workers  # noqa: PLC0415

    family, address = listener.family, listener.getsockname()
    listener.close()  # it has shown that the address is free, also of collectors that would share it
    with _shared(family, address):  # holds the address, without listening, while workers come and go
        workers = Workers(
            settings.workers,
            lambda worker, ready: serve(settings, door, _shared(family, address), worker, ready),
            say,
        )
        status = workers.run(lambda: say(f"{where} with {settings.workers} workers"))
    raise typer.Exit(status)


def _settings(listen: str | None, data: Path | None, workers: int | None) -> "Settings":
    import dataclasses  # noqa: PLC0415 - as above

    from haidang_collector.registry.location import database_url  # noqa: PLC0415
    from haidang_collector.settings import BadSettingError, from_environment  # noqa: PLC0415

    try:
        settings = dataclasses.replace(from_environment(), database_url=database_url(data))
        return dataclasses.replace(
            settings, listen=listen or settings.listen, workers=settings.workers if workers is None else workers
        )
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


def _shared(family: int, address: tuple[Any, ...]) -> socket.socket:
    """A socket at an address that others of ours are at too; it does not listen yet."""
    shared = socket.socket(family, socket.SOCK_STREAM)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        shared.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
    shared.bind(address)
    return shared


def _connections(workers: int) -> int:
    """How many connections at once each process may hold; its soft limit of files is raised to what that takes."""
    import resource  # noqa: PLC0415 - as above

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS // workers + SPARE_FILES
    files = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(1, files - SPARE_FILES)
