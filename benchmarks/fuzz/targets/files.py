"""A folder in memory where the targets that read files put theirs."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path


@cache
def folder() -> Path:
    """One for the whole process; files in it are overwritten."""
    made = tempfile.TemporaryDirectory(prefix="fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    keep.append(made)
    return Path(made.name)


keep: list[object] = []


def file(name: str, data: bytes) -> Path:
    path = folder() / name
    path.write_bytes(data)
    return path
