"""Print to the terminal: answers on standard output, everything else on standard error."""

from rich.console import Console

out, err = Console(), Console(stderr=True)


def show(line: str) -> None:
    """Print a line of the answer."""
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print a step of long work, or a notice."""
    err.print(line, markup=False, highlight=False, soft_wrap=True)


def fail(line: str) -> None:
    """Print why the work stopped."""
    err.print(line, style="bold red", markup=False, highlight=False, soft_wrap=True)
