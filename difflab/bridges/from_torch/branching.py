"""torch's operations that run modules: branches and loops."""

from __future__ import annotations

from collections.abc import Sequence

from ...differentiate.branches import cond, while_loop
from ...types import Function, Value


def branch(pred: Value, true_fn: Function, false_fn: Function, operands: Sequence[Value] = ()) -> Value:
    return cond(pred, true_fn, false_fn, *operands)


def loop(cond_fn: Function, body_fn: Function, carried: Sequence[Value], additional: Sequence[Value] = ()) -> Value:
    more = list(additional)
    return while_loop(lambda xs: cond_fn(*xs, *more)[0], lambda xs: list(body_fn(*xs, *more)), list(carried))


BRANCHING: dict[str, Function] = {"cond": branch, "while_loop": loop}
