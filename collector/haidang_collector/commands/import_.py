"""`haidang import`: what a school carried here on a stick."""

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import PROBLEM, Json, refuse, say, show_json

if TYPE_CHECKING:
    import httpx

    from haidang_collector.sticks.file import Frame

LISTEN, PASSWORD = "HAIDANG_LISTEN", "HAIDANG_OPERATOR_PASSWORD"
ASK_SECONDS = 60.0
OK = 200
FINAL = (400, 413, 422)
"""What can never be taken; anything else may work later."""
LATER = (429, 503)
TRIES, LONGEST_WAIT_SECONDS = 4, 30


@dataclass
class Outcome:
    """`counts` are of parts and samples, `snapshots_refused` by reason: of parts that were stored but for these."""

    counts: Counter[str] = field(default_factory=Counter)
    snapshots_refused: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def command(
    file: Annotated[Path, typer.Argument(help="What `haidang-agent export` wrote.")],
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="URL", help=f"The collector; else the one here, as {LISTEN} has it."),
    ] = None,
    ca: Annotated[Path | None, typer.Option("--ca", metavar="FILE", help="Its CA, PEM; else the system's.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Store what was imported before once more: the store lost it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put what a school measured while its link was down into the store, from a file that it carried here.

    The file is signed by its agent; only who holds the agent's key could have written it. Importing it twice stores
    nothing twice. When the store has run on for two minutes, the agent hears of it and does not send what is here. If
    the store was started anew within these, import the file again; if a back-up of the store was restored, with
    --again. From another machine the collector wants the operator's password, in the variable
    HAIDANG_OPERATOR_PASSWORD.

    Exit status: 0 all of it is in the store, 1 some of it is not (stderr says why), 2 it is no such file.

    Example: haidang import /media/usb/school.haidang --server https://collector.example:8080
    """
    from haidang_collector.settings import is_sound_url  # noqa: PLC0415 - `--help` need not wait for it
    from haidang_collector.sticks.file import BadExportError, frames  # noqa: PLC0415

    url = (server or f"http://{os.environ.get(LISTEN, '127.0.0.1:8080')}").rstrip("/")
    if not is_sound_url(url):
        refuse(f"{url!r}: write https://host:port (http:// is for this machine only)")
    outcome = Outcome()
    counts, problems = outcome.counts, outcome.problems
    whole = False
    try:
        with file.open("rb") as opened_file, _client(url, ca) as client:
            for frame in frames(opened_file):
                whole = whole or not frame.body
                _take(client, frame, outcome, again=again)
    except BadExportError as bad:
        if not counts:
            refuse(f"{file}: {bad}")
        problems.append(str(bad))
    except OSError as failed:
        refuse(f"{file}: {failed.strerror or failed}")
    if not whole:
        problems.append("its end is missing; copy it again, what is here already is not stored twice")
    for problem in problems:
        say(f"{file}: {problem}")
    told = {name: counts[name] for name in ("stored", "again", "refused", "samples")}
    if as_json:
        show_json(told | {"snapshots_refused": outcome.snapshots_refused, "problems": problems})
    else:
        typer.echo(f"{told['stored']} parts stored ({told['samples']} samples), {told['again']} were there already")
    if problems:
        raise typer.Exit(PROBLEM)


def _client(url: str, ca: Path | None) -> "httpx.Client":
    import ssl  # noqa: PLC0415 - see above

    import httpx  # noqa: PLC0415

    password = os.environ.get(PASSWORD)
    try:
        verify = ssl.create_default_context(cafile=ca)
    except OSError as unusable:
        refuse(f"--ca {ca}: holds no certificates in PEM ({unusable})")
    auth = ("operator", password) if password else None
    return httpx.Client(base_url=url, verify=verify, auth=auth, timeout=ASK_SECONDS, trust_env=False)


def _take(client: "httpx.Client", frame: "Frame", outcome: Outcome, *, again: bool) -> None:
    """Ends the program where the collector takes nothing now; what is stored stays, and the file is imported again."""
    answer = _answer(client, frame, again=again)
    if answer.status_code == OK:
        try:
            taken = answer.json()
            samples, was_there, why = int(taken["samples"]), bool(taken["again"]), str(taken.get("why", ""))
            refused = {str(reason): int(number) for reason, number in taken.get("refused", {}).items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            refuse(
                f"{client.base_url}: no collector answers there, but {_words(answer)!r}; is --server right?", PROBLEM
            )
        outcome.counts["samples"] += samples
        if frame.body:
            outcome.counts["again" if was_there else "stored"] += 1
        if refused:
            outcome.snapshots_refused.update(refused)
            lost = f"{sum(refused.values())} of its snapshots were refused for ever ({', '.join(refused)})"
            outcome.problems.append(f"part {frame.number}: {lost}: {why}")
    elif answer.status_code in FINAL:
        outcome.counts["refused"] += 1
        outcome.problems.append(f"part {frame.number}: {_words(answer)}; the agent keeps it")
    else:
        refuse(f"{client.base_url}: {answer.status_code} {_words(answer)}; import the file again later", PROBLEM)


def _answer(client: "httpx.Client", frame: "Frame", *, again: bool) -> "httpx.Response":
    """Where others bring what they kept, too, a part may have to wait for its turn."""
    import httpx  # noqa: PLC0415 - see above

    query = {"again": "true"} if again else None
    for left in reversed(range(TRIES)):
        try:
            answer = client.post("/api/v1/import", content=frame.encode(), params=query)
        except httpx.HTTPError as failed:
            refuse(f"{client.base_url}: {failed}; import the file again when the collector runs", PROBLEM)
        wait = answer.headers.get("retry-after", "")
        if not left or answer.status_code not in LATER or not wait.isdecimal() or int(wait) > LONGEST_WAIT_SECONDS:
            break
        time.sleep(int(wait))
    return answer


def _words(answer: "httpx.Response") -> str:
    """What the collector said, shortened."""
    try:
        return str(answer.json()["detail"])[:300]
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.text[:300].split())
