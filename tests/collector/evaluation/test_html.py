from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from haidang_collector.evaluation import html
from haidang_collector.evaluation.model import ROWS, Evaluation, Judgement, Share
from haidang_collector.registry.facts import UnitFact

from tests.collector.evaluation.sample import SCHOOL, evaluation, result
from tests.collector.web.reading import Page

ATTACK = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>\x00\x1b[2J\x9b\u202e\n\ud800"
SCOPES = ("city", "district", "unit")


def attacked() -> Evaluation:
    unit = UnitFact(ATTACK, ATTACK * 9, ATTACK, ATTACK)
    sample = evaluation("city")
    return replace(sample, units=[result(unit, dict(sample.units[0].rows))], districts={ATTACK: sample.shares})


def test_a_unit_reads_row_by_row_what_it_lacks_and_by_which_figures() -> None:
    text = Page(html.page(evaluation("unit"), "vi")).text

    assert "Trường Tiểu học Sao Mai TH-001" in text
    assert "Tính đến 08:00 25/11/2026" in text
    assert re.search(r"R4 Học sinh[^✓✗]*✗ chưa đạt", text)
    assert "33,6" in text
    assert "1.344" in text
    assert "00:26 23/11/2026" in text, "when the evidence was: 200,000 s before"
    assert re.search(r"3 ✓ .* 2 ✗ .* 10 \? .* 1 – ", text), "how many rows are met, unmet, unknown, not of concern"  # noqa: RUF001


def test_what_is_missing_stands_on_top() -> None:
    text = Page(html.page(evaluation("unit"), "en")).text

    assert (
        "R4 Students per teaching computer : computers missing: 16" in text.partition("Requirement by requirement")[0]
    )


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("scope", SCOPES)
def test_nothing_comes_from_outside_and_nothing_is_left_open(scope: str, language: str) -> None:
    for printed in (False, True):
        text = html.page(evaluation(scope), language, printed=printed)  # type: ignore[arg-type]
        page = Page(text)

        assert f'<html lang="{language}">' in text
        assert page.values("href") + page.values("src") + page.values("style") == []
        assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe"})
        assert "url(" not in html.STYLE
        assert "@import" not in html.STYLE


def test_a_hostile_name_stays_text_and_loses_what_cannot_be_seen() -> None:
    sample = attacked()
    whole = replace(sample, scope="unit", of=ATTACK, districts={})
    for shown in (sample, replace(sample, scope="district", of=ATTACK), whole):
        text = html.page(shown, "vi", link=lambda **changes: "?" + urlencode(changes, errors="replace"))
        page = Page(text)

        assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img"})
        assert [tag for tag, attributes in page.tags if "onerror" in attributes] == []
        assert re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", text) == []
        assert "alert(1)" in page.text
        text.encode()


def test_a_long_name_ends_in_an_ellipsis() -> None:
    name = "Trường " + "ơ" * 300
    sample = evaluation("city")
    unit = result(replace(SCHOOL, name=name), {})

    text = html.page(replace(sample, units=[unit]), "vi")

    assert name not in text
    assert f"{name[:119]}…" in text


@pytest.mark.parametrize(
    ("share", "vi", "en"),
    [
        (Share(met=9_999, unmet=1), "99,9 %", "99.9 %"),
        (Share(met=3, unknown=5), "100 %", "100 %"),
        (Share(unmet=3), "0 %", "0 %"),
        (Share(unknown=3), "—", "—"),
    ],
)
def test_a_percentage_is_of_the_judged_and_never_rounded_up(share: Share, vi: str, en: str) -> None:
    sample = replace(evaluation("district"), shares=dict.fromkeys(ROWS, Share(met=1)) | {"R5": share})

    for language, said in (("vi", vi), ("en", en)):
        rows = re.findall(
            r'<tr><td class="row">(R\d+)</td>.*\n<td class="ratio[^>]*>([^<]*)<', html.page(sample, language)
        )

        assert dict(rows) == dict.fromkeys(ROWS, "100 %") | {"R5": said}


def test_a_bar_shows_all_units_by_state() -> None:
    share = Share(met=5, unmet=2, unknown=2, not_applicable=1)
    sample = replace(evaluation("district"), shares=dict.fromkeys(ROWS, share))

    page = Page(html.page(sample, "vi"))
    drawn = [
        (each["x"], each["width"], each["fill"])
        for tag, each in page.tags
        if tag == "rect" and each.get("height") == "8"
    ]

    fills = html.FILLS
    assert drawn[:4] == [
        ("0.0", "50.0", fills["met"]),
        ("50.0", "20.0", fills["unmet"]),
        ("70.0", "20.0", fills["unknown"]),
        ("90.0", "10.0", fills["not_applicable"]),
    ]
    assert len(drawn) == 4 * len(ROWS)


def test_every_unit_has_a_mark_for_every_row_on_a_screen_and_on_paper() -> None:
    marks = "✓ ? ? ✗ ? ? ✗ ? ? ? ? ✓ ? – ? ✓".split()  # noqa: RUF001, SIM905 - as it is read
    on_screen = html.page(evaluation("city"), "vi")
    on_paper = html.page(evaluation("city"), "vi", printed=True)
    line = re.compile(r'<td class="code">TH-001</td>(.*)</tr>')

    assert re.findall(r'<td class="cell \w+">(.)</td>', line.findall(on_screen)[0]) == marks
    run = re.sub(r"<[^>]+>", "", line.findall(on_paper)[0].partition('<td class="marks">')[2])
    assert [run[4 * place] for place in range(len(ROWS))] == marks, "every mark below its row"


def test_the_city_has_a_sheet_a_district_with_the_units_that_lack_most() -> None:
    page = html.page(evaluation("city"), "en")
    sheets = page.split('<section class="sheet">')
    district = next(sheet for sheet in sheets if sheet.startswith("\n<h2>Quận 1 "))

    assert re.search(r"Trường Tiểu học Sao Mai.*\n.*computers missing: 16", district)
    assert len(re.findall(r"<h2>", page)) == 3 + 2 + 1, "glance, comparison, limits, two districts, all units"


def test_links_lead_on_only_where_there_is_a_site() -> None:
    page = Page(html.page(evaluation("city"), "vi", link=lambda **changes: "?" + urlencode(changes)))

    assert "?unit=TH-001&district=" in page.values("href")
    assert "?" + urlencode({"district": "Quận 1"}) in page.values("href")
    assert "/evaluation.pdf?" in page.values("href")


def test_a_unit_without_any_record_says_so() -> None:
    nothing = replace(evaluation("unit"), units=[])

    text = Page(html.page(nothing, "en")).text

    assert "TH-001" in text
    assert "The rows were last judged at 2026-11-25 08:00; that is what is shown." in text
    assert "✓" not in text


def test_the_page_of_a_unit_is_small() -> None:
    rows = {row: Judgement("unmet", "mixed", 1e6, evaluation().units[0].rows["R4"].facts) for row in ROWS}
    sample = replace(evaluation("unit"), units=[result(SCHOOL, rows)])

    assert len(html.page(sample, "vi").encode()) < 100_000
