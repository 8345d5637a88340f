"""Reads a page as a person does: what stands in which place, by state."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """Tags and texts of a page; every element is to be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self._parts: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], "elements were left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self._parts.append(data)

    @property
    def text(self) -> str:
        """All text, with single spaces."""
        return " ".join(" ".join(self._parts).split())

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] or "" for _, attributes in self.tags if attribute in attributes]


def rows(text: str) -> list[tuple[str, str]]:
    """Code and state of the units in the list, in its order."""
    found = re.findall(r'<tr class="(\w+)">\s*<td><a href="/units/([^"]+)"', text)
    return [(code, state) for state, code in found]


def part(text: str, name: str) -> str:
    """Text of the section of that id."""
    return Page(text.partition(f'<section id="{name}">')[2].partition("</section>")[0]).text


def tiles(text: str) -> dict[str, int]:
    """Number on each tile by its state."""
    found = re.findall(r'<a class="tile (\w+)[^>]*>\s*<span class="number">(\d+)', text)
    return {state: int(number) for state, number in found}


def verdict(text: str) -> str:
    found = re.search(r'<p class="verdict[^>]*>(.*?)</p>', text, re.DOTALL)
    return Page(found[1]).text if found else ""
