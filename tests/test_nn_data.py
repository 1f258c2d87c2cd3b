"""Data: IDX and CSV files and what is wrong with them, sets by name, splits and batches."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from difflab.errors import InputError, ShapeError
from difflab.nn import data


def idx(array, code=0x08):
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + array.tobytes()


IMAGES = np.random.default_rng(0).integers(0, 256, (12, 5, 6)).astype(np.uint8)
LABELS = np.arange(12, dtype=np.uint8) % 3
KINDS = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("code", KINDS)
def test_idx_files_of_every_type(tmp_path, code, packed):
    array = np.random.default_rng(1).integers(-100, 100, (3, 4)).astype(KINDS[code])
    path = tmp_path / "x-idx2"
    path.write_bytes(gzip.compress(idx(array, code)) if packed else idx(array, code))
    found = data.read_idx(path)
    np.testing.assert_array_equal(found, array)
    assert found.dtype.isnative and found.flags.writeable


DAMAGED = [
    (b"", "ends at byte 0"),
    (b"\0\0\x08", "ends at byte 3"),
    (b"\0\x01\x08\x01", "byte 1 is 0x01"),
    (b"\x01\0\x08\x01", "byte 0 is 0x01"),
    (b"\0\0\x07\x01\0\0\0\x01\0", "byte 2 is 0x07"),
    (b"\0\0\x08\0", "byte 3 says 0 axes"),
    (b"\0\0\x08\x03\0\0\0\x01", "byte 3 says 3 axes, and the file ends at byte 8"),
    (idx(IMAGES)[:-7], "sizes 12 x 5 x 6, which needs 360 bytes from byte 16 on; the file ends at byte 369"),
    (idx(IMAGES) + b"\0", "end at byte 376, and the file goes on"),
    (b"\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff", "cannot be right"),
    (gzip.compress(idx(IMAGES))[:60], "gzip data is damaged"),
]


@pytest.mark.parametrize(("content", "message"), DAMAGED, ids=[m for _, m in DAMAGED])
def test_damaged_idx_files_are_told_by_the_byte(tmp_path, content, message):
    path = tmp_path / "bad-idx"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        data.read_idx(path)
    assert str(path) in str(error.value)


def folder(tmp_path, **changed):
    files = {"train-images": IMAGES, "train-labels": LABELS, "t10k-images": IMAGES[:4], "t10k-labels": LABELS[:4]}
    for name, array in (files | changed).items():
        if array is not None:
            (tmp_path / f"{name}-idx{array.ndim}-ubyte.gz").write_bytes(gzip.compress(idx(array)))
    return tmp_path


def test_a_folder_of_idx_files(tmp_path):
    d = data.load(str(folder(tmp_path)))
    assert d.shape == (1, 5, 6)
    assert d.x_train.dtype == np.float32
    np.testing.assert_allclose(d.x_train[:, 0] * 255, IMAGES, rtol=1e-6)
    assert d.classes == ("0", "1", "2")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("train-labels", LABELS[:5], "5 labels"),
        ("t10k-images", None, "no IDX file of test images"),
        ("train-images", LABELS, "3 or 4 axes"),
    ],
)
def test_folders_that_do_not_fit_together(tmp_path, name, array, message):
    with pytest.raises(InputError, match=message):
        data.load(folder(tmp_path, **{name: array}))


def test_digits_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    d, theirs = data.digits(), sklearn.load_digits()
    ours = np.concatenate([d.x_train, d.x_test])[:, 0] * 16
    assert sorted(map(bytes, ours.astype(np.uint8))) == sorted(map(bytes, theirs.images.astype(np.uint8)))
    assert len(d.x_train) + len(d.x_test) == 1797
    assert np.bincount(d.y_test).min() >= 35


def test_fashion_mnist():
    try:
        d = data.fashion_mnist()
    except InputError as error:
        pytest.skip(str(error))
    assert d.x_train.shape == (60_000, 1, 28, 28)
    assert d.x_test.shape == (10_000, 1, 28, 28)
    assert np.bincount(d.y_train).tolist() == [6000] * 10
    assert len(d.classes) == 10


TABLE = "a,b,kind\n1,2.5,cat\n3,4,dog\n\n5,6,cat\n"


def test_csv_tables(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    x, y, classes, names = data.read_csv(path)
    assert x.tolist() == [[1, 2.5], [3, 4], [5, 6]]
    assert (y.tolist(), classes, names) == ([0, 1, 0], ("cat", "dog"), ["a", "b"])
    path.write_text("0.5,1\n1.5,2\n2.5,3\n")
    x, y, classes, _ = data.read_csv(path, label=0)
    assert (y.tolist(), classes) == ([[0.5], [1.5], [2.5]], ())


BAD_TABLES = [
    ("", "is empty"),
    ("a,b\n", "names of columns and no rows"),
    ("1,2,3\n4,5\n", "line 2 has 2 columns, line 1 has 3"),
    ("a,b,c\n1,x,0\n", "line 2, b: 'x' is not a finite number"),
    ("a,b,c\n1,inf,0\n", "'inf'"),
    ("7\n8\n", "one column"),
    ("a;b;y\n1;2;0\n", "line 1 is separated by semicolons; write commas"),
    ("\na;b;y\n1,5;2,5;0\n", "line 2 is separated by semicolons; .* points in decimals"),
    ("1\t2\t0\n", "line 1 is separated by tabs"),
    ("1,5;2,5;0\n2,5;3,5;1\n", "'5;2' is not a finite number; separate columns by commas"),
]


@pytest.mark.parametrize(("text", "message"), BAD_TABLES, ids=[m for _, m in BAD_TABLES])
def test_bad_tables_are_told_by_the_line(tmp_path, text, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        data.read_csv(path)


def test_a_word_with_a_semicolon_is_a_label(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1,a;b\n2,c\n")
    assert data.read_csv(path)[2] == ("a;b", "c")


def test_batches_are_each_sample_once_and_decided_by_seed_and_epoch():
    first = [b.tolist() for b in data.batches(10, 4, seed=1, epoch=2)]
    assert first == [b.tolist() for b in data.batches(10, 4, seed=1, epoch=2)]
    assert sorted(k for b in first for k in b) == list(range(10))
    assert first != [b.tolist() for b in data.batches(10, 4, seed=1, epoch=3)]
    assert [len(b) for b in data.batches(10, 4, drop_last=True)] == [4, 4]
    with pytest.raises(InputError, match="batch_size=0"):
        list(data.batches(10, 0))


def test_splits_keep_pairs_together():
    x = np.arange(50.0)[:, None]
    a, b, ya, yb = data.train_test_split(x, np.arange(50) % 5, test=0.2, stratify=True)
    assert (a[:, 0] % 5 == ya).all()
    assert (b[:, 0] % 5 == yb).all()
    assert np.bincount(yb).tolist() == [2] * 5
    with pytest.raises(InputError, match="test=1.5"):
        data.train_test_split(x, np.arange(50), test=1.5)
    with pytest.raises(ShapeError, match="same length"):
        data.train_test_split(x, np.arange(49))


def test_normalize_is_by_channel():
    x = np.random.default_rng(0).normal(3, 2, (20, 2, 4, 4))
    y, mean, _ = data.normalize(x)
    assert mean.shape == (1, 2, 1, 1)
    np.testing.assert_allclose(y.mean((0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.std((0, 2, 3)), 1)


@pytest.mark.parametrize("name", ["spiral", "moons", "blobs"])
def test_points_in_the_plane(name):
    x, y = getattr(data, name)(60, seed=3)
    assert x.shape == (60, 2)
    np.testing.assert_array_equal(x, getattr(data, name)(60, seed=3)[0])
    assert len(np.unique(y)) == (2 if name == "moons" else 3)


def test_unknown_sets_are_told():
    with pytest.raises(InputError, match=r"no data set 'mnits'; did you mean .*\? give digits"):
        data.load("mnits")
    with pytest.raises(InputError, match=r"x_train.*|y_train\[1\] is 7"):
        data.Dataset("d", np.zeros((2, 3)), np.array([0, 7]), np.zeros((0, 3)), np.zeros(0, int), ("a", "b"))
