"""Start a real PostgreSQL from Debian's packages on a free port, for as long as the tests run."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from servers import free_port

MISSING = "PostgreSQL is not installed: apt-get install postgresql"


def binaries():
    """Return the folder of the newest server's programs, or nothing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _run(words, *, check=True):
    """Run a program in silence."""
    subprocess.run(words, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


@contextlib.contextmanager
def running():
    """Run a server in a folder of its own and give its URL; as the user postgres where we are root, which it refuses."""
    folder = Path(tempfile.mkdtemp(prefix="heartline-pg-"))
    as_user = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    port = free_port()
    data, bin_ = folder / "data", binaries()
    _run([*as_user, bin_ / "initdb", "-D", data, "-U", "heartline", "--auth=trust", "-N"])
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"  # the machine itself does not fail
    start = [*as_user, bin_ / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", settings, "start"]
    stop = [*as_user, bin_ / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"]
    _run(start)
    try:
        yield (
            f"postgresql://heartline@127.0.0.1:{port}/postgres",
            lambda: _run(stop),
            lambda: _run(start),
        )
    finally:
        _run(stop, check=False)
        shutil.rmtree(folder, ignore_errors=True)
