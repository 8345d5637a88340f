"""The dashboards of this program as a district's folder holds them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import promql_parser as promql
import pytest
from haidang_collector.access.visitor import Scope
from haidang_collector.grafana.boards import CHECKOUT, NoDashboardsError, load, of_part
from haidang_collector.grafana.names import parts_of
from haidang_collector.prom.rewrite import NOBODYS, narrowed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHOUT_DISTRICT = ("city:", "isp:", "centre:", "policy:", "haidang_ingest_", "haidang_posture_")
CITY, DISTRICT = parts_of(["Quận 1 (cũ) / B"])


def expressions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("expr"), str):
            yield value["expr"]
        for inner in value.values():
            yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)


def filled(expression: str) -> str:
    """With something for each variable of Grafana."""
    times = re.sub(r"\$\{?(__range|__interval|__rate_interval)\b\}?", "5m", expression)
    times = re.sub(r"(offset|@) \$\{?\w+\}?", r"\1 1000", times).replace("offset 1000", "offset 5m")
    times = re.sub(r"\[\$\{?\w+(:\w+)?\}?", "[5m", times)
    return re.sub(r"\$\{?\w+(:\w+)?\}?", "5", times)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_districts_dashboards_lead_to_its_own_only(language: str) -> None:
    boards = of_part(load(language, CHECKOUT), DISTRICT)

    uids = {board.uid for board in boards}
    text = json.dumps([board.content for board in boards])
    assert len(uids) == len(boards) > 0
    assert all(len(uid) <= 40 and uid.endswith(f"-{language}-{DISTRICT.slug}") for uid in uids)
    assert set(re.findall(r"/d/([\w-]+)", text)) <= uids


def test_the_citys_dashboards_are_as_built() -> None:
    boards = load("vi", CHECKOUT)

    assert [board.content for board in of_part(boards, CITY)] == [
        json.loads((CHECKOUT / "vi" / f"{board.name}.json").read_text()) for board in boards
    ]


def test_a_district_is_offered_its_own_data_source_only() -> None:
    for board in of_part(load("vi", CHECKOUT), DISTRICT):
        (variable,) = [one for one in board.content["templating"]["list"] if one["type"] == "datasource"]
        assert variable["current"]["value"] == DISTRICT.uid
        pattern = variable["regex"].removeprefix("/").removesuffix("/").replace(r"\/", "/")
        assert re.fullmatch(pattern, DISTRICT.title)
        assert not re.search(pattern, CITY.title)


def test_a_districts_dashboards_ask_what_its_data_source_answers() -> None:
    """
    A panel of the city's figures would stay empty for ever in a district's folder.
    """
    strangers = set()
    for board in of_part(load("vi", CHECKOUT), DISTRICT):
        for expression in map(filled, expressions(board.content)):
            promql.walk(
                promql.parse(narrowed(expression, Scope(district="Quận 1"))),
                pre_visit=lambda node, name=board.name: (
                    strangers.add((name, node.name))
                    if isinstance(node, promql.VectorSelector)
                    and (node.name or "").startswith(WITHOUT_DISTRICT)
                    and node.name not in NOBODYS
                    else None
                ),
            )
    assert strangers == set()


@pytest.mark.parametrize("content", [None, "{", "[]", '{"title": "without uid"}'])
def test_what_is_no_dashboard_is_told_with_its_file(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "vi").mkdir()
    if content is not None:
        (tmp_path / "vi" / "x.json").write_text(content)

    with pytest.raises(NoDashboardsError, match="vi"):
        load("vi", tmp_path)
