"""PromQL narrowed to a scope: every selector gets the scope's matcher, or the question is not asked.

The text that is sent is not the text that came: it is printed anew from the parsed tree, so that what this parser
and the store's might read differently is gone. Then it is parsed once more, and each selector of it is looked at.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import promql_parser as promql

from haidang_collector.prom import effort
from haidang_collector.prom.answers import bad_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_collector.access.visitor import Scope

LONGEST_QUERY = 16 << 10
"""Bytes."""
MOST_STEPS = 64
"""Operators, calls and brackets: the parser recurses without a bound, and its `transform` takes time by the cube."""

NOBODYS = frozenset(
    {
        "centre:haidang_listening_since:timestamp_seconds",
        "centre:posture_check:info",
        "centre:school_plan_due:timestamp_seconds",
        "centre:school_year_start:timestamp_seconds",
        "haidang_posture_check_info",
        "policy:school_fibre_rx_drop:decibels",
        "policy:school_isps:count",
        "policy:school_lab_idle:seconds",
        "policy:school_limit:value",
        "policy:school_wan_changes:count",
        "policy:school_wan_loss:ratio",
        "policy:school_wan_rtt_p95:seconds",
    }
)
"""Series that are nobody's data and everybody's measure: limits, texts of checks, days of the year."""
OF_NOBODY = (("district", ""), ("unit", ""))

READS_UNNAMED = frozenset({"info"})
"""Functions that read series (`info`: those of `target_info`) which no selector of the question names."""

_PIECES = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)|(?P<comment>\#[^\n]*)|(?P<quote>["'`])|(?P<code>[^"'`#]+)"""
)
_STEPS = re.compile(r"[(\[+\-*/%^]|[<>=!]=?|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
_MATCHERS = re.compile(r"\{[^{}]*\}")
_BEFORE_1970 = re.compile(r"@\s*-")


def narrowed(query: str, scope: Scope) -> str:
    """`query` over the scope's series only. For the city it is as it came. Raises PromError 400."""
    _check_length(query)
    if scope.city:
        return query
    with _panics_refused():
        return _narrowed(query, scope)


def _narrowed(query: str, scope: Scope) -> str:
    tree = _parse(query)
    asked = _selectors(tree)
    sent = promql.transform(tree, pre_visit=lambda node: _narrow(node, scope)).prettify()
    found = _selectors(_parse_again(sent))
    if len(found) != len(asked) or not all(_is_narrow(selector, scope) for selector in found):
        raise bad_data("the question cannot be narrowed to this scope; write it more plainly")
    return sent


def narrowed_selector(selector: str, scope: Scope) -> str:
    """As `narrowed`, for a `match[]`: a selector alone. Raises PromError 400."""
    _check_length(selector)
    if scope.city:
        return selector
    with _panics_refused():
        is_alone = isinstance(_parse(selector), promql.VectorSelector)
    if not is_alone:
        raise bad_data("match[]: write a selector alone, as up{job='x'}")
    return narrowed(selector, scope)


def everything(scope: Scope) -> str:
    """The selector of all that is the scope's."""
    return "{" + _written(_matchers(scope)) + "}" if not scope.city else '{__name__!=""}'


def _matchers(scope: Scope) -> tuple[tuple[str, str], ...]:
    return (("unit", scope.unit),) if scope.unit else (("district", scope.district),)


def _check_length(query: str) -> None:
    if len(query.encode(errors="replace")) > LONGEST_QUERY:
        raise bad_data(f"query: at most {LONGEST_QUERY} bytes")


@contextmanager
def _panics_refused() -> Iterator[None]:
    """The parser is Rust: what it did not think of, as `m[1e400]`, is no Exception here, and has no class to import."""
    try:
        yield
    except BaseException as panic:
        if type(panic).__name__ == "PanicException":
            raise bad_data(f"parse error: {panic}") from None
        raise


def _parse(query: str) -> promql.Expr:
    try:
        return promql.parse(_plain(query))
    except ValueError as wrong:
        raise bad_data(f"parse error: {wrong}") from None


def _parse_again(sent: str) -> promql.Expr:
    try:
        return promql.parse(sent)
    except ValueError as wrong:
        raise bad_data(f"the question cannot be narrowed to this scope: {wrong}") from None


def _plain(query: str) -> str:
    """Without comments, and not too deep for the parser. Raises PromError 400."""
    plain, code, work = "", "", 0
    for piece in _PIECES.finditer(query):
        if piece["quote"]:
            raise bad_data(f"parse error: unterminated string at {piece.start()}")
        if piece["comment"] is None:
            plain += piece[0]
        if piece["text"]:
            work += effort.of_literal(piece["text"])
        code += piece["code"] or " "
    if work > effort.MOST:
        raise bad_data("query: its regular expressions take too long to read; ask in parts, and repeat less in {}")
    if len(_STEPS.findall(_MATCHERS.sub("", code))) > MOST_STEPS:
        raise bad_data(f"query: at most {MOST_STEPS} operators, calls and brackets; ask in parts")
    if _BEFORE_1970.search(code):
        raise bad_data("query: @ takes no time before 1970 here")
    return plain


def _selectors(tree: promql.Expr) -> list[promql.VectorSelector]:
    """All of them. Raises PromError 400 for what might read series without one."""
    found: list[promql.VectorSelector] = []
    left: list[promql.Expr] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, promql.VectorSelector):
            found.append(node)
        elif isinstance(node, promql.Call) and node.func.name in READS_UNNAMED:
            raise bad_data(f"{node.func.name}() reads series that the question does not name; it is not for a scope")
        else:
            left += _inside(node)
    return found


def _inside(node: promql.Expr) -> list[promql.Expr]:
    """What the node is made of; a kind that is not known here is refused, for it may hold anything."""
    match node:
        case promql.BinaryExpr():
            return [node.lhs, node.rhs]
        case promql.AggregateExpr():
            return [node.expr] if node.param is None else [node.expr, node.param]
        case promql.Call():
            return list(node.args)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return [node.expr]
        case promql.MatrixSelector():
            return [node.vector_selector]
        case promql.NumberLiteral() | promql.StringLiteral():
            return []
    raise bad_data(f"{type(node).__name__} is not known to the proxy; write the question more plainly")


def _narrow(node: promql.Expr, scope: Scope) -> promql.Expr | None:
    if not isinstance(node, promql.VectorSelector):
        return None
    if node.matchers.or_matchers:
        raise bad_data("'or' between matchers is not PromQL; write two selectors")
    written = _written(OF_NOBODY if _name(node) in NOBODYS else _matchers(scope))
    text = node.prettify()
    brace = text.find("{")
    if brace < 0:
        name = node.name or ""
        return promql.parse(f"{name}{{{written}}}{text.removeprefix(name)}")
    return promql.parse(f"{text[: brace + 1]}{written},{text[brace + 1 :]}")


def _is_narrow(selector: promql.VectorSelector, scope: Scope) -> bool:
    matchers = selector.matchers
    held = {(matcher.name, matcher.value) for matcher in matchers.matchers if matcher.op == promql.MatchOp.Equal}
    is_nobodys = _name(selector) in NOBODYS and held.issuperset(OF_NOBODY)
    return not matchers.or_matchers and (is_nobodys or held.issuperset(_matchers(scope)))


def _name(selector: promql.VectorSelector) -> str | None:
    """None where the selector does not say it outright, or says two."""
    names = [matcher for matcher in selector.matchers.matchers if matcher.name == "__name__"]
    if selector.name is not None:
        return None if names else selector.name
    return names[0].value if len(names) == 1 and names[0].op == promql.MatchOp.Equal else None


def _written(matchers: tuple[tuple[str, str], ...]) -> str:
    """As PromQL writes them. Names of ours hold no line break (`parse_scope`), so these two are all to escape."""
    return ",".join(
        f'{name}="{escaped}"'
        for name, value in matchers
        for escaped in [value.replace("\\", "\\\\").replace('"', '\\"')]
    )
