"""Who asks: a name for the ledger, roles, and what may end the right to ask."""

from dataclasses import dataclass

from models.api_keys import ROLES


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: `name` is written into the ledger, `roles` open the routes.

    `key_id` names the API key, `session_id` the console's session, `expires_at` the second at which a token or a session
    ends (seconds since 1970).
    """

    name: str
    roles: frozenset[str]
    key_id: str | None = None
    session_id: str | None = None
    expires_at: float | None = None


LOCAL = Principal("local", frozenset(ROLES))
"""Everyone on this machine, where no keys are configured."""
