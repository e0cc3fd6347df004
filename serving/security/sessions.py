"""Sign the cookie of a person at the console: a browser cannot send a key with a WebSocket, so it sends this."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable

COOKIE = "heartline"
SHIFT_SECONDS = 12 * 3600
"""How long one signs in for: a shift."""


class Cookies:
    """Hold the key that signs; every worker of one service holds the same."""

    def __init__(self, key: bytes) -> None:
        """Keep the key."""
        self._key = key

    def make(self, name: str, roles: Iterable[str]) -> str:
        """Return the cookie of a person: name, roles and an end, signed."""
        told = json.dumps([name, sorted(roles), int(time.time()) + SHIFT_SECONDS]).encode()
        return f"{base64.urlsafe_b64encode(told).decode()}.{self._sign(told)}"

    def read(self, cookie: str) -> tuple[str, list[str]] | None:
        """Return name and roles, or nothing where the cookie was not signed here or is over."""
        told, _, signature = cookie.partition(".")
        try:
            raw = base64.urlsafe_b64decode(told)
        except ValueError:
            return None
        if not hmac.compare_digest(self._sign(raw).encode(), signature.encode()):
            return None
        name, roles, end = json.loads(raw)
        return (str(name), [str(role) for role in roles]) if end > time.time() else None

    def _sign(self, told: bytes) -> str:
        """Return the signature of what a cookie tells."""
        return hmac.new(self._key, told, hashlib.sha256).hexdigest()
