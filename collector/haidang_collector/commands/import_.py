"""`haidang import`: what a school carried here on a stick."""

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from haidang_collector.commands._registry import PROBLEM, Json, refuse, say, show_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from haidang_collector.sticks.file import Frame

LISTEN, PASSWORD = "HAIDANG_LISTEN", "HAIDANG_OPERATOR_PASSWORD"
ASK_SECONDS = 60.0
OK = 200
BAD_REQUEST, TOO_MANY = 400, 429
FINAL = (BAD_REQUEST, 413, 422)
"""What can never be taken; anything else may work later."""
LATER = (TOO_MANY, 503)
TRIES, LONGEST_WAIT_SECONDS = 4, 30
NOBODY = "an unknown agent"
TOO_OLD, WAITS, IN_PART = "collector", "later", "in part"
"""What became of a relay's frame, beside the words of `Haidang-Refused`."""


class Refused(NamedTuple):
    """Frames of one agent that its relay brings, by what became of them."""

    agent: str
    what: str


@dataclass
class Outcome:
    """`counts` are of parts and samples, `snapshots_refused` by reason: of parts that were stored but for these.

    `relayed` are frames that a relay kept, by whose they are: those that are in the store now, and those that are not,
    with what was said of the first. `waits`: agents of which no more is taken now; `is_old`: nor is it of any.
    """

    counts: Counter[str] = field(default_factory=Counter)
    snapshots_refused: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    relayed: Counter[str] = field(default_factory=Counter)
    not_relayed: Counter[Refused] = field(default_factory=Counter)
    said: dict[Refused, str] = field(default_factory=dict)
    waits: set[str] = field(default_factory=set)
    is_old: bool = False

    def leave(self, agent: str, what: str, words: str = "") -> None:
        """A relay's frame is not in the store, or not all of it is. There may be ten thousands of them."""
        kind = Refused(agent, what)
        self.counts[{TOO_OLD: "left", WAITS: "left", IN_PART: "in_part"}.get(what, "refused")] += 1
        self.not_relayed[kind] += 1
        self.said.setdefault(kind, words)


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

    The file is signed by its agent; only who holds the agent's key could have written it. What that agent kept as a
    relay for others is signed by them, and stored as theirs. Importing it twice stores
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
    problems += _of_all(outcome, whole=whole, again=again)
    for problem in problems:
        say(f"{file}: {problem}")
    told = {name: counts[name] for name in ("stored", "again", "refused", "left", "samples")}
    told |= {"relayed": outcome.relayed.total(), "relayed_agents": len(outcome.relayed)}
    if as_json:
        show_json(told | {"snapshots_refused": outcome.snapshots_refused, "problems": problems})
    else:
        of_others = f"; of them {told['relayed']} frames of {told['relayed_agents']} agents behind this relay"
        stored = f"{told['stored']} parts stored ({told['samples']} samples), {told['again']} were there already"
        typer.echo(stored + (of_others if told["relayed"] else ""))
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
    writer = _writer(frame)
    if writer and (outcome.is_old or writer in outcome.waits):
        outcome.leave(writer, TOO_OLD if outcome.is_old else WAITS)
        return
    answer = _answer(client, frame, again=again)
    if answer.status_code == OK:
        _count(client, frame, answer, outcome, writer)
    elif writer and answer.status_code in FINAL:
        reason = answer.headers.get("haidang-refused", "")
        outcome.is_old = not reason and answer.status_code == BAD_REQUEST
        outcome.leave(writer, TOO_OLD if outcome.is_old else reason, _words(answer))
    elif answer.status_code in FINAL:
        outcome.counts["refused"] += 1
        outcome.problems.append(f"part {frame.number}: {_words(answer)}; the agent keeps it")
    elif writer and answer.status_code == TOO_MANY:
        outcome.waits.add(writer)
        outcome.leave(writer, WAITS, _words(answer))
    else:
        refuse(f"{client.base_url}: {answer.status_code} {_words(answer)}; import the file again later", PROBLEM)


def _count(client: "httpx.Client", frame: "Frame", answer: "httpx.Response", outcome: Outcome, writer: str) -> None:
    """It is in the store, or all of it is that can be."""
    try:
        taken = answer.json()
        samples, was_there, why = int(taken["samples"]), bool(taken["again"]), str(taken.get("why", ""))
        refused = {str(reason): int(number) for reason, number in taken.get("refused", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        refuse(f"{client.base_url}: no collector answers there, but {_words(answer)!r}; is --server right?", PROBLEM)
    outcome.counts["samples"] += samples
    if frame.body:
        outcome.counts["again" if was_there else "stored"] += 1
    if writer:
        outcome.relayed[writer] += 1
    if not refused:
        return
    outcome.snapshots_refused.update(refused)
    if writer:
        outcome.leave(writer, IN_PART, why)
    else:
        lost = f"{sum(refused.values())} of its snapshots were refused for ever ({', '.join(refused)})"
        outcome.problems.append(f"part {frame.number}: {lost}: {why}")


def _writer(frame: "Frame") -> str:
    """Whose it says to be that a relay brings; empty for a part of the agent's own."""
    from haidang_collector.relay.frame import BadFrameError, read  # noqa: PLC0415 - see above

    if not frame.is_relayed:
        return ""
    try:
        return read(frame.body).agent
    except BadFrameError:
        return NOBODY


def _of_all(outcome: Outcome, *, whole: bool, again: bool) -> "Iterator[str]":
    """What is wrong with more than one part."""
    if not whole:
        yield "its end is missing; copy it again, what is here already is not stored twice"
    if again and outcome.counts["again"]:
        yield "this collector is too old for --again, and stored nothing once more; upgrade it first"
    yield from _not_relayed(outcome)


def _not_relayed(outcome: Outcome) -> "Iterator[str]":
    """A line for each agent and reason."""
    if outcome.is_old:
        left = sum(number for kind, number in outcome.not_relayed.items() if kind.what == TOO_OLD)
        yield (
            f"{left} frames of other agents are left, for this collector is too old for what a relay kept; the relay "
            "keeps them. Import the file again when the collector is upgraded"
        )
    for (agent, what), number in outcome.not_relayed.items():
        words = outcome.said[Refused(agent, what)]
        if what == WAITS:
            yield f"{number} frames of {agent} are left: {words}; the relay keeps them, import the file again later"
        elif what == IN_PART:
            yield f"{number} frames of {agent}: some of their snapshots were refused for ever: {words}"
        elif what != TOO_OLD:
            yield f"{number} frames of {agent} are refused: {words}; the relay keeps them"


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
