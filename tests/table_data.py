"""The data of the table of rows: for each array row calls of it in plain NumPy, and where they are judged.

The calls come from `array_cases`, from the linear algebra tests and from `MORE`, which has the rows that only networks,
compiled programs and other rows' derivatives use. A row without a call here fails `test_table_rows.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from array_cases import CASES, CONSTANT, C, M, row
from scipy import special
from test_primitives_arrays import inputs
from test_primitives_linalg import CASES as LINALG

import difflab.numpy as dnp

LABELS = np.array([0, 2, -100])
CT, VAR = np.array([0.3, -1.2, 0.8]), np.array([[0.5], [1.5], [0.2]])
STEPS = {"stride": (1, 1), "padding": ((1, 0), (0, 1)), "dilation": (1, 1), "groups": 1}
POOL = {"pool": (2, 2), **STEPS}
IMAGES, FILTERS, POOLED = (2, 2, 4, 5), (4, 2, 2, 2), (2, 4, 2, 2)
PLACES = np.arange(32).reshape(POOLED) * 5 % 4


def standardised(x):
    mean, var = dnp.mean(x, axis=1, keepdims=True), dnp.var(x, axis=1, keepdims=True)
    return row("standardised", axes=(1,), eps=0.1)(x, mean, var)


MORE = {
    "without_ignored": [(lambda x: row("without_ignored", ignore_index=-100)(x, LABELS), (3,))],
    "label_loss": [
        (lambda z: row("label_loss", axis=1, ignore_index=-100)(z, LABELS), (3, 4)),
        (lambda z: row("label_loss", axis=0, ignore_index=1)(z, np.array([0, 1, 2])), (4, 3)),
    ],
    "label_loss_slope": [
        (lambda c, z: row("label_loss_slope", axis=1, ignore_index=-100)(c, z, LABELS), (3,), (3, 4)),
        (lambda c, z: row("label_loss_slope", axis=0, ignore_index=1)(c, z, np.array([0, 1, 2])), (3,), (4, 3)),
    ],
    "conjugate": [(np.conjugate, M), (lambda x: np.conj(x * (1 + 2j)), M)],
    "multigammaln": [(lambda a: row("multigammaln", d=3)(3.0 + a * a), (4,))],
    "riemann_zeta": [(lambda s: special.zeta(2.0 + s * s), (4,))],
    "moments": [(lambda x: row("moments", axes=(0, 2))(x), C), (lambda x: row("moments", axes=(1,))(x), M)],
    "standardised": [(standardised, M)],
    "standardised_slope": [
        (lambda c, y, v: row("standardised_slope", axes=(1,), eps=0.1)(c, y, v), M, M, VAR),
    ],
    "ifft": [(lambda x: np.fft.ifft(x, axis=0), M), (np.fft.ifft, M)],
    "rfft": [(lambda x: np.fft.rfft(x, axis=0), M), (np.fft.rfft, M)],
    "irfft": [(lambda x: np.fft.irfft(x, axis=0), M), (np.fft.irfft, M)],
    "cofactor": [(row("cofactor"), (3, 3)), (row("cofactor"), (2, 3, 3))],
    "pick": [(lambda x: row("moments", axes=(0,))(x)[1], M)],
    "sum_to": [
        (lambda x: row("sum_to", shape=(3, 1))(x), C),
        (lambda x: row("sum_to", shape=(4,))(x), M),
        (lambda x: row("sum_to", shape=())(x), M),
    ],
    "scatter": [
        (lambda x: row("scatter", index=(np.array([2, 0, 2]), slice(1, 4)), shape=(4, 5))(x), (3, 3)),
        (lambda x: row("scatter", index=(Ellipsis, 1), shape=(2, 3))(x), (2,)),
    ],
    "solve_triangular": [
        (lambda a, b: dnp.solve_triangular(a + 3 * np.eye(3), b, trans="T"), (3, 3), (3,)),
        (lambda a, b: dnp.solve_triangular(a + 3 * np.eye(3), b, lower=True, unit_diagonal=True), (3, 3), (3, 2)),
    ],
}
# Rows that leave NaNs out, of numbers without any: for the carriers that have none.
MORE |= {name: [(f, (4, 4)) for f, *_ in cases] for name, cases in CASES.items() if name.startswith("nan")}
MORE_CONSTANT = {
    "unique_places": [(row("unique_places"), (5,)), (row("unique_places"), np.array([2.0, 1.0, 2.0, 0.5]))],
    "last_writers": [
        (row("last_writers", size=4), np.array([2, 0, 2])),
        (row("last_writers", size=3), np.array([[1, 1], [2, 0]])),
    ],
    "interval": [
        (lambda x: row("interval")(np.array([-2.0, 0.0, 0.5, 3.0]), x), np.array([-3.0, -1.0, 0.0, -0.2, 9.0]))
    ],
    "matrix_rank": [(lambda x: np.linalg.matrix_rank(x, tol=1.8), (3, 3)), (np.linalg.matrix_rank, (2, 3, 4))],
    "class_labels": [
        (lambda k: row("class_labels", what="k", count=3, ignore_index=-100)(k), np.array([1, 2, 0, -100])),
    ],
    "random_uniform": [(lambda k: row("random_uniform", shape=(2, 3), dtype=np.float64)(k), np.array([7, 1]))],
    "conv_max_pool": [(row("conv_max_pool", **POOL), IMAGES, FILTERS)],
    "pooled_weight_transpose": [
        (lambda x, y: row("pooled_weight_transpose", size=(2, 2), **POOL)(x, y, PLACES), IMAGES, POOLED),
    ],
    "pooled_input_transpose": [
        (lambda y, w: row("pooled_input_transpose", shape=(4, 5), **POOL)(y, PLACES, w), POOLED, FILTERS),
    ],
}


class Use(NamedTuple):
    """A call of a row: a function in NumPy's names, its operands, a batch of three of each, whether it has slopes."""

    f: Any
    xs: tuple[Any, ...]
    columns: tuple[Any, ...]
    smooth: bool


def uses(name: str) -> list[Use]:
    """All calls of a row that the tests have."""
    found = []
    for table, smooth in ((CASES, True), (MORE, True), (CONSTANT, False), (MORE_CONSTANT, False)):
        for f, *shapes in table.get(name, ()):
            whole = any(isinstance(s, np.ndarray) and s.dtype.kind in "iu" for s in shapes)
            xs = tuple(shapes) if whole else tuple(inputs(shapes))
            columns = tuple(
                np.stack([x, x[::-1] if whole else -np.flip(x), x if whole else 1.3 * x + 0.01]) for x in xs
            )
            found.append(Use(f, xs, columns, smooth))
    for f, xs in LINALG.get(name, ()) if name != "cofactor" else ():  # that case is a derivative of difflab's
        xs = tuple(np.asarray(x)[()] for x in xs)
        found.append(Use(f, xs, tuple(np.stack([x, 1.1 * x, 0.8 * x]) for x in xs), True))
    return found
