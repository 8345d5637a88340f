"""Wheels of what is installed here, so that an installation without Internet can be tried without one."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LEFT_OUT = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json")


SOURCES = (
    "pyproject.toml", "README.md", "LICENSE", "scripts", "advice", "agent", "collector", "isps", "reach", "alerts",
    "dashboards/json", "docs/runbooks", "packaging",
)  # fmt: skip


def build_wheel(folder: Path) -> Path:
    """Our own, from a copy: the build compiles catalogues beside their sources, which other tests read meanwhile."""
    copy = folder / "source"
    take(copy, *SOURCES)
    build(copy, folder, "--wheel")
    (wheel,) = folder.glob("haidang-*.whl")
    return wheel


def take(copy: Path, *names: str) -> None:
    """Files and folders of the checkout, without what was made there."""
    for name in names:
        source, target = ROOT / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.mo", "__pycache__", ".ansible"))
        else:
            shutil.copy2(source, target)


def build(source: Path, folder: Path, *words: str) -> None:
    """Without words: the sdist, and the wheel from that."""
    command = [sys.executable, "-m", "build", *words, "--no-isolation", "--outdir", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=280)


def needed(name: str, *extras: str) -> set[str]:
    """What this distribution needs here, with these extras, and so on; without itself."""
    found: set[str] = set()
    wanted = [Requirement(f"{name}[{','.join(extras)}]")]
    while wanted:
        requirement = wanted.pop()
        for line in distribution(requirement.name).requires or ():
            more = Requirement(line)
            if more.name not in found and _holds(more, ("", *requirement.extras)):
                found.add(more.name)
                wanted.append(more)
    return found


def _holds(requirement: Requirement, extras: tuple[str, ...]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)


def repack(name: str, folder: Path) -> None:
    """The installed distribution as a wheel again, by its RECORD."""
    installed = distribution(name)
    info = PurePosixPath(next(str(file) for file in installed.files or () if file.name == "METADATA")).parent
    tag = tags(installed)[0]
    title = info.name.removesuffix(".dist-info")
    lines = []
    with zipfile.ZipFile(folder / f"{title}-{tag}.whl", "w") as wheel:
        for file in installed.files or ():
            if ".." in file.parts or file.suffix == ".pyc" or file.name in LEFT_OUT:
                continue
            content = Path(str(installed.locate_file(file))).read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append(f"{file.as_posix()},sha256={digest},{len(content)}\n")
            wheel.writestr(file.as_posix(), content)
        wheel.writestr(f"{info}/RECORD", "".join((*lines, f"{info}/RECORD,,\n")))


def tags(installed: Distribution) -> list[str]:
    """`cp311-cp311-manylinux_2_28_x86_64` and its like."""
    told = installed.read_text("WHEEL") or ""
    return [line.partition(": ")[2] for line in told.splitlines() if line.startswith("Tag: ")]


def fill(folder: Path, wheel: Path, *extras: str) -> None:
    """A wheelhouse to install haidang with these extras from, pip included."""
    folder.mkdir(parents=True)
    shutil.copy2(wheel, folder)
    for name in (*needed("haidang", *extras), "pip"):
        repack(name, folder)
