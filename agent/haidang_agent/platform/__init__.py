"""What differs by operating system. Probes ask `system`, and never look at `sys.platform` themselves.

Both modules offer the same functions; `windows` has not been run on Windows, only its parsers on recorded answers.
"""

import sys

if sys.platform == "win32":
    from haidang_agent.platform import windows as system
else:
    from haidang_agent.platform import linux as system

__all__ = ["system"]
