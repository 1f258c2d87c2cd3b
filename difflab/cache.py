"""A folder of the user's own for what is slow to find out: which backend was fastest, and what XLA and numba compiled.

It is the environment variable `DIFFLAB_CACHE`, or else `difflab` in the user's folder of caches; `DIFFLAB_CACHE=off`
turns it off. Nothing is read from a folder or file that belongs to somebody else, or that others may write to: what is
kept here decides what runs. A file that is lost, cut off, damaged or of another version is as good as none.
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
XLA, NATIVE = ".xla", ".native"  # the endings of compiled programs' files
DIGEST = 32  # bytes in front of a program: a damaged one is not run, and not unpickled
MOST_CHOICES = 1000
MOST_BYTES = 256 * 2**20  # of compiled programs; those that were not asked for for longest go first
MOST_PROGRAMS = 4000


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
        return private(path.lstat())
    except OSError:
        return False


def private(found: os.stat_result) -> bool:
    """Whether that is the user's own file or folder, no link, and nobody else may write to it."""
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
    if place is None:
        return None
    try:
        with open(place / name, "rb", opener=without_links) as file:  # looked at when open: names may be given anew
            return file.read() if private(os.fstat(file.fileno())) else None
    except OSError:
        return None


def without_links(path: str, flags: int) -> int:
    """Opens what is no link, and does not wait where it is a pipe."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


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


# What XLA and numba compiled.
def programs(*endings: str) -> Iterator[Path]:
    """The files of compiled programs, of all kinds or of some."""
    place = folder()
    if place is not None and own(place):
        kinds = endings or (XLA, NATIVE)
        yield from sorted(path for path in place.iterdir() if path.suffix in kinds and path.is_file())


def keep_program(name: str, data: bytes, ending: str) -> None:
    """Keeps a compiled program, and lets others go where all together are too large or too many."""
    write(name + ending, digest(name + ending, data) + data)
    with contextlib.suppress(OSError):
        found = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in programs())
        total = sum(size for _, size, _ in found)
        for k, (_, size, path) in enumerate(found):
            if total <= MOST_BYTES and len(found) - k <= MOST_PROGRAMS:
                break
            total -= size
            files.remove(path)


def program(name: str, ending: str) -> bytes | None:
    """A compiled program, whole and as it was written under this name."""
    data = read(name + ending)
    place = folder()
    if data is None or place is None or data[:DIGEST] != digest(name + ending, data[DIGEST:]):
        return None
    with contextlib.suppress(OSError):
        os.utime(place / (name + ending))
    return data[DIGEST:]


def digest(name: str, data: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + data).digest()


# For `difflab doctor`.
def told() -> dict[str, Any]:
    """Where the cache is, and what it holds."""
    place = folder()
    sizes = [path.stat().st_size for path in programs()]
    return {
        "folder": None if place is None else str(place),
        "choices": 0 if place is None or not own(place) else len(choices()),
        "programs": len(sizes),
        "native": len(list(programs(NATIVE))),
        "xla": len(list(programs(XLA))),
        "bytes": sum(sizes),
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
