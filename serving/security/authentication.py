"""Authentication: by API key, by a signed token of the city's identity provider, or by the console's cookie."""

import time
from dataclasses import replace
from pathlib import Path

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from models.common import api_keys
from models.common.api_keys import Key
from models.errors import InvalidConfig
from serving.security.principal import LOCAL, Principal
from serving.security.rate_limit import RateLimiter
from serving.security.sessions import COOKIE, EndedSessions, SessionCookies
from serving.security.tokens import TokenVerifier
from serving.settings import Settings

_REREAD_SECONDS = 2.0


class Authenticator:
    """The authentication of all requests of one process."""

    def __init__(self, settings: Settings, cookies: SessionCookies) -> None:
        """Read the keys of the service and of the identity provider; raise `InvalidConfig` where they cannot be read."""
        self._cookies, self._ended = cookies, EndedSessions(settings.cache.parent / "ended-sessions")
        self._required = settings.authenticated
        self._keys_file = Path(settings.keys) if settings.keys else None
        self._tokens = TokenVerifier(settings) if settings.jwks else None
        self._limiter = RateLimiter(settings.rate)
        self._keys = api_keys.read(self._keys_file) if self._keys_file else []
        self._read_at = time.monotonic()

    def authenticate(self, connection: HTTPConnection) -> Principal:
        """Return the principal of a request; raise 401 without valid credentials, 429 for too many requests."""
        principal = self._identify(connection) if self._required else LOCAL
        if not self.within_rate(principal):
            raise HTTPException(429, "Too many requests.", headers={"Retry-After": "1"})
        return principal

    def within_rate(self, principal: Principal) -> bool:
        """Take one request from a principal's allowance; return whether there was one."""
        return self._limiter.allows(principal.name)

    def still_valid(self, principal: Principal) -> bool:
        """Return whether the access of an open connection's principal has not been revoked, signed out or expired."""
        return self._current(principal) is not None

    def identify_secret(self, secret: str) -> Principal | None:
        """Return the principal of a key or token, or `None` where it is not valid."""
        if secret.startswith(api_keys.PREFIX):
            key = api_keys.match(self._current_keys(), secret)
            return None if key is None else Principal(f"key:{key.key_id}:{key.name}", frozenset(key.roles), key.key_id)
        return self._tokens.verify(secret) if secret and self._tokens is not None else None

    def sign_in(self, principal: Principal) -> tuple[str, int]:
        """Return the cookie of a new session, and the seconds for which it is valid."""
        return self._cookies.make(principal)

    def sign_out(self, connection: HTTPConnection) -> None:
        """End the session of a browser, so that its cookie is no longer valid anywhere."""
        principal = self._cookies.read(connection.cookies.get(COOKIE, ""))
        if principal is not None and principal.session_id is not None and principal.expires_at is not None:
            self._ended.add(principal.session_id, principal.expires_at)

    def close(self) -> None:
        """Stop fetching the identity provider's keys."""
        if self._tokens is not None:
            self._tokens.close()

    def _identify(self, connection: HTTPConnection) -> Principal:
        """Return the principal of a request's key, token or cookie; raise 401 where none is valid."""
        scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
        secret = credentials.strip() if scheme.lower() == "bearer" else connection.headers.get("x-api-key", "")
        principal = self.identify_secret(secret) if secret else self._identify_cookie(connection.cookies.get(COOKIE, ""))
        if principal is None:
            raise HTTPException(401, "Send a valid key or token.", headers={"WWW-Authenticate": "Bearer"})
        return principal

    def _identify_cookie(self, cookie: str) -> Principal | None:
        """Return the principal of a console cookie, with the roles that its key has now."""
        principal = self._cookies.read(cookie)
        return None if principal is None else self._current(principal)

    def _current(self, principal: Principal) -> Principal | None:
        """Return a principal with its present roles; `None` where its key, token or session has ended."""
        if principal.expires_at is not None and principal.expires_at <= time.time():
            return None
        if principal.session_id is not None and principal.session_id in self._ended:
            return None
        if principal.key_id is None:
            return principal
        keys = (key for key in self._current_keys() if key.key_id == principal.key_id and key.revoked_at is None)
        key = next(keys, None)
        return None if key is None else replace(principal, roles=frozenset(key.roles))

    def _current_keys(self) -> list[Key]:
        """Return the keys; the file is read again every few seconds, so that a revocation needs no restart."""
        if self._keys_file is not None and time.monotonic() - self._read_at > _REREAD_SECONDS:
            self._read_at = time.monotonic()
            try:
                self._keys = api_keys.read(self._keys_file)
            except InvalidConfig:
                return self._keys  # being written: the last keys count until the file can be read
        return self._keys
