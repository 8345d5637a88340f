"""What is taken for an export: only what its agent wrote, whole, and nothing that costs much to find out."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pytest
from haidang_agent import outbox_export
from haidang_agent.credentials import Credentials
from haidang_agent.outbox import Outbox
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.ingest.wire import decompress
from haidang_collector.registry.credentials import secret_hash
from haidang_collector.relay.frame import MAGIC as RELAYED
from haidang_collector.sticks.file import FRAME, MAGIC, BadExportError, Frame, frames
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.outboxes import NOW, fill

if TYPE_CHECKING:
    from pathlib import Path

KEY = "k" * 43
LINE = b'{"agent": "a-1", "export": "0123456789abcdef"}\n'


def read(content: bytes) -> list[Frame]:
    return list(frames(io.BytesIO(content)))


@pytest.fixture
def exported(tmp_path: Path) -> bytes:
    outbox = Outbox(tmp_path / "outbox.db")
    fill(outbox, [NOW, NOW + 15_000])
    out = io.BytesIO()
    outbox_export.write(outbox, Credentials(KEY, "a-1", "TH-001"), out, NOW / 1000)
    outbox.close()
    return out.getvalue()


def test_what_an_agent_wrote_is_read_and_known_as_its(exported: bytes) -> None:
    first, end = read(exported)

    assert (first.agent, first.number, end.number, end.body) == ("a-1", 0, 1, b"")
    assert all(frame.is_signed_by(secret_hash(KEY)) for frame in (first, end))
    assert not first.is_signed_by(secret_hash("another" * 7))
    assert read(first.encode()) == [first]


def test_no_byte_can_be_changed_unseen(exported: bytes) -> None:
    """Of header, number, body: one after the other."""
    for at in range(len(MAGIC), len(exported)):
        changed = exported[:at] + bytes([exported[at] ^ 1]) + exported[at + 1 :]
        try:
            found = read(changed)
        except BadExportError:
            continue
        assert not all(frame.is_signed_by(secret_hash(KEY)) for frame in found), at


def test_parts_of_two_exports_cannot_be_mixed(exported: bytes, tmp_path: Path) -> None:
    first, _ = read(exported)
    other = Frame(first.agent, "f" * 16, LINE.replace(b"0123456789abcdef", b"f" * 16), 0, first.signature, first.body)

    assert not other.is_signed_by(secret_hash(KEY))


def test_what_was_cut_off_gives_what_is_whole_of_it(exported: bytes) -> None:
    _, end = read(exported)
    cut = exported[: -len(end.encode()) + len(MAGIC) + len(end.line)]
    found = frames(io.BytesIO(cut[:] + b"\0" * 5))

    assert next(found).number == 0
    with pytest.raises(BadExportError, match="is cut off or damaged"):
        next(found)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no file of `haidang-agent export`"),
        (b"PK\x03\x04", "is no file of"),
        (MAGIC, "second line does not say whose"),
        (MAGIC + b"{}\n", "second line"),
        (MAGIC + b"[" * 5000, "second line"),
        (MAGIC + LINE[:-1], "second line"),
        (MAGIC + LINE.replace(b"a-1", b"../etc"), "second line"),
        (MAGIC + LINE + FRAME.pack(0, 1 << 31, b"") , "is cut off or damaged"),
        (MAGIC + LINE + FRAME.pack(100_000, 0, b""), "is cut off or damaged"),
        (MAGIC + LINE + FRAME.pack(7, 10, b"") + b"short", "is cut off in part 7"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(BadExportError, match=words):
        read(content)


@given(st.binary(max_size=200), st.integers(0, 2**32 - 1))
def test_whatever_the_bytes_are_it_is_refused_or_read(rubbish: bytes, length: int) -> None:
    for content in (rubbish, MAGIC + rubbish, MAGIC + LINE + rubbish, MAGIC + LINE + struct.pack(">II", 0, length)):
        try:
            found = read(content)
        except BadExportError:
            continue
        assert all(not frame.is_signed_by(secret_hash(KEY)) for frame in found)


@given(st.binary(max_size=2000))
def test_what_a_relay_kept_is_never_a_part_of_its_own(rest: bytes) -> None:
    """So a collector of before refuses it, and stores nothing in the relay's name."""
    part = Frame("a-1", "f" * 16, LINE, 0, b"", RELAYED + rest)

    assert part.is_relayed
    with pytest.raises(Refusal, match="no snappy block"):
        decompress(part.body, 32 << 20)
