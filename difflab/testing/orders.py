"""check_grads: derivatives of any order along random directions, each against the order below."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..clock import spent
from ..differentiate.certified import certify
from ..differentiate.problem import check_call
from ..differentiate.transform import grad, jvp
from ..errors import DifflabError, DisagreementError, InputError, UnsupportedError
from ..graph.pytree import leaves_of, map_leaves
from ..types import DType, Function, Value
from .arguments import Arguments
from .judges import CERTIFICATE, PointError, Subject, Truth
from .report import Row, table

ACCEPTED = {8: 1e-7, 4: 1e-3, 2: 1e-2}  # relative, by the narrowest dtype of the point
SECONDS = 10.0  # for a certificate
NOTHING = 1e-9  # what counts as 0, relative to the order below


def check_grads(
    f: Function,
    args: Sequence[Value],
    order: int = 2,
    modes: str | Iterable[str] = ("forward", "reverse"),
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
) -> None:
    """Asserts derivatives of f up to an order, in the given modes, along random directions.

    The first and the second derivative are compared with f's certificates, where they can be had, and the others with
    the order below: with its certificate or its finite differences. `args` is the sequence of f's arguments (arrays or
    nested containers). `rtol` is 1e-7 by default (1e-3 for float32), `atol` 1e-9 of the order below. Raises
    DisagreementError with a table, InputError at a kink, UnsupportedError where nobody could judge.

    >>> import numpy as np
    >>> check_grads(lambda x: np.sum(np.tanh(x) ** 2), (np.array([0.3, -1.0]),), order=3)
    """
    chosen = [{"fwd": "forward", "rev": "reverse"}.get(m, m) for m in ([modes] if isinstance(modes, str) else modes)]
    if not chosen or set(chosen) - {"forward", "reverse"}:
        raise InputError(f"check_grads: modes={modes!r}; give forward, reverse or both")
    if not isinstance(order, int) or order < 1:
        raise InputError(f"check_grads: order={order!r}; give a positive integer")
    if not isinstance(args, tuple | list):
        raise InputError("check_grads: args is the sequence of arguments; write (x,) for one")
    check_call(f, "the function", tuple(args))
    for mode in chosen:
        g = first = scalar(f, tuple(args), seed)
        directions: list[Value] = []
        for level in range(1, order + 1):
            directions.append(random_direction(tuple(args), seed + level))
            slope = along(g, directions[-1], mode)
            known = second_derivative(first, tuple(args), directions) if level == 2 else None
            wrong = judge_slope(g, slope, tuple(args), directions[-1], f"{mode}, order {level}", rtol, atol, known)
            if wrong:
                name = getattr(f, "__name__", "the function")
                raise DisagreementError(f"the derivatives of {name} disagree\n{table(wrong)}")
            g = slope


def scalar(f: Function, arguments: tuple[Value, ...], seed: int) -> Function:
    """f with its outputs contracted to a number by fixed random weights, where they are not one already."""
    outputs = [np.asarray(y) for y in leaves_of(f(*arguments))]
    if not outputs:
        raise InputError(f"{getattr(f, '__name__', 'the function')} returns no numbers; is its return missing?")
    if len(outputs) == 1 and outputs[0].ndim == 0:
        return f
    random = np.random.default_rng(seed)
    weights = [random.uniform(0.5, 1.5, y.shape) for y in outputs]

    def contracted(*given: Value) -> Value:
        total = 0.0
        for w, y in zip(weights, leaves_of(f(*given))):
            total = total + np.sum(w * y)
        return total

    made: Any = contracted
    made.__name__ = getattr(f, "__name__", "the function")
    made.__signature__ = signature(f)
    return contracted


def signature(f: Function) -> Value:
    try:
        return inspect.signature(f)
    except (TypeError, ValueError):
        return None


def random_direction(arguments: tuple[Value, ...], seed: int) -> tuple[Value, ...]:
    """A random tangent of the arguments' structure and dtypes."""
    random = np.random.default_rng(seed)
    draw = lambda x: np.asarray(random.normal(size=np.shape(x)), float_dtype(x))[()]
    return tuple(map_leaves(draw, a) for a in arguments)


def float_dtype(x: Value) -> DType:
    dtype = np.asarray(x).dtype
    return dtype if dtype.kind == "f" else np.dtype(float)


def along(g: Function, direction: tuple[Value, ...], mode: str) -> Function:
    """The derivative of g along the direction, as a function of the arguments."""
    if mode == "forward":
        return lambda *given: jvp(g, given, direction)[1]

    def reverse(*given: Value) -> Value:
        found = grad(g, argnums=tuple(range(len(given))))(*given)
        total: Value = 0.0
        for a, b in zip(leaves_of(found), leaves_of(direction)):
            total = total + np.sum(a * b)
        return total

    return reverse


def judge_slope(
    g: Function,
    slope: Function,
    arguments: tuple[Value, ...],
    direction: tuple[Value, ...],
    label: str,
    rtol: float | None,
    atol: float | None = None,
    known: Truth | None = None,
) -> list[Row]:
    """The derivative along the direction against `known`, or the best judge of g on that line."""
    point = Arguments(g, arguments)
    step = point.vector(leaves_of(direction))
    line = point.along(g, step)
    subject = Subject(line, Arguments(line, (0.0,)), spent() + SECONDS)
    truth, found = known or subject.truth(), float(slope(*arguments))
    expected, error = float(truth.value[0]), float(truth.error[0])
    relative = ACCEPTED.get(min(x.dtype.itemsize for x in point.values), 1e-7) if rtol is None else rtol
    nothing = NOTHING * min(1.0, max(abs(subject.value), abs(found))) if atol is None else atol
    allowed = relative * max(abs(expected), abs(found)) + nothing + error
    if not np.isnan(expected) and not (found == expected or abs(found - expected) <= allowed):
        return [Row(label, "along the direction", found, expected, error, truth.judge)]
    if truth.reason[0]:
        if truth.kink(0):
            raise PointError(f"{label}: the point sits on a kink ({truth.reason[0]}); move the point")
        raise UnsupportedError(f"{label}: nobody could judge the derivative: {truth.reason[0]}; {truth.note}")
    return []


def second_derivative(f: Function, arguments: tuple[Value, ...], directions: list[Value]) -> Truth | None:
    """f's second derivative along two directions, if it can be certified: no rule of the first derivative is in it."""
    point = Arguments(f, arguments)
    plane = point.along(f, *[point.vector(leaves_of(d)) for d in directions])
    try:
        proof = certify(plane, (0.0, 0.0), order=2, seconds=SECONDS)
    except DifflabError:
        return None
    if not proof.certified:
        return None
    first, second = proof.hessian
    value = float(proof.hessian[first][second])
    return Truth(CERTIFICATE, np.array([value]), np.zeros(1), [""], [None])
