"""A folder of the user's own for what is slow to find out: which backend was fastest, and what XLA compiled.

It is the environment variable `DIFFLAB_CACHE`, or else `difflab` in the user's folder of caches; `DIFFLAB_CACHE=off`
turns it off. Nothing is read from a folder or file that belongs to somebody else, or that others may write to: what is
kept here decides what runs. A file that is lost, cut off or of another version is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import stat
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from . import files
from .errors import DifflabError, FallbackWarning
from .version import __version__

CHOICES = "choices.json"
PROGRAMS = ".xla"  # the ending of a compiled program's file
MOST_CHOICES = 1000
MOST_BYTES = 256 * 2**20  # of compiled programs; the oldest go first


def folder() -> Path | None:
    """Where the cache is, made or not; None where it is turned off."""
    said = os.environ.get("DIFFLAB_CACHE", "")
    if said.lower() == "off":
        return None
    if said:
        return Path(said)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(home) / "difflab"


def own(path: Path) -> bool:
    """Whether it is there, no link, and nobody else may write to it."""
    try:
        found = path.lstat()
    except OSError:
        return False
    if stat.S_ISLNK(found.st_mode):
        return False
    if not hasattr(os, "getuid"):  # Windows: the user's folders are the user's
        return True
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


def readable() -> Path | None:
    """The folder, where it may be read from; says once why not."""
    place = folder()
    if place is None or not os.path.lexists(place):
        return None
    if not own(place):
        warnings.warn(
            f"the cache {place} is not read: it is a link, belongs to another user, or others may write to it; "
            "chmod 700 it, or name another folder in DIFFLAB_CACHE",
            FallbackWarning,
            stacklevel=2,
        )
        return None
    return place


def read(name: str) -> bytes | None:
    """The bytes of a file in the cache; None where there is none that may be read."""
    place = readable()
    if place is None or not own(place / name):
        return None
    try:
        return (place / name).read_bytes()
    except OSError:
        return None


def write(name: str, data: bytes) -> None:
    """Keeps a file in the cache; a disk that is full or read-only only means that nothing is kept."""
    place = folder()
    if place is None:
        return
    with contextlib.suppress(OSError, DifflabError):
        if not os.path.lexists(place):
            files.private_folder(place)
        if own(place):
            files.write(place / name, data, force=True)
            (place / name).chmod(0o600)


def key(parts: Iterable[str]) -> str:
    """A name for what hangs on these parts, on the version and on the machine."""
    here = (__version__, platform.node(), platform.machine(), str(os.cpu_count()))
    return hashlib.sha256("\0".join([*here, *parts]).encode()).hexdigest()


# Which backend was fastest.
def choices() -> dict[str, Any]:
    """What is known of kinds of programs, by their keys."""
    data = read(CHOICES)
    try:
        found = json.loads(data) if data else {}
    except ValueError:
        return {}
    kept = found.get("choices") if isinstance(found, dict) and found.get("version") == 1 else None
    return kept if isinstance(kept, dict) else {}


def choose(name: str, choice: dict[str, Any]) -> None:
    """Remembers a choice; of two processes at once one may be forgotten, never a file be half written."""
    kept = {k: v for k, v in choices().items() if k != name}
    kept[name] = choice
    latest = dict(list(kept.items())[-MOST_CHOICES:])
    write(CHOICES, json.dumps({"version": 1, "choices": latest}, indent=1).encode())


# What XLA compiled.
def programs() -> Iterator[Path]:
    """The files of compiled programs."""
    place = folder()
    if place is not None and own(place):
        yield from sorted(place.glob("*" + PROGRAMS))


def keep_program(name: str, data: bytes) -> None:
    """Keeps a compiled program, and lets the oldest go where all together are too large."""
    write(name + PROGRAMS, data)
    with contextlib.suppress(OSError):
        found = sorted(programs(), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in found)
        while found and total > MOST_BYTES:
            oldest = found.pop(0)
            total -= oldest.stat().st_size
            files.remove(oldest)


def program(name: str) -> bytes | None:
    return read(name + PROGRAMS)


# For `difflab doctor`.
def told() -> dict[str, Any]:
    """Where the cache is, and what it holds."""
    place = folder()
    found = [path.stat().st_size for path in programs()]
    return {
        "folder": None if place is None else str(place),
        "choices": 0 if place is None or not own(place) else len(choices()),
        "programs": len(found),
        "bytes": sum(found),
    }


def clear() -> int:
    """Removes what is kept; how many files that were."""
    place = folder()
    if place is None or not own(place):
        return 0
    gone = [path for path in [place / CHOICES, *programs()] if path.exists()]
    for path in gone:
        files.remove(path)
    return len(gone)
