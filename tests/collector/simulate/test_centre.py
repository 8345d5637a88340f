"""What the centre would see of a simulated city is told as of a real one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from haidang_collector.simulate.build import build
from haidang_collector.simulate.centre import look, looking
from haidang_collector.simulate.registry import fill
from haidang_collector.simulate.words import PUBLIC

from tests.collector.centre.seen import told
from tests.collector.simulate.conftest import DAY

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry


def test_the_centre_sees_the_city_as_it_was_built(registry: Registry) -> None:
    city = build(60, seed=3, day=DAY)
    fill(registry.database, city)
    look(registry.database, city, time.time())
    sites = {unit.code: unit.site for unit in city.units if unit.site is not None}

    assert told(registry, "school_portal_centre_up") == {
        (code,): site.up and site.tls_left_seconds > 0 for code, site in sites.items()
    }
    assert told(registry, "school_public_service_centre_up") == {
        (unit.code, name): up for unit in city.units for name, up in unit.services.items() if name.startswith(PUBLIC)
    }
    assert told(registry, "school_mail_domain_check") == {
        (unit.code, check): passed for unit in city.units for check, passed in unit.mail.items()
    }
    assert told(registry, "school_department_feed_valid") == {(): 1}


def test_it_looks_at_once_and_again_and_again(registry: Registry) -> None:
    city = build(5, seed=3, day=DAY)
    fill(registry.database, city)
    look(registry.database, city, time.time() - 7200)
    assert told(registry, "school_mail_domain_check")
    assert told(registry, "school_public_service_centre_up") == {}
    with looking(registry.database, city):
        assert told(registry, "school_public_service_centre_up")
