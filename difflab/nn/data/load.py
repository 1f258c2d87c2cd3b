"""Data sets by name."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...types import Array, FileName
from .dataset import Dataset, train_test_split
from .idx import idx_folder
from .synthetic import SYNTHETIC
from .table import read_csv

FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
# Where Debian's package dataset-fashion-mnist puts its files, and where a person may put them.
PLACES = ("/usr/share/datasets/fashion-mnist", "~/.local/share/datasets/fashion-mnist", "~/fashion-mnist")
NAMES = ("digits", "fashion-mnist", *SYNTHETIC)


def digits() -> Dataset:
    """1,797 handwritten digits of 8 x 8 pixels in 16 greys, which come with difflab: 1,438 to train with, 359 to test.

    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI repository, CC BY 4.0; the part that
    scikit-learn ships.

    >>> digits()
    <Dataset digits: 1438 + 359 samples of shape (1, 8, 8), 10 classes>
    """
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as file:
        images, labels = file["images"], file["labels"]
    x = images[:, None].astype(np.float32) / np.float32(16)
    x_train, x_test, y_train, y_test = train_test_split(x, labels.astype(np.int64), stratify=True)
    return Dataset("digits", x_train, y_train, x_test, y_test, tuple(map(str, range(10))))


def fashion_mnist(folder: FileName | None = None) -> Dataset:
    """70,000 pictures of clothes, 28 x 28, in 10 classes: 60,000 to train with, 10,000 to test.

    H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv:1708.07747. The four IDX files are looked for in `folder`, in
    $DIFFLAB_FASHION_MNIST and where Debian's package dataset-fashion-mnist puts them.
    """
    places = [folder] if folder else [os.environ.get("DIFFLAB_FASHION_MNIST"), *PLACES]
    for place in places:
        if place and Path(place).expanduser().is_dir():
            return idx_folder(Path(place).expanduser(), "fashion-mnist", FASHION)
    raise InputError(
        "fashion-mnist: its IDX files are not on this machine; install Debian's package dataset-fashion-mnist, or give "
        "the folder that holds them instead of the name"
    )


def load(name: FileName) -> Dataset:
    """The data set digits, fashion-mnist, spiral, moons or blobs, or that of a folder of IDX files or a CSV file.

    >>> load("moons")
    <Dataset moons: 800 + 200 samples of shape (2,), 2 classes>
    """
    if isinstance(name, Dataset):
        return name
    if name == "digits":
        return digits()
    if name == "fashion-mnist":
        return fashion_mnist()
    if name in SYNTHETIC:
        x, y = SYNTHETIC[name](1000)
        return split(name, x, y, tuple(map(str, range(int(y.max()) + 1))))
    path = Path(name)
    if path.is_dir() and name != "":  # which is the current folder for a path
        return idx_folder(path)
    if path.suffix.lower() == ".csv":
        x, y, classes, _ = read_csv(path)
        return split(path.name, x, y, classes)
    meant = "".join(f"did you mean {close}? " for close in get_close_matches(str(name), NAMES, n=1, cutoff=0.5))
    raise InputError(
        f"there is no data set {str(name)!r}; {meant}give {', '.join(NAMES)}, a folder of IDX files or a .csv file"
    )


def split(name: str, x: Array, y: Array, classes: tuple[str, ...]) -> Dataset:
    x_train, x_test, y_train, y_test = train_test_split(x.astype(np.float32), y)
    return Dataset(name, x_train, y_train, x_test, y_test, classes)
