"""A school that a larger fault explains sees it on its page, since it gets no message of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.incidents import Notification, record

from tests.collector.web.reading import Page

if TYPE_CHECKING:
    from tests.collector.web.conftest import Web

HEADING = "A fault larger than this school"
END = "0001-01-01T00:00:00Z"


def tell(web: Web, name: str, *, over: bool = False, **labels: str) -> None:
    now = datetime.now(UTC)
    alert = {
        "status": "resolved" if over else "firing",
        "labels": {"alertname": name, "severity": "critical", "category": "link"} | labels,
        "annotations": {"summary": "Quận 1: 9057 đơn vị"},
        "startsAt": (now - timedelta(minutes=5)).isoformat(),
        "endsAt": now.isoformat() if over else END,
        "fingerprint": f"{name} {labels}",
    }
    record(web.registry.database, Notification.model_validate({"version": "4", "alerts": [alert]}))


def seen(web: Web, code: str = "UP") -> str:
    text = Page(web.page(f"/units/{code}?lang=en")).text
    return text[text.index(HEADING) :][:400] if HEADING in text else ""


@pytest.mark.parametrize(
    ("name", "labels", "said"),
    [
        ("IspOutage", {"district": "Quận 1", "isp": "VNPT"}, "VNPT fails at many units of Quận 1 at once. (since "),
        ("PowerOutage", {"district": "Quận 1"}, "Many units of Quận 1 lost their Internet at once"),
        ("CentreCutOff", {}, "The centre's own line is down"),
    ],
)
def test_a_school_sees_what_concerns_it_and_no_figure_of_others(
    city: Web, name: str, labels: dict[str, str], said: str
) -> None:
    tell(city, name, **labels)
    city.log_in(unit="UP")

    assert said in seen(city)
    assert "The school gets no message of what this explains" in seen(city)
    assert "9057" not in seen(city)


def test_what_is_elsewhere_or_over_or_of_a_unit_is_not_shown(city: Web) -> None:
    tell(city, "IspOutage", district="Quận 2", isp="VNPT")
    tell(city, "IspOutage", over=True, district="Quận 1", isp="FPT")
    tell(city, "InternetDown", unit="UP", district="Quận 1")
    tell(city, "IspOutageInCity", isp="VNPT")

    assert seen(city) == ""


def test_an_isp_that_the_school_has_no_line_of_is_not_shown(city: Web) -> None:
    """
    Where nobody knows its lines, it is.
    """
    tell(city, "IspOutage", district="Quận 1", isp="VNPT")
    unknown = seen(city)
    line = {"wan": "wan1", "isp": "FPT", "medium": "fibre", "evidence": "declared", "unit": "UP"}
    city.figures = {"school_wan_info": [{"labels": line, "value": 1}]}

    assert "VNPT fails" in unknown
    assert seen(city) == ""
