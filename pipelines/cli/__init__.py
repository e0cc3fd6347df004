"""The `heartline` command: one file for each group of commands; each parses, calls and prints."""

from pipelines.cli.main import app, main

__all__ = ["app", "main"]
