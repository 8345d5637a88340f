"""Millions of generated and mutated bodies against a parser of the whole message: the short ways take nothing else.

Not a race: it ends with an AssertionError at the first body that is judged or passed on otherwise.
"""

from __future__ import annotations

import random
import time
from collections import Counter

from haidang_collector.ingest.batch import Checker
from haidang_collector.registry.store import Identity
from haidang_collector.settings import Settings

from tests.collector.ingest import full_parse

NOW = 1_795_000_000.0
BODIES = 2_000_000
MUTATIONS = 6
SENDERS = (Identity("a-1", "TH-001", "Quận 1"), Identity("a-22", "THCS-00022", "Q. 7"))


def main(_: float, bodies: int = BODIES) -> None:
    seed = time.time_ns()
    print(f"seed {seed}", flush=True)
    noise = random.Random(seed)
    checker = Checker(Settings())
    outcomes: Counter[str] = Counter()
    began = time.perf_counter()
    while outcomes.total() < bodies:
        message = full_parse.generated(noise, NOW)
        later = full_parse.with_new_samples(noise, message, NOW)
        odd = full_parse.in_another_form(noise, later)
        for body in (message, later, odd, *(full_parse.mutated(noise, later) for _ in range(MUTATIONS))):
            outcomes[full_parse.compare(checker, body, noise.choice(SENDERS), NOW)] += 1
    took = time.perf_counter() - began
    print(f"{outcomes.total():,} bodies in {took:.0f} s, none judged otherwise than by a full parse: {dict(outcomes)}")
