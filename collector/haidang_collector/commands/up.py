"""`haidang up`: the whole system on this machine."""

import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from haidang_collector.commands._registry import PROBLEM, refuse, say

Port = Annotated[int, typer.Option(min=1, max=65535)]


def command(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder of all data; made where it is missing.")] = Path(
        ".data"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, help="The collector's: pages and agents.")] = 8080,
    prometheus_port: Port = 9090,
    alertmanager_port: Port = 9093,
    agent_port: Annotated[int, typer.Option(min=1, max=65535, help="This machine's agent's /metrics.")] = 9810,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="What the agent pings to know the Internet; may be given again."),
    ] = None,
    smtp: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Mail server for alerts; without it no mail is sent.")
    ] = "",
    mail_to: Annotated[list[str] | None, typer.Option(metavar="ADDRESS", help="Who gets the mails.")] = None,
) -> None:
    """Try everything on one machine: collector, Prometheus, Alertmanager and an agent, supervised until Ctrl-C.

    Example: haidang up --data ./trial --target 192.0.2.1
    """
    from haidang_collector.registry.database import RegistryDatabaseError  # noqa: PLC0415 - `--help` need not wait
    from haidang_collector.supervisor.child import ChildError  # noqa: PLC0415
    from haidang_collector.supervisor.settings import Plan, UpError  # noqa: PLC0415
    from haidang_collector.supervisor.system import System  # noqa: PLC0415

    if bool(smtp) != bool(mail_to):
        refuse("--smtp and --mail-to go together")
    began = time.monotonic()
    plan = Plan(
        data=data.absolute(),
        collector_port=port,
        prometheus_port=prometheus_port,
        alertmanager_port=alertmanager_port,
        agent_port=agent_port,
        targets=tuple(target or ()),
        smtp=smtp,
        mail_to=tuple(mail_to or ()),
    )
    system = System(plan, say)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _interrupt())
    try:
        system.start()
    except (UpError, ChildError, RegistryDatabaseError) as failed:
        refuse(str(failed), PROBLEM)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: system.ask_to_stop())
    say(f"ready after {time.monotonic() - began:.1f} s; all data in {plan.data}")
    if not smtp:
        say("no mail is sent; --smtp and --mail-to would")
    typer.echo(
        f"\n  Hải Đăng      {plan.collector}\n  Prometheus    {plan.prometheus}\n  Alertmanager  {plan.alertmanager}\n"
        f"  agent         http://127.0.0.1:{plan.agent_port}/metrics\n\nCtrl-C stops everything."
    )
    system.watch()
    system.stop()
    say("stopped")


def _interrupt() -> None:
    raise KeyboardInterrupt
