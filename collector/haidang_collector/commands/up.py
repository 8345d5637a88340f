"""`haidang up`: the whole system on this machine."""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import typer

from haidang_collector.commands._registry import PROBLEM, refuse, say

if TYPE_CHECKING:
    from haidang_collector.supervisor.plan import Plan

INTERRUPTED = 130
LOCAL = ("127.0.0.1", "::1", "localhost")
Data = Annotated[Path, typer.Option(metavar="DIR", help="Folder of all data; made where it is missing.")]
Port = Annotated[int, typer.Option(min=1, max=65535)]
CollectorPort = Annotated[int, typer.Option(min=1, max=65535, help="The collector's: pages and agents.")]
VmalertPort = Annotated[int, typer.Option(min=1, max=65535, help="Of the rules of victoriametrics.")]
AgentPort = Annotated[int, typer.Option(min=1, max=65535, help="This machine's agent's /metrics.")]
Store = Annotated[
    Literal["prometheus", "victoriametrics"],
    typer.Option(help="What keeps the measurements; victoriametrics answers on the port of Prometheus."),
]
Workers = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Processes of the collector (default HAIDANG_WORKERS, 1).")
]
Agent = Annotated[bool, typer.Option(help="Measure this machine and its network too.")]
Portals = Annotated[
    bool, typer.Option("--portals", help="Look at the units' portals and mail domains every ten minutes too.")
]
Targets = Annotated[
    list[str] | None,
    typer.Option(metavar="ADDRESS", help="What the agent pings to know the Internet; may be given again."),
]
Smtp = Annotated[str, typer.Option(metavar="HOST:PORT", help="Mail server for alerts; without it no mail is sent.")]
MailTo = Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="Who gets the mails; may be given again.")]
Deadman = Annotated[
    str, typer.Option(metavar="URL", help="A dead man's switch on another machine (see haidang deadman --help).")
]
DeadmanToken = Annotated[Path | None, typer.Option(metavar="FILE", help="One line: the Bearer token of that switch.")]
Language = Annotated[
    Literal["vi", "en"] | None, typer.Option(help="Language of these words (default: the terminal's).")
]


def command(
    data: Data = Path(".data"),
    port: CollectorPort = 8080,
    prometheus_port: Port = 9090,
    alertmanager_port: Port = 9093,
    store: Store = "prometheus",
    vmalert_port: VmalertPort = 8880,
    workers: Workers = None,
    agent_port: AgentPort = 9810,
    agent: Agent = True,
    portals: Portals = False,
    target: Targets = None,
    smtp: Smtp = "",
    mail_to: MailTo = None,
    deadman: Deadman = "",
    deadman_token_file: DeadmanToken = None,
    lang: Language = None,
) -> None:
    """Try everything on one machine: collector, Prometheus, Alertmanager and an agent, supervised until Ctrl-C.

    Example: haidang up --data ./trial --target 192.0.2.1
    """
    began = time.monotonic()
    from haidang_collector.i18n import language_of_terminal  # noqa: PLC0415 - `--help` need not wait
    from haidang_collector.supervisor.plan import Plan  # noqa: PLC0415

    _check_mail(smtp, mail_to)
    _check_deadman(deadman, deadman_token_file)
    plan = Plan(
        data=data.absolute(), collector_port=port, prometheus_port=prometheus_port, alertmanager_port=alertmanager_port,
        agent_port=agent_port, agent=agent, portals=portals, targets=tuple(target or ()), smtp=smtp,
        mail_to=tuple(mail_to or ()), store=store, vmalert_port=vmalert_port, workers=workers,
        notify=bool(os.environ.get("HAIDANG_NOTIFY")), public_url=os.environ.get("HAIDANG_PUBLIC_URL", ""),
        deadman=deadman, deadman_token_file=deadman_token_file, language=lang or language_of_terminal(),
    )  # fmt: skip
    _supervise(plan, began)


def _supervise(plan: "Plan", began: float) -> None:
    """Until a signal comes. Exit status 1 where something does not start, 130 where it was stopped before."""
    from haidang_collector.supervisor.plan import UpError  # noqa: PLC0415 - as above
    from haidang_collector.supervisor.system import StoppedError, System  # noqa: PLC0415

    words = plan.words
    system = System(plan, _say)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: system.ask_to_stop())
    try:
        system.start()
    except UpError as failed:
        refuse(str(failed), PROBLEM)
    except StoppedError:
        raise typer.Exit(INTERRUPTED) from None
    try:
        _say(words("ready after %(seconds).1f s") % {"seconds": time.monotonic() - began})
        _show_addresses(plan)
        system.watch()
    finally:
        system.stop()
    _say(words("stopped"))


def _check_mail(smtp: str, mail_to: list[str] | None) -> None:
    from haidang_collector.settings import split_address  # noqa: PLC0415 - as above

    if bool(smtp) != bool(mail_to):
        refuse("--smtp and --mail-to go together")
    try:
        split_address(smtp or "127.0.0.1:25")
    except ValueError:
        refuse(f"--smtp {smtp}: write host:port, as mail.example:25")


def _check_deadman(url: str, token_file: Path | None) -> None:
    """A token is sent to nobody in clear, but on this machine."""
    if token_file is not None and not url:
        refuse("--deadman-token-file goes with --deadman")
    if not url:
        return
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        refuse(f"--deadman {url}: write an address as https://watch.example:9095/watchdog")
    if parts.scheme == "http" and token_file is not None and host not in LOCAL:
        refuse(f"--deadman {url}: with a token it must be https")
    if token_file is not None:
        try:
            token_file.read_bytes()
        except OSError as failed:
            refuse(f"--deadman-token-file {token_file}: {failed.strerror}")


def _show_addresses(plan: "Plan") -> None:
    words = plan.words
    mail = ", ".join(plan.mail_to) or words("none is sent; --smtp and --mail-to would")
    lines = {
        words("pages"): plan.collector,
        "Prometheus" if plan.store == "prometheus" else "VictoriaMetrics": plan.prometheus,
        "Alertmanager": plan.alertmanager,
        **({words("this machine's agent"): plan.agent_metrics} if plan.agent else {}),
        words("mail"): mail,
        words("data"): str(plan.data),
    }
    width = max(map(len, lines))
    table = "".join(f"  {name.ljust(width)}  {value}\n" for name, value in lines.items())
    with contextlib.suppress(OSError):
        typer.echo(f"\n{table}\n{words('Ctrl-C stops everything.')}")


def _say(text: str) -> None:
    """A terminal that was closed is no reason to leave the children behind."""
    with contextlib.suppress(OSError):
        say(text)
