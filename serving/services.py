"""The services that the routes and pages of one process share, opened and closed together."""

import asyncio
import secrets
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import WebSocket
from fastapi.concurrency import run_in_threadpool

from models.errors import LedgerError
from models.labelling.store import LabelStore
from models.ledger.encryption import NoteEncryption, key_file_of
from models.ledger.store import Ledger
from models.router import Router
from serving.decisions.long_notes import LongNotes
from serving.decisions.open_calls import OpenCalls
from serving.decisions.service import DecisionService
from serving.decisions.stream import CallStream
from serving.decisions.typing_session import SessionTokens
from serving.incidents.service import IncidentService
from serving.model_manager import ModelManager
from serving.model_registry import fetcher
from serving.observability.metrics import Metrics
from serving.security.authentication import Authenticator
from serving.security.principal import Principal
from serving.security.sessions import SessionCookies
from serving.settings import Settings

NO_LEDGER = "none"
_DAY_SECONDS, _HOUR_SECONDS = 86_400, 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of one process; `ledger` is `None` where the settings turn it off."""

    settings: Settings
    models: ModelManager
    ledger: Ledger | None
    decisions: DecisionService
    metrics: Metrics
    authenticator: Authenticator
    session_tokens: SessionTokens
    open_calls: OpenCalls
    incidents: IncidentService
    labels: LabelStore | None
    streams: Counter[str] = field(default_factory=Counter)
    """The number of open streams of each person."""

    @classmethod
    def open(cls, settings: Settings, *, router: Router | None = None, logger: Any = None) -> "Services":
        """Return the services for some settings; with `router`, that router answers and no folder is watched.

        Raises
        ------
        LedgerError, InvalidConfig
            The ledger cannot be opened, or keys cannot be read.

        """
        fetch = fetcher(settings.registry, name="heartline", cache=settings.cache) if settings.registry else None
        metrics = Metrics()
        ledger = _open_ledger(settings, metrics, logger)
        models = ModelManager(settings, fetch=fetch, router=router, on_fault=metrics.faults.labels("bundle").inc)
        cookies = SessionCookies(_key(ledger, "cookie"))
        open_calls = OpenCalls(_beside(settings.ledger), key=_key(ledger, "open-calls"))
        decisions = DecisionService(
            models,
            ledger,
            metrics,
            long_notes=LongNotes(settings.program_files),
            hide_share=settings.hide_share,
            hide_seed=settings.hide_seed,
        )
        return cls(
            settings=settings,
            models=models,
            ledger=ledger,
            decisions=decisions,
            metrics=metrics,
            authenticator=Authenticator(settings, cookies),
            session_tokens=SessionTokens(_key(ledger, "typing-session")),
            open_calls=open_calls,
            incidents=IncidentService(settings, decisions, ledger),
            labels=_open_labels(settings.labels),
        )

    def stream_of(self, socket: WebSocket, principal: Principal, *, practice: bool = False) -> CallStream:
        """Return the stream of a call that is typed on a connection."""
        return CallStream(
            socket,
            principal,
            decisions=self.decisions,
            tokens=self.session_tokens,
            authenticator=self.authenticator,
            streams=self.streams,
            practice=practice,
        )

    def require_ledger(self) -> Ledger:
        """Return the ledger; raise `LedgerError` where none is kept."""
        if self.ledger is None:
            raise LedgerError("this service keeps no ledger", remedy="set HEARTLINE_LEDGER")
        return self.ledger

    async def purge_daily(self) -> None:
        """Delete expired notes, now and once a day, until the task is cancelled."""
        while self.ledger is not None:
            try:
                await run_in_threadpool(self.ledger.purge)
            except LedgerError:
                self.metrics.faults.labels("purge").inc()  # tried again tomorrow
            await asyncio.sleep(_DAY_SECONDS)

    async def purge_hourly(self) -> None:
        """Delete expired incidents, now and once an hour, until the task is cancelled."""
        while self.ledger is not None:
            try:
                await self.incidents.purge()
            except LedgerError:
                self.metrics.faults.labels("purge").inc()  # tried again in an hour
            await asyncio.sleep(_HOUR_SECONDS)

    def close(self) -> None:
        """Stop watching for models, write waiting entries, and close the ledger."""
        self.models.close()
        self.authenticator.close()
        self.decisions.close()
        self.open_calls.close()
        self.incidents.close()
        if self.labels is not None:
            self.labels.close()
        if self.ledger is not None:
            self.ledger.close()


def _open_labels(url: str) -> LabelStore | None:
    """Return the labelling project of the settings, if any; raise `InvalidConfig` where it does not exist."""
    return LabelStore(url, NoteEncryption.from_environment(key_file_of(url))) if url else None


def _beside(ledger_url: str) -> Path | None:
    """Return the file of open calls, beside an SQLite ledger; `None`, which means memory, for any other ledger."""
    path = ledger_url.removeprefix("sqlite:///")
    return Path(path).with_name("open_calls.db") if ledger_url.startswith("sqlite:///") and path else None


def _key(ledger: Ledger | None, purpose: str) -> bytes:
    """Return a key of 32 bytes, the same in all workers that share a ledger; a random one without a ledger."""
    return ledger.encryption.derive(purpose) if ledger else secrets.token_bytes(32)


def _open_ledger(settings: Settings, metrics: Metrics, logger: Any) -> Ledger | None:
    """Return the ledger, or `None` where the settings turn it off."""
    if settings.ledger == NO_LEDGER:
        return None

    def report(alert: str | None) -> None:
        if alert is not None:
            metrics.faults.labels("anchor").inc()
        if logger is not None:
            logger.error("anchor", detail=alert) if alert else logger.info("anchor", detail="follows again")

    ledger = Ledger(
        settings.ledger,
        encryption=NoteEncryption.from_environment(key_file_of(settings.ledger)),
        anchor=settings.anchor or None,
        keep_notes=settings.keep_notes,
        note_days=settings.note_days,
        on_alert=report,
    )
    if logger is not None:
        logger.info("ledger", detail=str(ledger.opening))
    return ledger
