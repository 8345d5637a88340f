"""Tables become dataclasses by the types of their fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from haidang_agent.reading import FromEnvironment, duration, read_table
from haidang_agent.tables import Seconds


@dataclass(frozen=True)
class Inner:
    """One field of each kind there is."""

    name: str
    count: int = 1
    share: float = 0.5
    on: bool = False
    words: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    level: Literal["low", "high"] | Literal[""] = ""  # noqa: PYI030 - as tables.py has it
    every: Seconds = Seconds(1.0)  # noqa: RUF009 - as tables.py has it
    names: dict[str, str] = field(default_factory=dict)
    secret: str = field(default="", repr=False)


def faults_of(**raw: Any) -> list[str]:
    faults: list[str] = []
    assert (read_table(Inner, {"name": "n", **raw}, "[t]", faults) is None) == bool(faults)
    return faults


def read(**raw: Any) -> Inner:
    faults: list[str] = []
    table = read_table(Inner, {"name": "n", **raw}, "[t]", faults)
    assert table is not None, faults
    return table


def test_every_kind_is_read() -> None:
    table = read(
        count=3, share=1, on=True, words=["a"], numbers=[1, 2], level="low", every="500ms", names={"a": "b"}, secret="s"
    )

    assert table == Inner("n", 3, 1.0, True, ("a",), (1, 2), "low", Seconds(0.5), {"a": "b"}, "s")
    assert isinstance(table.share, float)


def test_what_is_not_said_is_the_default() -> None:
    assert read() == Inner("n")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"name": 5}, "[t] name = 5: must be text in quotes"),
        ({"count": True}, "[t] count = True: must be a whole number"),
        ({"count": 1.5}, "[t] count = 1.5: must be a whole number"),
        ({"share": "1"}, "[t] share = '1': must be a number"),
        ({"share": float("nan")}, "[t] share = nan: must be a number"),
        ({"on": 1}, "[t] on = 1: must be true or false"),
        ({"words": "a"}, "[t] words = 'a': must be a list"),
        ({"words": [1]}, "[t] words = [1]: must be text in quotes"),
        ({"level": "mid"}, "[t] level = 'mid': must be one of 'low', 'high', ''"),
        ({"level": ["low"]}, "[t] level = ['low']: must be one of"),
        ({"every": "5 parsecs"}, "[t] every = '5 parsecs': must be a duration"),
        ({"names": {"a": 1}}, "[t] names = {'a': 1}: must be a table of texts"),
        ({"secret": 12345}, "[t] secret = (secret): must be text in quotes"),
        ({"cuont": 1}, "[t] cuont: unknown; did you mean 'count'? Known are name, count"),
        ({"zzz": 1}, "[t] zzz: unknown; Known are name, count"),
    ],
)
def test_a_fault_names_place_key_value_and_fix(raw: dict[str, Any], said: str) -> None:
    (fault,) = faults_of(**raw)

    assert fault.startswith(said)


def test_every_fault_is_told() -> None:
    assert len(faults_of(count="x", on="x", zzz=1)) == 3
    faults: list[str] = []
    assert read_table(Inner, {}, "[t]", faults) is None
    assert faults == ["[t] name is missing; add it"]
    assert read_table(Inner, [], "[t]", faults) is None
    assert faults[-1] == "[t] = []: must be a table"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15s", 15), ("500ms", 0.5), ("5m", 300), ("2h", 7200), ("30d", 2592000), (" 1.5 s ", 1.5), (7, 7), (0, 0)],
)
def test_durations(text: object, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "15", "-1s", "1e3s", "15S", -1, True, float("inf"), None, ["1s"]])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match='must be a duration such as "15s"'):
        duration(text)


def test_text_of_the_environment_is_read_by_type() -> None:
    raw = {"name": "5", "count": "3", "share": "0.25", "on": "True", "words": "a, b,", "level": "high", "every": "2"}
    table = read(**{key: FromEnvironment(text) for key, text in raw.items()})

    assert table == Inner("5", 3, 0.25, True, ("a", "b"), (), "high", Seconds(2.0))
    assert all(type(getattr(table, key)) is not FromEnvironment for key in raw)
    assert faults_of(count=FromEnvironment("x")) == ["[t] count = 'x': must be a number"]
