"""Reading what somebody else wrote: ordinary files, and NumPy's arrays, looked at before any room is made for them.

Whatever is wrong with a file comes out as an InputError, raised where the library that reads it gave up.
"""

from __future__ import annotations

import io
import lzma
import math
import os
import stat
import struct
import tokenize
import zipfile
import zlib
from typing import IO

from .errors import InputError
from .types import Array, DType, FileName, Shape

LONGEST_HEADER = 10_000  # bytes of text before an array's numbers, as in NumPy
MOST_AXES = 32
NUMBERS = "biufc"  # kinds of dtypes; there is no pickle among them, and no text
# What zipfile and the libraries below it raise for a damaged archive, one read at a time.
DAMAGED_ZIP = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, ValueError, KeyError, IndexError, EOFError, OSError,
    RuntimeError, OverflowError,
)  # fmt: skip
# What numpy.lib.format raises for a header that is no Python literal, or not the one it wants.
DAMAGED_HEADER = (
    ValueError, TypeError, KeyError, IndexError, SyntaxError, tokenize.TokenError, OverflowError, RecursionError,
    MemoryError,
)  # fmt: skip


def opened(path: FileName) -> IO[bytes]:
    """A file to read from. A folder is refused, and so are pipes and devices, which can block or never end."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except ValueError:
        raise InputError(f"{str(path)!r} is no name of a file") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        kind = "a folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "a pipe or a device"
        os.close(handle)
        raise InputError(f"{path} is {kind}, not a file")
    return open(handle, "rb")


def read_bytes(path: FileName, most: int) -> bytes:
    """All of a file that holds at most so many bytes."""
    with opened(path) as file:
        size = length(file)
        if size > most:
            raise InputError(f"{path} holds {size:,} bytes, more than {most:,}")
        return file.read()


def length(file: IO[bytes]) -> int:
    return os.fstat(file.fileno()).st_size


def read_array(file: IO[bytes], size: int) -> Array:
    """The array of numbers in an .npy file of `size` bytes, in this machine's byte order.

    Raises InputError for anything else: text, pickled objects, a header that promises more than there is.
    """
    import numpy as np

    shape, fortran, dtype, start = header(file)
    if dtype.kind not in NUMBERS or dtype.names or dtype.subdtype:
        raise InputError(f"its type is {str(dtype)[:60]}; it must be numbers")
    need = room(shape, dtype.itemsize, size - start)
    made = np.empty(need // dtype.itemsize, dtype)
    left = memoryview(made.view(np.uint8).data)
    while left and (count := file.readinto(left)):  # type: ignore[attr-defined]
        left = left[count:]
    if left:
        raise InputError(f"it ends {len(left)} bytes too early for its shape {shape}")
    return made.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="), order="C", copy=False)


def header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, DType, int]:
    """Shape, order, dtype and how many bytes the header takes."""
    from numpy.lib import format as npy

    magic = file.read(8)
    if magic[:6] != npy.MAGIC_PREFIX or len(magic) < 8:
        raise InputError("it does not begin as an .npy file")
    if magic[6:] not in (b"\1\0", b"\2\0"):
        raise InputError(f"it has version {magic[6]}.{magic[7]} of .npy; arrays of numbers have 1.0 or 2.0")
    wide, read = (2, npy.read_array_header_1_0) if magic[6] == 1 else (4, npy.read_array_header_2_0)
    before = file.read(wide)
    count = int.from_bytes(before, "little")
    if count > LONGEST_HEADER:
        raise InputError(f"its header says that it is {count} bytes long")
    try:
        shape, fortran, dtype = read(io.BytesIO(before + file.read(count)))
    except DAMAGED_HEADER as error:
        raise InputError(f"its header is damaged: {short(error)}") from None
    return shape, fortran, dtype, 8 + wide + count


def room(shape: Shape, itemsize: int, available: int) -> int:
    """The bytes that an array takes; refused where that cannot be, or where fewer are available."""
    if len(shape) > MOST_AXES:
        raise InputError(f"it has {len(shape)} axes, more than {MOST_AXES}")
    if any(n < 0 or isinstance(n, bool) for n in shape):
        raise InputError(f"its shape is {shape}")
    need = math.prod(shape) * itemsize
    if need > available:
        raise InputError(f"its shape {short(shape)} needs {need:,} bytes, and there is room for {available:,}")
    if math.prod(max(n, 1) for n in shape) * itemsize >= 1 << 62:  # no number, and still no array
        raise InputError(f"its shape is {short(shape)}")
    return need


def short(thing: object) -> str:
    """What is said of a thing, in one line."""
    return " ".join(str(thing).split())[:100]


class Archive:
    """An .npz file: names of arrays, each read when it is asked for. `source` is a file, or the bytes of one.

    Nothing is taken out to the disk, and nothing larger than asked for is unpacked.
    """

    def __init__(self, source: IO[bytes] | bytes) -> None:
        try:
            self.zip: zipfile.ZipFile = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
        except DAMAGED_ZIP as error:
            raise InputError(f"it is no zip file, or is cut off ({short(error)})") from None
        entries = self.zip.infolist()
        self.entries: dict[str, zipfile.ZipInfo] = {entry.filename.removesuffix(".npy"): entry for entry in entries}
        if len(self.entries) < len(entries):
            names = [e.filename.removesuffix(".npy") for e in entries]
            twice = next(n for n in names if names.count(n) > 1)
            raise InputError(f"it holds {twice[:60]} twice")

    @property
    def size(self) -> int:
        """What all arrays together unpack to, in bytes."""
        return sum(entry.file_size for entry in self.entries.values())

    def array(self, name: str, packed: bool = True) -> Array:
        """The array of that name; with `packed` false only one that is stored as it is."""
        entry = self.entries[name]
        if entry.compress_type not in ((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) if packed else (zipfile.ZIP_STORED,)):
            raise InputError(f"{name[:60]} is packed in a way (method {entry.compress_type}) that is not read here")
        try:
            with self.zip.open(entry) as file:
                return read_array(file, entry.file_size)
        except InputError as error:
            raise InputError(f"{name[:60]}: {error}") from None
        except DAMAGED_ZIP as error:
            raise InputError(f"{name[:60]} is damaged ({short(error)})") from None
