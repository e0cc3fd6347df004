"""The command that counts how many past calls could have been answered, and simulates teams for them."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from models.errors import InvalidData
from models.programs.files import ProgramFiles
from models.programs.program import load_program
from models.statistics import Estimate
from pipelines.cli import terminal
from pipelines.cli.options import PROGRAM, RUNS, SAMPLE, BundleOption, DataOption, RunsOption, takes_program
from pipelines.operations import backfill, simulation
from pipelines.operations import retrospect as retrospects
from pipelines.operations.types_alone import has_notes, scored_by_type

RETROSPECT_EXAMPLE = "Example: heartline retrospect --data data/sample.csv --simulate pipelines/operations/simulation.toml"


@takes_program
def retrospect(
    data: DataOption = SAMPLE,
    bundle: BundleOption = None,
    runs: RunsOption = RUNS,
    program: ProgramFiles = PROGRAM,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="A report's JSON: its calibration corrects expected numbers.")
    ] = None,
    simulate: Annotated[Path | None, typer.Option("--simulate", help="TOML of teams, shifts and times.")] = None,
    engine: Annotated[str, typer.Option("--engine", help="local or dask, for a folder of Parquet parts.")] = "local",
    to: Annotated[Path | None, typer.Option("--json", help="Write every table as JSON.")] = None,
) -> None:
    """Count how many past calls each unit could have answered, why not the others, and simulate teams for them."""
    loaded = load_program(program)
    zone = str(loaded.time_zone)
    if data.is_file() and not has_notes(data):
        terminal.say("the file has no notes: calls are counted by call type alone, a weak label, and no model is used")
        scored = scored_by_type(data, loaded)
    else:
        scored = _scored(data, bundle or runs / "champion", program, engine)
    result = retrospects.retrospective(scored, time_zone=zone, calibration=_bands(calibration))
    for line in retrospects.lines(result):
        terminal.show(line)
    record = result.to_record()
    if simulate:
        calls = retrospects.eligible_calls(scored, time_zone=zone)
        record |= _simulated(simulate, calls, days=result.days)
    if to:
        to.write_text(json.dumps(record, indent=2, default=str), encoding="utf-8")


def _simulated(settings: Path, calls: pd.DataFrame, *, days: float) -> dict[str, Any]:
    """Print the results of each plan, and return them as plain JSON values by the plan's name."""
    plans, target, replications = simulation.load_plans(settings)
    record = {}
    for plan in plans:
        results = simulation.simulate(calls, plan, days=days, target=target, replications=replications)
        record[f"plan {plan.name}"] = [asdict(each) for each in results]
        for line in simulation.lines(plan, results, target=target):
            terminal.show(line)
    return record


def _scored(data: Path, bundle: Path, program: ProgramFiles, engine: str) -> pd.DataFrame:
    """Return the decided calls of a file or of a folder of parts."""
    if data.is_dir() or engine != "local":
        with tempfile.TemporaryDirectory() as folder:
            backfill.run(
                data,
                Path(folder),
                bundle=bundle,
                program=program,
                detail="none",
                engine=engine,
                track=terminal.tracked_parts,
            )
            return pd.concat([pd.read_parquet(part) for part in backfill.parts(Path(folder))], ignore_index=True)
    return pd.DataFrame.from_records(list(backfill.rows(data, bundle=bundle, program=program, detail="none")))


def _bands(report: Path | None) -> list[tuple[float, Estimate]]:
    """Return the calibration bands of a report's JSON; none without a report."""
    if report is None:
        return []
    try:
        bands = json.loads(report.read_text(encoding="utf-8"))["calibration"]
        return [(float(centre), Estimate(**band)) for centre, band in bands]
    except (OSError, ValueError, KeyError, TypeError):
        remedy = "heartline evaluate --json FILE writes one"
        raise InvalidData("the file is not a report", value=str(report), remedy=remedy) from None
