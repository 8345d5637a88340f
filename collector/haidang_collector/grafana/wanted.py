"""What is to be in Grafana: by part of the city a data source, a folder, a team, who may open it, and dashboards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from haidang_collector.grafana.boards import of_part
from haidang_collector.prom.scopes import scope_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_collector.grafana.boards import Board
    from haidang_collector.grafana.names import Part

Json = dict[str, Any]

TOKEN_ID = "haidangToken"  # noqa: S105 - the name of a field, which holds no secret
"""In `jsonData`: which token of ours the data source holds, as Grafana never tells the token itself."""
HEADER = "httpHeaderValue1"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A part with all that belongs to it. `readers` are the teams that may open the folder."""

    part: Part
    data_source: Json
    readers: tuple[str, ...]
    boards: tuple[Board, ...]


def wanted(parts: Sequence[Part], boards: Sequence[Board], collector_url: str) -> list[Wanted]:
    """`collector_url` is where Grafana reaches the collector. The city's team may open every folder."""
    city = next(part for part in parts if part.scope.city)
    return [
        Wanted(
            part,
            data_source(part, collector_url),
            tuple(dict.fromkeys((city.team, part.team))),
            tuple(of_part(boards, part)),
        )
        for part in parts
    ]


def data_source(part: Part, collector_url: str) -> Json:
    """Without its token. Rules are not asked for: they are the whole city's."""
    return {
        "uid": part.uid,
        "name": part.title,
        "type": "prometheus",
        "access": "proxy",
        "url": collector_url.rstrip("/") + scope_path(part.scope),
        "jsonData": {
            "httpMethod": "POST",
            "timeInterval": "15s",
            "manageAlerts": False,
            "prometheusType": "Prometheus",
            "httpHeaderName1": "Authorization",
        },
    }


def with_token(content: Json, token: str, token_id: str) -> Json:
    """The data source as Grafana takes it, with what it sends in the header."""
    return {
        **content,
        "jsonData": {**content["jsonData"], TOKEN_ID: token_id},
        "secureJsonData": {HEADER: f"Bearer {token}"},
    }
