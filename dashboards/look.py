"""Colours, limits and names of values, the same on every dashboard.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which people with any colour vision tell apart. They
never stand alone: a word or a number says the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.models import dashboard as sdk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboards.words import Words

BLUE, SKY, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
ORANGE, VERMILLION, PURPLE, GREY = "#E69F00", "#D55E00", "#CC79A7", "#999999"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW, GREY)
GOOD, WARN, BAD, UNKNOWN = GREEN, ORANGE, VERMILLION, GREY

Steps = tuple[tuple[float | None, str], ...]
"""From which value on which colour; the first begins at minus infinity (None)."""

PLAIN: Steps = ((None, BLUE),)
NONE_IS_GOOD: Steps = ((None, GOOD), (1, BAD))
NONE_IS_BEST: Steps = ((None, GOOD), (1, WARN))
MORE_IS_UNKNOWN: Steps = ((None, GOOD), (1, UNKNOWN))
OF_ALL: Steps = ((None, BAD), (0.8, WARN), (0.9995, GOOD))
"""Shares that ought to be 100 %."""
OF_TIME: Steps = ((None, BAD), (0.99, WARN), (0.999, GOOD))
"""Availability of lines and ISPs: 99.9 % is 43 minutes a month, 99 % seven hours."""
OF_LIMIT: Steps = ((None, GOOD), (1.0001, WARN), (1.5, BAD))
"""What is, divided by what may be at most."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a label's value, or a number that stands for a state, is shown."""

    text: str
    colour: str | None = None


def thresholds(steps: Steps) -> sdk.ThresholdsConfig:
    return sdk.ThresholdsConfig(
        mode=sdk.ThresholdsMode.ABSOLUTE,
        steps=[sdk.Threshold(value=value, color=colour) for value, colour in steps],
    )


def mappings(looks: Mapping[str, Look], unknown: str) -> list[sdk.ValueMap | sdk.SpecialValueMap]:
    """Words for values, and `unknown` in grey where there is none: that is neither zero nor good."""
    values = {
        value: sdk.ValueMappingResult(text=look.text, color=look.colour, index=index)
        for index, (value, look) in enumerate(looks.items())
    }
    absent = sdk.SpecialValueMap(
        sdk.DashboardSpecialValueMapOptions(
            match=sdk.SpecialValueMatch.NULL_AND_NAN,
            result=sdk.ValueMappingResult(text=unknown, color=UNKNOWN, index=len(values)),
        )
    )
    return [sdk.ValueMap(values), absent] if values else [absent]


def override(name: str, **properties: Any) -> sdk.DashboardFieldConfigSourceOverrides:
    """Properties of the field or series `name`; `custom__width` is Grafana's `custom.width`."""
    return sdk.DashboardFieldConfigSourceOverrides(
        matcher=sdk.MatcherConfig(id_val="byName", options=name),
        properties=[
            sdk.DynamicConfigValue(id_val=key.replace("__", "."), value=value) for key, value in properties.items()
        ],
    )


def series(looks: Mapping[str, Look]) -> list[sdk.DashboardFieldConfigSourceOverrides]:
    """Names and colours of the series whose legend is a key of `looks`."""
    found = []
    for legend, look in looks.items():
        properties: dict[str, Any] = {"displayName": look.text}
        if look.colour:
            properties["color"] = sdk.FieldColor(mode=sdk.FieldColorModeId.FIXED, fixed_color=look.colour)
        found.append(override(legend, **properties))
    return found


def link(_: Words, name: str, variables: Iterable[str] = (), **fields: str) -> str:
    """Address of the dashboard `name` with the same time range and data source.

    `variables` are carried over; of `fields` each sets a variable, from a column of the table or a label of the series.
    """
    carried = [f"var-{each}=${{{each}:percentencode}}" for each in ("datasource", *variables)]
    chosen = [f"var-{each}=${{{source}:percentencode}}" for each, source in fields.items()]
    return f"/d/hd-{name}-{_.language}?" + "&".join(["${__url_time_range}", *carried, *chosen])
