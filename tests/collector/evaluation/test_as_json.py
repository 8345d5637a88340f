from __future__ import annotations

import json

from haidang_collector.evaluation import as_json
from haidang_collector.evaluation.model import ROWS

from tests.collector.evaluation.sample import evaluation


def test_the_document_of_a_unit() -> None:
    told = json.loads(as_json.text(evaluation("unit"), "en"))
    (unit,) = told["units"]

    assert list(told) == ["at", "scope", "of", "shares", "districts", "units", "limits", "problems"]
    assert (told["at"], told["scope"], told["of"]) == ("2026-11-25T08:00:00+07:00", "unit", "TH-001")
    assert (unit["code"], unit["level"], list(unit["rows"])) == ("TH-001", "primary", list(ROWS))
    assert unit["rows"]["R1"] == {
        "state": "met",
        "source": "measured",
        "evidence_age_seconds": 7200,
        "facts": [{"name": "fibre_evidence", "labels": {"evidence": "optical"}, "value": 1}],
    }
    assert unit["rows"]["R2"] == {"state": "unknown", "source": None, "evidence_age_seconds": None, "facts": []}
    assert told["limits"] == [
        {
            "row": "R4",
            "limit": "students_per_computer",
            "labels": {"level": "primary"},
            "value": 24,
            "from": "2016-10-27",
            "source": "=1+1",
        }
    ]
    assert told["problems"] == ["The rows were last judged at 2026-11-25 08:00; that is what is shown."]


def test_the_share_of_nobody_judged_is_null() -> None:
    told = json.loads(as_json.text(evaluation(), "en"))

    assert told["shares"]["R1"] == {"met": 1, "unmet": 0, "unknown": 1, "not_applicable": 0, "ratio": 1}
    assert told["shares"]["R2"]["ratio"] is None
    assert told["districts"]["Quận 1"]["R4"]["ratio"] == 0
