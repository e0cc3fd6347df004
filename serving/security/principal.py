"""The principal of a request: a name for the ledger, roles, and when its access ends."""

from dataclasses import dataclass

from models.common.api_keys import ROLES


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or system that makes requests: `name` is written into the ledger, `roles` give access to routes.

    `key_id` names the API key, `session_id` the console's session, `expires_at` is when a token or a session ends (seconds
    since 1970).
    """

    name: str
    roles: frozenset[str]
    key_id: str | None = None
    session_id: str | None = None
    expires_at: float | None = None


LOCAL = Principal("local", frozenset(ROLES))
"""The principal of all requests from this machine, where no keys are configured."""
