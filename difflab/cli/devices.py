"""Many devices for a command: a processor counts as so many before JAX starts."""

from __future__ import annotations

import os

from .processes import Place, join

FLAG = "--xla_force_host_platform_device_count"


def take_devices(place: Place | None, count: int | None) -> int | None:
    """How many devices this process works on, once JAX can see them and the other processes; None: not on devices."""
    count = 1 if count is None and place is not None else count
    flags = os.environ.get("XLA_FLAGS", "")
    if count is not None and FLAG not in flags:  # read when JAX starts, and by nothing but a processor
        os.environ["XLA_FLAGS"] = f"{flags} {FLAG}={count}".strip()
    join()
    return count
