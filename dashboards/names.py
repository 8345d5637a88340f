"""What labels' values are called, and the colour that each has on every dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_advice.kinds import KINDS
from haidang_collector.evaluation.rows import CATALOGUE
from haidang_collector.evaluation.vocabulary import OF_LABEL

from dashboards.look import (
    BAD,
    BLUE,
    GOOD,
    GREEN,
    GREY,
    ORANGE,
    PALETTE,
    PURPLE,
    SKY,
    UNKNOWN,
    VERMILLION,
    WARN,
    YELLOW,
    Look,
)

if TYPE_CHECKING:
    from dashboards.words import Words


def rows(_: Words) -> dict[str, Look]:
    """R01 to R16, as `by_row` gives them."""
    return {f"R{row.code[1:]:0>2}": Look(f"{row.code} {_(row.title)}") for row in CATALOGUE}


def by_row(expr: str) -> str:
    """The expression with R1 as R01, so that rows sorted by name stand in their order."""
    return f'label_replace({expr}, "row", "R0$1", "row", "R([0-9])")'


def of(_: Words, label: str) -> dict[str, Look]:
    """The values of a label as the evaluation calls them: of level, kind, source, part, role, check and the like."""
    texts = OF_LABEL[label]
    return {value: Look(_(text)) for value, text in texts.items()}


def levels(_: Words) -> dict[str, Look]:
    """The levels that R4 has limits for."""
    colours = {"primary": BLUE, "lower_secondary": ORANGE, "upper_secondary": GREEN}
    texts = OF_LABEL["level"]
    return {level: Look(_(texts[level]), colour) for level, colour in colours.items()}


def row_states(_: Words) -> dict[str, Look]:
    return {
        "met": Look(_("met"), GOOD),
        "unmet": Look(_("not met"), BAD),
        "unknown": Look(_("not known"), UNKNOWN),
        "not_applicable": Look(_("does not concern it"), SKY),
    }


def internet_states(_: Words) -> dict[str, Look]:
    return {
        "up": Look(_("Internet works"), GOOD),
        "down": Look(_("No Internet"), BAD),
        "unknown": Look(_("not known"), UNKNOWN),
    }


def internet_values(_: Words) -> dict[str, Look]:
    """Of unit:school_internet_up and unit:school_wan_up."""
    return {"1": Look(_("works"), GOOD), "0": Look(_("down"), BAD)}


def yes_no(_: Words) -> dict[str, Look]:
    return {"1": Look(_("yes"), GOOD), "0": Look(_("no"), BAD)}


def causes(_: Words) -> dict[str, Look]:
    """Of outages."""
    return {
        "power": Look(_("Power cut"), YELLOW),
        "host": Look(_("The agent's own machine"), GREY),
        "lan": Look(_("School network (LAN)"), SKY),
        "router": Look(_("The school's router"), BLUE),
        "carrier": Look(_("No signal on the line"), VERMILLION),
        "isp": Look(_("The ISP's network"), ORANGE),
        "service": Look(_("The service itself"), PURPLE),
    }


def severities(_: Words) -> dict[str, Look]:
    return {
        "critical": Look(_("critical"), BAD),
        "warning": Look(_("warning"), WARN),
        "info": Look(_("for information"), SKY),
    }


def incidents(_: Words) -> dict[str, Look]:
    """Kinds of incidents of a LAN."""
    return {kind: Look(_(each.title)) for kind, each in KINDS.items()}


def isps() -> dict[str, Look]:
    """Those that most schools have; others take what colour is left."""
    return {name: Look(name, colour) for name, colour in zip(("VNPT", "Viettel", "FPT", "CMC"), PALETTE, strict=False)}


def bands(_: Words) -> dict[str, Look]:
    """Of district:school_level_units:count: how students per computer stand to the level's limit."""
    return {
        "within": Look(_("within the limit"), GOOD),
        "above": Look(_("up to 1.5 times the limit"), YELLOW),
        "far_above": Look(_("up to twice the limit"), WARN),
        "double": Look(_("over twice the limit"), BAD),
        "without": Look(_("no computer"), PURPLE),
        "unknown": Look(_("not known"), UNKNOWN),
    }


def media(_: Words) -> dict[str, Look]:
    """What a line is made of."""
    return {
        "fibre": Look(_("Fibre")),
        "copper": Look(_("Copper")),
        "cellular": Look(_("Cellular")),
        "unknown": Look(_("not known")),
    }


def carries(_: Words) -> dict[str, Look]:
    """Of unit:school_wan_active: a line in reserve is no fault."""
    return {"1": Look(_("yes"), SKY), "0": Look(_("in reserve"))}


def row_numbers(_: Words) -> dict[str, Look]:
    """Of a row in one unit: 1 met, 0 not, 2 does not concern it, 3 not known."""
    states = row_states(_)
    return {"1": states["met"], "0": states["unmet"], "2": states["not_applicable"], "3": states["unknown"]}
