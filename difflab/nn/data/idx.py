"""IDX files, the format of MNIST and its successors: a header of sizes, then the numbers, the first axis slowest."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from ...errors import InputError
from ...reading import MOST_AXES, length, opened
from ...types import Array, FileName, Shape
from .dataset import Dataset

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
LARGEST = 8 << 30  # bytes: more than that is a header that lies
MOST_CLASSES = 100_000
MOST_PACKED = 1032  # bytes that deflate, the packing of gzip, can make of one
PARTS: dict[str, tuple[str, ...]] = {"train": ("train",), "test": ("t10k", "test")}


def read_idx(path: FileName) -> Array:
    """The array in an IDX file, plain or gzipped. What is wrong with a file is said with the byte it is at.

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits, file formats.
    """
    path = Path(path)
    with opened(path) as plain:
        size, packed = length(plain), plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        try:
            return read(gzip.GzipFile(fileobj=plain), path, size * MOST_PACKED) if packed else read(plain, path, size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(f"{path}: the gzip data is damaged or cut off: {error}") from None
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def read(file: IO[bytes] | gzip.GzipFile, path: Path, available: int) -> Array:
    """The array in an open file that holds at most so many bytes."""
    head = file.read(4)
    if len(head) < 4:
        raise InputError(f"{path}: the file ends at byte {len(head)}; an IDX header has at least 4")
    if head[:2] != b"\0\0":
        raise InputError(
            f"{path}: byte {0 if head[0] else 1} is {head[0] or head[1]:#04x}; an IDX file begins with two zeros"
        )
    if head[2] not in TYPES:
        known = ", ".join(f"{k:#04x}" for k in TYPES)
        raise InputError(f"{path}: byte 2 is {head[2]:#04x}, which is no type of numbers; the types are {known}")
    axes = head[3]
    sizes = file.read(4 * axes)
    if not axes or len(sizes) < 4 * axes:
        raise InputError(f"{path}: byte 3 says {axes} axes, and the file ends at byte {4 + len(sizes)}")
    if axes > MOST_AXES:
        raise InputError(f"{path}: byte 3 says {axes} axes; more than {MOST_AXES} cannot be right")
    shape = tuple(int(n) for n in np.frombuffer(sizes, ">u4"))
    dtype = np.dtype(TYPES[head[2]])
    start, need = 4 + 4 * axes, math.prod(shape) * dtype.itemsize
    if max(need, math.prod(max(n, 1) for n in shape)) > LARGEST:
        raise InputError(f"{path}: bytes 4 to {start - 1} say {sizes_text(shape)}, {need} bytes; that cannot be right")
    data = file.read(min(need, available))
    if len(data) < need:
        raise InputError(
            f"{path}: bytes 4 to {start - 1} say {sizes_text(shape)}, which needs {need} bytes from byte {start} on; "
            f"the file ends at byte {start + len(data)}"
        )
    if file.read(1):
        raise InputError(f"{path}: {sizes_text(shape)} end at byte {start + need}, and the file goes on behind it")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=True)


def sizes_text(shape: Shape) -> str:
    return f"sizes {' x '.join(map(str, shape))}"


def idx_folder(folder: FileName, name: str | None = None, classes: tuple[str, ...] = ()) -> Dataset:
    """The data set of a folder with images and labels to train and test with, as MNIST's four files are named."""
    folder = Path(folder)
    found = {(part, kind): find(folder, part, kind) for part in PARTS for kind in ("images", "labels")}
    arrays = {}
    for part in PARTS:
        images, labels = (read_idx(found[part, kind]) for kind in ("images", "labels"))
        if images.ndim not in (3, 4):
            raise InputError(f"{found[part, 'images']}: an array of shape {images.shape}; images have 3 or 4 axes")
        if labels.ndim != 1 or len(labels) != len(images):
            raise InputError(
                f"{found[part, 'labels']}: {len(labels)} labels of shape {labels.shape} for {len(images)} images"
            )
        if labels.dtype.kind == "f":
            raise InputError(f"{found[part, 'labels']}: labels of type {labels.dtype}; class numbers are integers")
        x = images.astype(np.float32)
        x = x / np.float32(255) if images.dtype == np.uint8 else x
        arrays[part] = x[:, None] if x.ndim == 3 else x, labels.astype(np.int64)
    top = max(int(y.max(initial=0)) for _, y in arrays.values()) + 1
    if top > MOST_CLASSES:
        raise InputError(
            f"{folder}: there is a label {top - 1}; class numbers are counted from 0 up to {MOST_CLASSES - 1}"
        )
    names = classes if len(classes) >= top else tuple(map(str, range(top)))
    return Dataset(name or folder.name, *arrays["train"], *arrays["test"], names)


def find(folder: Path, part: str, kind: str) -> Path:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    files = [
        p
        for p in sorted(folder.iterdir())
        if kind in p.name.lower() and any(w in p.name.lower() for w in PARTS[part]) and "idx" in p.name.lower()
    ]
    if not files:
        raise InputError(
            f"{folder} has no IDX file of {part} {kind}: a name with {' or '.join(PARTS[part])}, {kind} and idx in it, "
            f"as in {PARTS[part][0]}-{kind}-idx{3 if kind == 'images' else 1}-ubyte.gz"
        )
    return files[0]
