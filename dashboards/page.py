"""A dashboard around its panels: address, variables, layout, and the way to the other dashboards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as make
from grafana_foundation_sdk.models import dashboard as sdk

from dashboards.panels import Row
from dashboards.table import SOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.words import Words

GRID = 24
SCHEMA = 38
"""Grafana 10.0's version of the classic JSON: newer ones bring it up to their own, none would bring it down."""
TAG = "hai-dang"
ALL = ".*"


def page(
    _: Words,
    name: str,
    *,
    title: str,
    why: str,
    panels: Sequence[Row | sdk.Panel],
    variables: Sequence[sdk.VariableModel] = (),
    since: str = "now-24h",
    refresh: str = "1m",
) -> sdk.Dashboard:
    """The dashboard `hd-NAME-LANGUAGE`, of which `why` says in a sentence who reads it for what."""
    made = make.Dashboard(title).uid(f"hd-{name}-{_.language}").description(why).tags([TAG, _.language])
    made = made.timezone("Asia/Ho_Chi_Minh").week_start("monday").time(since, "now").refresh(refresh).readonly()
    made = made.tooltip(sdk.DashboardCursorSync.CROSSHAIR)
    others = make.DashboardLink(_("Other dashboards")).type(sdk.DashboardLinkType.DASHBOARDS).tags([TAG, _.language])
    made = made.link(others.as_dropdown(True).include_vars(True).keep_time(True))
    board = made.build()
    board.schema_version = SCHEMA
    board.annotations = sdk.AnnotationContainer([])
    board.templating = sdk.DashboardDashboardTemplating([_plain(each) for each in (_source(_), *variables)])
    board.panels = _laid_out(panels)
    return board


def district(_: Words, *, all_of_them: bool = False) -> sdk.VariableModel:
    """`$district`: one, or (`all_of_them`) one or all, to be matched by `district=~"$district"`."""
    made = make.QueryVariable("district").label(_("District"))
    made = made.query('label_values(district:units:count{row="R1"}, district)').datasource(SOURCE)
    made = made.refresh(sdk.VariableRefresh.ON_DASHBOARD_LOAD).sort(sdk.VariableSort.NATURAL_ASC)
    if all_of_them:
        everything = sdk.VariableOption(text=_("All"), value="$__all")
        made = made.include_all(True).all_value(ALL).current(everything)
    return made.build()


def unit(_: Words) -> sdk.VariableModel:
    """`$unit`: the code of a unit of `$district`, chosen by its name; `${unit:text}` is the name."""
    made = make.QueryVariable("unit").label(_("Unit"))
    made = made.query('query_result(unit:school_name:info{district=~"$district"})').datasource(SOURCE)
    made = made.regex('/name="(?<text>.+)",unit="(?<value>[^"]+)"/')
    return made.refresh(sdk.VariableRefresh.ON_DASHBOARD_LOAD).sort(sdk.VariableSort.ALPHABETICAL_ASC).build()


def choice(_: Words, name: str, label: str, values: dict[str, str]) -> sdk.VariableModel:
    """`$name`: one of `values`, from what is shown to what is meant; the first unless another is chosen."""
    options = [sdk.VariableOption(text=text, value=value) for text, value in values.items()]
    made = make.CustomVariable(name).label(label).options(options).current(options[0])
    pairs = (f"{text} : {value}".replace(",", "\\,") for text, value in values.items())
    return made.values(",".join(pairs)).build()


def _source(_: Words) -> sdk.VariableModel:
    """The whole city's data source, or that of a district, which shows nothing else."""
    made = make.DatasourceVariable("datasource").label(_("Data of")).type("prometheus")
    return made.regex("/^Hải Đăng/").current(sdk.VariableOption(text="Hải Đăng", value="haidang")).build()


def _plain(variable: sdk.VariableModel) -> sdk.VariableModel:
    """Without what the SDK adds and Grafana's published types do not have: of intervals, and of 11.5 on."""
    variable.auto = variable.auto_min = variable.auto_count = variable.allow_custom_value = None
    return variable


def _laid_out(panels: Sequence[Row | sdk.Panel]) -> list[sdk.Panel | sdk.RowPanel]:
    """Each as high up as there is room for it, then as far to the left; a heading begins below all that came before."""
    placed: list[sdk.Panel | sdk.RowPanel] = []
    taken = [0] * GRID
    for number, panel in enumerate(panels, 1):
        size = sdk.GridPos(w=GRID, h=1) if isinstance(panel, Row) else panel.grid_pos or sdk.GridPos()
        tops = [max(taken[left : left + size.w]) for left in range(GRID - size.w + 1)]
        size.y = min(tops)
        size.x = tops.index(size.y)
        taken[size.x : size.x + size.w] = [size.y + size.h] * size.w
        if isinstance(panel, Row):
            placed.append(sdk.RowPanel(title=panel.title, grid_pos=size, id_val=number))
        else:
            panel.id_val = number
            placed.append(panel)
    return placed
