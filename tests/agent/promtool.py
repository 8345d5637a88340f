"""What Prometheus' own tool says of an exposition."""

from __future__ import annotations

import re
import subprocess

NODE_EXPORTERS_OWN = re.compile(r"node_memory_\w+_bytes metric names should be written in 'snake_case' not 'camelCase'")
"""No dashboard would find the figures of memory under other names."""


def complaints(text: str) -> list[str]:
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    lines = (checked.stdout + checked.stderr).splitlines()
    return [line for line in lines if not NODE_EXPORTERS_OWN.fullmatch(line)]
