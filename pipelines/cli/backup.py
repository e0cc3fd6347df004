"""The commands that back up a ledger with its keys and its anchor, and restore a backup."""

from pathlib import Path
from typing import Annotated

import typer

from models.ledger.encryption import key_file_of
from pipelines.cli import terminal
from pipelines.cli.options import RUNS, AnchorOption, ApiKeysOption, DeployedLedgerOption, RunsOption, deployed_ledger
from pipelines.operations.backup import Places, back_up
from pipelines.operations.backup import restore as put_back

BACKUP_EXAMPLE = "Example: heartline backup --out /tmp/backup"
RESTORE_EXAMPLE = (
    "Example: heartline restore /tmp/backup --ledger sqlite:////tmp/restored/ledger.db --anchor /tmp/restored/ledger.anchor"
)


def backup(
    to: Annotated[Path, typer.Option("--out", help="New folder for the backup; it holds keys: protect it as you do them.")],
    ledger: DeployedLedgerOption = None,
    anchor: AnchorOption = None,
    keys: ApiKeysOption = None,
    with_keys: Annotated[bool, typer.Option("--with-keys/--without-keys", help="Whether keys are copied too.")] = True,
    runs: RunsOption = RUNS,
) -> None:
    """Copy the ledger, its anchor and the keys while the service runs, verify the copy, and sign its manifest.

    Exit 1 where the ledger does not verify.
    """
    manifest = back_up(to, _places(ledger, anchor, keys, runs), with_keys=with_keys)
    terminal.show(f"{manifest.entries} entries backed up to {to}: {', '.join(sorted(manifest.files))}")


def restore(
    folder: Annotated[Path, typer.Argument(help="Folder of a backup.")],
    ledger: DeployedLedgerOption = None,
    anchor: AnchorOption = None,
    keys: ApiKeysOption = None,
    runs: RunsOption = RUNS,
) -> None:
    """Restore a backup where there is no ledger, verify it, and delete expired notes; nothing is replaced.

    Exit 1 where the restored ledger does not verify.
    """
    manifest = put_back(folder, _places(ledger, anchor, keys, runs))
    terminal.show(f"{manifest.entries} entries of {manifest.made_at} restored and verified, head {manifest.head}")


def _places(ledger: str | None, anchor: Path | None, keys: Path | None, runs: Path) -> Places:
    """Return the places of the ledger, its anchor, its key and the API keys."""
    url, anchor_file = deployed_ledger(ledger, anchor, runs)
    return Places(ledger=url, anchor=anchor_file, key_file=key_file_of(url), api_keys=keys)
