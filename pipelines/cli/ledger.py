"""Offer the log of decisions on the command line: check it, search it, tidy it, make its decisions again."""

from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from models.errors import HeartlineError, InvalidData, LedgerBroken
from pipelines.cli import terminal
from pipelines.cli.options import LEDGER, RUNS, AnchorOption, LedgerOption, RunsOption, open_ledger

ledger_app = typer.Typer(no_args_is_help=True, help="Check, search, replay and tidy the log of decisions.")
ANCHOR = Path("mlruns/ledger.anchor")


@ledger_app.command("verify", epilog="Example: heartline ledger verify --ledger sqlite:////tmp/ledger.db")
def verify(ledger: LedgerOption = LEDGER, anchor: AnchorOption = ANCHOR) -> None:
    """Check every seal; exit 1 and name the place where an entry was edited or deleted or the tail was cut."""
    held = open_ledger(ledger, anchor)
    try:
        verdict = held.verify()
    finally:
        held.close()
    if verdict.fault is not None:
        raise LedgerBroken(str(verdict), remedy="compare it with a copy")
    terminal.show(str(verdict))


@ledger_app.command("search", epilog="Example: heartline ledger search --call 2026-000123 --ledger sqlite:////tmp/ledger.db")
def search(
    call: Annotated[str | None, typer.Option("--call", help="CAD incident number.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="ISO 8601, UTC.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="ISO 8601, UTC.")] = None,
    ledger: LedgerOption = LEDGER,
) -> None:
    """Show entries by incident number and time, one line of JSON each."""
    from models.ledger.hash_chain import canonical  # noqa: PLC0415

    held = open_ledger(ledger, None)
    try:
        for entry in held.search(call_id=call, since=since, until=until, limit=100_000):
            terminal.show(canonical(entry.content | {"seq": entry.seq}))
    finally:
        held.close()


@ledger_app.command("purge", epilog="Example: heartline ledger purge --ledger sqlite:////tmp/ledger.db")
def purge(ledger: LedgerOption = LEDGER) -> None:
    """Delete kept notes whose time is over; the entries stay, and their chain stays whole."""
    held = open_ledger(ledger, None)
    try:
        terminal.show(f"{held.purge()} notes purged")
    finally:
        held.close()


@ledger_app.command("replay", epilog="Example: heartline ledger replay --last 100 --ledger sqlite:////tmp/ledger.db")
def replay(
    decision: Annotated[str | None, typer.Argument(help="The decision's id.")] = None,
    last: Annotated[int, typer.Option("--last", min=1, help="Without an id: how many of the latest.")] = 1000,
    note: Annotated[Path | None, typer.Option("--note", help="File of the note, where it was not kept.")] = None,
    ledger: LedgerOption = LEDGER,
    runs: RunsOption = RUNS,
) -> None:
    """Make decisions again with the exact parts that made them; exit 1 where one comes out otherwise."""
    from pipelines.operations.replay import Replayer  # noqa: PLC0415

    held = open_ledger(ledger, None)
    given = note.read_text(encoding="utf-8") if note else None
    equal, unlike, passed = 0, 0, 0
    try:
        replayer = Replayer(held, runs / "archive")
        found = held.of_decision(decision) if decision else deque(held.read("decision"), maxlen=last)
        for entry in found:
            if entry.content["kind"] != "decision":
                continue
            try:
                made = replayer.replay(entry.content, given)
            except HeartlineError as error:
                if decision:
                    raise
                passed += 1
                terminal.show(f"{entry.content['decision_id']}: not replayed: {error}")
                continue
            equal, unlike = equal + made.equal, unlike + (not made.equal)
            for name, (was, now) in made.differs.items():
                terminal.show(f"{made.decision_id}: {name} was {was}, is {now}")
    finally:
        held.close()
    if decision and not equal + unlike:
        raise InvalidData("no decision has this id", value=decision, remedy="heartline ledger search lists them")
    if unlike:
        raise LedgerBroken(f"{unlike} of {equal + unlike} decisions came out otherwise", remedy="see the fields above")
    terminal.show(f"{equal} decisions came out equal, field by field; {passed} could not be replayed")
