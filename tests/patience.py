"""Time in tests: waiting ends when something has happened, and what may not take long is held to processor time.

No outcome depends on the clock on the wall, so a busy machine fails no test; `test_clock.py` holds the tests to that.
"""

from __future__ import annotations

import time
from contextlib import contextmanager

HANGS = 300.0  # seconds after which a child or a page counts as one that will never answer


def until(condition, pause=time.sleep):
    """Waits until the condition holds; False where it never did. A browser's page has a pause of its own."""
    end = time.monotonic() + HANGS
    while not condition():  # asked once at a time: what held may hold no longer
        if time.monotonic() >= end:
            return False
        pause(0.01)
    return True


def shows(page, expression):
    """Waits until JavaScript's expression holds in the page; False where it never did.

    `wait_for_function` evaluates a string within the page unless it holds at the first look, and the policy of ours
    forbids that: it fails where the machine is slow.
    """
    return until(lambda: page.evaluate(expression), page.wait_for_timeout)


@contextmanager
def within(seconds):
    """Holds a block to so many seconds of this process's processor time: give it room, processors differ."""
    start = time.process_time()
    yield
    took = time.process_time() - start
    assert took < seconds, f"took {took:.1f} s of processor time"
