"""Printing: results on standard output, everything else on standard error."""

from collections.abc import Callable, Iterable, Iterator

from rich.console import Console
from rich.progress import track

from models.call import Call

out, err = Console(), Console(stderr=True)


def show(line: str) -> None:
    """Print a line of the result."""
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print a step of long work, or a notice."""
    err.print(line, markup=False, highlight=False, soft_wrap=True)


def fail(line: str) -> None:
    """Print why the work stopped."""
    err.print(line, style="bold red", markup=False, highlight=False, soft_wrap=True)


def tracked(what: str) -> Callable[[Iterable[Call]], Iterable[Call]]:
    """Return a function that shows a progress bar over calls on standard error."""
    return lambda calls: track(list(calls), description=what, console=err, transient=True)


def tracked_parts(done: Iterator[int], total: int) -> Iterable[int]:
    """Yield the finished parts, with a progress bar on standard error."""
    return track(done, description="parts", total=total, console=err, transient=True)
