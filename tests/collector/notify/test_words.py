"""Where a message says that the steps can be read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from haidang_collector.notify.settings import Pages
from haidang_collector.notify.words import Item, Writer

FILE = "docs/runbooks/InternetDown.md"


@pytest.mark.parametrize(
    ("pages", "named", "led"),
    [
        ({"url": "https://h.example/"}, FILE, "https://h.example/runbooks/InternetDown"),
        ({"url": "https://h.example", "runbooks": "https://d.example/r/"}, FILE, "https://d.example/r/InternetDown.md"),
        ({"url": "https://h.example"}, "https://other.example/x.md", "https://other.example/x.md"),
        ({}, FILE, FILE),
    ],
    ids=["the collector's pages", "a folder elsewhere", "an address of its own", "no address is known"],
)
def test_the_steps_are_where_they_can_be_opened(pages: dict[str, str], named: str, led: str) -> None:
    item = Item(
        7, "firing", "critical", "InternetDown", {"runbook_url": named}, datetime(2026, 11, 25, tzinfo=UTC), None
    )

    body = Writer("en", "Asia/Ho_Chi_Minh", Pages(**pages)).body([item])

    assert f"Step by step: {led}\n" in body
