"""Tags and texts come in their order, whatever stands there; comments and what is no markup do not."""

from __future__ import annotations

import pytest
from haidang_reach.tokens import Tag, tokens
from hypothesis import given
from hypothesis import strategies as st

MOST = 1000


def read(text: str, most: int = MOST) -> list[Tag | str]:
    return [token for token in tokens(text, most, {"script"}) if token]


def test_tags_and_texts() -> None:
    assert read("Xin <B>chào</b> &amp; <br/>x") == [
        "Xin ", Tag("b", "", closing=False), "chào", Tag("b", "", closing=True), " &amp; ",
        Tag("br", "/", closing=False), "x",
    ]  # fmt: skip


@pytest.mark.parametrize("unshown", [
    "<!-- <p>không -->", "<!-->", "<!--->", "<!-- a > b -- > -->", "<!-- -><i>-->",
])  # fmt: skip
def test_comments_are_left_out(unshown: str) -> None:
    assert read(f"trước{unshown}SAU") == ["trước", "SAU"]


@pytest.mark.parametrize("content", ["", "var a = 1", "a < b", "'<p>' + '</SCRIP>'", "<!-- ", "x = '</a></scri'"])
def test_what_is_no_markup_is_left_out_up_to_its_end(content: str) -> None:
    assert read(f"<script>{content}</SCRIPT >Sau<p>") == [
        Tag("script", "", closing=False), "Sau", Tag("p", "", closing=False),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["1 < 2", "<", "<3", "a <= b"])
def test_a_sign_that_begins_no_tag_is_text(text: str) -> None:
    assert "".join(map(str, read(text))) == text


def test_attributes() -> None:
    [tag] = read("""<a HREF="/x?a=1&amp;b=2" title='Tin "mới"' rel=nofollow hidden title=hai data-x="">""")

    assert isinstance(tag, Tag)
    assert tag.attributes() == {"href": "/x?a=1&b=2", "title": "hai", "rel": "nofollow", "data-x": ""}


def test_of_too_many_tags_the_first() -> None:
    assert len(read("<b>" * MOST)) == MOST - 1


@given(st.text(alphabet=st.sampled_from("<>/!-ab ='\"&script\0"), max_size=200))
def test_anything_is_read(text: str) -> None:
    found = read(text)

    assert sum(len(token) if isinstance(token, str) else len(token.name) for token in found) <= len(text)
