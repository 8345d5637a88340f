"""Tables: several questions about the same things, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import common, prometheus
from grafana_foundation_sdk.builders import table as table_panel
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as sdk
from grafana_foundation_sdk.models import prometheus as query

from dashboards import look

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.look import Look, Steps

SOURCE = sdk.DataSourceRef(type_val="prometheus", uid="${datasource}")
BARS = options.TableBarGaugeCellOptions(
    mode=options.BarGaugeDisplayMode.BASIC, value_display_mode=options.BarGaugeValueMode.TEXT
)
FILLED = options.TableColoredBackgroundCellOptions(mode=options.TableCellBackgroundDisplayMode.BASIC)


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is a label or the key of a query. With steps, or looks that have colours, the cell is filled.

    `bar` draws the value as a bar from 0 to `most`. In `link`, a cell of the same line is `__data.fields.LABEL`.
    """

    name: str
    title: str
    unit: str = "none"
    decimals: int | None = None
    steps: Steps | None = None
    looks: Mapping[str, Look] | None = None
    link: str = ""
    width: int = 0
    bar: bool = False
    most: float | None = None

    @property
    def heading(self) -> str:
        return self.title[:1].upper() + self.title[1:]

    def override(self, field: str, unknown: str, *, is_number: bool = False) -> sdk.DashboardFieldConfigSourceOverrides:
        """The column's look; an empty cell of numbers says `unknown`."""
        properties: dict[str, Any] = {"displayName": self.heading, "unit": self.unit}
        if is_number or self.looks:
            properties["mappings"] = look.mappings(self.looks or {}, unknown)
        if self.decimals is not None:
            properties["decimals"] = self.decimals
        if self.steps:
            properties["thresholds"] = look.thresholds(self.steps)
        if self.bar:
            properties |= {"custom__cellOptions": BARS, "min": 0, "max": self.most}
        elif self.steps or any(each.colour for each in (self.looks or {}).values()):
            properties["custom__cellOptions"] = FILLED
        if self.link:
            properties["links"] = [{"title": self.heading, "url": self.link}]
        if self.width:
            properties["custom__width"] = self.width
        return look.override(field, **properties)


def build(asks: Mapping[str, str], columns: Sequence[Column], sort: str) -> sdk.Panel:
    """Without title and colours. `sort` is a column's name, with "-" before it the largest first."""
    fields = [field_of(column, asks) for column in columns]
    made = table_panel.Panel().targets([asked(key, expr) for key, expr in asks.items()])
    made = made.transformations([sdk.DataTransformerConfig(id_val="merge", options={}), *_only(fields)])
    titles = {column.name: column.heading for column in columns}
    if sort:
        order = common.TableSortByFieldState().display_name(titles[sort.lstrip("-")]).desc(sort.startswith("-"))
        made = made.sort_by([order])
    return made.build()


def grid(expr: str, rows: str, columns: Sequence[Column]) -> sdk.Panel:
    """A line for each value of the label `rows`; of `columns` the first names it, the others are values of one label.

    That label is the name of the first column.
    """
    fields = [f"{rows}\\{columns[0].name}", *(column.name for column in columns[1:])]
    made = table_panel.Panel().targets([asked("A", expr)])
    return made.transformations([matrix(rows, columns[0].name), *_only(fields)]).build()


def field_of(column: Column, asks: Mapping[str, str]) -> str:
    """What Grafana calls the column: a label's name, else by the query it comes from."""
    if column.name not in asks:
        return column.name
    return "Value" if len(asks) == 1 else f"Value #{column.name}"


def asked(key: str, expr: str) -> prometheus.Dataquery:
    """The query as a table of this moment."""
    made = prometheus.Dataquery().expr(expr).ref_id(key).datasource(SOURCE).instant()
    return made.format(query.PromQueryFormat.TABLE)


def matrix(rows: str, columns: str) -> sdk.DataTransformerConfig:
    """A line for each value of the label `rows`, a column for each of the label `columns`; nothing stays nothing."""
    return sdk.DataTransformerConfig(
        id_val="groupingToMatrix",
        options={"rowField": rows, "columnField": columns, "valueField": "Value", "emptyValue": "null"},
    )


def ordered(fields: Sequence[str]) -> sdk.DataTransformerConfig:
    """Those columns in that order, before any others."""
    order = {field: index for index, field in enumerate(fields)}
    return sdk.DataTransformerConfig(
        id_val="organize", options={"excludeByName": {}, "indexByName": order, "renameByName": {}}
    )


def _only(fields: Sequence[str]) -> list[sdk.DataTransformerConfig]:
    """Those columns and no others."""
    chosen = {"include": {"names": list(fields)}}
    return [sdk.DataTransformerConfig(id_val="filterFieldsByName", options=chosen), ordered(fields)]
