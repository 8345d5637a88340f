"""The evaluation as a PDF, A4, by WeasyPrint: tagged, with page numbers, bookmarks, title and language, fonts inside.

`python -m haidang_collector.evaluation.pdf` makes a PDF on stdout of the document on stdin: for who must not wait.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, BinaryIO

from haidang_collector.evaluation import html

if TYPE_CHECKING:
    from haidang_collector.evaluation.model import Evaluation

VARIANT = "pdf/ua-1"
"""Tagged for screen readers (ISO 14289-1): a fifth more time than without."""
NICE = 10
"""Behind whoever serves."""


class PdfUnavailableError(RuntimeError):
    """What makes PDFs is not installed; the text says what to install."""


def write(evaluation: Evaluation, language: str, file: BinaryIO) -> None:
    """The document of `html.page`, for paper. Raises PdfUnavailableError."""
    convert(html.page(evaluation, language, printed=True), file)


def convert(document: str, file: BinaryIO) -> None:
    """A PDF of one of our HTML documents. Raises PdfUnavailableError."""
    try:
        from weasyprint import HTML  # noqa: PLC0415 - loads Pango; who wants no PDF need not have it
        from weasyprint.urls import URLFetcher  # noqa: PLC0415 - as above
    except (ImportError, OSError) as missing:
        raise PdfUnavailableError(
            f"PDFs cannot be made here ({missing}): pip install 'haidang[pdf]', "
            "and apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
        ) from missing
    HTML(string=document, url_fetcher=URLFetcher(allowed_protocols=())).write_pdf(file, pdf_variant=VARIANT)


if __name__ == "__main__":
    os.nice(NICE)
    try:
        convert(sys.stdin.buffer.read().decode(), sys.stdout.buffer)
    except PdfUnavailableError as missing:
        sys.exit(str(missing))
