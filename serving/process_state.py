"""Process state that the service sets while it runs, and restores when it stops."""

import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SWITCH_SECONDS = 0.0005
"""How long the thread that writes the ledger may wait for the one that decides; Python's own 5 ms would be seen."""


@contextmanager
def switch_interval(seconds: float = SWITCH_SECONDS) -> Iterator[None]:
    """Let threads take turns more often for a while."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def no_collection() -> Iterator[None]:
    """Collect no garbage for a while: what is loaded at a start stays, and walking it time and again costs a tenth of it."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@contextmanager
def on_hangup(action: Callable[[], None]) -> Iterator[None]:
    """Call an action at each SIGHUP for a while; outside the main thread, where Python handles no signals, do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGHUP, lambda *_: action())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
