"""What sshd allows, by its files (sshd_config(5)): the first value counts, Match blocks set others over it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from glob import iglob
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from haidang_agent.i18n import _
from haidang_agent.posture.check import Outcome
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.posture.linux.machine import Machine

MOST_FILES = 64
ALIASES = {"challengeresponseauthentication": "kbdinteractiveauthentication"}
DEFAULTS = {
    "permitrootlogin": "prohibit-password",
    "passwordauthentication": "yes",
    "kbdinteractiveauthentication": "yes",
    "usepam": "no",
    "permitemptypasswords": "no",
}
"""OpenSSH 7.0 and later."""


Scope = Literal["global", "all", "some"]
"""Outside of Match blocks, in `Match all`, in another."""


@dataclass(slots=True)
class Settings:
    """What holds outside of Match blocks, what `Match all` sets over it, and further values that other blocks give."""

    outside: dict[str, str] = field(default_factory=dict)
    for_all: dict[str, str] = field(default_factory=dict)
    for_some: dict[str, set[str]] = field(default_factory=dict)

    def usual(self, keyword: str) -> str:
        """Empty for what is not set and has no default here."""
        return self.for_all.get(keyword) or self.outside.get(keyword) or DEFAULTS.get(keyword, "")

    def may_be(self, keyword: str, value: str) -> bool:
        """For at least some connections."""
        return value == self.usual(keyword) or value in self.for_some.get(keyword, ())


def root_login(machine: Machine) -> Outcome:
    """Root with a key is not counted as a fault: so do Lynis and OpenSSH's own default."""
    settings = _settings(machine)
    if settings is None:
        return _no_server()
    if settings.may_be("permitrootlogin", "yes"):
        return Outcome(passed=False, found="PermitRootLogin yes")
    return Outcome(passed=True, found=f"PermitRootLogin {settings.usual('permitrootlogin')}")


def password_login(machine: Machine) -> Outcome:
    settings = _settings(machine)
    if settings is None:
        return _no_server()
    methods = settings.usual("authenticationmethods").split()
    if methods and all("publickey" in method for method in methods):
        return Outcome(passed=True, found="AuthenticationMethods publickey")
    if settings.may_be("passwordauthentication", "yes"):
        return Outcome(passed=False, found="PasswordAuthentication yes")
    if settings.may_be("kbdinteractiveauthentication", "yes") and settings.may_be("usepam", "yes"):
        return Outcome(passed=False, found="KbdInteractiveAuthentication yes, UsePAM yes")
    return Outcome(passed=True, found="PasswordAuthentication no")


def empty_passwords(machine: Machine) -> Outcome:
    settings = _settings(machine)
    if settings is None:
        return _no_server()
    open_ = settings.may_be("permitemptypasswords", "yes")
    return Outcome(not open_, f"PermitEmptyPasswords {'yes' if open_ else 'no'}")


def _no_server() -> Outcome:
    return Outcome(passed=True, found=_("no SSH server"))


def _settings(machine: Machine) -> Settings | None:
    """None where there is no sshd. Raises UnreadError."""
    if not machine.path("/usr/sbin/sshd").exists():
        return None
    settings, files = Settings(), iter(range(MOST_FILES))
    for keyword, value, scope in _lines(machine, "/etc/ssh/sshd_config", files):
        if scope == "some":
            settings.for_some.setdefault(keyword, set()).add(value)
        else:
            (settings.outside if scope == "global" else settings.for_all).setdefault(keyword, value)
    return settings


def _lines(
    machine: Machine, file: str, files: Iterator[int], around: Scope = "global"
) -> Iterator[tuple[str, str, Scope]]:
    """Keyword and value, both in lower case, and for whom; a file's last Match block ends with it."""
    if next(files, None) is None:
        raise UnreadError(_("{file}: too many files are included").format(file=file))
    scope = around
    for line in (machine.text(file) or "").splitlines():
        keyword, value = _split(line, file)
        if keyword == "match":
            scope = "all" if value == "all" and around != "some" else "some"
        elif keyword == "include":
            for included in _included(machine, line, file):
                yield from _lines(machine, included, files, scope)
        elif keyword:
            yield ALIASES.get(keyword, keyword), value, scope


def _split(line: str, file: str) -> tuple[str, str]:
    try:
        words = shlex.split(line.replace("=", " ", 1), comments=True)
    except ValueError:
        raise UnreadError(_("{file}: a quotation mark is missing").format(file=file)) from None
    return (words[0].lower(), " ".join(words[1:]).lower()) if words else ("", "")


def _included(machine: Machine, line: str, file: str) -> Iterator[str]:
    for pattern in shlex.split(line, comments=True)[1:]:
        absolute = pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"
        matches = iglob(str(machine.path(absolute)))  # noqa: PTH207 - Path.glob would walk the whole disk for **
        found = sorted(islice(matches, MOST_FILES + 1))
        if len(found) > MOST_FILES:
            raise UnreadError(_("{file}: too many files are included").format(file=file))
        yield from ("/" + str(Path(path).relative_to(machine.root)) for path in found)
