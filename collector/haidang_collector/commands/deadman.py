"""`haidang deadman`: tells somebody when the alerting itself has died."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import refuse, say

if TYPE_CHECKING:
    from haidang_collector.notify.settings import NotifySettings

SHORTEST_TOKEN = 20
HEADER_BYTES = 16 << 10
MOST_CONNECTIONS = 100


def command(
    settings: Annotated[Path, typer.Option(metavar="FILE", help="TOML with the table mail, as of HAIDANG_NOTIFY.")],
    to: Annotated[list[str], typer.Option(metavar="ADDRESS", help="Who gets the mail; may be given again.")],
    token_file: Annotated[Path, typer.Option(metavar="FILE", help="One line that Alertmanager sends as Bearer token.")],
    after: Annotated[int, typer.Option(metavar="SECONDS", min=1, max=86_400, help="How long it may be silent.")] = 900,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where to answer.")] = "127.0.0.1:9095",
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate with its chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
) -> None:
    """A dead man's switch for another machine than the centre's: a mail when Alertmanager's Watchdog stays away.

    Alertmanager sends it to POST /watchdog; see docs/alerts.md. It runs until it is stopped.

    Example: haidang deadman --settings mail.toml --to truc@so.edu.vn --token-file token --listen 0.0.0.0:9095
    """
    if (tls_cert is None) != (tls_key is None):
        refuse("--tls-cert and --tls-key go together")
    wanted = _settings(settings)
    token = _token(token_file)

    import uvicorn  # noqa: PLC0415 - what can be refused is refused before the second that these take

    from haidang_collector.notify.deadman import Switch, create_app  # noqa: PLC0415
    from haidang_collector.settings import split_address  # noqa: PLC0415

    try:
        host, port = split_address(listen)
    except ValueError as wrong:
        refuse(f"--listen: {wrong}")
    config = uvicorn.Config(
        create_app(Switch(wanted, to, after), token),
        host=host,
        port=port,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
        h11_max_incomplete_event_size=HEADER_BYTES,
        limit_concurrency=MOST_CONNECTIONS,
        http="h11",
        access_log=False,
        server_header=False,
        log_level="warning",
    )
    try:
        config.load()
    except OSError as wrong:  # of the certificate; ssl.SSLError is one
        refuse(f"--tls-cert {tls_cert}, --tls-key {tls_key}: {wrong}")
    say(f"waiting for the watchdog on {'https' if tls_cert else 'http'}://{listen}/watchdog")
    uvicorn.Server(config).run()


def _settings(file: Path) -> "NotifySettings":
    from haidang_collector.notify.settings import BadNotifyError, load  # noqa: PLC0415 - as above

    try:
        wanted = load(file)
    except BadNotifyError as wrong:
        refuse(f"--settings {wrong}")
    if wanted.mail is None:
        refuse(f"--settings {file}: [mail] is missing")
    return wanted


def _token(file: Path) -> str:
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as failed:
        refuse(f"--token-file {file}: {failed}")
    if len(text) < SHORTEST_TOKEN or not text.isprintable():
        refuse(f"--token-file {file}: must hold one line of {SHORTEST_TOKEN} characters or more")
    return text
