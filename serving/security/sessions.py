"""The console's sessions: a signed cookie, because a browser sends no key with a WebSocket; and the ended ones."""

import os
import secrets
import threading
import time
from pathlib import Path

from itsdangerous import BadSignature, URLSafeSerializer

from serving.security.principal import Principal

COOKIE = "heartline"
SHIFT_SECONDS = 12 * 3600
"""The longest duration of a session, a shift."""


class SessionCookies:
    """The signing of session cookies; every worker of one service has the same key."""

    def __init__(self, key: bytes) -> None:
        """Store the key, 32 bytes or more."""
        self._serializer = URLSafeSerializer(key, salt="heartline.session")

    def make(self, principal: Principal) -> tuple[str, int]:
        """Return the cookie of a person who signed in, and the seconds for which it is valid, at most until a token ends."""
        now = time.time()
        end = min(now + SHIFT_SECONDS, principal.expires_at or now + SHIFT_SECONDS)
        values = [principal.name, sorted(principal.roles), principal.key_id, secrets.token_urlsafe(12), int(end)]
        return str(self._serializer.dumps(values)), max(0, int(end - now))

    def read(self, cookie: str) -> Principal | None:
        """Return the principal of a cookie, or `None` where its signature is wrong or it has expired."""
        try:
            name, roles, key_id, session_id, end = self._serializer.loads(cookie)
        except (BadSignature, ValueError, TypeError):
            return None
        if end <= time.time():
            return None
        return Principal(str(name), frozenset(roles), key_id, str(session_id), float(end))


class EndedSessions:
    """The sessions that were signed out before their end, in a file that all workers of one service share."""

    def __init__(self, path: Path) -> None:
        """Store the path; the file is created when the first session ends."""
        self._path, self._lock = path, threading.Lock()
        self._ended: dict[str, float] = {}
        self._read_state: tuple[int, int] | None = None

    def add(self, session_id: str, end: float) -> None:
        """End a session; raise `OSError` where that cannot be written."""
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{session_id} {int(end)}\n")
            self._ended[session_id] = end

    def __contains__(self, session_id: str) -> bool:
        """Return whether a session was ended here or by another worker."""
        try:
            status = self._path.stat()
        except OSError:
            return session_id in self._ended
        if (status.st_mtime_ns, status.st_size) != self._read_state:
            self._read((status.st_mtime_ns, status.st_size))
        return session_id in self._ended

    def _read(self, state: tuple[int, int]) -> None:
        """Read the ended sessions; those that have expired since are left out."""
        with self._lock:
            now, ended = time.time(), dict(self._ended)
            for line in self._path.read_text(encoding="utf-8").splitlines():
                session_id, _, end = line.partition(" ")
                if end.isdigit():
                    ended[session_id] = float(end)
            self._ended = {name: end for name, end in ended.items() if end > now}
            self._read_state = state
