"""sshd's files: which value counts, what a Match block may add, and nothing that makes the reader hang."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent.posture.trees import Tree

KEYS_ONLY = "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"


def server(root: Path, config: str, **included: str) -> Tree:
    tree = Tree(root, **{"usr/sbin/sshd": "", "etc/ssh/sshd_config": config})
    tree.write({f"etc/ssh/sshd_config.d/{name}.conf": text for name, text in included.items()})
    return tree


def test_without_a_server_all_is_well(tmp_path: Path) -> None:
    tree = Tree(tmp_path, **{"etc/ssh/sshd_config": "PermitRootLogin yes\n"})

    assert [tree.check(name) for name in ("ssh_root_login", "ssh_password_login", "ssh_empty_passwords")] == [True] * 3


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", True),
        ("PermitRootLogin yes\n", False),
        ("permitrootlogin=YES\n", False),
        ("#PermitRootLogin yes\n", True),
        ("PermitRootLogin no\nPermitRootLogin yes\n", True),
        ("PermitRootLogin without-password\n", True),
        ("PermitRootLogin no\nMatch Address 10.0.0.0/8\n  PermitRootLogin yes\n", False),
        ("Match all\nPermitRootLogin no\nPermitRootLogin yes\n", True),
        ("PermitRootLogin no\nMatch all\nPermitRootLogin yes\n", False),
        ("PermitRootLogin yes\nMatch all\nPermitRootLogin no\n", True),
    ],
)
def test_root(tmp_path: Path, config: str, expected: bool) -> None:
    assert server(tmp_path, config).check("ssh_root_login") is expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("", False),
        ("PasswordAuthentication no\n", True),
        ("PasswordAuthentication no\nUsePAM yes\n", False),
        (KEYS_ONLY + "UsePAM yes\n", True),
        ("PasswordAuthentication no\nChallengeResponseAuthentication no\nUsePAM yes\n", True),
        ("AuthenticationMethods publickey,password publickey\n", True),
        ("AuthenticationMethods publickey password\n", False),
        (KEYS_ONLY + "Match Group teachers\nPasswordAuthentication yes\n", False),
    ],
)
def test_passwords(tmp_path: Path, config: str, expected: bool) -> None:
    assert server(tmp_path, config).check("ssh_password_login") is expected


def test_an_include_comes_where_it_stands(tmp_path: Path) -> None:
    """So Debian's, at the top, wins; and a Match at the end of one ends with it."""
    include = "Include /etc/ssh/sshd_config.d/*.conf\n"
    tree = server(tmp_path, include + "PermitRootLogin no\n", a="PermitEmptyPasswords no\n", b="PermitRootLogin yes\n")
    assert tree.check("ssh_root_login") is False
    tree = server(tmp_path, "PermitRootLogin no\n" + include)
    assert tree.check("ssh_root_login") is True
    tree = server(tmp_path, include + "PermitRootLogin no\n", b="Match User x\nPermitEmptyPasswords yes\n")
    assert tree.check("ssh_root_login") is True
    assert tree.check("ssh_empty_passwords") is False


def test_includes_in_a_circle_end(tmp_path: Path) -> None:
    tree = server(
        tmp_path, "Include sshd_config.d/*.conf\n", a="Include sshd_config.d/*.conf\n", b="Include /etc/ssh/*\n"
    )

    assert "too many files are included" in str(tree.check("ssh_root_login"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["PermitRootLogin", "Match", "Include", "include", "UsePAM", '"', "#", "PasswordAuthentication"]
            ),
            st.text(alphabet='abyesno ="\\#*/.\t', max_size=12),
        ),
        max_size=12,
    )
)
def test_whatever_stands_there_is_judged_or_unread(tmp_path: Path, lines: list[tuple[str, str]]) -> None:
    tree = server(tmp_path, "\n".join(f"{keyword} {value}" for keyword, value in lines))
    told = [tree.check(name) for name in ("ssh_root_login", "ssh_password_login", "ssh_empty_passwords")]

    assert all(each in (True, False) or str(tmp_path) in str(each) or "/etc/ssh/" in str(each) for each in told)
