"""The `heartline` command: imports the file of the command that was typed, and maps errors to exit codes.

Only that file is imported, because importing all of them takes 1 s to 5 s, most of it for scikit-learn and MLflow. Without a
command, or with an unknown one, all are imported for the help text.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from models.common.extras import needs
from models.errors import HeartlineError, WorkRefused
from pipelines.cli import terminal

COMMANDS = {
    "synthesise": "synthesise",
    "ingest": "ingest",
    "train": "train",
    "adapt": "adapt",
    "tune": "tune",
    "retrain": "retrain",
    "compare-domain": "compare_domain",
    "evaluate": "evaluate",
    "benchmark": "benchmark",
    "results": "results",
    "release": "release",
    "score": "score",
    "serve": "serve",
    "keys": "serve",
    "ledger": "ledger",
    "backup": "backup",
    "restore": "backup",
    "doctor": "doctor",
    "monitor": "monitor",
    "retrospect": "retrospect",
    "publish": "publish",
    "card": "card",
    "trial": "trial",
    "review": "review",
    "rules": "rules",
    "signals": "signals",
    "programs": "programs",
    "call-types": "call_types",
    "export": "export",
    "cad": "cad",
    "label": "label",
}
"""Each command or group of commands, and the file of this package that holds it.

The file holds a function of the command's name (`_` for `-`), its example as `NAME_EXAMPLE`, or a group named `name_app`.
"""


def application(names: Sequence[str] = tuple(COMMANDS)) -> typer.Typer:
    """Return the command-line application with some commands, or with all of them."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    app.callback()(_heartline)
    for name in names:
        module = import_module(f"pipelines.cli.{COMMANDS[name]}")
        if group := getattr(module, f"{name.replace('-', '_')}_app", None):
            app.add_typer(group, name=name)
        else:
            function = name.replace("-", "_")
            app.command(name, epilog=getattr(module, f"{function.upper()}_EXAMPLE"))(getattr(module, function))
    return app


def _heartline() -> None:
    """Call classification for 911 alternative response."""


def main() -> None:
    """Run the command; exit with 0 where it is done, 1 where the work was refused, 2 where the input is at fault."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        with needs(f"heartline {command}".strip()):
            app = application([command]) if command in COMMANDS else application()
            app(standalone_mode=True)
    except WorkRefused as error:
        terminal.fail(f"refused: {error}")
        sys.exit(1)
    except HeartlineError as error:
        terminal.fail(f"error: {error}")
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the reader of a pipe has closed it: Python must not fail at exit
