"""Products on our own threads: OpenBLAS's own spin for a tenth of a second after each product, in the way of ours.

A program that shares its blocks between threads asks OpenBLAS for one thread while it runs (as threadpoolctl does) and
cuts its large products itself. Where another BLAS is behind NumPy, products stay whole and its own business.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import numpy as np

from ...primitives.kernels.parallel import cores, together
from ...types import Array, Function, Value

NAMES = ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_", "openblas_{}_num_threads")
WORTH = 4_000_000  # multiplications below which a product is not cut
_lock = threading.Lock()
_depth = 0
_before = 1


@cache
def controls() -> tuple[Value, Value] | None:
    """OpenBLAS's own functions to ask for and to set its number of threads, in the library that NumPy has loaded."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return None
    np.ones((2, 2)) @ np.ones((2, 2))
    loaded = {line.split(maxsplit=5)[-1] for line in maps.read_text().splitlines() if "openblas" in line}
    for path in sorted(loaded, key=lambda p: ("numpy" not in p, p)):
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for name in NAMES:
            if hasattr(library, name.format("set")) and hasattr(library, name.format("get")):
                return getattr(library, name.format("get")), getattr(library, name.format("set"))
    return None


@contextmanager
def one_thread() -> Iterator[None]:
    """OpenBLAS on one thread, until the last program that wants it so has ended."""
    global _depth, _before
    found = controls()
    if found is None:
        yield
        return
    ask, tell = found
    with _lock:
        if _depth == 0:
            _before = ask()
            tell(1)
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                tell(_before)


def product(a: Array, b: Array, out: Array) -> Array:
    """np.matmul(a, b, out) in two halves, by rows or, where these are few, by columns: both halves would read all of b.

    The halves do not depend on the number of threads.
    """
    if controls() is None or a.ndim < 2 or b.ndim < 2:
        return np.matmul(a, b, out)
    if out.ndim > 2 and a.ndim == b.ndim:
        half = len(out) // 2
        parts = (a[:half], b[:half], out[:half]), (a[half:], b[half:], out[half:])
    elif out.shape[-2] >= min(out.shape[-1], a.shape[-1]) or b.ndim > 2:
        half = out.shape[-2] // 2
        parts = (a[..., :half, :], b, out[..., :half, :]), (a[..., half:, :], b, out[..., half:, :])
    else:
        half = out.shape[-1] // 2
        parts = (a, b[..., :half], out[..., :half]), (a, b[..., half:], out[..., half:])
    if cores() == 1:
        for part in parts:
            np.matmul(*part)
    else:
        multiply: Function = np.matmul
        together([partial(multiply, *part) for part in parts])
    return out
