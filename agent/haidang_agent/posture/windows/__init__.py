"""Windows 7 and later: one PowerShell script tells the facts as JSON, and they are judged here.

Not run on Windows yet: the judging is tried on answers written by us after Microsoft's documents.
"""

from pathlib import Path

SCRIPT = Path(__file__).with_name("posture.ps1")
