"""The kinds of panels, each with one look. Every panel says why it is there, its unit and its limits.

Only what Grafana 10 to 13 all have: classic JSON, core panels. Lines and states ask for the time range, the others for
this moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Required, TypedDict, Unpack

from grafana_foundation_sdk.builders import barchart, bargauge, common, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as sdk
from grafana_foundation_sdk.models import prometheus as query

from dashboards import look, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.look import Look, Steps
    from dashboards.table import Column
    from dashboards.words import Words

REDUCE = common.ReduceDataOptions().calcs(["lastNotNull"])
LEGEND = common.VizLegendOptions().display_mode(options.LegendDisplayMode.LIST)
LEGEND = LEGEND.placement(options.LegendPlacement.BOTTOM).show_legend(True)
HOURS = 168
"""Of a week: moments enough for what is recorded every half hour."""
ALL_SERIES = common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING)


class Face(TypedDict, total=False):
    """What every panel has. `why` is for whoever asks what the panel is for; sizes are in cells of a grid 24 wide.

    `over` is a time range of the panel's own, as "300d", for what changes slowly; `points`, how many moments a line has
    at most, where a moment for each pixel would be more than is recorded; `apart`, how far two are at least, as "30m",
    which is what `$__interval` then is at least.
    """

    title: Required[str]
    why: Required[str]
    width: int
    height: int
    unit: str
    decimals: int
    steps: Steps
    looks: Mapping[str, Look]
    least: float
    most: float
    link: str
    over: str
    points: int
    apart: str
    empty: str


@dataclass(frozen=True, slots=True)
class Row:
    """A heading, with the panels that follow it below."""

    title: str


@dataclass(frozen=True, slots=True)
class Panels:
    """Makes panels in a language. Expressions are by legend: `{"{{isp}}": "…"}`; a plain string has none."""

    words: Words

    def stat(self, asks: str | Mapping[str, str], **face: Unpack[Face]) -> sdk.Panel:
        """Big numbers. `looks` give words for values, as `{"0": Look(…)}`."""
        made = stat.Panel().reduce_options(REDUCE).graph_mode(options.BigValueGraphMode.NONE)
        made = made.color_mode(options.BigValueColorMode.VALUE).targets(_targets(asks, at_once=True))
        values = face.pop("looks", {})
        return self._dressed(made.build(), {"width": 4, "height": 4, **face}, values)

    def bars(self, asks: str | Mapping[str, str], **face: Unpack[Face]) -> sdk.Panel:
        """One horizontal bar a series; `looks` name the series by legend. Give `most` where there is one."""
        made = bargauge.Panel().reduce_options(REDUCE).orientation(options.VizOrientation.HORIZONTAL)
        made = made.display_mode(options.BarGaugeDisplayMode.BASIC).targets(_targets(asks, at_once=True))
        return self._dressed(made.build(), {"width": 8, "height": 8, "least": 0, **face})

    def lines(self, asks: str | Mapping[str, str], **face: Unpack[Face]) -> sdk.Panel:
        """Over the time range. Gaps stay gaps: unknown is not a straight line. `looks` name and colour the series."""
        made = timeseries.Panel().legend(LEGEND).tooltip(ALL_SERIES).line_width(2).span_nulls(False)
        made = made.show_points(options.VisibilityMode.AUTO).targets(_targets(asks, at_once=False))
        coloured = "palette-classic-by-name" if not face.get("looks") else "palette-classic"
        panel = self._dressed(made.build(), {"width": 12, "height": 8, **face})
        return _coloured(panel, sdk.FieldColorModeId(coloured))

    def states(self, asks: str | Mapping[str, str], **face: Unpack[Face]) -> sdk.Panel:
        """A band a series over the time range; `looks` give words and colours for values."""
        made = statetimeline.Panel().legend(LEGEND).merge_values(True).row_height(0.85)
        made = made.show_value(options.VisibilityMode.NEVER).targets(_targets(asks, at_once=False))
        values = face.pop("looks", {})
        return self._dressed(made.build(), {"width": 24, "height": 7, **face}, values)

    def stacks(
        self,
        expr: str,
        *,
        by: str,
        split: str,
        percent: bool = False,
        bars: Mapping[str, Look] | None = None,
        **face: Unpack[Face],
    ) -> sdk.Panel:
        """A stacked bar for each value of label `by`, which `bars` name, parted by label `split`.

        `looks` name, colour and order the parts.
        """
        mode = options.StackingMode.PERCENT if percent else options.StackingMode.NORMAL
        made = barchart.Panel().orientation(options.VizOrientation.HORIZONTAL).stacking(mode).legend(LEGEND)
        made = made.tooltip(ALL_SERIES).fill_opacity(90).show_value(options.VisibilityMode.AUTO)
        first = f"{by}\\{split}"
        made = made.transformations([table.matrix(by, split), table.ordered([first, *face.get("looks", {})])])
        made = made.targets([table.asked("A", f"sum by ({by}, {split}) ({expr})")])
        panel = self._dressed(made.build(), {"width": 12, "height": 10, "least": 0, **face})
        if bars:
            named = look.override(first, mappings=look.mappings(bars, self.words("not known")))
            _overridden(panel, [named, *look.series(face.get("looks", {}))])
        return _coloured(panel, sdk.FieldColorModeId.PALETTE_CLASSIC)

    def table(
        self, asks: Mapping[str, str], columns: Sequence[Column], *, sort: str = "", **face: Unpack[Face]
    ) -> sdk.Panel:
        """One row for each set of labels that the queries share; a column is a label, or a query by its key.

        `sort` is a column to sort by, with "-" before it the largest first.
        """
        panel = self._dressed(table.build(asks, columns, sort), {"width": 24, "height": 9, **face})
        unknown = self.words("not known")
        cells = [each.override(table.field_of(each, asks), unknown, is_number=each.name in asks) for each in columns]
        return _overridden(panel, cells)

    def grid(self, expr: str, *, by: str, columns: Sequence[Column], **face: Unpack[Face]) -> sdk.Panel:
        """A line for each value of the label `by`; the first column is named as the label that gives the others."""
        panel = self._dressed(table.grid(expr, by, columns), {"width": 24, "height": 12, **face})
        unknown, first = self.words("not known"), f"{by}\\{columns[0].name}"
        cells = [each.override(each.name, unknown, is_number=True) for each in columns[1:]]
        return _overridden(panel, [columns[0].override(first, unknown), *cells])

    def _dressed(self, panel: sdk.Panel, face: Face, values: Mapping[str, Look] | None = None) -> sdk.Panel:
        panel.title, panel.description, panel.datasource = face["title"], face["why"], table.SOURCE
        panel.time_from, panel.max_data_points = face.get("over"), face.get("points", 300 if "over" in face else None)
        panel.interval = face.get("apart")
        panel.grid_pos = sdk.GridPos(w=face["width"], h=face["height"])
        config = (panel.field_config or sdk.FieldConfigSource()).defaults
        config.unit, config.decimals = face.get("unit", "none"), face.get("decimals")
        config.min_val, config.max_val = face.get("least"), face.get("most")
        config.thresholds = look.thresholds(face.get("steps", look.PLAIN))
        config.color = sdk.FieldColor(mode=sdk.FieldColorModeId.THRESHOLDS)
        config.no_value = face.get("empty", self.words("not known"))
        config.mappings = list(look.mappings(values or {}, self.words("not known")))
        if "link" in face:
            config.links = [sdk.DashboardLink(title=self.words("Details"), url=face["link"])]
        panel.field_config = sdk.FieldConfigSource(config, look.series(face.get("looks", {})))
        return panel


def _coloured(panel: sdk.Panel, mode: sdk.FieldColorModeId) -> sdk.Panel:
    if panel.field_config:
        panel.field_config.defaults.color = sdk.FieldColor(mode=mode)
    return panel


def _overridden(panel: sdk.Panel, overrides: list[sdk.DashboardFieldConfigSourceOverrides]) -> sdk.Panel:
    if panel.field_config:
        panel.field_config.overrides = overrides
    return panel


def _targets(asks: str | Mapping[str, str], *, at_once: bool) -> list[Any]:
    """Grafana's queries A, B, C … of the expressions."""
    pairs = [("", asks)] if isinstance(asks, str) else list(asks.items())
    found = []
    for number, (legend, expr) in enumerate(pairs):
        made = prometheus.Dataquery().expr(expr).ref_id(chr(ord("A") + number)).legend_format(legend or "__auto")
        made = made.format(query.PromQueryFormat.TIME_SERIES).datasource(table.SOURCE)
        found.append(made.instant() if at_once else made.range())
    return found
