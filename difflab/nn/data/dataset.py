"""What a data set is, and the ways it is cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from ...cards.parts import Card, Table, arrays, figure
from ...cards.shown import Shown
from ...errors import InputError, ShapeError
from ...graph.kinds import check_fit
from ...types import Array, Axis, Shape


@dataclass(frozen=True, eq=False)
class Dataset(Shown):
    """Inputs and labels to learn from and to test with.

    `x_train` is (n, features) or (n, channels, height, width), `y_train` (n,) of class numbers (or (n, outputs) of
    floats, and then `classes` is empty).
    """

    name: str
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part, x, y in (("train", self.x_train, self.y_train), ("test", self.x_test, self.y_test)):
            check_pair(f"{self.name}: {part}", x, y)
            if self.classes and len(y):
                check_labels(f"{self.name}: y_{part}", y, len(self.classes))
        if self.x_train.shape[1:] != self.x_test.shape[1:]:
            raise ShapeError(
                f"{self.name}: samples of shape {self.x_train.shape[1:]} to train with, {self.x_test.shape[1:]} to test"
            )

    @property
    def shape(self) -> Shape:
        """The shape of one sample."""
        return tuple(self.x_train.shape[1:])

    def astype(self, dtype: DTypeLike) -> Dataset:
        """The same data with inputs of this dtype."""
        from dataclasses import replace

        return replace(
            self, x_train=self.x_train.astype(dtype, copy=False), x_test=self.x_test.astype(dtype, copy=False)
        )

    def __repr__(self) -> str:
        kind = f"{len(self.classes)} classes" if self.classes else "regression"
        return f"<Dataset {self.name}: {len(self.x_train)} + {len(self.x_test)} samples of shape {self.shape}, {kind}>"

    def _card_(self) -> Card:
        parts = {"x_train": self.x_train, "y_train": self.y_train, "x_test": self.x_test, "y_test": self.y_test}
        counts = [
            [name, figure(np.count_nonzero(self.y_train == k)), figure(np.count_nonzero(self.y_test == k))]
            for k, name in enumerate(self.classes)
        ]
        about = f"{self.name}: {len(self.x_train):,} samples to train with, {len(self.x_test):,} to test"
        return Card("Dataset", about).add(arrays(parts), Table(counts, ("class", "train", "test"), "classes"))


def check_pair(where: str, x: Array, y: Array) -> None:
    if not isinstance(x, np.ndarray) or not isinstance(y, np.ndarray):
        raise InputError(f"{where}: give NumPy arrays, not {type(x).__name__} and {type(y).__name__}")
    check_fit(x, f"{where}: the inputs")
    check_fit(y, f"{where}: the labels")
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise ShapeError(f"{where}: inputs of shape {x.shape} and labels of shape {y.shape}; they need the same length")


def check_labels(where: str, y: Array, classes: int) -> None:
    """Class numbers are integers from 0 to classes - 1."""
    if y.dtype.kind not in "iu":
        raise InputError(f"{where} has dtype {y.dtype}; class numbers are integers")
    bad = np.flatnonzero((y < 0) | (y >= classes))
    if len(bad):
        k = bad[0]
        raise InputError(f"{where}[{k}] is {y.reshape(-1)[k]}; with {classes} classes labels are 0 to {classes - 1}")


def normalize(x: Array, *others: Array, axis: Axis = None) -> tuple[Array, ...]:
    """x and the other arrays minus x's mean, over x's standard deviation.

    By default each channel of images has its own mean and deviation, and each column of a table. A constant channel is
    only shifted. Returns the arrays, then the mean and the deviation.

    >>> x, mean, std = normalize(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> x.tolist(), mean.tolist(), std.tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[2.0, 5.0]], [[1.0, 1.0]])
    """
    if x.dtype.kind != "f":
        raise InputError(f"normalize: dtype {x.dtype}; give floats: x.astype(float)")
    if not x.size:
        raise InputError(f"normalize: an array of shape {x.shape} has no mean")
    if axis is None:
        axis = tuple(k for k in range(x.ndim) if k != 1)
    mean = x.mean(axis, keepdims=True, dtype=np.float64).astype(x.dtype)
    std = x.std(axis, keepdims=True, dtype=np.float64).astype(x.dtype)
    std = np.where(std == 0, 1, std).astype(x.dtype)
    return (*((a - mean) / std for a in (x, *others)), mean, std)


def train_test_split(
    x: Array, y: Array, *, test: float = 0.2, seed: int = 0, stratify: bool = False
) -> tuple[Array, ...]:
    """x_train, x_test, y_train, y_test: a fraction `test` of the samples, drawn without order, is kept for testing.

    With `stratify` each class gives its share.

    >>> parts = train_test_split(np.arange(10.0), np.arange(10), test=0.3)
    >>> [len(p) for p in parts]
    [7, 3, 7, 3]
    """
    check_pair("train_test_split", x, y)
    if not 0 < test < 1:
        raise InputError(f"train_test_split: test={test!r}; give a fraction between 0 and 1")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    count = round(test * len(x))
    if stratify:
        order = order[np.argsort(y[order], kind="stable")]  # class by class, and every few of them one is kept
        places = ((np.arange(count) + 0.5) * len(x) / max(count, 1)).astype(int)
        chosen = np.isin(np.arange(len(x)), places)
        kept, rest = rng.permutation(order[chosen]), rng.permutation(order[~chosen])
    else:
        kept, rest = order[:count], order[count:]
    if not len(kept) or not len(rest):
        raise InputError(f"train_test_split: {len(x)} samples with test={test} leave a part without any")
    return x[rest], x[kept], y[rest], y[kept]


def batches(
    count: int, batch_size: int, *, seed: int = 0, epoch: int = 0, shuffle: bool = True, drop_last: bool = False
) -> Iterator[Array]:
    """The places of the samples of each mini-batch of one epoch.

    The order depends on `seed` and `epoch` alone, so that a run that is resumed sees the same batches.

    >>> [len(b) for b in batches(10, 4)]
    [4, 4, 2]
    """
    for name, value in (("count", count), ("batch_size", batch_size)):
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise InputError(f"batches: {name}={value!r}; give an integer of at least 1")
    order = np.random.default_rng((seed, epoch)).permutation(count) if shuffle else np.arange(count)
    for start in range(0, count - (count % batch_size if drop_last else 0), batch_size):
        yield order[start : start + batch_size]
