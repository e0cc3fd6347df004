"""Say who asks, by API key or by a signed token of the city's identity provider, and which routes they may use."""

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
from fastapi import HTTPException
from jwt import PyJWKClient, PyJWKSet
from starlette.requests import HTTPConnection

from models import api_keys as apikeys
from models.api_keys import ROLES, Key
from models.errors import InvalidConfig
from serving.security.sessions import COOKIE, Cookies
from serving.settings import Settings

_ALGORITHMS = ["RS256", "ES256"]
_REREAD_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Principal:
    """Hold who asks: a name for the ledger, and roles."""

    name: str
    roles: frozenset[str]


LOCAL = Principal("local", frozenset(ROLES))
"""Whoever asks on this machine where no keys are configured."""


@dataclass(slots=True)
class _Bucket:
    """Hold how many requests one may still make at once, and since when."""

    left: float
    at: float


@dataclass(slots=True)
class Gatekeeper:
    """Let those in who may; share one between requests."""

    settings: Settings
    cookies: Cookies = field(default_factory=lambda: Cookies(secrets.token_bytes(32)))
    _keys: list[Key] = field(default_factory=list)
    _read_at: float = -1e9
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _jwks: Any = None

    def __post_init__(self) -> None:
        """Read the identity provider's keys; raise `InvalidConfig` where they cannot be read."""
        source = self.settings.jwks
        if source.startswith(("http://", "https://")):
            self._jwks = PyJWKClient(source, cache_keys=True, lifespan=300)
        elif source:
            try:
                self._jwks = PyJWKSet.from_json(Path(source).read_text(encoding="utf-8"))
            except (OSError, ValueError, jwt.PyJWTError) as error:
                raise InvalidConfig("the identity provider's keys cannot be read", value=source, remedy=str(error)) from None

    def who(self, connection: HTTPConnection) -> Principal:
        """Return who asks; raise 401 where that cannot be told, 403 for another site's page, 429 for too many requests."""
        _same_origin(connection)
        principal = LOCAL if not self.settings.authenticated else self._named(connection)
        self._count(principal.name)
        return principal

    def _named(self, connection: HTTPConnection) -> Principal:
        """Read the key or the token that was sent."""
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        secret = given.strip() if scheme.lower() == "bearer" else connection.headers.get("x-api-key", "")
        principal = self.known(secret) if secret else self._by_cookie(connection.cookies.get(COOKIE, ""))
        if principal is None:
            raise HTTPException(401, "Send a valid key or token.", headers={"WWW-Authenticate": "Bearer"})
        return principal

    def known(self, secret: str) -> Principal | None:
        """Return whose key or token this is, or nothing."""
        if secret.startswith(apikeys.PREFIX):
            found = apikeys.match(self._current_keys(), secret)
            return None if found is None else Principal(f"key:{found.key_id}:{found.name}", frozenset(found.roles))
        return self._by_token(secret) if secret and self._jwks is not None else None

    def _by_cookie(self, cookie: str) -> Principal | None:
        """Return who signed in at the console; a key that was revoked since ends its sessions too."""
        signed = self.cookies.read(cookie)
        if signed is None:
            return None
        name, roles = signed
        if name.startswith("key:"):
            alive = {key.key_id for key in self._current_keys() if key.revoked_at is None}
            if name.split(":")[1] not in alive:
                return None
        return Principal(name, frozenset(roles))

    def _current_keys(self) -> list[Key]:
        """Return the keys; the file is read again now and then, so that a revoked key ends without a restart."""
        if self.settings.keys and time.monotonic() - self._read_at > _REREAD_SECONDS:
            self._keys, self._read_at = apikeys.read(Path(self.settings.keys)), time.monotonic()
        return self._keys

    def _by_token(self, token: str) -> Principal | None:
        """Check a signed token: its signature, its end, its issuer and its audience."""
        try:
            claims = jwt.decode(
                token,
                self._signing_key(token),
                algorithms=_ALGORITHMS,
                audience=self.settings.audience or None,
                issuer=self.settings.issuer or None,
                options={"require": ["exp", "sub"], "verify_aud": bool(self.settings.audience)},
            )
        except jwt.PyJWTError:
            return None
        roles = claims.get("roles", [])
        named = frozenset(role for role in roles if role in ROLES) if isinstance(roles, list) else frozenset()
        return Principal(f"token:{str(claims['sub'])[:80]}", named)

    def _signing_key(self, token: str) -> Any:
        """Return the provider's key that a token names."""
        if isinstance(self._jwks, PyJWKClient):
            return self._jwks.get_signing_key_from_jwt(token).key
        wanted = jwt.get_unverified_header(token).get("kid")
        found = next((key for key in self._jwks.keys if wanted is None or key.key_id == wanted), None)
        if found is None:
            raise jwt.InvalidKeyError("no such key")
        return found.key

    def _count(self, name: str) -> None:
        """Take one request from the bucket of who asks; raise 429 where it is empty."""
        rate = self.settings.rate
        if rate <= 0:
            return
        now = time.monotonic()
        bucket = self._buckets.setdefault(name, _Bucket(2.0 * rate, now))
        bucket.left = min(2.0 * rate, bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.left < 1:
            raise HTTPException(429, "Too many requests.", headers={"Retry-After": "1"})
        bucket.left -= 1


def _same_origin(connection: HTTPConnection) -> None:
    """Refuse what another site's page asks for with this browser's cookie, or on this machine's own address."""
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host", ""):
        raise HTTPException(403, "Another site's page may not ask this service.")


def allow(*roles: str) -> Callable[[HTTPConnection], Awaitable[Principal]]:
    """Return a dependency that lets in those who have one of some roles; raise 403 for others."""
    wanted = frozenset(roles)

    async def check(connection: HTTPConnection) -> Principal:
        principal: Principal = connection.app.state.gatekeeper.who(connection)
        if not wanted & principal.roles:
            raise HTTPException(403, f"This needs one of the roles: {', '.join(sorted(wanted))}.")
        return principal

    return check
