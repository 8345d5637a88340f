"""The collection as others install it: built by ansible-galaxy, and called by its full names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tests.ansible.playing import ANSIBLE, BIN, run

if TYPE_CHECKING:
    from pathlib import Path

NAME = "haidang.city"
ROLES = sorted(path.name for path in (ANSIBLE / "roles").iterdir())


def test_it_is_built_installed_and_called_by_its_full_names(tmp_path: Path) -> None:
    """
    Without Internet; ansible.windows, which it names for Windows, is not needed to call it.
    """
    galaxy = BIN / "ansible-galaxy"
    run(galaxy, "collection", "build", "--output-path", tmp_path, folder=tmp_path)
    (built,) = tmp_path.glob("haidang-city-*.tar.gz")
    installing = ("collection", "install", "--offline", "--no-deps", "--collections-path", tmp_path / "collections")
    run(galaxy, *installing, built, folder=tmp_path)
    play = [{"hosts": "all", "roles": [f"{NAME}.{role}" for role in ROLES]}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")
    alone = {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"), "ANSIBLE_ROLES_PATH": str(tmp_path / "none")}

    said = run(
        *(BIN / "ansible-playbook", "--syntax-check", "--inventory", "localhost,"),
        *(tmp_path / "play.yml", f"{NAME}.upgrade", f"{NAME}.centre"),
        folder=tmp_path,
        cwd=tmp_path,
        **alone,
    )

    assert said.count("playbook: ") == 3
