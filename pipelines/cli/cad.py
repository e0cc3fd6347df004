"""The command that simulates a CAD system against a running service."""

import secrets
from typing import Annotated

import typer

from models.errors import WorkRefused
from pipelines.cli import terminal
from pipelines.operations.cad import LATE_SECONDS, CadSimulator, lines
from pipelines.operations.cad_calls import typed_calls

cad_app = typer.Typer(no_args_is_help=True, help="Simulate a CAD system against a running service.")


@cad_app.callback()
def _cad() -> None:
    """Simulate a CAD system against a running service."""


@cad_app.command("simulate", epilog="Example: heartline cad simulate --url http://127.0.0.1:8000 --rate 6 --minutes 10")
def simulate(
    url: Annotated[str, typer.Option("--url", help="Address of the service; its ledger will hold the calls.")],
    rate: Annotated[float, typer.Option("--rate", min=0.01, help="Calls a minute, at random times.")] = 6.0,
    minutes: Annotated[float, typer.Option("--minutes", min=0.01, help="For how long calls come in.")] = 1.0,
    words: Annotated[float, typer.Option("--words", min=1, help="Words a minute that each call-taker types.")] = 40.0,
    key: Annotated[
        str | None, typer.Option("--key", envvar="HEARTLINE_CAD_KEY", help="API key with the role call_taker.")
    ] = None,
    late: Annotated[float, typer.Option("--late", min=0.01, help="Seconds after which an answer is late.")] = LATE_SECONDS,
    seed: Annotated[int, typer.Option("--seed", help="The same seed types the same calls.")] = 1,
) -> None:
    """Type synthetic calls in real time, note by note; exit 1 where a change was lost, late or not answered.

    Use a separate service: the calls are in its ledger like any others, with incident numbers that begin with SIM.
    """
    simulator = CadSimulator(url, key=key, late_seconds=late)
    run = secrets.token_hex(3)
    report = simulator.run(typed_calls(rate=rate, minutes=minutes, words_per_minute=words, seed=seed, run=run))
    for line in lines(report):
        terminal.show(line)
    if not report.whole:
        raise WorkRefused("not every change was answered in time and recorded", remedy="see the counts above")
