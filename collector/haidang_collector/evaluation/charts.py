"""Pictures of shares as SVG inside the document: drawn here, told apart by pattern first and by colour only besides.

A black-and-white printer shows dark, striped, light with dots, and white; so do people who see no colours.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from markupsafe import Markup

from haidang_collector.evaluation.model import STATES, Share
from haidang_collector.evaluation.words import short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from haidang_collector.evaluation.model import State
    from haidang_collector.evaluation.words import Words

FILLS: dict[State, str] = {"met": "#14608c", "unmet": "#e9a06c", "unknown": "#e3e8eb", "not_applicable": "#ffffff"}
INK = "#1c2b33"
BAR_HEIGHT = 8
"""Of a bar, in the units of its picture; a bar of all units is 100 wide."""
LINE_HEIGHT, LABEL_WIDTH, BARS_WIDTH, VALUE_WIDTH = 14, 160, 380, 100
"""Of the picture of districts: a line of it, and its three columns."""
LONGEST_LABEL = 24
"""Characters that fit beside a bar."""

_FRAME = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"{more}>'
    "<title>{title}</title>{drawn}</svg>"
)
_PART = Markup('<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}"/>')
_PATTERN = Markup(
    '<line x1="{x:g}" y1="{y:g}" x2="{end:g}" y2="{y:g}" stroke="{ink}" stroke-width="{thick:g}" '
    'stroke-dasharray="{dashes}"/>'
)
_OUTLINE = Markup(
    '<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="none" stroke="#55656f" stroke-width=".6"/>'
)
_TEXT = Markup('<text x="{x:g}" y="{y:g}" font-size="11" font-weight="{weight}" fill="#1c2b33">{text}</text>')
_STRETCHED = Markup(' preserveAspectRatio="none"')
_PICTURE = Markup(' class="chart" role="img"')


def bar(words: Words, share: Share) -> Markup:
    """All units by state, one after the other; the title tells the numbers."""
    told = ", ".join(f"{words.state(state)} {words.number(getattr(share, state))}" for state in STATES)
    drawn = Markup().join(_bar(share, x=0, y=0, width=100, height=BAR_HEIGHT))
    return _FRAME.format(width=100, height=BAR_HEIGHT, more=_STRETCHED, title=told, drawn=drawn)


def swatch(words: Words, state: State, title: str = "") -> Markup:
    """What a state looks like, for the legend."""
    share = Share(**{state: 1})
    drawn = Markup().join(_bar(share, x=0.5, y=0.5, width=17, height=9))
    return _FRAME.format(width=18, height=10, more="", title=title or words.state(state), drawn=drawn)


def districts(words: Words, shares: Mapping[str, Share]) -> Markup:
    """A bar a district of all judgements of its units, the best first; its number is the share met of the judged."""
    order = sorted(shares.items(), key=lambda each: -1 if each[1].ratio is None else each[1].ratio, reverse=True)
    drawn = Markup().join(
        part for line, (district, share) in enumerate(order) for part in _line(words, line, district, share)
    )
    return _FRAME.format(
        width=LABEL_WIDTH + BARS_WIDTH + VALUE_WIDTH,
        height=LINE_HEIGHT * len(order),
        more=_PICTURE,
        title=words.translations.gettext("Districts side by side"),
        drawn=drawn,
    )


def parts(title: str, counts: Sequence[int], fills: Sequence[State]) -> Markup:
    """One broad bar of several counts; `fills` names the pattern of each by the state that has it."""
    drawn = Markup().join(_parts(list(zip(fills, counts, strict=True)), x=0, y=0, width=100, height=BAR_HEIGHT))
    return _FRAME.format(width=100, height=BAR_HEIGHT, more=_STRETCHED, title=title, drawn=drawn)


def _line(words: Words, line: int, district: str, share: Share) -> Iterator[Markup]:
    y = line * LINE_HEIGHT
    yield _TEXT.format(x=0, y=y + 10.5, weight=400, text=short(district, LONGEST_LABEL))
    yield from _bar(share, x=LABEL_WIDTH, y=y + 2, width=BARS_WIDTH, height=LINE_HEIGHT - 4)
    yield _TEXT.format(x=LABEL_WIDTH + BARS_WIDTH + 8, y=y + 10.5, weight=700, text=words.percent(share.ratio))


def _bar(share: Share, *, x: float, y: float, width: float, height: float) -> Iterator[Markup]:
    return _parts([(state, getattr(share, state)) for state in STATES], x=x, y=y, width=width, height=height)


def _parts(counts: list[tuple[State, int]], *, x: float, y: float, width: float, height: float) -> Iterator[Markup]:
    total = sum(count for _, count in counts)
    ends = accumulate(count for _, count in counts)
    for (state, count), end in zip(counts, ends, strict=True):
        if count:
            begin, part = x + width * (end - count) / total, width * count / total
            yield _PART.format(x=round(begin, 2), y=y, width=round(part, 2), height=height, fill=FILLS[state])
            yield from _pattern(state, round(begin, 2), round(begin + part, 2), y, height)
    yield _OUTLINE.format(x=x, y=y, width=width, height=height)


def _pattern(state: State, begin: float, end: float, y: float, height: float) -> Iterator[Markup]:
    """Stripes across what is unmet, dots along what is unknown."""
    if state == "unmet":
        yield _PATTERN.format(x=begin, end=end, y=y + height / 2, ink=INK, thick=height, dashes=".6 2.6")
    elif state == "unknown":
        yield _PATTERN.format(x=begin, end=end, y=y + height / 2, ink=INK, thick=1, dashes="1 3")
