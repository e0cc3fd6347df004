"""Run the command as a user does, inside this process."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from rich.console import Console

from pipelines.cli import main, terminal

ROOT = Path(__file__).parents[1]
SMALL = ROOT / "tests" / "small.toml"


def heartline(*words, stdin=None):
    """Run the command in this process; return its exit code, output and errors."""
    out, err = io.StringIO(), io.StringIO()
    before = (sys.argv, terminal.out, terminal.err, sys.stdin)
    sys.argv = ["heartline", *words]
    terminal.out, terminal.err = Console(file=out, width=200), Console(file=err, width=200)
    if stdin is not None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin)))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        sys.argv, terminal.out, terminal.err, sys.stdin = before
    return code, out.getvalue(), err.getvalue()
