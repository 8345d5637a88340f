"""Which answers are final, and how long Retry-After makes us wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from haidang_agent.centre import Answer
from haidang_agent.verdict import LONGEST_RETRY_SECONDS, Verdict, judge, retry_after

NOW = datetime(2026, 3, 1, 8, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.STORED),
        (204, Verdict.STORED),
        (304, Verdict.LATER),
        (307, Verdict.LATER),
        (400, Verdict.REFUSED),
        (401, Verdict.UNKNOWN),
        (403, Verdict.UNKNOWN),
        (404, Verdict.REFUSED),
        (408, Verdict.LATER),
        (413, Verdict.REFUSED),
        (429, Verdict.LATER),
        (500, Verdict.LATER),
        (503, Verdict.LATER),
    ],
)
def test_a_collectors_word(status: int, verdict: Verdict) -> None:
    """Remote write 1.0: 2xx is stored; 5xx and 429 are tried again; other 4xx never."""
    assert judge(Answer(status, {"haidang-time": "1"}, b"")) is verdict


@pytest.mark.parametrize("status", [200, 204, 302, 400, 404, 407, 413, 429, 502])
def test_a_strangers_word(status: int) -> None:
    """Without Haidang-Time nothing is final."""
    assert judge(Answer(status, {}, b"")) is Verdict.LATER


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("-7", 0.0),
        ("99999", LONGEST_RETRY_SECONDS),
        ("9" * 5000, LONGEST_RETRY_SECONDS),
        ("\xb2", 0.0),
        ("soon", 0.0),
        ("Sun, 01 Mar 2026 08:00:42 GMT", 42.0),
        ("Sun, 01 Mar 2026 07:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2099 08:00:00 GMT", LONGEST_RETRY_SECONDS),
        ("Sun, 01 Mar 2026 08:00:42 -0000", 0.0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999", 0.0),
    ],
)
def test_retry_after(text: str | None, seconds: float) -> None:
    """RFC 9110 10.2.3: seconds or a date; anything else is as if it were not there; ten minutes at most."""
    assert retry_after(text, NOW) == seconds
