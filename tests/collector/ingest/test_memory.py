from __future__ import annotations

from haidang_collector.ingest.memory import Memory


def test_what_is_remembered_ends_by_time_and_by_number() -> None:
    now = [0.0]
    memory: Memory[str] = Memory(seconds=10, most=2, clock=lambda: now[0])
    memory.put("a", "1")
    now[0] = 5
    memory.put("b", "2")
    assert (memory.get("a"), memory.get("b"), memory.get("c")) == ("1", "2", None)

    memory.put("a", "again")
    now[0] = 10
    assert (memory.get("a"), memory.get("b")) == ("again", "2")

    memory.put("c", "3")
    assert (memory.get("a"), memory.get("b"), memory.get("c")) == ("again", None, "3")

    now[0] = 100
    assert len(memory) == 0
