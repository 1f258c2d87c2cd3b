"""Choosing between arrays, and counting: select, piecewise, choose, bincount."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DtypeError, InputError
from ..types import Value
from .arguments import refuse
from .batches_index import in_range
from .indexing import is_traced
from .primitive import Carrier, Primitive, Reading, composite, linear, register


def select(m: Carrier, *operands: Value, n: int) -> Value:
    y = operands[2 * n]
    for condition, choice in reversed(list(zip(operands[:n], operands[n : 2 * n]))):
        y = m.where(condition, choice, y)
    return y


def read_select(condlist: Value, choicelist: Value, default: Value = 0) -> Value:
    if len(condlist) != len(choicelist):
        raise InputError(f"select: {len(condlist)} conditions for {len(choicelist)} choices")
    return (*condlist, *choicelist, default), {"n": len(condlist)}


def read_piecewise(x: Value, condlist: Value, funclist: Value, *args: Value, **kw: Any) -> Value:
    conditions = list(condlist) if isinstance(condlist, list | tuple) else [condlist]
    if len(funclist) not in (len(conditions), len(conditions) + 1):
        raise InputError(f"piecewise: {len(conditions)} conditions for {len(funclist)} functions")
    choices = [f(x, *args, **kw) if callable(f) else f for f in funclist]
    default = choices.pop() if len(choices) > len(conditions) else 0.0
    # NumPy lets the last condition that holds decide, np.select the first one.
    return (*reversed(conditions), *reversed(choices), default), {"n": len(conditions)}


composite(
    "select",
    select,
    doc="The choice that belongs to the first condition that holds, else the default.",
    arguments=read_select,
    reading=Reading("apart"),
    spelling={"numpy": "kernels.arrays.select"},
    flops=0,
)
composite(
    "piecewise",
    select,
    doc="The function that belongs to the last condition that holds.",
    called=("numpy",),
    arguments=read_piecewise,
    reading=Reading("apart", as_recorded=True),
    spelling={"numpy": "kernels.arrays.select"},
    flops=0,
)


def read_choose(a: Value, choices: Value, out: object = None, mode: str = "raise") -> Value:
    refuse(out=out)
    choices = list(choices)
    if mode != "raise":
        a = in_range(a, len(choices), mode)
    conditions = [np.equal(a, k) for k in range(len(choices))]
    return (*conditions, *choices, 0), {"n": len(choices)}, "select"


def read_bincount(x: Value, weights: Value = None, minlength: int = 0) -> Value:
    if is_traced(x) and x.dtype.kind not in "iu":
        raise DtypeError(
            f"bincount: x has dtype {x.dtype}; the places are integers, only the weights are differentiated"
        )
    if weights is None:
        return (x,), {"minlength": minlength}
    return (x, weights), {"minlength": minlength}


register(
    Primitive(
        name="choose",
        doc="The elements of several arrays, chosen by number.",
        glyph="choose",
        latex=r"\operatorname{{choose}}({0})",
        arguments=read_choose,
        reading=Reading("apart"),
        differentiable=False,
    )
)
linear(
    "bincount",
    lambda m, i, ct, x, weights, *, minlength: m.take(ct, x, axis=0, mode="raise"),
    doc="How often each number occurs, or the sum of its weights; linear in the weights.",
    arguments=read_bincount,
    spelling={"elements": "kernels.arrays.bincount"},
    fixed=(0,),
)
