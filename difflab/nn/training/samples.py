"""The samples that fit trains on: a data set of what was given, and numbers that tell it from another."""

from __future__ import annotations

import zlib

import numpy as np

from ...errors import InputError
from ...graph.kinds import check_fit
from ...types import Array
from ..data.dataset import Dataset


def as_dataset(data: Dataset | tuple[Array, ...]) -> Dataset:
    if isinstance(data, Dataset):
        found = data
    elif isinstance(data, tuple) and len(data) in (2, 4):
        for name, a in zip(("x", "y", "x_test", "y_test"), data):
            check_fit(a, f"fit: {name}")
        x, y, *test = (np.asarray(a) for a in data)
        xt, yt = test or (x[:0], y[:0])
        top = 1 + max(int(y.max(initial=0)), int(yt.max(initial=0))) if y.ndim == 1 and y.dtype.kind in "iu" else 0
        found = Dataset("data", x, y, xt, yt, tuple(map(str, range(top))))
    else:
        raise InputError(f"fit: data of type {type(data).__name__}; give a Dataset, (x, y) or (x, y, x_test, y_test)")
    if not len(found.x_train):
        raise InputError(f"fit: {found.name} has no samples to train with")
    if found.x_train.dtype.kind not in "fiu":
        raise InputError(f"fit: the samples have dtype {found.x_train.dtype}; they must be numbers")
    return found


def checksum(data: Dataset) -> list[int]:
    """A number for each array of a data set, which tells it from another."""
    return [zlib.crc32(np.ascontiguousarray(x).data) for x in (data.x_train, data.y_train, data.x_test, data.y_test)]
