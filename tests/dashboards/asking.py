"""What Grafana asks of a Prometheus, and how long each answer takes."""

from __future__ import annotations

import json
import time
import urllib.parse
from dataclasses import dataclass
from typing import Any

from tests.servers import get

SECONDS, DAY = 60, 86_400


@dataclass(frozen=True)
class Asking:
    """A Prometheus at `url`, asked as if it were `at` (Unix seconds), else now."""

    url: str
    at: float | None = None

    def now(self, expression: str) -> list[dict[str, Any]]:
        """The vector that the expression has at this moment."""
        asked = {"query": expression, "time": self.at or time.time()}
        found: list[dict[str, Any]] = self._data("query", asked)["result"]
        return found

    def over(self, expression: str, seconds: float, *, points: int = 720) -> list[dict[str, Any]]:
        """The series that it has within the last `seconds`, at so many points."""
        end = self.at or time.time()
        asked = {"query": expression, "start": end - seconds, "end": end, "step": max(seconds / points, 1)}
        found: list[dict[str, Any]] = self._data("query_range", asked)["result"]
        return found

    def label_values(self, selector: str, label: str) -> list[str]:
        end = self.at or time.time()
        found: list[str] = self._data(f"label/{label}/values", {"match[]": selector, "start": end - DAY, "end": end})
        return found

    def _data(self, path: str, asked: dict[str, Any]) -> Any:
        """Raises OSError where the store refuses."""
        return json.loads(get(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}", seconds=SECONDS))["data"]
