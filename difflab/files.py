"""Writing files: whole or not at all, never over an existing one unasked, never through a link.

Nothing else in difflab opens a file for writing. The bytes go to a temporary file in the same folder, which then gets
its name in one step: whoever reads sees the old file or all of the new one, and whatever ends the work in between,
a full disk or Ctrl-C, leaves the old one. Files that belong together get their names when the last of them is whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import re
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .errors import InputError
from .interrupts import uninterrupted
from .types import FileName

try:
    import fcntl
except ImportError:  # Windows: there two processes in one folder are not kept apart
    fcntl = None  # type: ignore[assignment]

HOST = f"{zlib.crc32(platform.node().encode()):08x}"  # a folder may be seen by several machines
LEFT_BEHIND = re.compile(rf"\.difflab-{HOST}-(\d+)-[0-9a-f]+")
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
TRIES, PAUSE = 50, 0.02  # how often, and how many seconds apart, a folder that another process holds is asked for
SPACE = "free some, or name a place on another disk"
ELSEWHERE = "name a folder that you may write to"
MENDS = {
    errno.ENOSPC: SPACE,
    errno.EDQUOT: SPACE,
    errno.EFBIG: "a larger file is not allowed here (ulimit -f)",
    errno.EACCES: ELSEWHERE,
    errno.EPERM: ELSEWHERE,
    errno.EROFS: ELSEWHERE,
    errno.ENOENT: "its folder is gone; make it again",
    errno.ENOTDIR: "a part of its path is a file; name a folder",
    errno.EEXIST: "somebody made it meanwhile; use force=True to replace it",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "the disk may be damaged; name a place on another one",
}


def unlinked(path: Path) -> Path:
    """The path of a file or folder, which must be no link."""
    if path.is_symlink():
        raise InputError(f"{path} is a link; nothing is written through links")
    return path


def target(path: FileName, force: bool = False) -> Path:
    """The path, checked: its folder exists, nothing is there (unless `force`), and it is no link."""
    path = unlinked(Path(path))
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it")
    if path.exists() and not force:
        raise InputError(f"{path} exists already; use force=True to replace it")
    in_a_folder(path)
    return path


def in_a_folder(path: Path) -> None:
    """Refuses a path in a folder that is not there."""
    if path.parent.is_dir():
        return
    if path.parent.exists():
        raise InputError(f"{path.parent} is a file, and so nothing can be written into it; name a folder")
    raise InputError(f"the folder {path.parent} does not exist; make it first")


def target_folder(folder: FileName, names: Iterable[str], force: bool = False) -> Path:
    """The folder, checked before any work: it is one or can be made, and each of the files can be written into it."""
    folder = unlinked(Path(folder))
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder")
    if folder.is_dir():
        for name in names:
            target(folder / name, force)
    return folder


def write(path: FileName, data: bytes | str, force: bool = False, durable: bool = False) -> Path:
    """Writes the file in one step: whoever reads it sees all of it or the old one.

    With `durable` that holds through a power failure too.
    """
    path = target(path, force)
    with uninterrupted(), Batch() as batch:
        batch.add(path, data, durable)
        batch.commit(force)
    return path


def write_all(folder: FileName, files: Mapping[str, bytes | str], force: bool = False) -> list[Path]:
    """Writes all of the files into the folder, which is made if there is none, or leaves everything as it was."""
    with claimed(folder) as claim:
        return claim.write(files, force)


def private_folder(folder: Path) -> None:
    """Makes a folder, where there is none, that nobody else reads or writes."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def remove(path: Path) -> None:
    """Removes a file that is not wanted any more."""
    path.unlink(missing_ok=True)


@contextlib.contextmanager
def claimed(folder: FileName) -> Iterator[Claim]:
    """A folder for this process's files, made if there is none; another process that claims it meanwhile is refused.

    Folders made here are removed where they stay empty.
    """
    folder = target_folder(folder, ())
    new = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        if new:
            with named(folder, "made"):
                folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            yield Claim(folder)
    finally:
        for made in new:
            with contextlib.suppress(OSError):  # it holds something
                made.rmdir()


class Claim:
    """A folder that no other process writes a set of files into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, files: Mapping[str, bytes | str], force: bool = False, durable: bool = False) -> list[Path]:
        """All of the files, or none of them and the old ones as they were."""
        paths = [target(self.folder / name, force) for name in files]
        with uninterrupted(), Batch() as batch:
            for path, data in zip(paths, files.values()):
                batch.add(path, data, durable)
            batch.commit(force)
        return paths


class Batch:
    """Files under temporary names, which get their own once all of them are whole."""

    def __init__(self) -> None:
        self.temporary: list[Path] = []  # each is listed before it exists, so that none can be forgotten
        self.ready: list[tuple[Path, os.stat_result, Path]] = []
        self.moved: list[tuple[Path, os.stat_result, bool, Path | None]] = []

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is not None:
                self.take_back()
        finally:
            for path in self.temporary:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)

    def spare(self, folder: Path) -> Path:
        """A name in the folder that nobody else takes, and that says whose it is."""
        self.temporary.append(folder / f".difflab-{HOST}-{os.getpid()}-{os.urandom(6).hex()}")
        return self.temporary[-1]

    def add(self, path: Path, data: bytes | str, durable: bool = False) -> None:
        """Writes a temporary file beside the path."""
        if not self.temporary:
            sweep(path.parent)
        temporary = self.spare(path.parent)
        with named(path):
            with open(temporary, "xb") as file:
                file.write(data.encode(errors="replace") if isinstance(data, str) else data)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
                made = os.fstat(file.fileno())
            self.ready.append((temporary, made, path))

    def commit(self, force: bool) -> None:
        """Gives every file its name."""
        for temporary, made, path in self.ready:
            with named(path):
                new = not force or not path.exists()
                old = None if new or len(self.ready) == 1 else self.second_name(path)
                self.moved.append((path, made, new, old))
                move(temporary, path, force)

    def second_name(self, path: Path) -> Path | None:
        """One more name of what is there, to take it back by; None on a file system without hard links."""
        second = self.spare(path.parent)
        try:
            os.link(path, second, follow_symlinks=False)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            return None
        return second

    def take_back(self) -> None:
        """Leaves the files as they were before; one that cannot be taken back is the new one, whole."""
        for path, made, new, old in reversed(self.moved):
            with contextlib.suppress(OSError):
                if not os.path.samestat(path.lstat(), made):  # not moved yet
                    continue
                if old is not None:
                    os.replace(old, path)
                elif new:
                    path.unlink()


def move(temporary: Path, path: Path, force: bool) -> None:
    """Gives the file its name in one step; only with `force` where there is one of that name."""
    if not force:
        try:
            os.link(temporary, path)
            return
        except OSError as error:  # FileExistsError: somebody made one meanwhile
            if error.errno not in NO_LINKS or path.exists():
                raise
    os.replace(temporary, path)


@contextlib.contextmanager
def named(path: Path, done: str = "written") -> Iterator[None]:
    """What goes wrong is told with the path, the cause and the mend."""
    try:
        yield
    except MemoryError as error:
        raise InputError(f"{path} cannot be {done}: there is not enough memory; end other programs") from error
    except OSError as error:
        mend = MENDS.get(error.errno or 0)
        told = f"{path} cannot be {done}: {error.strerror or error}" + (f"; {mend}" if mend else "")
        raise InputError(told) from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder against other processes; the system frees it when this one ends, however it ends."""
    handle = opened(folder)
    try:
        if handle is not None and not lock(handle):
            raise InputError(f"another process is writing into {folder}; wait for it, or name another folder")
        yield
    finally:
        if handle is not None:
            os.close(handle)


def opened(folder: Path) -> int | None:
    if fcntl is None:
        return None
    with named(folder, "read"):
        try:
            return os.open(folder, os.O_RDONLY)
        except PermissionError:  # it may be writable all the same
            return None


def lock(handle: int) -> bool:
    for _ in range(TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(PAUSE)
        except OSError:  # a file system without locks
            return True
    return False


def sweep(folder: Path) -> None:
    """Removes temporary files of processes of this machine that were killed."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = LEFT_BEHIND.fullmatch(entry.name)
            if found and not alive(int(found[1])):
                Path(entry.path).unlink(missing_ok=True)


def alive(process: int) -> bool:
    if os.name != "posix":  # there os.kill ends what it asks for
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
