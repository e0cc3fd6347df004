"""Verification of the identity provider's signed tokens: signature, expiry, issuer, audience and roles.

The provider's keys are read from a file, or fetched from a URL by a thread, so that no request waits for the provider. While
it does not answer, the last keys are used.
"""

import threading
from pathlib import Path
from typing import Any

import jwt
from jwt import PyJWKClient, PyJWKSet

from models.common.api_keys import ROLES
from models.errors import InvalidConfig
from serving.security.principal import Principal
from serving.settings import Settings

_ALGORITHMS = ["RS256", "ES256"]
REFRESH_SECONDS, RETRY_SECONDS, FETCH_SECONDS = 300.0, 10.0, 3.0


class TokenVerifier:
    """The verification of tokens by the provider's keys."""

    def __init__(self, settings: Settings) -> None:
        """Read the provider's keys, or start fetching them; raise `InvalidConfig` where a file of them cannot be read."""
        if not settings.audience:
            remedy = "set HEARTLINE_AUDIENCE to this service's name at the identity provider"
            raise InvalidConfig("tokens of other applications would be accepted", value="no audience", remedy=remedy)
        self._settings, self._keys = settings, PyJWKSet.__new__(PyJWKSet)
        self._keys.keys = []
        self._stop, self._wanted = threading.Event(), threading.Event()
        source = settings.jwks
        if source.startswith(("http://", "https://")):
            client = PyJWKClient(source, cache_jwk_set=False, timeout=FETCH_SECONDS)
            threading.Thread(target=self._refresh, args=(client,), name="jwks", daemon=True).start()
            return
        try:
            self._keys = PyJWKSet.from_json(Path(source).read_text(encoding="utf-8"))
        except (OSError, ValueError, jwt.PyJWTError) as error:
            raise InvalidConfig("the identity provider's keys cannot be read", value=source, remedy=str(error)) from None

    def verify(self, token: str) -> Principal | None:
        """Return the principal of a token, or `None` where it is not valid."""
        settings = self._settings
        try:
            claims = jwt.decode(
                token,
                self._signing_key(token),
                algorithms=_ALGORITHMS,
                audience=settings.audience,
                issuer=settings.issuer or None,
                options={"require": ["exp", "sub", "aud"]},
            )
            name, expires_at = str(claims["sub"])[:80], float(claims["exp"])
        except Exception:  # noqa: BLE001  decoding arbitrary input may fail in any way
            return None
        roles = claims.get("roles", [])
        known = frozenset(role for role in roles if role in ROLES) if isinstance(roles, list) else frozenset()
        return Principal(f"token:{name}", known, expires_at=expires_at)

    def close(self) -> None:
        """Stop fetching keys."""
        self._stop.set()
        self._wanted.set()

    def _refresh(self, client: PyJWKClient) -> None:
        """Fetch the keys repeatedly; a failed fetch keeps the last ones."""
        while not self._stop.is_set():
            self._wanted.clear()
            try:
                self._keys = client.get_jwk_set(refresh=True)
                pause = REFRESH_SECONDS
            except Exception:  # noqa: BLE001  a provider may fail in any way; it is tried again
                pause = RETRY_SECONDS
            self._stop.wait(RETRY_SECONDS)  # also where many tokens name an unknown key
            self._wanted.wait(max(0.0, pause - RETRY_SECONDS))

    def _signing_key(self, token: str) -> Any:
        """Return the provider's key that a token names; where it is unknown, request a fetch and raise `PyJWTError`."""
        key_id = jwt.get_unverified_header(token).get("kid")
        key = next((key for key in self._keys.keys if key_id is None or key.key_id == key_id), None)
        if key is None:
            self._wanted.set()
            raise jwt.InvalidKeyError("no such key")
        return key.key
