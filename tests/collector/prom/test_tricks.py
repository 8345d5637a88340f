"""What somebody of one district might write to see another's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.collector.prom.conftest import METRICS, OURS, THEIRS, UNITS, leaks

if TYPE_CHECKING:
    from tests.collector.prom.conftest import City

OTHER = json.dumps(THEIRS, ensure_ascii=False)
UP = "unit:school_internet_up"
OUR_SERIES = 2 * len(METRICS) + 1


def test_the_store_does_hold_what_must_not_be_seen(city: City) -> None:
    """
    Otherwise every test below would pass on nothing.
    """
    assert len(city.whole.query('{row="SECRET"}', at=city.now)) == 11
    assert len(city.query('{__name__=~".+"}', "city")) == OUR_SERIES + 13


@pytest.mark.parametrize(
    "trick",
    [
        '{__name__=~".+"}',
        '{__name__!=""}',
        f"{{district={OTHER}}}",
        f'{UP}{{district=~".*"}}',
        f'{UP}{{district!="{OURS}"}}',
        f'{UP}{{district="",unit=""}}',
        f"{UP}{{district={OTHER}}} or {UP}",
        f"{UP} unless {UP}{{district={OTHER}}}",
        f"max_over_time({UP}[5m])",
        f"max_over_time(sum by (unit) ({UP})[5m:30s])",
        f"max_over_time(max_over_time({UP}[1m:])[2m:])",
        f"{UP} offset 1m",
        f"{UP} offset -1s",
        f"{UP} @ end()",
        f"sum by (district, unit) ({UP})",
        f"topk(100, {UP})",
        f"bottomk by (unit) (scalar(count({UP})), {{__name__=~'.+'}})",
        f"count_values('unit', {UP})",
        f"quantile(scalar(max({UP})), {UP})",
        f"-{UP} * -1",
        f"({UP}) + on(unit) group_left() ({UP})",
        f"{UP} # }} or {{row='SECRET'}}\n",
        f"{UP} # \" \n or {{row='SECRET'}} # \"",
        '{__name__="city:row_compliant:ratio"}',
        "isp:school_wan_availability:ratio",
        "policy:school_limit:value",
        f"policy:school_limit:value{{district={OTHER}}}",
        'policy:school_limit:value{district!=""}',
        '{__name__="policy:school_limit:value",__name__=~".+"}',
        '{__name__=~"policy:.+"}',
        'absent(unit:theirs_alone{shared="yes"})',
        f"absent_over_time({UP}{{district={OTHER}}}[5m])",
        'label_replace(unit:theirs_alone, "district", "Quận 1", "", "")',
        'label_join({__name__=~".+"}, "district", "-", "unit", "district")',
        f"{UP}{{shared=`yes`,unit=~'.*'}}",
        f'{UP}{{row="R0\\",district=\\""}} or {UP}',
        "\u0075nit:school_internet_up{unit=~'\\u0058.*'} or unit:school_internet_up",
    ],
)
def test_no_trick_shows_another_district(city: City, trick: str) -> None:
    for post in (False, True):
        answer = city.ask("query", query=trick, time=city.now, post=post)

        assert answer.status_code == 200, answer.text
        assert leaks(answer.text) == []


@pytest.mark.parametrize(
    "trick",
    [
        "info(unit:school_internet_up)",
        "info(unit:school_internet_up, {row='SECRET'})",
        f'{UP}{{row="x" or row="SECRET"}}',
        f"{UP} and {UP}{{",
        "rate(unit:school_internet_up[5m] anchored)",
        f"WITH (x = {UP}) x",
        f"{UP} @ -1",
        "",
        "#",
        '"',
        "(" * 8000 + UP + ")" * 8000,
        "-" * 8000 + UP,
        " or ".join([UP] * 500),
        UP + " " * 16_384,
    ],
    ids=lambda trick: trick[:20],
)
def test_what_cannot_be_narrowed_is_refused_in_prometheus_form(city: City, trick: str) -> None:
    """
    The deep ones would end the process, which serves all of the city, by the parser's recursion.
    """
    answer = city.ask("query", query=trick, post=True)

    assert answer.status_code == 400
    assert answer.json().keys() == {"status", "errorType", "error"}
    assert answer.json()["errorType"] == "bad_data"


def test_everything_is_counted_over_the_own_district_only(city: City) -> None:
    assert [item["value"][1] for item in city.query('count({__name__=~".+"})')] == [str(OUR_SERIES)]
    assert [item["value"][1] for item in city.query(f"count({UP} or vector(7))")] == ["3"]


def test_a_forged_label_names_own_data_only(city: City) -> None:
    """
    `label_replace` may call a series what it likes; what is in it stays the own district's.
    """
    forged = f'label_replace({UP}, "district", {OTHER}, "", "")'

    found = city.query(forged)

    assert {item["metric"]["district"] for item in found} == {THEIRS}
    assert {item["metric"]["unit"] for item in found} == {"TH-1", "TH-2"}
    assert city.query(f"sum by (district) ({forged})")[0]["value"] == city.query(f"sum({UP})")[0]["value"]


def test_a_label_taken_away_brings_nothing_in(city: City) -> None:
    assert city.query(f'count(label_replace({UP}, "district", "", "", ""))')[0]["value"][1] == "2"


def test_absent_speaks_of_the_own_district(city: City) -> None:
    assert city.query("absent(unit:theirs_alone)")[0]["metric"] == {"district": OURS}


def test_limits_of_the_policy_are_everybodys_and_only_those(city: City) -> None:
    """
    A series of that name with somebody's label is that somebody's.
    """
    for scope in (f"district:{OURS}", "unit:TH-1"):
        (limit,) = city.query("policy:school_limit:value", scope)
        assert (limit["metric"]["limit"], limit["value"][1]) == ("students", "24")
        assert city.query("isp:school_wan_availability:ratio", scope) == []


def test_a_unit_sees_itself_only(city: City) -> None:
    found = city.query('{__name__=~".+"}', "unit:TH-2")

    assert {item["metric"]["unit"] for item in found} == {"TH-2"}
    assert len(found) == len(METRICS)


def test_a_name_full_of_quotes_is_a_name(city: City) -> None:
    found = city.query(UP, f"district:{THEIRS}")

    assert {UNITS[item["metric"]["unit"]] for item in found} == {THEIRS}
