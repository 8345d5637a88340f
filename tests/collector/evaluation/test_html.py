from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date, datetime
from urllib.parse import urlencode

import pytest
from haidang_collector.evaluation import html
from haidang_collector.evaluation.model import ROWS, Earlier, Evaluation, Judgement, Share
from haidang_collector.registry.facts import UnitFact

from tests.collector.evaluation.sample import AT, SCHOOL, evaluation, result
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
        assert page.values("src") + page.values("style") == []
        assert [href for href in page.values("href") if href.removeprefix("#") not in page.values("id")] == []
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


def test_every_unit_has_a_mark_for_every_row_on_a_screen_and_on_paper() -> None:
    marks = "✓ ? ? ✗ ? ? ✗ ? ? ? ? ✓ ? – ? ✓".split()  # noqa: RUF001, SIM905 - as it is read
    on_screen = html.page(evaluation("city"), "vi")
    on_paper = html.page(evaluation("city"), "vi", printed=True)
    line = re.compile(r'<td class="code">TH-001</td>(.*)</tr>')

    assert re.findall(r'<td class="cell \w+">(.)</td>', line.findall(on_screen)[0]) == marks
    run = re.sub(r"<[^>]+>", "", line.findall(on_paper)[0].partition('<td class="marks">')[2])
    assert [run[4 * place] for place in range(len(ROWS))] == marks, "every mark below its row"


def sheet(text: str, heading: str) -> str:
    """The text of the sheet under a heading."""
    sheets = re.split(r'<section class="sheet[^>]*>\n', text)[1:]
    return Page(next(each for each in sheets if each.startswith(f"<h2>{heading}")).partition("</section>")[0]).text


def told_beside() -> Evaluation:
    """Where the city and an earlier evaluation are known."""
    before = Earlier(date(2026, 5, 31), {of: {"R1": Share(met=1, unmet=3)} for of in ("", "Quận 1")})
    return replace(evaluation("district"), city={"R1": Share(met=3, unmet=1)}, before=before)


def test_the_city_has_a_sheet_a_district_with_the_units_that_lack_most() -> None:
    page = html.page(evaluation("city"), "en")

    assert re.search(r"Units that miss most .*Trường Tiểu học Sao Mai .*computers missing: 16", sheet(page, "Quận 1"))
    assert "R4 teaching computers 16 1 0" in sheet(page, "Quận 1"), "how many, at units, not known of units"
    assert len(re.findall(r"<h2>", page)) == 3 + 2 + 2, "glance, comparison, missing; two districts; limits, all units"


def test_a_district_stands_beside_the_city_and_beside_itself_before() -> None:
    text = sheet(html.page(told_beside(), "vi"), "Quận 1: tổng quan")

    assert "Điểm phần trăm so với 31/05/2026" in text
    assert re.search(r"R1 Cáp quang đạt 1, [^%]* 100 % 75 % ▲ 75 1 ", text)
    assert re.search(r"R4 Học sinh[^%]*đạt 0, [^%]* 0 % — 0 1 1 0 ", text), "what is not known is no figure"
    assert "Thay đổi nhiều nhất so với 31/05/2026 (điểm phần trăm): R1 Cáp quang ▲ 75 ." in text


def test_where_the_evaluation_before_is_not_known_it_says_so() -> None:
    text = sheet(html.page(evaluation("city"), "en"), "The whole city at a glance")

    assert "Of the evaluation before this one (2026-05-31) nothing is recorded." in text
    assert "Points since" not in text
    assert "▲ " not in text


def test_the_cover_says_which_evaluation_it_is_and_what_it_rests_on() -> None:
    mid_year = replace(evaluation("city"), at=datetime(2027, 1, 16, tzinfo=AT.tzinfo))

    began = datetime.now(AT.tzinfo)
    cover = Page(html.page(mid_year, "vi").partition('<header class="cover">')[2].partition("</header>")[0])

    assert "Đánh giá giữa năm học 2026\u20132027" in cover.text
    assert any(f"lập ngày {day:%d/%m/%Y}" in cover.text for day in (began, datetime.now(AT.tzinfo)))
    assert re.search(r"đo được: 9,6 % \(3\) .*khai báo: 6,4 % \(2\) .*chưa rõ: 80,6 % \(25\)", cover.text)


def test_the_figures_of_each_unit_are_in_a_printed_district_with_source_and_date() -> None:
    printed = html.page(evaluation("district"), "vi", printed=True)

    text = sheet(printed, "Trường Tiểu học Sao Mai")

    assert re.search(r"R1 Cáp quang ✓ đạt .* đo được 06:00 25/11/2026", text)
    assert "1.344" in text
    assert len(re.findall('class="sheet unit"', printed)) == 2
    assert 'class="sheet unit"' not in html.page(evaluation("city"), "vi", printed=True)
    assert 'class="sheet unit"' not in html.page(evaluation("district"), "vi")


def test_a_number_keeps_its_unit_on_its_line_on_paper() -> None:
    printed = html.page(evaluation("district"), "vi", printed=True)

    assert "thiếu 16\xa0máy tính" in printed
    assert "100\xa0%" in printed
    assert "R4\xa0" not in printed
    assert "\xa0" not in printed.partition("</style>")[0]
    assert "\xa0" not in html.page(evaluation("district"), "vi")


def test_letters_with_marks_are_one_letter() -> None:
    apart = replace(SCHOOL, name=unicodedata.normalize("NFD", SCHOOL.name))

    text = html.page(replace(evaluation("city"), units=[result(apart, {})]), "vi", printed=True)

    assert SCHOOL.name in text
    assert apart.name not in text


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
