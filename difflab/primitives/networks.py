"""Rows that networks need beside those of arrays: random numbers from a key, labels that are checked."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import DtypeError, InputError, ShapeError
from .carriers import Carrier
from .primitive import Primitive, linear, register


def read_random_uniform(key: Any, *, shape: Any = (), dtype: Any = np.float64) -> Any:
    """A key is two integers; a shape is a tuple."""
    if not hasattr(key, "dtype"):
        key = np.asarray(key)
    if key.dtype.kind not in "iu":
        raise DtypeError(f"random_uniform: the key has dtype {key.dtype}; it must be integers")
    if Carrier.shape(key) == ():
        key = np.stack([key, np.zeros((), key.dtype)])
    if Carrier.shape(key) != (2,):
        raise ShapeError(f"random_uniform: a key of shape {Carrier.shape(key)}; it is one integer or two")
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise InputError(f"random_uniform: dtype={dtype}; it is float32 or float64")
    shape = (shape,) if hasattr(shape, "__index__") else shape
    return (key,), {"shape": tuple(operator.index(n) for n in shape), "dtype": dtype}


register(
    Primitive(
        name="random_uniform",
        doc="Numbers evenly spread over [0, 1), a function of an integer key: the same key gives the same numbers.",
        glyph="random",
        latex=r"\operatorname{{random}}({0})",
        arguments=read_random_uniform,
        reads=(),
        differentiable=False,
        spelling={"numpy": "kernels_networks.random_uniform"},
        domain=(),
        flops=10,
        source="Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011",
    )
)
register(
    Primitive(
        name="class_labels",
        doc="Labels from 0 to count - 1, checked whenever they are read; 0 where one is to be ignored.",
        glyph="label",
        latex="{0}",
        reads=(),
        differentiable=False,
        spelling={"numpy": "kernels_networks.class_labels"},
        domain=(),
        flops=0,
        batch=lambda m, row, lead, labels, **params: m.of(row)(labels, **params),
    )
)
linear(
    "without_ignored",
    lambda m, i, ct, x, labels, *, ignore_index: m.without_ignored(ct, labels, ignore_index=ignore_index),
    doc="x, and 0 where the label is the one that is ignored.",
    glyph="kept",
    latex="{0}",
    reads=(),
    fixed=(1,),
    spelling={"numpy": "kernels_networks.without_ignored"},
    gate=lambda m, i, gate, x, labels, *, ignore_index: m.logical_and(gate, m.not_equal(labels, ignore_index)),
    domain=(),
    batch=lambda m, row, lead, x, labels, **params: m.of(row)(x, labels, **params),
)
