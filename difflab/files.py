"""Writing files: whole or not at all, never over an existing one unasked, never through a link."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from .errors import InputError


def unlinked(path: Path) -> Path:
    """The path of a file or folder, which must be no link."""
    if path.is_symlink():
        raise InputError(f"{path} is a link; nothing is written through links")
    return path


def target(path: Any, force: bool = False) -> Path:
    """The path, checked: its folder exists, nothing is there (unless `force`), and it is no link."""
    path = unlinked(Path(path))
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it")
    if path.exists() and not force:
        raise InputError(f"{path} exists already; use --force (force=True) to replace it")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist; make it first")
    return path


def write(path: Any, data: bytes | str, force: bool = False, durable: bool = False) -> Path:
    """Writes the file in one step: whoever reads it sees all of it or the old one.

    With `durable` that holds through a power failure too.
    """
    path = target(path, force)
    if isinstance(data, str):
        data = data.encode()
    try:
        handle, temporary = tempfile.mkstemp(prefix=".difflab-", dir=path.parent)
    except OSError as error:
        raise InputError(f"{path.parent} cannot be written to: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        if force:
            os.replace(temporary, path)
        else:
            os.link(temporary, path)  # fails where somebody made the file meanwhile
            os.unlink(temporary)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    return path
