"""Wheels to install from in a drill: this checkout as any version, and all that it needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_IN_WHEELS = shutil.ignore_patterns(".*", "__pycache__", "dist", "tests", "benchmarks")
VERSION_FILE = "agent/haidang_agent/__init__.py"


def build(version: str, folder: Path, changes: dict[str, tuple[str, str]] | None = None) -> Path:
    """A wheel of this checkout that calls itself `version`. `changes`: by file, a text and what stands in its place."""
    with tempfile.TemporaryDirectory() as work:
        source = Path(work, "source")
        shutil.copytree(ROOT, source, ignore=NOT_IN_WHEELS)
        (said,) = [line for line in (source / VERSION_FILE).read_text("utf-8").splitlines() if "__version__" in line]
        for file, (before, after) in {VERSION_FILE: (said, f'__version__ = "{version}"'), **(changes or {})}.items():
            text = (source / file).read_text(encoding="utf-8")
            if before not in text:
                raise ValueError(f"{file} has no {before!r}")
            (source / file).write_text(text.replace(before, after), encoding="utf-8")
        _python("build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)).check_returncode()
    return next(folder.glob(f"haidang-{version}-*.whl"))


def fetch_what_it_needs(wheel: Path, extras: tuple[str, ...], folder: Path) -> None:
    """Wheels of other people, for this machine's Python; the index is asked only where one is missing in `folder`."""
    wanted = ("--find-links", str(folder), "--dest", str(folder), f"{wheel}[{','.join(extras)}]")
    download = ("pip", "download", "--quiet", "--only-binary", ":all:")
    if _python(*download, "--no-index", *wanted, stderr=subprocess.DEVNULL).returncode:
        _python(*download, *wanted).check_returncode()


def _python(*module_and_arguments: str, stderr: int | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", *module_and_arguments]
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
