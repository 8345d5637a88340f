from __future__ import annotations

import math
import re
from datetime import date
from pathlib import Path

import pytest
from haidang_collector.policy.metrics import policy_limits
from haidang_collector.policy.policy import BadPolicyError, Policy, from_environment, load, parse
from hypothesis import given
from hypothesis import strategies as st

ENTRY = """[[limit]]
row = "R4"
limit = "students_per_computer"
level = "primary"
value = 24
from = 2016-10-27
source = "540/GDĐT-TTTT"
"""


def entry(**changed: str | None) -> str:
    """One entry with keys changed, added, or (None) left out; values as TOML."""
    keys = dict(line.split(" = ") for line in ENTRY.splitlines()[1:]) | changed
    return "[[limit]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None)


def values(policy: Policy, day: date) -> list[float]:
    return [limit.value for limit in policy.at(day)]


def test_the_directive_is_what_holds_without_a_file() -> None:
    told = {
        (limit.row, limit.limit, *(word for _, word in limit.labels)): limit for limit in load().at(date(2026, 10, 31))
    }

    assert {key: limit.value for key, limit in told.items()} == {
        ("R1", "fibre_ratio"): 1,
        ("R2", "isps"): 2,
        ("R3", "connected_labs_ratio"): 1,
        ("R4", "students_per_computer", "primary"): 24,
        ("R4", "students_per_computer", "lower_secondary"): 16,
        ("R4", "students_per_computer", "upper_secondary"): 12,
        ("R5", "equipment", "management_computer"): 2,
        ("R5", "equipment", "printer"): 1,
        ("R5", "equipment", "webcam"): 1,
        ("R6", "subject_groups_with_computer_ratio"): 1,
        ("R7", "eschool_parts"): 9,
        ("R9", "portal_ratio"): 1,
        ("R10", "news_read_by_seconds", "morning"): 8 * 3600,
        ("R10", "news_read_by_seconds", "afternoon"): 17 * 3600,
        ("R11", "education_mail_ratio"): 1,
        ("R15", "contacts", "leader"): 1,
        ("R15", "contacts", "officer"): 1,
    }
    assert all("540/GDĐT-TTTT" in limit.source for limit in told.values())
    assert load().at(date(2016, 10, 26)) == []


def test_a_number_that_the_directive_does_not_give_is_told_as_ours_and_has_its_day() -> None:
    ours = {limit.row: limit for limit in load().limits if limit.begins == date(2026, 11, 1) and limit.enabled}

    assert sorted(ours, key=lambda row: int(row[1:])) == ["R4", "R8", "R9", "R10", "R12", "R13", "R14", "R16"]
    assert all(limit.source.startswith("Ours; ") for limit in ours.values())
    assert ours["R16"].value == (date(2026, 12, 1) - date(2026, 7, 1)).total_seconds()


def test_what_is_asked_for_elsewhere_is_there_and_off() -> None:
    off = [limit for limit in load().limits if not limit.enabled]

    assert {limit.source.split()[0] for limit in off} == {"Letter", "Circular", "Decision", "ITU", "Brazil's", "Giga,"}
    assert {limit.limit: limit.value for limit in off}["download_bytes_per_second"] == 20e6 / 8


def test_a_later_regulation_takes_effect_on_its_date() -> None:
    policy = parse(entry(**{"from": "2027-01-01"}, value="20") + ENTRY)

    assert [values(policy, date(*day)) for day in ((2016, 10, 26), (2016, 10, 27), (2026, 12, 31), (2027, 1, 1))] == [
        [], [24], [24], [20],
    ]  # fmt: skip


def test_a_limit_may_end_and_give_the_older_one_its_place_back() -> None:
    policy = parse(ENTRY + entry(**{"from": "2020-01-01", "to": "2020-12-31"}, value="30"))

    assert [values(policy, date(2020, 12, 31)), values(policy, date(2021, 1, 1))] == [[30], [24]]


def test_an_entry_that_is_off_changes_nothing() -> None:
    assert values(parse(ENTRY + entry(value="30", enabled="false")), date(2026, 1, 1)) == [24]


def test_limits_of_other_levels_stand_beside_one_another() -> None:
    assert values(parse(ENTRY + entry(level='"lower_secondary"', value="16")), date(2026, 1, 1)) == [24, 16]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no list of limits; write [[limit]]"),
        ("limit = 3", "has no list of limits"),
        ("[limits]", "limits: unknown; write [[limit]] tables only"),
        ("[[limit", "no TOML"),
        ("a = " + "[" * 10_000, "nested too deeply"),
        (ENTRY + entry(value='"x"'), "[[limit]] number 2 (R4 students_per_computer primary): value = 'x': no number"),
        (entry(value="-1"), "value = -1: no number from 0 to 1e+15; write value = 24"),
        (entry(value="nan"), "value = nan: no number"),
        (entry(value="9" * 400), "no number from 0 to 1e+15"),
        (entry(value="9" * 5000), "no TOML"),
        (entry(value="true"), "value = True: no number"),
        (entry(value=None), "value = None: no number"),
        (entry(row='"R19"'), "row = 'R19': no row; write one of R1 to R18"),
        (entry(row="[4]"), "row = [4]: no row"),
        (entry(limit='"Students"'), "limit = 'Students': no name"),
        (entry(level='"th"'), "level = 'th': unknown; write one of kindergarten, primary"),
        (entry(kind='"plane"'), "kind = 'plane': unknown; write one of management_computer"),
        (entry(**{"from": '"2016-10-27"'}), "from = '2016-10-27': no date; write from = 2016-10-27, without quotes"),
        (entry(**{"from": "2016-10-27T00:00:00"}), "no date; write from = 2016-10-27"),
        (entry(**{"from": None}), "from = None: no date"),
        (entry(to="2016-10-26"), "to = 2016-10-26: is before from = 2016-10-27; swap them"),
        (entry(source='""'), "source: name the document"),
        (entry(source=None), "source: name the document"),
        (entry(enabled="1"), "enabled = 1: write true or false"),
        (entry(note='"x"'), "note: unknown; known are row, limit, level"),
        (ENTRY + ENTRY, "number 2 (R4 students_per_computer primary): begins on the day that number 1 does; keep one"),
    ],
)
def test_a_bad_policy_names_the_entry_and_the_fix(text: str, words: str) -> None:
    with pytest.raises(BadPolicyError, match=re.escape(words)):
        parse(text)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(BadPolicyError) as refused:
        parse(entry(value="-1", row='"X"') + entry(source=None))

    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == [
        "[[limit]] number 1 (X students_per_computer primary)",
        "[[limit]] number 1 (X students_per_computer primary)",
        "[[limit]] number 2 (R4 students_per_computer primary)",
    ]


def test_a_file_takes_the_place_of_the_built_in_one(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("\ufeff" + entry(value="18"), encoding="utf-8")

    assert values(from_environment({"HAIDANG_POLICY": str(file)}), date(2026, 1, 1)) == [18]
    assert from_environment({}) == load()


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"\xff", "not UTF-8"), (b"#" * (257 << 10), "more than 262144 bytes"), (b"x", "no TOML")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "policy.toml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(BadPolicyError, match=f"{re.escape(str(file))}: .*{words}"):
        load(file)


def test_a_sample_has_the_labels_of_its_limit_only() -> None:
    family = policy_limits(load(), date(2026, 11, 25))

    assert [(sample.labels, sample.value) for sample in family.samples if sample.labels["row"] == "R5"] == [
        ({"row": "R5", "limit": "equipment", "kind": "management_computer"}, 2),
        ({"row": "R5", "limit": "equipment", "kind": "printer"}, 1),
        ({"row": "R5", "limit": "equipment", "kind": "webcam"}, 1),
    ]


toml = st.recursive(
    st.text(st.characters(codec="ascii", exclude_characters='"\\', exclude_categories=["Cc"])).map(lambda t: f'"{t}"')
    | st.integers().map(str)
    | st.sampled_from(["true", "2016-10-27", "2016-10-27T10:00:00", "inf", "[]", "{}"]),
    lambda inner: st.lists(inner, max_size=2).map(lambda parts: f"[{', '.join(parts)}]"),
    max_leaves=4,
)
keys = st.sampled_from(["row", "limit", "level", "kind", "value", "from", "to", "source", "enabled"])


@given(st.lists(st.dictionaries(keys, toml, max_size=3), min_size=1, max_size=3))
def test_whatever_stands_in_an_entry_it_is_read_or_refused(changes: list[dict[str, str]]) -> None:
    text = "".join(entry(**changed) for changed in changes)

    assert re.fullmatch(r"sound|(\[\[limit\]\] number \d.*\n?)+", verdict(text))


def verdict(text: str) -> str:
    try:
        limits = parse(text).limits
    except BadPolicyError as refused:
        return str(refused)
    return "sound" if all(math.isfinite(limit.value) for limit in limits) else "not finite"
