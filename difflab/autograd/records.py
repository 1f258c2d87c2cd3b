"""Records of functions in autograd's laxer ways, and cotangents in the shapes that programs give them."""

from __future__ import annotations

from functools import partial

import numpy as np

from ..differentiate.transform import Recording, describe, matching
from ..errors import InputError
from ..graph.laxity import LAX, floats, numbers
from ..graph.pytree import flatten, map_leaves
from ..graph.traced import Traced, assemble
from ..primitives import Carrier
from ..types import Function, Tree, Value


def recorded(name: str, fun: Function, x: Tree) -> Recording:
    """One run of fun on a traced x, in autograd's laxer ways."""

    def answered(x: Tree) -> Tree:
        result = fun(x)
        return result if result.__class__ is Traced else map_leaves(partial(answer, name), result)

    return Recording(name, answered, (x,), laxity=LAX)


def answer(name: str, y: Value) -> Value:
    """A leaf of a function's result: an array of Python objects as what it holds; what is no number is refused."""
    y = numbers(y)
    if y.__class__ is list:
        y = assemble(y)
    if y is None or isinstance(y, Traced | np.ndarray | np.generic | bool | int | float | complex):
        return y
    raise InputError(f"{name}: the function returned {describe(y)}; it has to return numbers and arrays")


def pulled(record: Recording, cotangents: list[Value], once: bool = False) -> Tree:
    """The cotangent of the function's argument; with `once` the record is given up."""
    return record.unflatten_inputs(record.pull(cotangents, once))[0]


def cotangents(name: str, given: Tree, value: Tree) -> list[Value]:
    """The leaves of a cotangent; what has the right number of elements, or broadcasts, has the right shape."""
    leaves, rebuild = flatten(value)
    got, _ = flatten(given)
    if len(got) == len(leaves):
        given = rebuild([shaped(c if c.__class__ is Traced else floats(c), y) for c, y in zip(got, leaves)])
    return matching(f"{name}: the cotangent", given, value)


def shaped(ct: Value, y: Value) -> Value:
    shape = Carrier.shape(y)
    if Carrier.shape(ct) == shape:
        return ct
    if Carrier.size(ct) == Carrier.size(y):
        return np.reshape(ct, shape)
    try:
        return np.broadcast_to(ct, shape)
    except ValueError:
        return ct  # whoever takes it says what does not fit
