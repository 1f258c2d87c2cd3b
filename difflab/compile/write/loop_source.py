"""The text of a loop over single float64 numbers, with the lines of its body in it.

Python runs it, on lists, or numba compiles it, on arrays. What `math` raises where NumPy gives inf or nan ends
Python's loop before the step: NumPy's program does that one, and the loop goes on behind it.
"""

from __future__ import annotations

from ...primitives.text import call
from .scalar_source import ScalarSource

NEW = "_o{}"  # a step's results, until all are known


def scan_text(source: ScalarSource, a: int, b: int, keep: bool = True, python: bool = False) -> str:
    """It reads slices, writes the ys and, with `keep`, each step's carry, and returns the last carry.

    For Python also the step at which it stopped, and whether that is the end.
    """
    captured, carry, slices = source.inputs[:a], source.inputs[a:b], source.inputs[b:]
    ys = range(len(carry), len(source.outputs))
    arrays = [f"_x{k}" for k in range(len(slices))] + [f"_y{k}" for k in ys]
    arrays += [f"_c{k}" for k in range(len(carry)) if keep]
    body = [f"_c{k}[_t] = {c}" for k, c in enumerate(carry) if keep]
    body += [f"{x} = _x{k}[_t]" for k, x in enumerate(slices)]
    body += computed(source)
    body += [f"_y{k}[_t] = {NEW.format(k)}" for k in ys]
    body += [f"{c} = {NEW.format(k)}" for k, c in enumerate(carry)]
    head = f"def {call('scan', *captured, *carry, *arrays, '_first', '_last', '_step')}:"
    loop = ["for _t in range(_first, _last, _step):", *indented(body)]
    if not python:
        return "\n".join([head, *indented([*loop, f"return {', '.join(carry)},"]), ""])
    return "\n".join([head, *indented(["_t = _first", *stopped(loop, carry, "_t")]), ""])


def while_text(test: ScalarSource, body: ScalarSource, a: int, python: bool = True) -> str:
    """It returns the last value and the number of steps; for Python also whether that is the end.

    `a` values are what the test captured.
    """
    of_test, seen = test.inputs[:a], test.inputs[a:]
    carry = body.inputs[len(body.inputs) - len(seen) :]
    of_body = body.inputs[: len(body.inputs) - len(seen)]
    lines = [f"{x} = {c}" for x, c in zip(seen, carry)]
    lines += [line.strip() for line in test.short]
    lines += [f"if not ({test.outputs[0]}):", "    break", *computed(body)]
    lines += [f"{c} = {NEW.format(k)}" for k, c in enumerate(carry)]
    loop = ["while True:", *indented([*lines, "_n += 1"])]
    head = f"def {call('repeat', *of_test, *of_body, *carry, '_n')}:"
    lines = stopped(loop, carry, "_n") if python else [*loop, f"return {', '.join([*carry, '_n'])},"]
    return "\n".join([head, *indented(lines), ""])


def computed(source: ScalarSource) -> list[str]:
    """The lines of a step up to its results."""
    lines = [line.strip() for line in source.short]
    return lines + [f"{NEW.format(k)} = {text}" for k, text in enumerate(source.outputs)]


def stopped(loop: list[str], carry: list[str], place: str) -> list[str]:
    """The loop, which hands over where it is when `math` raises."""
    found = ", ".join([*carry, place])
    failed = ["except _FAILURES:", f"    return {found}, False"]
    return ["try:", *indented(loop), *failed, f"return {found}, True"]


def indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
