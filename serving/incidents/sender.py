"""The thread that sends pushes to CAD: signed, retried with growing waits, and dead letters after the last attempt."""

import hashlib
import hmac
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError

from models.errors import LedgerError
from serving.incidents.outbox import Outbox, Push

SIGNATURE, PUSH_ID = "Heartline-Signature", "Heartline-Push-Id"
TIMEOUT_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 300.0
_IDLE_SECONDS = 1.0
"""How often a worker checks for pushes that an ended worker left."""


def signature(body: bytes, *, key: bytes, at: int) -> str:
    """Return the signature of a body sent at a second since 1970: `t=SECOND,v1=HMAC-SHA256 of "SECOND.BODY"` in hexadecimal.

    >>> signature(b"{}", key=b"k" * 32, at=0)[:12]
    't=0,v1=b1e7f'
    """
    mac = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, because signed pushes go only to the configured address."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Return no further request, so that the redirect is an error."""


class Sender:
    """The sender of an outbox's pushes to one address."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        url: str,
        key: bytes,
        attempts: int,
        first_wait: float,
        on_dead: Callable[[], None] = lambda: None,
    ) -> None:
        """Store the parts; `first_wait` (seconds) doubles with each attempt; `on_dead` is called for each dead letter."""
        self._outbox, self._url, self._key = outbox, url, key
        self._attempts, self._first_wait, self._on_dead = attempts, first_wait, on_dead
        self._opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="push", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Send the due pushes now."""
        self._wake.set()

    def close(self) -> None:
        """Stop after the present attempt; waiting pushes are sent after the next start."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(TIMEOUT_SECONDS + 1)

    def _run(self) -> None:
        """Send the due pushes, then wait for more."""
        while not self._stop.is_set():
            self._wake.clear()
            try:
                push = self._outbox.take(datetime.now(UTC))
                if push is not None:
                    self._send(push)
                    continue
            except LedgerError:
                pass  # the database fails now; the rows are tried again later
            self._wake.wait(_IDLE_SECONDS)

    def _send(self, push: Push) -> None:
        """Try once, and store the result."""
        fault = self._post(push)
        if fault is None:
            self._outbox.sent(push.push_id)
            return
        last = push.attempts >= self._attempts
        wait = min(self._first_wait * 2 ** (push.attempts - 1), LONGEST_WAIT_SECONDS)
        retry_at = None if last else datetime.now(UTC) + timedelta(seconds=wait)
        self._outbox.failed(push.push_id, fault=fault, retry_at=retry_at)
        if last:
            self._on_dead()

    def _post(self, push: Push) -> str | None:
        """Return why a push was not delivered, or `None` where the answer is 2xx."""
        body = push.body.encode()
        headers = {
            "Content-Type": "application/json",
            PUSH_ID: push.push_id,
            SIGNATURE: signature(body, key=self._key, at=int(time.time())),
        }
        request = urllib.request.Request(self._url, data=body, headers=headers, method="POST")  # noqa: S310  settings allow http and https alone
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS):
                return None
        except HTTPError as error:
            error.close()
            return f"answered {error.code}"
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            return type(reason).__name__ if isinstance(reason, Exception) else type(error).__name__
