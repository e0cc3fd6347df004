"""Wait until something is so, for as long as the slowest machine needs."""

import time


def until(true, fault, *, seconds=60.0, every=0.02):
    """Ask again and again until the answer is true, and return it; fail with a sentence after some seconds."""
    end = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < end, fault
        time.sleep(every)
    return answer
