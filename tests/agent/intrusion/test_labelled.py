"""The labelled captures once more, as the kernel's selection leaves them: all is still found, and no more."""

from __future__ import annotations

import socket
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from haidang_agent.intrusion.selection import selection
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.pcap import read_packets
from haidang_agent.lanwatch.problems import Problems
from haidang_agent.lanwatch.watch import Watch
from haidang_agent.platform.packet import attach

from tests.agent.lanwatch.test_labelled import CAPTURES, DATA, MEANS


def found(file: Path) -> Counter[str]:
    """Kinds of the incidents, of frames that passed the program on a pair of local sockets."""
    watch, kinds = Watch(), {}
    receiver, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with closing(receiver), closing(sender), file.open("rb") as stream:
        attach(receiver, selection())
        receiver.setblocking(False)
        for packet in read_packets(stream, Problems()):
            sender.send(packet.data)
            try:
                kept = receiver.recv(65535)
            except BlockingIOError:
                continue
            frame = dissect(packet._replace(data=kept))
            for change in watch.feed(frame) if frame else ():
                key = change.incident.kind, tuple(change.incident.subject.items())
                kinds[key] = change.state != "withdrawn"
    return Counter(kind for (kind, _subject), stays in kinds.items() if stays)


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture["file"])
def test_labelled_capture(capture):
    kinds = found(DATA / capture["file"])
    expected = capture["expected_findings"]
    allowed = {kind for one in expected for kind in MEANS.get(one["type"], {one["type"]})}

    assert set(kinds) <= allowed
    for label in {one["type"] for one in expected if not one.get("optional")}:
        assert set(kinds) & MEANS.get(label, {label})
