"""The committed dashboards as Grafana would read them: panels, queries, variables and what they are filled with."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import promql_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.dashboards.asking import Asking

FOLDER = Path(__file__).parents[2] / "dashboards" / "json"
LANGUAGES = ("vi", "en")
ALL = "$__all"
VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?::\w+)?\}|([A-Za-z_]\w*))")
LABEL_VALUES = re.compile(r"label_values\((?P<selector>.+),\s*(?P<label>\w+)\)")
QUERY_RESULT = re.compile(r"query_result\((.+)\)")
TIMES = {
    "__range": "30d",
    "__range_s": "2592000",
    "__interval": "1h",
    "__interval_ms": "3600000",
    "__rate_interval": "1h",
}
"""What Grafana's own variables are for a month on a wide screen."""


class Query(NamedTuple):
    """One of a panel. `instant`: for now alone, else for the dashboard's time range, at `points` moments at most.

    `apart`: how many seconds two moments are apart at least.
    """

    board: str
    panel: str
    expression: str
    instant: bool
    points: int | None
    apart: int


@dataclass(frozen=True)
class Board:
    """`model`: the JSON. Rows that are folded hold their panels inside; here they stand beside them."""

    language: str
    model: dict[str, Any]

    @property
    def uid(self) -> str:
        return str(self.model["uid"])

    @property
    def variables(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.model.get("templating", {}).get("list", [])
        return found

    def everything(self) -> Iterator[dict[str, Any]]:
        """Panels and rows."""
        for panel in self.model["panels"]:
            yield panel
            yield from panel.get("panels", ())

    def panels(self) -> list[dict[str, Any]]:
        return [panel for panel in self.everything() if panel["type"] != "row"]

    def queries(self) -> Iterator[Query]:
        """As written, with variables not yet filled in."""
        for panel in self.panels():
            for target in panel.get("targets", ()):
                at_once, points = bool(target.get("instant")), panel.get("maxDataPoints")
                apart = 60 * int((panel.get("interval") or "0m").removesuffix("m"))
                yield Query(self.uid, panel["title"], target["expr"], at_once, points, apart)


def boards(language: str) -> list[Board]:
    """By file name."""
    return [Board(language, json.loads(file.read_text())) for file in sorted((FOLDER / language).glob("*.json"))]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Variables as Grafana fills them in. Raises LookupError for one that nothing defines."""
    known = {**TIMES, **values}
    return VARIABLE.sub(lambda found: known[found[1] or found[2]], text)


def openings(
    board: Board,
    store: Asking,
    known: Mapping[str, str] | None = None,
    pick: Callable[[list[str]], list[str]] = list,
) -> Iterator[dict[str, str]]:
    """Each way to open the dashboard: a value for every variable; all, where that is offered, else each that is picked.

    Raises LookupError where a variable has no value, and ValueError for a kind that dashboards here do not use.
    """
    known = known or {}
    variable = next((each for each in board.variables if each["name"] not in known), None)
    if variable is None:
        yield dict(known)
        return
    values = _values(variable, known, store)
    if not values:
        raise LookupError(f"{board.uid}: ${variable['name']} has no value for {known}")
    for value in [_all(variable, values)] if variable.get("includeAll") else pick(values):
        yield from openings(board, store, {**known, variable["name"]: value}, pick)


def _all(variable: Mapping[str, Any], values: list[str]) -> str:
    return variable.get("allValue") or "(" + "|".join(map(re.escape, values)) + ")"


def _values(variable: Mapping[str, Any], known: Mapping[str, str], store: Asking) -> list[str]:
    match variable["type"]:
        case "query":
            return _asked(variable, known, store)
        case "custom":
            return [option["value"] for option in variable["options"]]
        case "datasource":
            return ["haidang"]
        case kind:
            raise ValueError(f"${variable['name']} is of kind {kind!r}")


def _asked(variable: Mapping[str, Any], known: Mapping[str, str], store: Asking) -> list[str]:
    query = variable["query"]
    text = fill(query["query"] if isinstance(query, dict) else query, known)
    if labels := LABEL_VALUES.fullmatch(text):
        found = store.label_values(labels["selector"], labels["label"])
    elif result := QUERY_RESULT.fullmatch(text):
        found = [_as_text(each["metric"]) for each in store.now(result[1])]
    else:
        raise ValueError(f"${variable['name']}: {text!r} is neither label_values(…) nor query_result(…)")
    if not variable.get("regex"):
        return found
    pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
    return [match["value"] for match in map(pattern.search, found) if match]


def _as_text(metric: Mapping[str, str]) -> str:
    """A series as Grafana writes it for a variable's regex: labels by name, as the store sends them."""
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(metric.items()) if name != "__name__")
    return f"{metric.get('__name__', '')}{{{labels}}}"


def selectors(expression: str) -> list[Any]:
    """The vector selectors of an expression, by Prometheus' grammar. Raises ValueError where it does not parse."""
    found: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found
