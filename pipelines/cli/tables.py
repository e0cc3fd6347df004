"""Tables of labelled calls as the commands read them: what a file holds that was refused or passed over is said."""

from pathlib import Path

from pipelines.cli import terminal
from pipelines.data.table import Table, distinct, read_table, unread


def read_calls(path: Path) -> Table:
    """Return the labelled calls of a file, each once, and print which rows, columns and values of it do not count."""
    table = read_table(path)
    for line in unread(table):
        terminal.say(line)
    calls = distinct(table)
    if copies := len(table.calls) - len(calls.calls):
        terminal.say(f"{copies} rows repeat a call: each call counts once")
    return calls
