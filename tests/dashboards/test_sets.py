"""Every dashboard, in both languages: as built, complete, sound, and naming only what there is."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from dashboards import look
from dashboards.__main__ import differences
from tests.alerts.declared import declared, recorded
from tests.dashboards.boards import LANGUAGES, VARIABLE, Board, boards, fill, selectors

RULES = sorted((Path(__file__).parents[2] / "alerts" / "rules").glob("*.yml"))
RECORDED = recorded(RULES)
SETS = {language: boards(language) for language in LANGUAGES}
BOARDS = [board for each in SETS.values() for board in each]
PAIRS = list(zip(SETS["vi"], SETS["en"], strict=True))
WORDS = {"title", "description", "displayName", "legendFormat", "text", "noValue", "label", "tooltip", "content"}
"""Keys of what people read; all else is the same in both languages."""
UNRECORDED = {"ALERTS", "haidang_posture_check_info"}
"""Of Prometheus itself, and few series by nature."""
FEW = ("centre:", "city:", "district:", "isp:")
"""How the names of series begin that are few enough to be read over a month."""
VIETNAMESE = re.compile("[ăâđêôơưàáảãạèéẻẽẹìíỉĩịòóỏõọùúủũụỳýỷỹỵằắẳẵặầấẩẫậềếểễệồốổỗộờớởỡợừứửữự]", re.IGNORECASE)
LANGUAGE = re.compile(r"(?<=[-_])(vi|en)\b|^(vi|en)$")
"""In addresses, tags, and names of labels."""
LINK = re.compile(r"/d/(?P<uid>[\w-]+)\?(?P<query>.*)")

per_board = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)


def placeholders(board: Board) -> dict[str, str]:
    """A value for each variable without asking a store."""
    return {each["name"]: each["options"][0]["value"] if each["type"] == "custom" else "x" for each in board.variables}


def asked(board: Board) -> list[tuple[str, bool]]:
    return [(fill(query.expression, placeholders(board)), query.instant) for query in board.queries()]


def texts(node: Any, key: str = "") -> list[tuple[str, str]]:
    """Every string below `node`, with its key; what is in a list has that of the list."""
    if isinstance(node, dict):
        return [found for name, value in node.items() for found in texts(value, name)]
    if isinstance(node, list):
        return [found for value in node for found in texts(value, key)]
    return [(key, node)] if isinstance(node, str) else []


def test_what_is_committed_is_what_is_built() -> None:
    assert differences() == []


@pytest.mark.parametrize(("vietnamese", "english"), PAIRS, ids=lambda board: board.uid)
def test_both_languages_are_the_same_but_for_their_words(vietnamese: Board, english: Board) -> None:
    assert without_words(vietnamese.model) == without_words(english.model)


def without_words(node: Any) -> Any:
    """The same in every language, if all is well.

    A variable that offers choices has their names in its query too, and the property displayName a name as its value.
    """
    if isinstance(node, dict):
        named = {"query"} if node.get("type") == "custom" else {"value"} if node.get("id") == "displayName" else set()
        return {
            LANGUAGE.sub("…", name): "…" if name in WORDS | named else without_words(value)
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [without_words(value) for value in node]
    return LANGUAGE.sub("…", node) if isinstance(node, str) else node


@pytest.mark.parametrize(("vietnamese", "english"), PAIRS, ids=lambda board: board.uid)
def test_titles_and_reasons_are_there_in_both_languages(vietnamese: Board, english: Board) -> None:
    for mine, theirs in zip(vietnamese.everything(), english.everything(), strict=True):
        assert mine["title"]
        assert theirs["title"]
        if mine["type"] != "row":
            assert VIETNAMESE.search(mine["description"]), mine["title"]
            assert theirs["description"] != mine["description"]
    assert vietnamese.model["title"] != english.model["title"]
    assert vietnamese.model["description"] != english.model["description"]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of all metrics that there are."""
    return declared(tmp_path_factory.mktemp("registry")) | RECORDED | UNRECORDED


@per_board
def test_expressions_parse_and_name_only_what_something_tells(board: Board, known: set[str]) -> None:
    named = {selector.name for expression, _ in asked(board) for selector in selectors(expression)}

    assert named
    assert named - known == set()


@per_board
def test_no_panel_reads_raw_series_of_the_whole_city(board: Board) -> None:
    own_rules = RECORDED | UNRECORDED
    for expression, instant in asked(board):
        for selector in selectors(expression):
            of_one_unit = any(
                each.name == "unit" and str(each.op) == "MatchOp.Equal" for each in selector.matchers.matchers
            )
            assert of_one_unit or selector.name in own_rules, expression
            assert of_one_unit or instant or selector.name.startswith(FEW), expression


@per_board
def test_every_variable_that_is_used_is_defined(board: Board) -> None:
    defined = {each["name"] for each in board.variables}
    used = {
        found[1] or found[2] for _, text in texts(board.model) for found in VARIABLE.finditer(re.sub(r"\$\$", "", text))
    }

    assert {name for name in used if not name.startswith("__")} <= defined


@per_board
def test_links_lead_to_dashboards_that_have_the_variables_they_set(board: Board) -> None:
    there = {each.uid: {variable["name"] for variable in each.variables} for each in SETS[board.language]}
    found = [text for key, text in texts(board.model) if key == "url"]
    for url in found:
        link = LINK.fullmatch(url)
        assert link, url
        assert link["uid"] in there, url
        assert set(re.findall(r"var-(\w+)=", link["query"])) <= there[link["uid"]], url


@per_board
def test_units_and_limits_are_set(board: Board) -> None:
    for panel in board.panels():
        if panel["type"] != "text":
            defaults = panel["fieldConfig"]["defaults"]
            steps = [step["value"] for step in defaults["thresholds"]["steps"]]
            assert defaults["unit"], panel["title"]
            assert defaults["noValue"], panel["title"]
            assert steps[0] is None
            assert steps[1:] == sorted(steps[1:])


@per_board
def test_colours_are_those_that_everybody_can_tell_apart(board: Board) -> None:
    given = {text for key, text in texts(board.model) if key in {"color", "fixedColor"}}

    assert given <= set(look.PALETTE)


@per_board
def test_no_two_panels_overlap(board: Board) -> None:
    places = [(each["title"], each["gridPos"]) for each in board.everything()]
    for (one, first), (other, second) in combinations(places, 2):
        beside = first["x"] + first["w"] <= second["x"] or second["x"] + second["w"] <= first["x"]
        below = first["y"] + first["h"] <= second["y"] or second["y"] + second["h"] <= first["y"]
        assert beside or below, f"{one} and {other}"
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for _, place in places)


def test_addresses_are_told_apart() -> None:
    addresses = [board.uid for board in BOARDS]

    assert len(set(addresses)) == len(addresses)
    assert all(re.fullmatch(r"[a-z-]{1,40}", each) for each in addresses)
    for board in BOARDS:
        numbers = [each["id"] for each in board.everything()]
        assert len(set(numbers)) == len(numbers)


def test_every_dashboard_can_be_reached_from_another() -> None:
    for language, of_language in SETS.items():
        linked = {
            found["uid"] for board in of_language for _, text in texts(board.model) if (found := LINK.match(text))
        }
        assert {board.uid for board in of_language} <= linked, language
