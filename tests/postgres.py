"""A real PostgreSQL of Debian's, on a free port, that leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import ports

PASSWORD = "for the hub only"
PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=Path())
# It refuses to run as root.
_USER: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


@dataclass
class Postgres:
    """A server with its files in `folder`; the role `hub` has a password and may make databases."""

    folder: Path
    address: str
    port: int
    _process: subprocess.Popen[bytes] | None = None

    def url(self, database: str, driver: str = "") -> str:
        """The database, as the hub's user without a password; with a driver as SQLAlchemy has it."""
        return f"postgresql{driver}://hub@{self.address}:{self.port}/{database}"

    def start(self) -> None:
        """It answers."""
        options = {
            "listen_addresses": self.address,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            # Nothing here outlasts a power cut.
            "fsync": "off",
        }
        words = [f"--{name}={value}" for name, value in options.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAMS / "postgres", "-D", self.folder / "data", *words], stdout=log, stderr=log, **_USER
            )
        end = time.monotonic() + 60
        while self._run("pg_isready", "--quiet", check=False).returncode:
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, "PostgreSQL does not answer after 60 s"
            time.sleep(0.05)

    def stop(self) -> None:
        """It ends, and whoever is connected is disconnected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            assert self._process.wait(timeout=60) == 0, (self.folder / "log").read_text()
            self._process = None

    @contextmanager
    def away(self) -> Iterator[None]:
        """It does not answer meanwhile."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def create(self, database: str) -> str:
        """A new database that belongs to the hub's user, and its url as the hub has it."""
        self.query("postgres", f"CREATE DATABASE {database} OWNER hub")
        return self.url(database, "+psycopg2")

    def query(self, database: str, statement: str) -> str:
        """What PostgreSQL's own client prints as the superuser."""
        words = ("--dbname", database, "--no-align", "--tuples-only", "--quiet", "--command", statement)
        return self._run("psql", *words).stdout.decode().strip()

    def _run(self, program: str, *words: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
        server = ("--host", str(self.folder), "--port", str(self.port), "--username", "postgres")
        done = subprocess.run([PROGRAMS / program, *server, *words], capture_output=True, check=False, **_USER)
        assert not check or done.returncode == 0, done.stderr.decode()
        return done


@contextmanager
def serve(address: str = "127.0.0.1") -> Iterator[Postgres]:
    """One that runs and has no database yet."""
    # Not below the tests' own folders, through which its user may not go.
    folder = Path(tempfile.mkdtemp(prefix="coursehub-postgres-"))
    if _USER:
        shutil.chown(folder, "nobody", "nogroup")
    found = Postgres(folder, address, ports.free())
    words = ("--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync", "--locale=C")
    try:
        subprocess.run(
            [PROGRAMS / "initdb", *words, "--encoding=UTF8", "-D", folder / "data"],
            check=True,
            stdout=subprocess.DEVNULL,
            **_USER,
        )
        if address != "127.0.0.1":
            with (folder / "data/pg_hba.conf").open("a") as rules:
                rules.write("host all all all scram-sha-256\n")
        found.start()
        found.query("postgres", f"CREATE ROLE hub LOGIN CREATEDB PASSWORD '{PASSWORD}'")
        yield found
    finally:
        found.stop()
        shutil.rmtree(folder)
