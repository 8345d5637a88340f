"""Whatever is asked through a scope is answered as by a store that holds nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collector.prom.conftest import METRICS, OURS, THEIRS, leaks

if TYPE_CHECKING:
    from tests.collector.prom.conftest import City

LABELS = ("unit", "district", "row", "shared", "__name__")
QUOTED_THEIRS = THEIRS.replace("\\", "\\\\").replace('"', '\\"')
VALUES = (
    ".*",
    ".+",
    "TH.*|X.*",
    "yes|R.",
    "TH-1",
    "XX-1",
    OURS,
    QUOTED_THEIRS,
    "SECRET",
    "R1",
    ".*",
    ".+",
    "",
    "X.*|TH.*",
    "nothing",
)
OTHER_NAMES = ("unit:theirs_alone", "city:row_compliant:ratio", "district:units:count", "target_info")
names = st.sampled_from([*METRICS, *METRICS, *OTHER_NAMES])
matchers = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(LABELS[:4]),
    st.sampled_from(["=~", "=~", "=", "!=", "!~"]),
    st.just('"'),
    st.sampled_from(VALUES),
    st.just('"'),
)
when = st.sampled_from(["", "", "", " offset 30s", " offset -15s", " @ end()", " @ start() offset 1m"])


@st.composite
def selectors(draw: st.DrawFn) -> str:
    inside = ",".join(draw(st.lists(matchers, max_size=2)))
    if draw(st.integers(0, 3)):
        return f"{draw(names)}{{{inside}}}"
    named = draw(
        st.sampled_from(['__name__=~".+"', '__name__!=""', "__name__=~'unit:.+|city:.+'", "__name__=~`.*_.*`"])
    )
    return f"{{{named},{inside}}}"


def over(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    label = st.sampled_from(LABELS)
    word = st.sampled_from(["sum", "count", "min", "max", "avg", "group", "stddev"])
    grouped = st.builds("{} {}({}) ({})".format, word, st.sampled_from(["by ", "without "]), label, inner)
    joined = st.builds(
        "({}) {} {}({}) ({})".format,
        inner,
        st.sampled_from(["+", "-", "*", "/", "==", "!=", "> bool", "and", "or", "unless", "atan2"]),
        st.sampled_from(["on", "ignoring"]),
        label,
        inner,
    )
    plain = st.builds("({}) {} {}".format, inner, st.sampled_from(["+", "*", ">", "<= bool", "%", "^"]), st.just("3"))
    return st.one_of(
        grouped,
        joined,
        plain,
        st.builds("{}({})".format, word, inner),
        st.builds("-({})".format, inner),
        st.builds("{}({})".format, st.sampled_from(["abs", "sgn", "sort", "timestamp", "absent", "scalar"]), inner).map(
            lambda text: f"vector({text})" if text.startswith("scalar") else text
        ),
        st.builds("topk({}, {})".format, st.integers(0, 9), inner),
        st.builds('count_values("{}", {})'.format, label.filter(lambda name: name != "__name__"), inner),
        st.builds(
            'label_replace({}, "{}", "{}", "{}", "(.*)")'.format, inner, label, st.sampled_from(["$1", ""]), label
        ),
        st.builds("max_over_time(({})[1m:15s]{})".format, inner, when),
        st.builds("({}) or vector(1)".format, inner),
        st.builds("{} # {}\n".format, inner, st.sampled_from(["}", '"', "or up", "{district='x'}"])),
    )


ranges = st.builds(
    "{}({}[{}]{})".format,
    st.sampled_from(["rate", "last_over_time", "count_over_time", "delta"]),
    selectors(),
    st.sampled_from(["1m", "90s", "300s"]),
    when,
)
leaves = st.one_of(st.builds("{}{}".format, selectors(), when), ranges)
questions = st.recursive(leaves, over, max_leaves=5)


def as_set(result: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {(*sorted(item["metric"].items()), item["value"][1][:12]) for item in result}


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(questions)
def test_an_answer_is_that_of_a_store_with_nothing_else_in_it(city: City, question: str) -> None:
    answer = city.ask("query", query=question, time=city.now, post=True)
    status, data = city.directly(question)

    assert answer.status_code == status, answer.text
    if status == 200:
        if "absent(" not in question and "topk(" not in question:
            assert as_set(answer.json()["data"]["result"]) == as_set(data["result"])
        if "absent(" not in question:
            assert leaks(answer.text) == []
