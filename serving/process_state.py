"""Process state that the service sets while it runs, and restores when it stops."""

import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SWITCH_SECONDS = 0.0005
"""The thread switch interval: with Python's 5 ms, the thread that writes the ledger would wait noticeably."""


@contextmanager
def switch_interval(seconds: float = SWITCH_SECONDS) -> Iterator[None]:
    """Set the thread switch interval during the `with` block."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def no_collection() -> Iterator[None]:
    """Turn garbage collection off during the `with` block: it takes a tenth of the start, and what is loaded stays."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextmanager
def on_hangup(action: Callable[[], None]) -> Iterator[None]:
    """Call an action at each SIGHUP during the `with` block; do nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, lambda *_: action())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
