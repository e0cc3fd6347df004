"""The `heartline` command: one file for each group of commands, which parses, calls and prints. Nothing else prints."""

from pipelines.cli.main import application, main

__all__ = ["application", "main"]
