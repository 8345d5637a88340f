"""What is sent, whatever came: looked at with the parser alone."""

from __future__ import annotations

import contextlib
import time

import promql_parser as promql
import pytest
from haidang_collector.access.scopes import parse_scope, scope_text
from haidang_collector.access.visitor import Scope
from haidang_collector.prom.answers import PromError
from haidang_collector.prom.rewrite import everything, narrowed, narrowed_selector
from hypothesis import given
from hypothesis import strategies as st

OURS = Scope(district="Quận 1")
names = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"], codec="utf-8"), min_size=1, max_size=20).filter(
    str.isprintable
)
WORDS = [
    "up",
    "a:b",
    "sum",
    "by",
    "without",
    "(",
    ")",
    "[5m]",
    "[5m:1m]",
    "{",
    "}",
    "=",
    "!=",
    "=~",
    "!~",
    '"x"',
    "'y'",
    "`z`",
    '"\\"',
    "'",
    "`",
    "#",
    ",",
    "+",
    "-",
    "or",
    "and",
    "unless",
    "on",
    "ignoring\ngroup_left",
    "offset",
    "5m",
    "@",
    "end()",
    "1",
    "bool",
    'district="B"',
    "__name__",
    "rate",
    "absent",
    "info",
    "label_replace",
    "topk",
    "\n",
    "\\",
]


def held(text: str) -> list[set[tuple[str, str]]]:
    """Name and value of the matchers by `=`, of each selector."""
    found = []

    def look(node: promql.Expr) -> None:
        if isinstance(node, promql.VectorSelector):
            assert not node.matchers.or_matchers
            found.append({(m.name, m.value) for m in node.matchers.matchers if m.op == promql.MatchOp.Equal})

    promql.walk(promql.parse(text), pre_visit=look)
    return found


@given(names)
def test_a_districts_name_stays_a_value_whatever_is_in_it(name: str) -> None:
    scope = parse_scope(f"district:{name}")

    assert scope_text(scope) == f"district:{name}"
    assert held(narrowed("sum(up) / count(up{a='b'})", scope)) == [
        {("district", name)},
        {("district", name), ("a", "b")},
    ]
    assert held(everything(scope)) == [{("district", name)}]


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=25).map(" ".join))
def test_what_is_sent_is_narrow_or_nothing_is(text: str) -> None:
    with contextlib.suppress(PromError):
        assert all(("district", "Quận 1") in matchers for matchers in held(narrowed(text, OURS)))


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("info(up)", "reads series that the question does not name"),
        ("topk(scalar(info(up)), up)", "reads series that the question does not name"),
        ('info(up, {district="Quận 1"})', "reads series that the question does not name"),
        ('sum(rate(up{a="b" or c="d"}[5m]))', "'or' between matchers"),
        ("(" * 65 + "up" + ")" * 65, "at most 64"),
        ("-" * 65 + "up", "at most 64"),
        ("up # ' \n " + "+ up" * 65, "at most 64"),
        ("up" + " or up" * 65, "at most 64"),
        ("up{a='b} + up", "unterminated string at 5"),
        ("up" + "é" * 8192, "at most 16384 bytes"),
        ("up[1e400]", "parse error"),
    ],
)
def test_a_refusal_says_why(question: str, words: str) -> None:
    """
    The last one makes the parser panic, which is no Exception.
    """
    with pytest.raises(PromError, match=words):
        narrowed(question, OURS)
    with pytest.raises(PromError):
        narrowed_selector(question, OURS)


def test_brackets_within_strings_are_text() -> None:
    """
    Units are chosen by long regular expressions, and codes are full of dashes.
    """
    units = "|".join(f"(TH-{number})" for number in range(500))

    assert held(narrowed(f'up{{unit=~"{units}"}}', OURS)) == [{("district", "Quận 1")}]


@pytest.mark.parametrize(
    "text",
    [
        '"(x{1,900}){1,90}"',
        r'"\\w{99}"',
        r"`\w{99}`",
        r'"\x5c\x77\x7b99\x7d"',
        r'"\134w\u007b9\U00000039}"',
        r'"\\w\\w\\w\\w"',
        '"(?i)[a-\U0010ffff]"',
        '"' + "." * 140 + '"',
    ],
)
def test_regular_expressions_hold_up_nobody(text: str) -> None:
    """
    Each is compiled by the parser, and meanwhile the collector hears no agent: a hundred of them took half a minute.
    """
    question = f"up{{{','.join([f'a=~{text}'] * 100)}}}"
    began = time.process_time()

    with pytest.raises(PromError, match="take too long to read"):
        narrowed(question, OURS)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "text", ['"TH-[0-9]{3}"', r'"\\d{2,4}|\\w+"', "`(?i)quận .*`", '"' + "|".join(["TH\\\\.1"] * 1000) + '"']
)
def test_regular_expressions_of_people_are_read(text: str) -> None:
    assert held(narrowed(f"up{{a=~{text}}}", OURS))


def test_the_city_asks_as_it_likes() -> None:
    question = "info(up) + holt_winters(x[5m], 0.1, 0.1)"

    assert narrowed(question, Scope()) == question
    assert narrowed_selector("up", Scope()) == "up"
