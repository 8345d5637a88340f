"""A PostgreSQL of the tests' own: Debian's programs, on a socket, in memory, one for each process of the tests."""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from haidang_collector.registry.database import Database
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROGRAMS = Path("/usr/lib/postgresql")
MEMORY = Path("/dev/shm")
USER = "haidang"
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=16MB", "autovacuum=off")
"""Nothing here has to outlive a power cut."""


class PostgreSQL:
    """A server and the databases in it. With `listen`, it answers at TCP 5432 there too, to who knows `password`.

    `prefix` is put before its command, as of a network namespace; `options` are the server's own.
    """

    def __init__(
        self, *, prefix: Sequence[str] = (), listen: str = "", options: Sequence[str] = (), password: str = ""
    ) -> None:
        self._folder = Path(mkdtemp(prefix="haidang-pg-", dir=MEMORY if MEMORY.is_dir() else None))
        self._as_user = ["setpriv", "--pdeathsig=TERM"]
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
            self._as_user += [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        data = str(self._folder / "data")
        initialise = ["-D", data, "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        initialise += ["--auth-host=scram-sha-256"] if password else []
        subprocess.run(self._command("initdb", initialise), check=True, capture_output=True, cwd=self._folder)
        settings = [word for setting in FAST for word in ("-c", setting)]
        serve = ["-D", data, "-k", str(self._folder), "-h", listen, *settings, *options]
        with (self._folder / "log").open("wb") as log:
            command = [*prefix, *self._command("postgres", serve)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        self._engine = create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool)
        self._templates: dict[Callable[[Database], None], str] = {}
        eventually("PostgreSQL answers", self._answers, seconds=60)
        if password:
            self._do(f"ALTER ROLE {USER} PASSWORD '{password}'", f"CREATE DATABASE {USER}")

    def name(self) -> str:
        """URL of a database that is not there yet."""
        return self._url(f"test_{secrets.token_hex(6)}", "postgresql")

    def create(self) -> str:
        """URL of a new database, empty."""
        url = self.name()
        self._do(f"CREATE DATABASE {make_url(url).database} TEMPLATE template0")
        return url

    def drop(self, url: str) -> None:
        self._do(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def fill(self, url: str, fill: Callable[[Database], None]) -> None:
        """Make it, with what `fill` puts into a registry's tables; that is done once, and copied after that."""
        if fill not in self._templates:
            template = self.create()
            database = Database(template)
            database.upgrade()
            fill(database)
            database.close()
            self._templates[fill] = make_url(template).database or ""
        self._do(f"CREATE DATABASE {make_url(url).database} TEMPLATE {self._templates[fill]}")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self._folder)

    def run(self, program: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        """One of PostgreSQL's programs."""
        return subprocess.run(self._command(program, arguments), check=True, capture_output=True, cwd=self._folder)

    def _url(self, database: str, driver: str = "postgresql+psycopg") -> str:
        return f"{driver}://{USER}@/{database}?host={self._folder}"

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError((self._folder / "log").read_text(errors="replace"))
        try:
            self._do("SELECT 1")
        except OperationalError as not_yet:
            raise LookupError(str(not_yet)) from None
        return True

    def _do(self, *statements: str) -> None:
        with self._engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def _command(self, program: str, arguments: Sequence[str]) -> list[str]:
        newest = max(PROGRAMS.glob(f"*/bin/{program}"), default=None)
        if newest is None:
            raise FileNotFoundError(f"no {program} below {PROGRAMS}; run: apt-get install postgresql")
        return [*self._as_user, str(newest), *arguments]


@functools.cache
def server() -> PostgreSQL:
    """Started when it is first asked for; ends with this process."""
    made = PostgreSQL()
    atexit.register(made.stop)
    return made
