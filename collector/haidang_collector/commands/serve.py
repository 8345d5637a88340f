"""`haidang serve`: the collector alone, for agents and people."""

from pathlib import Path
from typing import Annotated

import typer

from haidang_collector.commands._registry import Data, refuse, say

KEEP_ALIVE_SECONDS = 75
"""Longer than the agents' push interval, so that a connection (and its TLS handshake) serves many pushes."""


def command(
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where to answer (default HAIDANG_LISTEN, 127.0.0.1:8080).")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate with its chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
    data: Data = None,
) -> None:
    """Take in what agents report, and show it. Settings are HAIDANG_* variables; see docs/operations.md.

    Example: haidang serve --listen 0.0.0.0:8080 --tls-cert cert.pem --tls-key key.pem
    """
    import dataclasses  # noqa: PLC0415 - `--help` need not wait for the server
    import os  # noqa: PLC0415

    import uvicorn  # noqa: PLC0415

    from haidang_collector.app import create_app  # noqa: PLC0415
    from haidang_collector.registry.database import RegistryDatabaseError  # noqa: PLC0415
    from haidang_collector.registry.location import database_url  # noqa: PLC0415
    from haidang_collector.registry.store import Registry  # noqa: PLC0415
    from haidang_collector.settings import BadSettingError, from_environment, split_address  # noqa: PLC0415

    if (tls_cert is None) != (tls_key is None):
        refuse("--tls-cert and --tls-key go together")
    for file in (tls_cert, tls_key):
        if file is not None and not os.access(file, os.R_OK):
            refuse(f"{file} cannot be read")
    try:
        settings = dataclasses.replace(from_environment(), database_url=database_url(data))
        settings = dataclasses.replace(settings, listen=listen or settings.listen)
        Registry(settings.database_url).close()
    except (BadSettingError, RegistryDatabaseError) as wrong:
        refuse(str(wrong))
    host, port = split_address(settings.listen)
    say(f"listening on {'https' if tls_cert else 'http'}://{settings.listen}")
    uvicorn.run(
        create_app(settings),
        host=host,
        port=port,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=10,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
    )
