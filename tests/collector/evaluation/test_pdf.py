"""The PDF, read back by poppler's tools as a reader of it would."""

from __future__ import annotations

import io
import re
import socket
import subprocess
import sys
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from haidang_collector.evaluation import html, pdf
from haidang_collector.evaluation.model import ROWS, Evaluation
from haidang_collector.evaluation.vocabulary import MARKS

from tests.collector.evaluation.sample import HOSTILE, JUDGED, SCHOOL, evaluation, result

if TYPE_CHECKING:
    from pathlib import Path


def made(folder: Path, shown: Evaluation, language: str = "vi") -> Path:
    path = folder / "evaluation.pdf"
    with path.open("wb") as file:
        pdf.write(shown, language, file)
    return path


def asked(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def text(path: Path) -> str:
    return " ".join(asked("pdftotext", "-layout", path, "-").split())


def objects(path: Path) -> bytes:
    """What the PDF says of itself, unpacked."""
    streams = re.findall(rb"/ObjStm.*?stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.DOTALL)
    return b"\n".join(zlib.decompress(stream) for stream in streams)


def test_vietnamese_is_read_back_with_head_and_page_number(tmp_path: Path) -> None:
    path = made(tmp_path, evaluation("city"))
    pages = asked("pdftotext", "-layout", path, "-").split("\f")[:-1]

    assert "Đánh giá hạ tầng công nghệ thông tin" in pages[0]
    assert "Trường Tiểu học Sao Mai" in text(path)
    for number, page in enumerate(pages, start=1):
        assert f"Trang {number}/{len(pages)}" in page
        assert re.match(r"\s*Toàn thành phố\s+Tính đến 08:00 25/11/2026\n", page)


def test_paper_is_a4_and_fonts_are_inside(tmp_path: Path) -> None:
    path = made(tmp_path, evaluation("unit"))
    fonts = [line.split() for line in asked("pdffonts", path).splitlines()[2:]]

    assert "(A4)" in asked("pdfinfo", path)
    assert fonts
    assert {font[-5] for font in fonts} == {"yes"}, "embedded"
    assert {font[-3] for font in fonts} == {"yes"}, "letters can be searched and copied"


@pytest.mark.parametrize(("language", "title"), [("vi", "Đánh giá hạ tầng"), ("en", "Evaluation of ICT")])
def test_title_language_and_bookmarks(tmp_path: Path, language: str, title: str) -> None:
    path = made(tmp_path, evaluation("district"), language)
    told = objects(path)

    assert re.search(rf"^Title: +{title}.*: Quận 1$", asked("pdfinfo", path), re.MULTILINE)
    assert f"/Lang ({language})".encode() in told
    assert len(re.findall(rb"/Dest ", told)) >= 4, "a bookmark for every heading"


def test_the_table_of_contents_has_the_pages(tmp_path: Path) -> None:
    pages = asked("pdftotext", "-layout", made(tmp_path, evaluation("city")), "-").split("\f")
    entries = re.findall(r"^ *(\S.*?)[ .]{4,}(\d+)$", pages[1], re.MULTILINE)

    assert len(entries) == 3 + 2 + 2
    for title, page in entries:
        assert title in pages[int(page) - 1].partition("\n")[2], title


def test_a_screen_reader_finds_the_structure(tmp_path: Path) -> None:
    """As PDF/UA asks: tagged, headings and heads of tables known as such, a picture with words."""
    path = made(tmp_path, evaluation("city"))
    structure = asked("pdfinfo", "-struct", path)

    assert re.search(r"^Tagged: +yes$", asked("pdfinfo", path), re.MULTILINE)
    assert set(re.findall(r"^ *(H1|H2|H3|TH|Figure|TOC|L)\b", structure, re.MULTILINE)) >= {
        "H1",
        "H2",
        "H3",
        "TH",
        "Figure",
    }
    assert re.search("pdfuaid:part[^0-9]{1,3}1", asked("pdfinfo", "-meta", path))


def test_a_row_is_never_cut_and_the_head_of_a_long_table_stands_on_every_page(tmp_path: Path) -> None:
    names = [f"Trường {'rất dài ' * 9}{number:03}" for number in range(120)]
    units = [result(replace(SCHOOL, code=f"TH-{number:03}", name=name), {}) for number, name in enumerate(names)]
    sample = replace(evaluation("city"), units=units, districts={SCHOOL.district: evaluation().shares})

    pages = asked("pdftotext", "-layout", made(tmp_path, sample), "-").split("\f")
    of_units = [page for page in pages if re.search(r"^ *TH-\d", page, re.MULTILINE)][-3:]

    assert len(of_units) == 3
    assert [page for page in of_units if not re.search(r"^ *Mã +Đơn vị +R1 +R2 ", page, re.MULTILINE)] == []
    for page in of_units:
        assert re.findall(r"TH-(\d+)", page) == re.findall(
            r"(\d{3})\b(?! *[✓✗?])", re.sub(r"TH-\d+|\d+/\d+|.*Trang.*|.*Tính đến.*", "", page)
        )


def test_every_mark_stands_below_its_row(tmp_path: Path) -> None:
    places = asked("pdftotext", "-bbox", made(tmp_path, evaluation("city")), "-")
    words = re.findall(r'<word xMin="([\d.]+)" yMin="([\d.]+)"[^>]*>([^<]*)</word>', places.rpartition("<page ")[2])
    head = [float(x) for x, _, word in words if word in ROWS]
    school = next(float(y) for _, y, word in words if word == "TH-001")
    line = [(float(x), word) for x, y, word in words if abs(float(y) - school) < 3 and word in MARKS.values()]

    assert [word for _, word in line] == [MARKS[JUDGED[row].state] if row in JUDGED else "?" for row in ROWS]
    assert [x for x, _ in line] == pytest.approx(head[: len(ROWS)], abs=1)


def test_a_hostile_name_is_words_on_paper(tmp_path: Path) -> None:
    unit = replace(HOSTILE, name="<script>alert(1)</script>\x00\x1b\u202e" + "ô" * 300, district="</style><b>\x07")
    sample = replace(evaluation("city"), units=[result(unit, {})], districts={unit.district: evaluation().shares})

    read = text(made(tmp_path, sample))

    assert "<script>alert(1)</script>" in read
    assert "</style><b>" in read
    assert re.findall("[\x00-\x08\x0e-\x1f\u202e]", read) == []
    assert read.count("ô") < 150


def test_nothing_is_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="90" height="20"><text y="15">SECRET</text></svg>')
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        document = f'<link rel="stylesheet" href="{address}"><img src="{address}"><img src="{secret.as_uri()}">told'
        file = io.BytesIO()
        pdf.convert(document, file)

        with pytest.raises(BlockingIOError):
            server.accept()
    (tmp_path / "x.pdf").write_bytes(file.getvalue())
    assert text(tmp_path / "x.pdf") == "told"


def test_a_process_of_its_own_makes_the_same(tmp_path: Path) -> None:
    document = html.page(evaluation("unit"), "vi", printed=True)

    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "haidang_collector.evaluation.pdf"],
        input=document.encode(), capture_output=True, check=True,
    )  # fmt: skip
    (tmp_path / "other.pdf").write_bytes(done.stdout)

    assert done.stderr == b""
    assert text(tmp_path / "other.pdf") == text(made(tmp_path, evaluation("unit")))


def test_without_weasyprint_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    file = io.BytesIO()

    with pytest.raises(pdf.PdfUnavailableError, match=r"haidang\[pdf\].*libpango"):
        pdf.write(evaluation("unit"), "vi", file)
    assert file.getvalue() == b""


def test_a_unit_that_the_store_knows_nothing_of(tmp_path: Path) -> None:
    nothing = replace(evaluation("unit"), units=[], of="X-1")

    assert "X-1" in text(made(tmp_path, nothing, "en"))
