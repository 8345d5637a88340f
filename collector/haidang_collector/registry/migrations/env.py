"""Alembic's entry: runs the migrations on the connection that `database.Database.upgrade` hands over."""

import haidang_collector.access.tables
import haidang_collector.centre.tables
import haidang_collector.doctor.tables
import haidang_collector.grafana.tables
import haidang_collector.incidents.tables
import haidang_collector.notify.tables
import haidang_collector.registry.fleet_tables  # noqa: F401 - as above
from alembic import context
from haidang_collector.registry.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
