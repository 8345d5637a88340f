"""The fuzzer for a moment: the targets and checks of `python -m benchmarks.fuzz`, few inputs, always the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from benchmarks.fuzz import SHARES, Run, fuzz
from benchmarks.fuzz_noise import FaultError, Input

if TYPE_CHECKING:
    import random
    from pathlib import Path

INPUTS = 2_000
SEED = 20_261_126


def test_whatever_comes_is_answered_and_nothing_grows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    is_sound = asyncio.run(fuzz(SEED, INPUTS, [name for name, share in SHARES.items() if share >= 1], tmp_path))

    told = capsys.readouterr().out
    assert is_sound, told
    assert f"{INPUTS:,} inputs, " in told


class Brittle:
    """Breaks on every third number it is given."""

    def make(self, noise: random.Random) -> Input:
        return Input(noise.randbytes(4), {"number": str(noise.randrange(9))})

    async def give(self, made: Input) -> str:
        if int(made.how["number"]) % 3 == 0:
            raise FaultError("it broke")
        return "whole"


def test_a_fault_is_counted_and_its_input_written_down_once(tmp_path: Path) -> None:
    brittle = Brittle()
    run = Run(SEED, 0, {"write": brittle}, tmp_path)

    for number in range(50):
        asyncio.run(run.one("write", number))

    (file,) = tmp_path.iterdir()
    assert run.tried["write"].outcomes.keys() == {"whole", "FAULT"}
    assert [str(file) in shown for shown in run.faults.values()] == [True]
    with pytest.raises(FaultError, match="it broke"):
        asyncio.run(brittle.give(Input.read(file.read_text())))
