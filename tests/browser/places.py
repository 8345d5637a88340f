"""Every page there is, with something on it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.browser.town import ADMINISTRATOR

if TYPE_CHECKING:
    from haidang_collector.simulate.model import SimUnit


def places(unit: SimUnit) -> dict[str, str]:
    """Paths by a name for pictures, for an administrator of the city; those of one unit are `unit`'s."""
    code, district = quote(unit.code), quote(unit.district)
    return {
        "city": "/",
        "district": f"/districts/{district}",
        "units": "/units",
        "units-down": "/units?state=down",
        "units-row": "/units?row=R4&judged=unmet",
        "unit": f"/units/{code}",
        "incidents": "/incidents",
        "incident": "/incidents/1",
        "agents": "/agents",
        "agents-config": "/agents/config",
        "enrol": "/agents/enrol",
        "enrol-unit": f"/agents/enrol?unit={code}",
        "agent-revoke": f"/agents/revoke/a-{code.lower()}-0",
        "services": "/services",
        "services-district": f"/services?district={district}",
        "service-edit": "/services/edit?name=smas",
        "service-remove": "/services/remove?name=smas",
        "registry": "/registry",
        "registry-add": "/registry/add",
        "registry-unit": f"/registry/units/{code}",
        "registry-edit": f"/registry/edit/units/{code}",
        "registry-edit-labs": f"/registry/edit/labs/{code}",
        "registry-remove": f"/registry/remove/{code}",
        "registry-import": "/registry/import",
        "reports": "/reports",
        "evaluation": "/evaluation",
        "evaluation-district": f"/evaluation?district={district}",
        "evaluation-unit": f"/evaluation?unit={code}",
        "runbook": "/runbooks/InternetDown",
        "account": "/account",
        "users": "/users",
        "user": f"/users/{ADMINISTRATOR}",
        "audit": "/audit",
        "docs": "/docs",
        "missing": "/units/NOWHERE",
    }
