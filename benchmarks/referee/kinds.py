"""Which rows are smooth, step, saturate, or take long in mpmath."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import mpf

from .expressions import Term
from .reals import number
from .words import SLOW, SPECIAL

KINKY = frozenset(
    "absolute sign floor ceil trunc rint round relu relu6 elu selu celu hardtanh hardsigmoid hardswish softshrink "
    "hardshrink softsign leaky_relu clip maximum minimum fmax fmin remainder floor_divide fmod copysign heaviside cond "
    "while_loop scan max min ptp median quantile sort argmax argsort norm hypot direction arctan2 cbrt sqrt interp "
    "maximum_accumulate count_nonzero eigh eigvalsh svd fft std huber i0e i1e ive power entr xlogy less greater "
    "less_equal greater_equal equal not_equal where if logical_and logical_or logical_xor".split()
)  # rows that have a kink, a jump or a pole of the slope somewhere
STEPS = frozenset(
    "sign floor ceil trunc rint round remainder floor_divide fmod hardshrink where if cond while_loop count_nonzero "
    "argmax argsort heaviside copysign".split()
)
SATURATING = frozenset(
    "sigmoid tanh arctan erf erfc ndtr gelu gelu_gate silu mish softplus log_sigmoid logaddexp logaddexp2 softmax "
    "logsumexp log_softmax log_cosh expm1 exp exp2 exp10 sech softsign hypot norm log_ndtr tanhshrink power".split()
)  # rows that come closer to a constant than any digits tell
SLUGGISH = frozenset([*SLOW, *"y0 y1 yv kv kve erfinv_slope erfcinv_slope ndtri_slope".split()])
INTEGRALS = frozenset("gammainc gammaincc betainc zeta".split())
HEAVY = frozenset([*SPECIAL, *SLOW, *"beta betaln polygamma jv iv yv kv ive kve".split(), *INTEGRALS])


def unkinked(t: Term) -> bool:
    """Whether the row of a term is smooth at the values of its operands (a kink that does not move is one too)."""
    if t.row not in KINKY:
        return True
    values = [a.value for a in t.args]
    h = mpf(10) ** -9
    for k, v in enumerate(values):
        if t.args[k].kind in "bc":
            continue
        for index in np.ndindex(np.shape(v)):
            x = v if index == () else v[index]
            step = h * max(abs(x), 1)
            left, middle, right = (
                entries(t.fn(*values[:k], moved(v, index, d), *values[k + 1 :])) for d in (-step, 0, step)
            )
            for a, b, c in zip(left, middle, right):
                if not abs((c - b) - (b - a)) <= mpf("1e-5") * (abs(c - b) + abs(b - a)) + mpf("1e-16") * (1 + abs(b)):
                    return False
    return True


def moved(v: Any, index: tuple[int, ...], d: Any) -> Any:
    if index == ():
        return v + d
    v = v.copy()
    v[index] = v[index] + d
    return v


def entries(y: Any) -> list[Any]:
    return [number(e) for e in np.asarray(y, dtype=object).flat]
