"""The evaluation as JSON: times in RFC 3339, seconds and shares (0 to 1) as numbers, null for what is not known.

    {"at", "scope": "city" | "district" | "unit", "of",
     "shares": {"R1": {"met", "unmet", "unknown", "not_applicable", "ratio"}, …},
     "districts": {DISTRICT: {"R1": …}},
     "units": [{"code", "name", "district", "level",
                "rows": {"R1": {"state", "source", "evidence_age_seconds", "facts": [{"name", "labels", "value"}]}}}],
     "limits": [{"row", "limit", "labels", "value", "from", "source"}],
     "problems": [SENTENCE]}

`ratio` is of the units judged; names of facts are those of `evaluation/rows.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from haidang_collector.evaluation.words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haidang_collector.evaluation.model import Evaluation, Judgement, Share, UnitResult


def text(evaluation: Evaluation, language: str) -> str:
    """The document in one line; only the problems in it are in a language."""
    words = Words(language)
    document = {
        "at": evaluation.at.isoformat(timespec="seconds"),
        "scope": evaluation.scope,
        "of": evaluation.of,
        "shares": _shares(evaluation.shares),
        "districts": {district: _shares(shares) for district, shares in evaluation.districts.items()},
        "units": [_unit(result) for result in evaluation.units],
        "limits": [
            {
                "row": limit.row,
                "limit": limit.limit,
                "labels": dict(limit.labels),
                "value": limit.value,
                "from": limit.begins.isoformat(),
                "source": limit.source,
            }
            for limit in evaluation.limits
        ],
        "problems": [words.problem(problem) for problem in evaluation.problems],
    }
    # Half of a surrogate pair, which a store's JSON may hold, has no place in UTF-8.
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode(errors="replace").decode()


def _shares(shares: Mapping[str, Share]) -> dict[str, object]:
    return {
        row: {
            "met": share.met,
            "unmet": share.unmet,
            "unknown": share.unknown,
            "not_applicable": share.not_applicable,
            "ratio": share.ratio,
        }
        for row, share in shares.items()
    }


def _unit(result: UnitResult) -> dict[str, object]:
    unit = result.unit
    return {
        "code": unit.code,
        "name": unit.name,
        "district": unit.district,
        "level": unit.level,
        "rows": {row: _judgement(judgement) for row, judgement in result.rows.items()},
    }


def _judgement(judgement: Judgement) -> dict[str, object]:
    return {
        "state": judgement.state,
        "source": judgement.source,
        "evidence_age_seconds": judgement.age_seconds,
        "facts": [{"name": fact.name, "labels": dict(fact.labels), "value": fact.value} for fact in judgement.facts],
    }
