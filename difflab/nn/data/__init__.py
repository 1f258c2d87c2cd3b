"""Data: sets by name, IDX and CSV files, points in the plane, splits and mini-batches."""

from .augment import Augment as Augment
from .dataset import (
    Dataset as Dataset,
    batches as batches,
    normalize as normalize,
    train_test_split as train_test_split,
)
from .idx import idx_folder as idx_folder, read_idx as read_idx
from .load import digits as digits, fashion_mnist as fashion_mnist, load as load
from .synthetic import blobs as blobs, moons as moons, spiral as spiral
from .table import read_csv as read_csv
