"""The complex step: f'(x) = Im f(x + ih) / h, without subtraction and so without cancellation.

It runs through the graph. Where NumPy's complex function is not the analytic continuation of the real one (np.abs
would drop the imaginary part without a word), the row says what is, or that nothing is. Squire and Trapp (1998),
"Using complex variables to estimate derivatives of real functions".
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..errors import UnsupportedError
from ..primitives import NUMPY, Primitive
from ..primitives.found import find, of_scipy
from ..primitives.primitive import Carrier, NumpyCarrier
from ..types import Function, Value
from .problem import Problem
from .stopped import pinned
from .transform import watched

STEP = 1e-200


def by_real_part(function: Function) -> Function:
    return lambda *xs, **params: function(*[np.real(x) for x in xs], **params)


class ComplexCarrier(NumpyCarrier):
    """NumPy's complex numbers as real numbers with a small imaginary part."""

    name = "complex"

    def function(self, row: Primitive) -> Function:
        spelled = row.spelling.get(self.name)
        if spelled is not None:
            native: Function = find(spelled) if isinstance(spelled, str) else spelled
            return native
        if "steps" in row.facts or not row.differentiable:
            return by_real_part(NUMPY.of(row))
        plain = NUMPY.of(row)
        composed = row.value

        def either(*xs: Value, **params: Value) -> Value:
            if not any(np.iscomplexobj(x) for operand in xs for x in several(operand)):
                return plain(*xs, **params)
            if self.name in row.refused:
                raise no_complex_values(row)
            continued = plain if composed is None else partial(composed, self)
            try:
                if row.kind == "elementwise" and of_scipy(plain):
                    without = [np.real(x) + 0j if np.iscomplexobj(x) else x for x in xs]
                    if np.any(np.imag(continued(*without, **params)) != 0):  # its rounding would pass for a derivative
                        raise no_complex_values(row)
                return continued(*xs, **params)
            except (TypeError, ValueError):
                raise no_complex_values(row) from None

        return either


def several(x: Value) -> tuple[Value, ...]:
    """The values of an operation with several outputs, which may be lists of them."""
    return tuple(v for part in x for v in several(part)) if isinstance(x, tuple | list) else (x,)


def no_complex_values(row: Primitive) -> UnsupportedError:
    reason = f" ({row.refused['complex']})" if "complex" in row.refused else ""
    return UnsupportedError(
        f"{row.name} has no complex values here{reason}, so the complex step cannot pass through it; use another scheme"
    )


CARRIER = ComplexCarrier()


def complex_step(problem: Problem) -> tuple[list[Value], int]:
    """The partial derivatives, and the number of evaluations."""
    graph, held = pinned(problem.graph, problem.values)
    for node in graph.order:
        values = (node.value,) if hasattr(node.value, "dtype") else node.value  # of several outputs
        if any(Carrier.dtype(y).kind == "c" for y in values):
            raise UnsupportedError(
                f"complex numbers flow in the function ({node.primitive.name}), and the complex step needs their "
                "imaginary parts for itself; use another scheme"
            )
    results, count = [], 0
    for k in problem.places:
        x = np.asarray(problem.values[k], dtype=float)
        found = np.zeros(x.shape)
        for index in np.ndindex(x.shape):
            h = STEP * max(abs(float(x[index])), 1.0)
            values = list(problem.values)
            moved = x.astype(complex)
            moved[index] += 1j * h
            values[k] = moved[()]
            with np.errstate(all="ignore"), watched() as seen:
                y = graph.evaluate([*values, *held], CARRIER)[graph.outputs[0]]
            if any(np.iscomplexobj(leaf) for leaf in seen):
                raise UnsupportedError("stop_gradient stands in code that is not recorded: use another scheme")
            found[index] = np.imag(y) / h
            count += 1
        results.append(found[()])
    return results, count
