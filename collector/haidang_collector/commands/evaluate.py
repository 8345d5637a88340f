"""`haidang evaluate`: how the units stand in the rows R1 to R16, at any moment."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from haidang_collector.commands._registry import PROBLEM, Data, Json, opened, refuse, say

if TYPE_CHECKING:
    from haidang_collector.evaluation.model import Evaluation


class Format(StrEnum):
    html = "html"
    xlsx = "xlsx"
    pdf = "pdf"
    json = "json"


BINARY = (Format.xlsx, Format.pdf)
WIDTH = 140
"""Characters of a line where no terminal says how wide it is."""


def command(
    at: Annotated[
        str | None,
        typer.Option(
            metavar="DATE|TIME", help="2026-11-25: the end of that day; 2026-11-25T08:00, or with +07:00; default: now."
        ),
    ] = None,
    unit: Annotated[str, typer.Option(metavar="CODE", help="One unit only.")] = "",
    district: Annotated[str, typer.Option(metavar="NAME", help="The units of one district only.")] = "",
    format_: Annotated[Format | None, typer.Option("--format", help="In the place of tables on the terminal.")] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there (default: stdout); the ending may tell the format.")
    ] = None,
    as_json: Json = False,
    lang: Annotated[
        Literal["vi", "en"] | None, typer.Option(help="Language (default: the terminal's; of a file: Vietnamese).")
    ] = None,
    data: Data = None,
) -> None:
    """Evaluate the city, a district or a unit at any moment: which rows are met, by which figures, known by whom.

    All figures are what the recording rules in Prometheus (HAIDANG_PROMETHEUS_URL) and the registry said at that
    moment; limits are those of the policy on that day (HAIDANG_POLICY). Times without an offset are the schools' own
    (HAIDANG_TIME_ZONE). What is not known is told apart from what is not met.

    Exit status: 0 evaluated, 1 nothing is known of that moment, 2 bad usage, or the store or the registry is away.

    For example:

    haidang evaluate

    haidang evaluate --unit TH-001 --at 2026-11-25T08:00

    haidang evaluate --district "Quận 1" --output quan-1.pdf

    haidang evaluate --at 2027-05-31 --format xlsx > year-end.xlsx

    """
    if unit and district:
        raise typer.BadParameter("--unit and --district: give one of them")
    form = _format(format_, output, as_json)
    if form in BINARY and output is None and sys.stdout.isatty():
        refuse(f"{form} is not for a terminal: add --output evaluation.{form}")
    evaluation = _evaluate(data, at, unit, district)
    language = lang or _language(form)
    _write(evaluation, form, language, output)
    _tell_problems(evaluation, form, language)
    if not evaluation.units:
        raise typer.Exit(PROBLEM)


def _format(given: Format | None, output: Path | None, as_json: bool) -> Format | None:
    """None: tables for a terminal."""
    if as_json and given not in (None, Format.json):
        raise typer.BadParameter(f"--json and --format {given}: give one of them")
    if as_json or given:
        return given or Format.json
    if output is None:
        return None
    try:
        return Format(output.suffix.removeprefix(".").lower())
    except ValueError:
        raise typer.BadParameter(
            f"--output {output}: the ending tells no format; add --format {'|'.join(Format)}"
        ) from None


def _language(form: Format | None) -> str:
    from haidang_collector.i18n import LANGUAGES, language_of_terminal  # noqa: PLC0415 - `--help` need not wait

    return LANGUAGES[0] if form in (Format.html, *BINARY) else language_of_terminal()


def _evaluate(data: Path | None, at: str | None, unit: str, district: str) -> "Evaluation":
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - see `_language`

    import httpx  # noqa: PLC0415

    from haidang_collector.evaluation.gather import UnknownScopeError, gather  # noqa: PLC0415
    from haidang_collector.evaluation.moment import BadMomentError, read  # noqa: PLC0415
    from haidang_collector.evaluation.store import Store, StoreAwayError  # noqa: PLC0415
    from haidang_collector.policy.policy import BadPolicyError, from_environment  # noqa: PLC0415
    from haidang_collector.settings import BadSettingError  # noqa: PLC0415
    from haidang_collector.settings import from_environment as settings_from_environment  # noqa: PLC0415
    from haidang_collector.tenants import Reader, Tenants, authorities  # noqa: PLC0415

    try:
        policy, settings = from_environment(), settings_from_environment()
        moment = read(at, ZoneInfo(settings.time_zone))
    except BadMomentError as bad:
        refuse(f"--at {bad}")
    except (BadPolicyError, BadSettingError) as bad:
        refuse(str(bad))
    with opened(data) as registry:
        units = registry.units()
    with (
        httpx.Client(
            trust_env=False, auth=Reader(Tenants(settings)), verify=authorities(settings.store_ca) or True
        ) as client,
        _progress(shown=not unit and sys.stderr.isatty()) as progress,
    ):
        store = Store(client, settings.prometheus_url)
        try:
            return gather(store, units, policy, moment, unit=unit, district=district, progress=progress)
        except (StoreAwayError, UnknownScopeError) as failed:
            refuse(str(failed))


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on stderr while the store is asked."""
    if not shown:
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - see `_language`
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Prometheus", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _write(evaluation: "Evaluation", form: Format | None, language: str, output: Path | None) -> None:
    if form is None:
        _show(evaluation, language)
        return
    content = _render(evaluation, form, language)
    if output is None:
        typer.echo(content, nl=form not in BINARY)
        return
    try:
        output.write_bytes(content)
    except OSError as failed:
        refuse(f"{output}: {failed.strerror}; give a file that this user may write to")


def _render(evaluation: "Evaluation", form: Format, language: str) -> bytes:
    """What it takes to make a form is loaded only for that form."""
    if form is Format.html:
        from haidang_collector.evaluation import html  # noqa: PLC0415

        return html.page(evaluation, language).encode()
    if form is Format.json:
        from haidang_collector.evaluation import as_json  # noqa: PLC0415

        return as_json.text(evaluation, language).encode()
    file = io.BytesIO()
    if form is Format.xlsx:
        from haidang_collector.evaluation import xlsx  # noqa: PLC0415

        xlsx.write(evaluation, language, file)
    else:
        from haidang_collector.evaluation import pdf  # noqa: PLC0415

        try:
            pdf.write(evaluation, language, file)
        except pdf.PdfUnavailableError as missing:
            refuse(str(missing))
    return file.getvalue()


def _show(evaluation: "Evaluation", language: str) -> None:
    from rich.console import Console  # noqa: PLC0415 - see `_language`

    from haidang_collector.evaluation import terminal  # noqa: PLC0415

    terminal.show(evaluation, language, Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False))


def _tell_problems(evaluation: "Evaluation", form: Format | None, language: str) -> None:
    """On stderr, where what was written goes to a file or a program."""
    from haidang_collector.evaluation.words import Words  # noqa: PLC0415 - see `_language`

    if form is not None:
        for problem in evaluation.problems:
            say(Words(language).problem(problem))
