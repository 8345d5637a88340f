"""No test is judged by the clock, for the machine may be busy, nor by luck: each run tries the same examples.

`pytest --hypothesis-profile default` looks for others.
"""

from __future__ import annotations

from hypothesis import settings

settings.load_profile("ci")
