"""The commands on the ledger: create, verify, search, replay and purge it, and sign its head for a witness."""

from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from models.errors import HeartlineError, InvalidData, LedgerBroken
from models.ledger import Ledger, NoteEncryption, key_file_of
from models.ledger.hash_chain import canonical
from models.ledger.witness import timestamp_request
from pipelines.cli import terminal
from pipelines.cli.options import LEDGER, RUNS, AnchorOption, LedgerOption, RunsOption, anchor_of, opened_ledger
from pipelines.operations.replay import Replayer

ledger_app = typer.Typer(no_args_is_help=True, help="Create, check, search, replay and purge the ledger of decisions.")


@ledger_app.command("create", epilog="Example: heartline ledger create --ledger sqlite:///mlruns/new.db")
def create(ledger: LedgerOption = LEDGER, anchor: AnchorOption = None) -> None:
    """Create an empty ledger, its anchor and, without HEARTLINE_HASH_KEY, its key; refused where there is a ledger."""
    anchor_file = anchor_of(ledger, anchor)
    encryption = NoteEncryption.from_environment(key_file_of(ledger), create=True)
    Ledger.create(ledger, encryption=encryption, anchor=anchor_file).close()
    terminal.show(f"ledger created: {shown(ledger)}, its anchor: {anchor_file}")


@ledger_app.command("verify", epilog="Example: heartline ledger verify")
def verify(
    ledger: LedgerOption = LEDGER,
    anchor: AnchorOption = None,
    witness: Annotated[Path | None, typer.Option("--witness", help="File of a signed head that was kept elsewhere.")] = None,
) -> None:
    """Check every hash against the anchor or a witness; exit 1 and name what was edited, deleted or removed."""
    with opened_ledger(ledger, anchor_of(ledger, anchor)) as opened:
        verdict = opened.verify(None if witness is None else opened.read_witness(witness.read_text(encoding="utf-8")))
    if verdict.fault is not None:
        raise LedgerBroken(str(verdict), remedy="compare the ledger with a backup")
    terminal.show(str(verdict))


@ledger_app.command("witness", epilog="Example: heartline ledger witness --out /tmp/head.json")
def witness(
    to: Annotated[Path, typer.Option("--out", help="File for the signed head; a time-stamp request is written beside it.")],
    ledger: LedgerOption = LEDGER,
) -> None:
    """Write the signed head of the ledger, and an RFC 3161 request (.tsq) for a time-stamping authority to attest it."""
    with opened_ledger(ledger) as opened:
        line = opened.signed_head()
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(line + "\n", encoding="utf-8")
    request = to.with_suffix(".tsq")
    request.write_bytes(timestamp_request(to.read_bytes()))
    terminal.show(line)
    terminal.say(
        f"keep {to} where nobody with access to the ledger can change it; send {request} to a time-stamping authority"
    )


@ledger_app.command("search", epilog="Example: heartline ledger search --call 2026-000123")
def search(
    call: Annotated[str | None, typer.Option("--call", help="CAD incident number.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="ISO 8601; UTC where no offset is given.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="ISO 8601; UTC where no offset is given.")] = None,
    ledger: LedgerOption = LEDGER,
) -> None:
    """Show entries by incident number and time, one line of JSON each."""
    with opened_ledger(ledger) as opened:
        after = 0
        while page := opened.search(call_id=call, since=since, until=until, after=after):
            for entry in page:
                terminal.show(canonical(entry.content | {"seq": entry.seq}))
            after = page[-1].seq


@ledger_app.command("purge", epilog="Example: heartline ledger purge")
def purge(ledger: LedgerOption = LEDGER) -> None:
    """Delete expired notes from the database and its log; the entries and their hashes are unchanged.

    A running service does the same once a day.
    """
    with opened_ledger(ledger) as opened:
        terminal.show(f"{opened.purge()} notes purged")


@ledger_app.command("replay", epilog="Example: heartline ledger replay --last 100")
def replay(
    decision: Annotated[str | None, typer.Argument(help="The decision's id.")] = None,
    last: Annotated[int, typer.Option("--last", min=1, help="Without an id: how many of the latest.")] = 1000,
    note: Annotated[Path | None, typer.Option("--note", help="File of the note, where it was not kept.")] = None,
    ledger: LedgerOption = LEDGER,
    runs: RunsOption = RUNS,
) -> None:
    """Make recorded decisions again with the same model, rules and program; exit 1 where one differs or none could be."""
    narrative = note.read_text(encoding="utf-8") if note else None
    equal, different, skipped = 0, 0, 0
    with opened_ledger(ledger) as opened:
        replayer = Replayer(opened, runs / "archive")
        entries = opened.of_decision(decision) if decision else deque(opened.read("decision"), maxlen=last)
        for entry in entries:
            if entry.content["kind"] != "decision":
                continue
            try:
                result = replayer.replay(entry.content, narrative)
            except HeartlineError as error:
                if decision:
                    raise
                skipped += 1
                terminal.show(f"{entry.content['decision_id']}: not replayed: {error}")
                continue
            equal, different = equal + result.equal, different + (not result.equal)
            for name, (before, after) in result.differs.items():
                terminal.show(f"{result.decision_id}: {name} was {before}, is {after}")
    if decision and not equal + different:
        raise InvalidData("no decision has this id", value=decision, remedy="list them with heartline ledger search")
    if different:
        raise LedgerBroken(f"{different} of {equal + different} decisions differ", remedy="see the fields above")
    if not equal:
        raise LedgerBroken(f"nothing could be replayed: notes or archived parts of all {skipped} decisions are missing")
    terminal.show(f"{equal} decisions are equal in every field; {skipped} could not be replayed")


def shown(url: str) -> str:
    """Return a URL without user and password."""
    return url.split("@", maxsplit=1)[-1]
