"""Serve the evaluator's room: what was suggested, what people did, what came of it, and whether the log is whole."""

import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pandas as pd
from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from models.errors import InvalidConfig, LedgerError
from models.ledger.decision_table import casebook
from models.ledger.store import Ledger
from models.veto.matcher import Rulebook
from serving.console.call_page import JUDGING, visitor
from serving.console.dashboard_summary import summarise
from serving.console.render import page
from serving.decisions.service import Desk

DAYS = 30
_NOTES = 2000
Day = Annotated[str | None, Query(pattern=r"^(\d{4}-\d\d-\d\d)?$")]


def add_evaluator(app: FastAPI, desk: Desk) -> None:
    """Add the pages; each is for the role evaluator alone."""

    @app.get("/evaluator", include_in_schema=False)
    async def room(request: Request, since: Day = None, until: Day = None) -> Response:
        """Show a period: errors first, then who agreed, vetoes, calibration and counts."""
        visitor(request, JUDGING)
        ledger, (begin, end) = _ledger(desk), _period(since, until)
        router = desk.live.standing.router

        def count() -> Any:
            book = _book(ledger, begin, end)
            seen = _seen(ledger, book, router.rulebook)
            return summarise(book, time_zone=str(router.program.time_zone), rules=router.rulebook.data, seen=seen)

        found = await run_in_threadpool(count)
        part = "hx-request" in request.headers
        return page(request, "sheet.html" if part else "evaluator.html", found=found, since=begin, until=end)

    @app.get("/evaluator/verify", include_in_schema=False)
    async def verify(request: Request) -> Response:
        """Say whether the ledger is whole."""
        visitor(request, JUDGING)
        verdict = await run_in_threadpool(_ledger(desk).verify)
        return page(request, "verdict.html", verdict=verdict, at=datetime.now(UTC).isoformat(timespec="seconds"))

    @app.get("/evaluator/search", include_in_schema=False)
    async def search(request: Request, call_id: Annotated[str, Query(max_length=200)] = "") -> Response:
        """List the decisions on one incident number."""
        visitor(request, JUDGING)
        found = await run_in_threadpool(_ledger(desk).search, call_id=call_id)
        decisions = [entry.content for entry in found if entry.content["kind"] == "decision"]
        return page(request, "search.html", call_id=call_id, decisions=decisions)

    @app.get("/evaluator/decisions/{decision_id}", include_in_schema=False)
    async def life(request: Request, decision_id: str) -> Response:
        """Show one decision's whole life: the suggestion, the versions, the person, the outcome."""
        visitor(request, JUDGING)
        entries = await run_in_threadpool(_ledger(desk).of_decision, decision_id)
        if not entries:
            raise HTTPException(404, "There is no such decision.")
        return page(request, "life.html", entries=entries, note=await run_in_threadpool(_note, _ledger(desk), decision_id))

    @app.get("/evaluator/export.{kind}", include_in_schema=False)
    async def export(request: Request, kind: str, since: Day = None, until: Day = None) -> Response:
        """Send a period as CSV or Parquet, a row for each call."""
        visitor(request, JUDGING)
        begin, end = _period(since, until)
        if kind not in {"csv", "parquet"}:
            raise HTTPException(404, "Exports are csv and parquet.")
        body = await run_in_threadpool(_export, _ledger(desk), kind, begin, end)
        media = "text/csv; charset=utf-8" if kind == "csv" else "application/vnd.apache.parquet"
        name = f'attachment; filename="heartline-{begin}-{end}.{kind}"'
        return Response(body, media_type=media, headers={"content-disposition": name})


def _ledger(desk: Desk) -> Ledger:
    """Return the ledger; raise `LedgerError` where none is kept."""
    if desk.ledger is None:
        raise LedgerError("this service keeps no ledger", remedy="set HEARTLINE_LEDGER")
    return desk.ledger


def _period(since: str | None, until: str | None) -> tuple[str, str]:
    """Return the first day of a period and the day after its last; without either the last thirty days."""
    today = datetime.now(UTC).date()
    return since or str(today - timedelta(days=DAYS)), until or str(today + timedelta(days=1))


def _book(ledger: Ledger, begin: str, end: str) -> pd.DataFrame:
    """Return the calls of a period, with all that was said of them to this day."""
    book = casebook(ledger.read(since=begin))
    return book[book["decided_at"].astype(str) < end]


def _seen(ledger: Ledger, book: pd.DataFrame, rulebook: Rulebook) -> dict[str, Counter[str]]:
    """Return the words that each rule fired on in notes that are kept; nothing where none are."""
    seen: dict[str, Counter[str]] = {}
    for decision_id in book.loc[book["rules"].map(bool), "decision_id"].tail(_NOTES):
        note = _note(ledger, str(decision_id))
        if note is None:
            break
        for hit in rulebook.scan(note).vetoes:
            seen.setdefault(hit.rule_id, Counter())[hit.words.lower()] += 1
    return seen


def _note(ledger: Ledger, decision_id: str) -> str | None:
    """Return a note that is kept and that this service can open."""
    try:
        return ledger.note(decision_id)
    except InvalidConfig:
        return None


def _export(ledger: Ledger, kind: str, begin: str, end: str) -> bytes:
    """Return a period as a file."""
    book = _book(ledger, begin, end)
    for column in ("rules", "codes", "missing"):
        book[column] = book[column].map(" ".join)
    if kind == "csv":
        return book.to_csv(index=False).encode()
    made = io.BytesIO()
    book.astype({column: "string" for column in book if book[column].dtype == object}).to_parquet(made, index=False)
    return made.getvalue()
