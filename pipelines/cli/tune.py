"""The command that searches the classifier's settings."""

from pathlib import Path
from typing import Annotated

import typer

from models.programs.files import ProgramFiles
from models.programs.program import load_program
from models.router import reader_of
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, SAMPLE, ConfigOption, DataOption, RunsOption, takes_program
from pipelines.cli.tables import read_calls
from pipelines.data.file_digest import file_sha256
from pipelines.settings import load_config
from pipelines.training.provenance import git_state
from pipelines.training.tracking import Store
from pipelines.training.tuning import RANGES
from pipelines.training.tuning import tune as tune_settings

TUNE_EXAMPLE = "Example: heartline tune --data data/sample.csv --minutes 1 --trials 3"


@takes_program
def tune(
    data: DataOption = SAMPLE,
    minutes: Annotated[float, typer.Option("--minutes", min=0.01, help="How long to search.")] = 10.0,
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="Stop after so many settings.")] = None,
    to: Annotated[Path | None, typer.Option("--out", help="TOML to write, for --config of heartline train.")] = None,
    config: ConfigOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
) -> None:
    """Search regularisation and block weights on held-out callers, and record every trial in MLflow."""
    table, settings = read_calls(data), load_config(config)
    reader = reader_of(load_program(program))
    store = Store(runs, settings)
    with store.running("tuning"):
        tuned = tune_settings(table, settings, minutes=minutes, trials=trials, reader=reader, on_trial=store.log_nested)
        verdict = "better beyond chance" if tuned.better else "not better beyond chance: keep the present settings"
        store.log_details(
            about=f"{tuned.trials} settings tried on held-out callers; the best is {verdict}.",
            tags=git_state() | {"data_path": str(data.resolve()), "data_sha256": file_sha256(data)},
            params={name: getattr(tuned.settings, name) for name in RANGES},
            metrics={
                "log_loss": tuned.loss, "log_loss_before": tuned.loss_before, "difference": tuned.difference,
                "standard_error": tuned.standard_error,
            },
        )  # fmt: skip
    terminal.show(f"{tuned.trials} settings tried; log loss {tuned.loss:.4f}, of the present ones {tuned.loss_before:.4f}")
    gap = f"{tuned.difference:+.4f}, standard error {tuned.standard_error:.4f}"
    terminal.show(f"difference {gap}: {verdict}")
    for line in tuned.to_toml().splitlines():
        terminal.show(line)
    if to is not None:
        to.write_text(tuned.to_toml(), encoding="utf-8")
