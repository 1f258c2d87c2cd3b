"""Carriers whose values are NumPy object arrays of scalar elements: sympy expressions, arb power series.

Rows that move, add or multiply elements run NumPy's own functions on the object arrays; elementwise rows map a
scalar function over the elements, the carrier's own or the row's; rows that have neither are evaluated as their program
in other rows.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..errors import DomainError, UnsupportedError
from ..types import Function, Value
from .found import find
from .primitive import Carrier, Primitive


class ElementsCarrier(Carrier):
    """The base of the carriers on object arrays; a subclass says which scalar functions are native."""

    def scalar_function(self, row: Primitive, spelled: str | None) -> Function | None:
        """The native function of one element, or None."""
        return None

    def function(self, row: Primitive) -> Function:
        spelled, of_elements = row.spelling.get(self.name), row.spelling.get("elements")
        if row.kind == "elementwise":
            native = spelled if callable(spelled) else self.scalar_function(row, spelled)
            native = native or of_elements
            if native is None and row.value is not None:
                native = partial(row.value, self)
            if native is not None:
                return mapped(guarded(native, row))
        elif callable(spelled):
            spelt: Function = spelled
            return spelt
        elif of_elements is not None:
            found: Function = of_elements if callable(of_elements) else find(of_elements)
            return self.tested(row, found) if row.kind == "opaque" else found
        return super().function(row)

    def native(self, row: Primitive, spelled: str | None) -> Function | None:
        if row.value is not None or row.kind == "elementwise" or not row.listed:
            return None
        function = getattr(np, row.name, None)
        if not callable(function):  # np.fft is a module
            return None
        return self.tested(row, function) if row.kind == "opaque" else function

    def tested(self, row: Primitive, function: Function) -> Function:
        """NumPy's function of a row that has no derivative, where it takes arrays of these elements."""

        def run(*operands: Value, **params: Any) -> Value:
            try:
                return function(*operands, **params)
            except (TypeError, ValueError, AttributeError) as error:
                raise UnsupportedError(f"{row.name}: not available on {self.name} values ({error})") from None

        return run


def mapped(function: Function) -> Function:
    """A function of elements as a function of arrays of elements."""

    def over(*operands: Value, **params: Any) -> Value:
        if not any(isinstance(x, np.ndarray) for x in operands):
            return function(*operands, **params)
        arrays = np.broadcast_arrays(*[as_objects(x) for x in operands])
        out = np.empty(arrays[0].shape, dtype=object)
        for index in np.ndindex(out.shape):
            out[index] = function(*[a[index] for a in arrays], **params)
        return out if out.shape else out[()]

    return over


def guarded(function: Function, row: Primitive) -> Function:
    """A function of elements for which Python's own numbers among them (constants) are divided as theirs."""

    def of_one(*elements: Value, **params: Any) -> Value:
        try:
            return function(*elements, **params)
        except ZeroDivisionError:
            raise DomainError(f"{row.name}: division by zero") from None

    return of_one


def as_objects(x: Value) -> Value:
    """A value as an object array, without looking inside an element."""
    if isinstance(x, np.ndarray):
        return x
    box = np.empty((), dtype=object)
    box[()] = x
    return box
