"""The command that checks a deployment."""

import os
from pathlib import Path
from typing import Annotated

import typer

from models.ledger.encryption import key_file_of
from models.programs.files import ProgramFiles
from pipelines.cli import terminal
from pipelines.cli.options import (
    PROGRAM,
    RUNS,
    AnchorOption,
    ApiKeysOption,
    DeployedLedgerOption,
    RunsOption,
    deployed_ledger,
    takes_deployed_program,
)
from pipelines.operations.doctor import Deployment, Level, examine

DOCTOR_EXAMPLE = "Example: heartline doctor --program durham-heart"


@takes_deployed_program
def doctor(
    ledger: DeployedLedgerOption = None,
    anchor: AnchorOption = None,
    keys: ApiKeysOption = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", envvar="HEARTLINE_BUNDLE", help="Bundle folder; the champion's where not given."),
    ] = None,
    digest: Annotated[str, typer.Option("--digest", envvar="HEARTLINE_DIGEST", help="The only model that may answer.")] = "",
    program: ProgramFiles = PROGRAM,
    runs: RunsOption = RUNS,
) -> None:
    """Check a deployment by the service's environment variables: keys, disk, database, clock, model, program.

    Each line is OK, WARN or FAIL with a remedy; exit 1 where one is FAIL. Nothing is changed.
    """
    url, anchor_file = deployed_ledger(ledger, anchor, runs)
    cache = Path(os.environ.get("HEARTLINE_CACHE", runs / "last-good"))
    deployment = Deployment(
        ledger=url,
        anchor=anchor_file,
        key_file=key_file_of(url),
        api_keys=keys,
        bundle=bundle or runs / "champion",
        program=program,
        digest=digest,
        folders=(_folder_of(url, runs), anchor_file.parent if anchor_file else runs, cache.parent),
        environment=os.environ,
    )
    findings = list(examine(deployment))
    for finding in findings:
        terminal.show(str(finding))
    if any(finding.level is Level.FAIL for finding in findings):
        raise typer.Exit(1)


def _folder_of(ledger: str, runs: Path) -> Path:
    """Return the folder of an SQLite ledger; the runs folder for any other."""
    path = ledger.removeprefix("sqlite:///")
    return Path(path).parent if ledger.startswith("sqlite:///") and path else runs
