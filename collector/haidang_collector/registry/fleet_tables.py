"""The tables of the fleet: the agents' configuration as it was set, layer by layer, and what came on sticks."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - read by DeclarativeBase
from typing import Any

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from haidang_collector.registry.models import DISTRICT_LENGTH, PERSON_LENGTH, WORD_LENGTH, Base


class ConfigVersion(Base):
    """What a layer was set to, once. `after` is the version that it took the place of (0: none was there).

    `after` None: it was never in force for all.
    """

    __tablename__ = "config_version"
    layer: Mapped[str] = mapped_column(String(WORD_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(DISTRICT_LENGTH), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tables: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(PERSON_LENGTH))
    after: Mapped[int | None]


class ConfigLayer(Base):
    """Which version of a layer is in force (0: nothing is set), and which is given to `percent` of its agents so far.

    What is in force for all, a district or a unit also stands in `default_config`, `district_config`, `unit_config`.
    """

    __tablename__ = "config_layer"
    layer: Mapped[str] = mapped_column(String(WORD_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(DISTRICT_LENGTH), primary_key=True)
    number: Mapped[int]
    staged: Mapped[int | None]
    percent: Mapped[int | None]
    __table_args__ = (
        CheckConstraint("(staged IS NULL) = (percent IS NULL)", name="staged"),
        CheckConstraint("percent BETWEEN 1 AND 99", name="percent"),
    )


class ImportedFrame(Base):
    """A part of a file that an agent exported, which came on a stick and which the store took.

    `store_since`: since when that store had been running; empty once it is sure to keep it, or where it does not tell.
    """

    __tablename__ = "imported_frame"
    agent: Mapped[str] = mapped_column(String(32), primary_key=True)
    export: Mapped[str] = mapped_column(String(WORD_LENGTH), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    samples: Mapped[int]
    at: Mapped[datetime]
    store_since: Mapped[str] = mapped_column(String(WORD_LENGTH))
