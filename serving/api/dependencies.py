"""Dependencies of routes: the services of the process, and a principal with one of some roles."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, HTTPException
from fastapi.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from models.ledger.queries import Entry
from serving.security.principal import Principal
from serving.services import Services


async def services_of(connection: HTTPConnection) -> Services:
    """Return the services of this process."""
    services: Services = connection.app.state.services
    return services


ServicesOf = Annotated[Services, Depends(services_of)]


def requires(*roles: str) -> Callable[[HTTPConnection], Awaitable[Principal]]:
    """Return a dependency that gives the principal if it has one of some roles, and otherwise raises 401, 403 or 429."""
    allowed = frozenset(roles)

    async def check(connection: HTTPConnection) -> Principal:
        services: Services = connection.app.state.services
        principal = services.authenticator.authenticate(connection)
        if not allowed & principal.roles:
            raise HTTPException(403, f"This needs one of the roles: {', '.join(sorted(allowed))}.")
        return principal

    return check


Typist = Annotated[Principal, Depends(requires("call_taker", "clinician"))]
OutcomeReporter = Annotated[Principal, Depends(requires("clinician", "administrator"))]
CadReader = Annotated[Principal, Depends(requires("call_taker", "clinician", "evaluator"))]
LedgerReader = Annotated[Principal, Depends(requires("clinician", "evaluator"))]
Evaluator = Annotated[Principal, Depends(requires("evaluator"))]
AnyRole = Annotated[Principal, Depends(requires("call_taker", "clinician", "evaluator", "labeller", "administrator"))]
Administrator = Annotated[Principal, Depends(requires("administrator"))]
MetricsReader = Annotated[Principal, Depends(requires("evaluator", "administrator"))]

IdempotencyKey = Annotated[str | None, Header(max_length=200, pattern=r"^[\x21-\x7e]+$")]


def own_key(key: str | None, principal: Principal) -> str | None:
    """Return an idempotency key prefixed with its sender's name, so that two senders may use the same key."""
    return None if key is None else f"{principal.name}:{key}"[:200]


async def find_decision(services: Services, decision_id: str) -> Entry:
    """Return the ledger's entry of a decision; raise 404 where there is none."""
    entries = await run_in_threadpool(services.require_ledger().of_decision, decision_id)
    decision = next((entry for entry in entries if entry.content["kind"] == "decision"), None)
    if decision is None:
        raise HTTPException(404, "There is no such decision.")
    return decision
