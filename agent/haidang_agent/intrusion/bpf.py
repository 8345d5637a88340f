"""An assembler for classic BPF (bpf(4), linux/filter.h): the program that the kernel runs on each frame of a socket.

Loads go into the accumulator, from the frame (network byte order) or from what the kernel knows of it; tests compare
the accumulator and go on at a label, or at the next line where none is given. A program ends in `keep` or `drop`.
"""

from __future__ import annotations

import struct

LOAD_WORD, LOAD_HALF, LOAD_BYTE = 0x20, 0x28, 0x30
LOAD_HALF_BEHIND = 0x48
LOAD_IP_HEAD = 0xB1
AND = 0x54
JUMP, EQUAL, GREATER, ANY_BIT = 0x05, 0x15, 0x25, 0x45
RETURN = 0x06
"""Operations (linux/bpf_common.h): each is class, size and mode together."""

KERNEL = 0xFFFFF000
PACKET_TYPE, VLAN_PRESENT, RANDOM = KERNEL + 4, KERNEL + 48, KERNEL + 56
"""What the kernel knows of a frame (SKF_AD_OFF and behind it): how it came, whether it had a VLAN tag, chance."""

FURTHEST = 255
_LINE = struct.Struct("=HBBI")


class Program:
    """Lines in the order they are written."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, int, str, str]] = []
        self._labels: dict[str, int] = {}

    def load_word(self, at: int) -> None:
        self._add(LOAD_WORD, at)

    def load_half(self, at: int) -> None:
        self._add(LOAD_HALF, at)

    def load_byte(self, at: int) -> None:
        self._add(LOAD_BYTE, at)

    def measure_ip_head(self, at: int) -> None:
        """Into the index register: the length of the IPv4 header that begins at `at`."""
        self._add(LOAD_IP_HEAD, at)

    def load_half_behind_head(self, at: int) -> None:
        """At `at` plus the length measured last."""
        self._add(LOAD_HALF_BEHIND, at)

    def mask(self, bits: int) -> None:
        self._add(AND, bits)

    def equal(self, value: int, then: str = "", otherwise: str = "") -> None:
        self._add(EQUAL, value, then, otherwise)

    def greater(self, value: int, then: str = "", otherwise: str = "") -> None:
        self._add(GREATER, value, then, otherwise)

    def any_bit(self, bits: int, then: str = "", otherwise: str = "") -> None:
        self._add(ANY_BIT, bits, then, otherwise)

    def jump(self, label: str) -> None:
        self._add(JUMP, 0, label)

    def keep(self, length: int) -> None:
        """The first `length` bytes of the frame leave the kernel."""
        self._add(RETURN, length)

    def drop(self) -> None:
        self._add(RETURN, 0)

    def label(self, name: str) -> None:
        """The next line is called so."""
        self._labels[name] = len(self._lines)

    def assemble(self) -> bytes:
        """As SO_ATTACH_FILTER takes it. Raises ValueError for a jump too far, KeyError for a label that is nowhere."""
        return b"".join(self._line(at, *line) for at, line in enumerate(self._lines, 1))

    def _line(self, following: int, operation: int, value: int, then: str, otherwise: str) -> bytes:
        true, false = (self._labels[label] - following if label else 0 for label in (then, otherwise))
        if operation == JUMP:
            return _LINE.pack(operation, 0, 0, true)
        if not (0 <= true <= FURTHEST and 0 <= false <= FURTHEST):
            raise ValueError(f"line {following}: {then or otherwise} is too far away, or behind")
        return _LINE.pack(operation, true, false, value)

    def _add(self, operation: int, value: int, then: str = "", otherwise: str = "") -> None:
        self._lines.append((operation, value, then, otherwise))
