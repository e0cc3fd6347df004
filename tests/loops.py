"""How long one callback keeps the event loop, in seconds of processor time, which no other process can lengthen."""

import asyncio
import contextlib
import time


@contextlib.contextmanager
def callback_seconds():
    """Give a list to which the seconds of every callback of every event loop are added meanwhile."""
    seconds, run = [], asyncio.Handle._run

    def timed(handle):
        before = time.thread_time()
        try:
            run(handle)
        finally:
            seconds.append(time.thread_time() - before)

    asyncio.Handle._run = timed
    try:
        yield seconds
    finally:
        asyncio.Handle._run = run
