"""Containers of arrays as one vector, and back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...graph import pytree
from ...graph.laxity import floats
from ...graph.node_carrier import NODE
from ...graph.traced import Traced
from ...primitives import Carrier
from ...types import Function, Tree, Value


def flatten(value: Tree) -> tuple[Value, Callable[[Value], Tree]]:
    """The elements of all arrays of a container as one vector, and the function that puts a vector back.

    >>> vector, unflatten = flatten({"a": np.ones(2), "b": 3.0})
    >>> vector, unflatten(2 * vector)
    (array([1., 1., 3.]), {'a': array([2., 2.]), 'b': np.float64(6.0)})
    """
    leaves, rebuild = pytree.flatten(value)
    leaves = [x if x.__class__ is Traced else np.asarray(floats(x)) for x in leaves]
    shapes = [Carrier.shape(x) for x in leaves]
    ends = np.cumsum([Carrier.size(x) for x in leaves]).tolist()
    parts = [NODE.reshape(x, shape=(-1,)) for x in leaves]
    vector = NODE.concatenate(*parts, axis=0) if parts else np.zeros(0)

    def unflatten(vector: Value) -> Tree:
        starts = [0, *ends[:-1]]
        return rebuild([np.reshape(vector[a:b], shape)[()] for a, b, shape in zip(starts, ends, shapes)])

    return vector, unflatten


def flatten_func(func: Function, example: Tree) -> tuple[Function, Callable[[Value], Tree], Value]:
    """A function of a container and more arguments as one of a vector and them; the way back; the example's vector."""
    vector, unflatten = flatten(example)

    def flat(vector: Value, *args: Value) -> Value:
        return flatten(func(unflatten(vector), *args))[0]

    return flat, unflatten, vector
