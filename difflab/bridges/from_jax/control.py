"""Functions in functions, loops and branches."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np

from ...differentiate.branches import cond, while_loop
from ...differentiate.control_flow import scan
from ...graph.grouping import block
from ...types import Value
from .call import OWN_RULE, Call, Rule, is_traced

NAMED = ("jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "remat2")
OWN_RULES = {
    "custom_jvp_call": "custom_jvp",
    "custom_vjp_call": "custom_vjp",
    "custom_vjp_call_jaxpr": "custom_vjp",
}


def inlined(call: Call, *xs: Value) -> Value:
    """The function in its place; rules of derivatives that a user gave it are left: difflab has its own."""
    params = call.params
    inner = next(params[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in params)
    name = title(call, getattr(inner, "jaxpr", inner))
    before = OWN_RULE.set(OWN_RULE.get() or call.name in OWN_RULES)
    try:
        with block(name) if name else nullcontext():
            return call.run(inner, list(xs))
    finally:
        OWN_RULE.reset(before)


def title(call: Call, jaxpr: Any) -> str:
    """The name of the block: the function's, with the kind of its own rule; none for one operation alone."""
    said = call.params.get("name") or getattr(getattr(jaxpr, "debug_info", None), "func_name", None) or ""
    name = str(said).strip("<>_")
    if call.name in OWN_RULES:
        return f"{name or 'function'} ({OWN_RULES[call.name]})"
    return name if len(jaxpr.eqns) > 1 and name != "lambda" and call.name in NAMED else ""


def scanned(call: Call, *xs: Value) -> Value:
    fixed, carried = call["num_consts"], call["num_consts"] + call["num_carry"]
    captured = list(xs[:fixed])
    count = call["num_carry"]

    def step(carry: list[Value], slices: list[Value]) -> tuple[list[Value], list[Value]]:
        found = call.run(call["jaxpr"], [*captured, *carry, *slices])
        return found[:count], found[count:]

    last, ys = scan(
        step, list(xs[fixed:carried]), list(xs[carried:]), length=call["length"], reverse=bool(call["reverse"])
    )
    return [*last, *ys]


def repeated(call: Call, *xs: Value) -> Value:
    a, b = call["cond_nconsts"], call["cond_nconsts"] + call["body_nconsts"]
    of_test, of_body = list(xs[:a]), list(xs[a:b])

    def test(state: list[Value]) -> Value:
        return call.run(call["cond_jaxpr"], [*of_test, *state])[0]

    def go_on(state: list[Value]) -> Value:
        found = test(state)
        return np.any(found) if found.shape else found  # of a batch, as long as one of them goes on

    def ahead(state: list[Value]) -> list[Value]:
        found, goes = call.run(call["body_jaxpr"], [*of_body, *state]), test(state) if batch else None
        return found if goes is None else [where_goes(goes, new, old) for new, old in zip(found, state)]

    batch = bool(call["cond_jaxpr"].out_avals[0].shape)
    return while_loop(go_on, ahead, list(xs[b:]))


def where_goes(goes: Value, new: Value, old: Value) -> Value:
    """The new value for those of a batch that go on."""
    return np.where(np.reshape(goes, (*goes.shape, *(1,) * (len(new.shape) - len(goes.shape)))), new, old)


def branched(call: Call, which: Value, *xs: Value) -> Value:
    """The branch of that number; numbers out of range mean the first or the last one."""
    branches = call["branches"]
    if not is_traced(which):
        return call.run(branches[int(np.clip(which, 0, len(branches) - 1))], list(xs))

    def way(k: int, operands: list[Value]) -> list[Value]:
        if k == len(branches) - 1:
            return call.run(branches[k], operands)
        found: list[Value] = cond(
            np.less_equal(which, k),
            lambda given: call.run(branches[k], given),
            lambda given: way(k + 1, given),
            operands,
        )
        return found

    return way(0, list(xs))


RULES: dict[str, Rule] = {
    "cond": branched,
    "scan": scanned,
    "while": repeated,
    **dict.fromkeys(
        (*NAMED, *OWN_RULES, "call", "xla_call"),
        inlined,
    ),
}
