"""What is asked of the database without SQLAlchemy is what the registry tells."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry import schema
from haidang_collector.registry.listing import NotReadyError, Wanted, listing
from haidang_collector.registry.models import Agent, Unit

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry

NOW = datetime.now(UTC)


@pytest.fixture
def peopled(registry: Registry) -> Registry:
    """Two districts, and an agent of which everything is told that can be told."""
    told = {"key_hash": "0" * 64, "version": "0.1.0", "os": "linux", "enrolled_at": NOW}
    with registry.database.write() as session:
        session.add(Unit(code="X", name="X", district="Quận Nam", level="primary", students={}))
        session.flush()
        session.add(Agent(id="a-plain", unit="X", roles="site", **told))
        session.add(Agent(id="a-revoked", unit="TH-001", roles="host", revoked_at=NOW, stopped=True, **told))
        session.add(
            Agent(
                id="a-full", unit="TH-001", roles="router site", last_seen=1.5, config={"unit": 3}, new_key_wanted=True,
                doubled_at=2.5, put_back_at=3.5, merged_into="a-plain", isp="VNPT", scrape_address="10.0.0.5:9810",
                **told,
            )
        )  # fmt: skip
    return registry


def test_the_same_agents_as_the_registry_knows(peopled: Registry, url: str) -> None:
    with listing(url) as found:
        every = list(found.agents(Wanted()))

        assert every == peopled.agents(merged=True)
        assert list(found.agents(Wanted(), 2)) == every[:2]
        assert list(found.agents(Wanted(unit="TH-001"))) == peopled.agents("TH-001", merged=True)
        assert [agent.agent for agent in found.agents(Wanted(district="Quận Nam"))] == ["a-plain"]
        assert list(found.agents(Wanted(unit="X", district="Quận Bắc"))) == []
        assert [found.count(wanted) for wanted in (Wanted(), Wanted("X"), Wanted(district="Quận Bắc"))] == [3, 1, 2]


def test_what_is_asked_for_is_no_sql(peopled: Registry, url: str) -> None:
    del peopled
    with listing(url) as found:
        assert found.count(Wanted(unit="' OR 1=1 --", district="%s ? ;")) == 0


def test_other_versions_and_other_files_are_not_read(
    registry: Registry, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del registry
    with pytest.raises(NotReadyError), listing(f"{url}-that-is-nowhere"):
        pass
    monkeypatch.setattr(schema, "newest", lambda: "9999")
    with pytest.raises(NotReadyError, match="version"), listing(url):
        pass
