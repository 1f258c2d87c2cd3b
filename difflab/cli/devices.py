"""Many devices for a command: a processor counts as so many before JAX starts."""

from __future__ import annotations

import os

FLAG = "--xla_force_host_platform_device_count"


def make_devices(count: int | None) -> None:
    """Has JAX, which reads this when it starts, see the processor as so many devices; other devices are what they are."""
    flags = os.environ.get("XLA_FLAGS", "")
    if count is not None and FLAG not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {FLAG}={count}".strip()
