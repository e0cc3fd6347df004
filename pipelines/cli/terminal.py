"""Print to the terminal: answers on standard output, everything else on standard error."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import track

from models.call import Call

if TYPE_CHECKING:
    from pipelines.evaluation.evaluate import Evaluation

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


def show_evaluation(result: "Evaluation") -> None:
    """Print what was measured, the errors that matter first."""
    from pipelines.data.writers import evaluation_lines  # noqa: PLC0415  loads pandas, which a quick command does without

    for line in evaluation_lines(result):
        show(line)


def tracked(what: str) -> Callable[[Iterable[Call]], Iterable[Call]]:
    """Return a progress bar over calls, shown on standard error."""
    return lambda calls: track(list(calls), description=what, console=err, transient=True)


def tracked_parts(done: Iterator[int], total: int) -> Iterable[int]:
    """Show a progress bar over parts of known number, on standard error."""
    return track(done, description="parts", total=total, console=err, transient=True)
