"""The library of products is found past one that cannot be loaded, and products are cut anywhere."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

from difflab.compile.run import blas

GOOD = {"scipy_openblas_get_num_threads64_": "ask", "scipy_openblas_set_num_threads64_": "tell"}
OLDER = {"openblas_get_num_threads": "ask", "openblas_set_num_threads": "tell"}
HALF = {"openblas_get_num_threads": "ask"}


@pytest.mark.parametrize(
    "libraries, found",
    [
        ({}, False),
        ({"/a/libopenblas.so": GOOD}, True),
        ({"/a/libopenblas.so": OLDER}, True),
        ({"/a/libopenblas.so": HALF}, False),
        ({"/a/libopenblas.so": None}, False),
        ({"/a/libopenblas.so": None, "/b/libopenblas.so": GOOD}, True),
        ({"/a/libopenblas.so": HALF, "/b/libopenblas.so": OLDER}, True),
        ({"/a/libopenblas.so": None, "/b/libopenblas.so": None, "/c/libopenblas.so": GOOD}, True),
        ({"/a/libother.so": GOOD}, False),
    ],
)
def test_controls_are_of_the_first_library_that_has_them(libraries, found, monkeypatch):
    def load(path):
        if libraries[path] is None:
            raise OSError(path)
        return SimpleNamespace(**libraries[path])

    text = "".join(f"7f00-7f01 r-xp 00000000 08:01 7 {path}\n" for path in ["/lib/libc.so", *libraries])
    monkeypatch.setattr(blas, "Path", lambda path: SimpleNamespace(exists=lambda: True, read_text=lambda: text))
    monkeypatch.setattr(ctypes, "CDLL", load)
    assert blas.controls.__wrapped__() == (("ask", "tell") if found else None)


def test_controls_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.setattr(blas, "Path", lambda path: SimpleNamespace(exists=lambda: False))
    assert blas.controls.__wrapped__() is None


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize(
    "shapes",
    [
        ((1, 1), (1, 1)),
        ((1, 5), (5, 7)),
        ((7, 5), (5, 1)),
        ((1, 2, 3), (3, 9)),
        ((5, 2, 3), (3, 9)),
        ((1, 4, 3), (1, 3, 2)),
        ((3, 4, 3), (3, 3, 2)),
        ((4, 3), (5, 3, 2)),
        ((2, 2, 4, 3), (2, 3, 5)),
        ((2, 2, 1, 3), (3, 8)),
    ],
    ids=str,
)
def test_products_of_few_rows_and_columns_in_halves(shapes, cores, monkeypatch):
    monkeypatch.setattr(blas, "controls", lambda: ("ask", "tell"))
    monkeypatch.setattr(blas, "cores", lambda: cores)
    a, b = (np.random.default_rng(k).normal(size=s) for k, s in enumerate(shapes))
    out = np.full(np.matmul(a, b).shape, np.nan)
    assert blas.product(a, b, out) is out
    np.testing.assert_allclose(out, a @ b, rtol=1e-13, atol=1e-13)
