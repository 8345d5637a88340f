"""All detectors at once, over one knowledge of the network: what both a capture file and a live socket feed."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from haidang_agent.lanwatch import detectors
from haidang_agent.lanwatch.frames import Frame
from haidang_agent.lanwatch.lan import Lan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.incident import Change, Detector

TICK_SECONDS = 1.0


class Watch:
    """`feed` every frame in the order they came; `tick` also when none comes."""

    def __init__(self) -> None:
        self.lan = Lan()
        modules = pkgutil.iter_modules(detectors.__path__, f"{detectors.__name__}.")
        found = [importlib.import_module(info.name).DETECTOR for info in modules]
        self._detectors: list[Detector] = []
        self._takers: dict[type, list[Detector]] = {}
        for detector in found:
            instance = detector(self.lan)
            self._detectors.append(instance)
            for kind in detector.takes:
                self._takers.setdefault(kind, []).append(instance)
        self._every_frame = self._takers.pop(Frame, [])
        self._ticked = float("-inf")

    def feed(self, frame: Frame) -> Iterator[Change]:
        """What this frame changes. Time is the frames'; where it jumps back, nothing closes."""
        if frame.time - self._ticked >= TICK_SECONDS:
            yield from self.tick(frame.time)
        self.lan.take(frame)
        for detector in self._every_frame:
            yield from detector.feed(frame)
        for detector in self._takers.get(type(frame.message), ()):
            yield from detector.feed(frame)

    @property
    def kinds(self) -> dict[str, Detector]:
        """The detector of each kind of incident."""
        return {detector.kind: detector for detector in self._detectors}

    def tick(self, now: float) -> Iterator[Change]:
        """Close what is over."""
        self._ticked = now
        for detector in self._detectors:
            yield from detector.tick(now)
