"""`haidang import`: what a school carried here on a stick."""

import os
from collections import Counter
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

    Exit status: 0 all of it is in the store, 1 a part is not (stderr says why), 2 it is no such file.

    Example: haidang import /media/usb/school.haidang --server https://collector.example:8080
    """
    from haidang_collector.settings import is_sound_url  # noqa: PLC0415 - `--help` need not wait for it
    from haidang_collector.sticks.file import BadExportError, frames  # noqa: PLC0415

    url = (server or f"http://{os.environ.get(LISTEN, '127.0.0.1:8080')}").rstrip("/")
    if not is_sound_url(url):
        refuse(f"{url!r}: write https://host:port (http:// is for this machine only)")
    counts: Counter[str] = Counter()
    problems: list[str] = []
    whole = False
    try:
        with file.open("rb") as opened_file, _client(url, ca) as client:
            for frame in frames(opened_file):
                whole = whole or not frame.body
                _take(client, frame, counts, problems, again=again)
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
        show_json(told | {"problems": problems})
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


def _take(client: "httpx.Client", frame: "Frame", counts: "Counter[str]", problems: list[str], *, again: bool) -> None:
    """Ends the program where the collector takes nothing now; what is stored stays, and the file is imported again."""
    import httpx  # noqa: PLC0415 - see above

    try:
        answer = client.post("/api/v1/import", content=frame.encode(), params={"again": "true"} if again else None)
    except httpx.HTTPError as failed:
        refuse(f"{client.base_url}: {failed}; import the file again when the collector runs", PROBLEM)
    if answer.status_code == OK:
        try:
            taken = answer.json()
            samples, was_there = int(taken["samples"]), bool(taken["again"])
        except (ValueError, KeyError, TypeError):
            refuse(
                f"{client.base_url}: no collector answers there, but {_words(answer)!r}; is --server right?", PROBLEM
            )
        counts["samples"] += samples
        if frame.body:
            counts["again" if was_there else "stored"] += 1
    elif answer.status_code in FINAL:
        counts["refused"] += 1
        problems.append(f"part {frame.number}: {_words(answer)}; the agent keeps it")
    else:
        refuse(f"{client.base_url}: {answer.status_code} {_words(answer)}; import the file again later", PROBLEM)


def _words(answer: "httpx.Response") -> str:
    """What the collector said, shortened."""
    try:
        return str(answer.json()["detail"])[:300]
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.text[:300].split())
