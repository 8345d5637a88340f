"""`haidang agents scrape-job`: what has a Prometheus fetch the agents' measurements, where it can reach the schools."""

from pathlib import Path
from typing import Annotated

import typer
import yaml

from haidang_collector.commands._registry import refuse


def scrape_job(
    collector: Annotated[
        str, typer.Option(metavar="URL", help="The collector, as Prometheus reaches it.")
    ] = "http://127.0.0.1:8080",
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where Prometheus finds HAIDANG_OPERATOR_PASSWORD.")
    ] = None,
    victoriametrics: Annotated[
        bool, typer.Option("--victoriametrics", help="For VictoriaMetrics or vmagent, without what they do not know.")
    ] = False,
) -> None:
    """Print an entry for `scrape_configs` of prometheus.yml, by which it asks the agents that can be reached.

    An agent can be where its [agent] listen is beyond loopback. What the centre alone may tell is dropped, and so are
    counters, which come by push. Bounds are those of this environment (HAIDANG_MAX_…).

    Example: haidang agents scrape-job --collector https://haidang.example
    """
    from haidang_collector.scraping import agents_job  # noqa: PLC0415 - the start of every other command is spared it
    from haidang_collector.settings import BadSettingError, from_environment  # noqa: PLC0415 - as above

    try:
        limits = from_environment()
    except BadSettingError as bad:
        refuse(str(bad))
    job = agents_job(limits, collector, password_file, victoriametrics=victoriametrics)
    typer.echo(yaml.safe_dump([job], sort_keys=False), nl=False)
