"""What a limit of time counts: processor time, so that a busy machine gives the same answer as an idle one.

Work in this thread is measured with `spent`; work in another process is ended by the signal that its own timer sends
(`limit_process`). The clock on the wall decides nothing but that work is given up which hangs: `patience`.
"""

from __future__ import annotations

import signal
import time

SLOWER = 10.0  # how much longer than its processor time work may take before it counts as hanging,
LEAST = 10.0  # and how many seconds at least


def spent() -> float:
    """The processor time of this thread in seconds. Other threads, and waiting, do not count.

    >>> spent() <= spent()
    True
    """
    return time.thread_time()


def patience(seconds: float) -> float:
    """How long to wait for work that may take so many seconds of processor time.

    >>> patience(20.0)
    210.0
    """
    return LEAST + SLOWER * seconds


def limit_process(seconds: float) -> None:
    """Has the system end this process with SIGPROF after so many more seconds of processor time; 0: never.

    A program that takes this one's place (`os.execv`) keeps the timer; a fork begins without one.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
