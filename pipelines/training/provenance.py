"""Provenance of a model: data, settings, program, rulebook, packages, and the commit of the code."""

import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from models.programs.program import Program
from models.router import matcher_of
from pipelines.data.split import BLOCKS, Split
from pipelines.settings import Config

PACKAGES = ("heartline", "scikit-learn", "numpy", "pandas", "scipy", "skops")


def provenance(config: Config, identity: Mapping[str, Any], blocks: Split, program: Program) -> dict[str, Any]:
    """Return everything that determines a bundle's bytes, enough to rebuild it."""
    return {
        **identity,
        "config": config.flat(),
        "blocks": {name: len(getattr(blocks, name)) for name in BLOCKS} | {"left_out": dict(blocks.removed)},
        "program": program.version,
        "rulebook": matcher_of(program).version,
        "environment": environment(),
    }


def environment() -> dict[str, str]:
    """Return the versions of Python and of the packages that determine a bundle."""
    return {name: metadata.version(name) for name in PACKAGES} | {"python": platform.python_version()}


def git_state() -> dict[str, str]:
    """Return the commit and whether the tree has changes; `unknown` outside a checkout."""
    here = Path(__file__).parent

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, check=True)  # noqa: S603, S607
        except (OSError, subprocess.CalledProcessError):
            return None
        return done.stdout.strip()

    commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain")
    return {"git_commit": commit or "unknown", "git_dirty": "unknown" if changes is None else str(bool(changes)).lower()}
