"""What NumPy refuses when a program runs is asked inside of XLA's, which has no errors: NumPy's program then answers.

An operation that may be refused gives one truth value more: whether all its indices are in range, whether all its
results are finite. In loops and branches they are carried along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ...primitives import Primitive, rows
from ...primitives.kernels.xla import filled, jnp
from ...types import Rule, Value

ASKED: ContextVar[list[Value] | None] = ContextVar("ASKED", default=None)


@contextmanager
def asked(anew: bool = False) -> Iterator[list[Value]]:
    """The answers of the operations that are lowered while the block runs; none where nobody wants them."""
    found: list[Value] = []
    token = ASKED.set(found if anew or ASKED.get() is not None else None)
    try:
        yield found
    finally:
        ASKED.reset(token)


def together(answers: list[Value]) -> Value:
    """Whether nothing was refused."""
    return jnp.all(jnp.stack(answers)) if answers else jnp.asarray(True)


def answered(fine: Value) -> None:
    """Notes an answer, where somebody wants it."""
    found = ASKED.get()
    if found is not None:
        found.append(jnp.all(fine))


def asking(row: Primitive, function: Rule) -> Rule:
    """The row's function, which also asks whether NumPy's would refuse its operands."""
    question = QUESTIONS.get(row)
    if question is None:
        return function

    def run(*operands: Value, **params: Any) -> Value:
        found = function(*operands, **params)
        if ASKED.get() is not None and (fine := question(found, *operands, **params)) is not None:
            answered(fine)
        return found

    return run


def read(y: Value, x: Value, *arrays: Value, index: Any) -> Value:
    """Reading what is there gives true, and all else false."""
    return jnp.ones(jnp.shape(x), bool).at[filled(index, arrays)].get(mode="fill", fill_value=False) if arrays else None


def written(y: Value, x: Value, values: Value, *arrays: Value, index: Any) -> Value:
    return read(y, x, *arrays, index=index)


def taken(y: Value, x: Value, indices: Value, *, axis: int, mode: str) -> Value:
    return within(indices, jnp.shape(x)[axis]) if mode == "raise" else None


def taken_along(y: Value, x: Value, indices: Value, *, axis: int) -> Value:
    return within(indices, jnp.shape(x)[axis])


def within(indices: Value, n: int) -> Value:
    indices = jnp.asarray(indices)
    return (indices >= -n) & (indices < n)


def labelled(y: Value, labels: Value, *, what: str, count: int, ignore_index: Value) -> Value:
    fine = (labels >= 0) & (labels < count)
    return fine if ignore_index is None else fine | (labels == ignore_index)


def whole_power(z: Value, x: Value, y: Value) -> Value:
    """Whole numbers have no negative powers."""
    return jnp.asarray(y) >= 0 if all(jnp.asarray(v).dtype.kind in "iu" for v in (x, y)) else None


def finite(y: Value, *operands: Value, **params: Any) -> Value:
    """LAPACK's errors: what is singular or does not converge has NaN, or infinite numbers, in its results."""
    parts = y if isinstance(y, tuple | list) else [y]
    return jnp.stack([jnp.all(jnp.isfinite(part)) for part in parts])


QUESTIONS: dict[Primitive, Callable[..., Value]] = {
    rows.getitem: read,
    rows.set_at: written,
    rows.add_at: written,
    rows.take: taken,
    rows.take_along_axis: taken_along,
    rows.class_labels: labelled,
    rows.power: whole_power,
    **dict.fromkeys((rows.solve, rows.inv, rows.cholesky, rows.svd, rows.eigh, rows.eig), finite),
}
