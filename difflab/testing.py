"""Gradients in tests: assert_gradients_agree, check_grads, and the pytest fixture of the first one's name.

pytest loads this module by its entry point, so nothing heavy is imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .errors import DisagreementError, InputError, UnsupportedError

if TYPE_CHECKING:
    from .lab.compare import Comparison
    from .lab.taylor import TaylorTest

__all__ = ["DisagreementError", "assert_gradients_agree", "check_grads", "taylor_test"]

SMALL = 64  # entries up to which every partial derivative is certified; above, random directions are checked
DIRECTIONS, ROWS = 3, 12
Row = tuple[str, str, Any, Any]  # method, entry, found, expected


def assert_gradients_agree(
    f: Any,
    x: Any,
    *more: Any,
    gradient: Callable[..., Any] | None = None,
    methods: Iterable[str] | None = None,
    ulps: float | None = None,
    rtol: float | None = None,
    seed: int = 0,
    allow_kinks: bool = False,
) -> None:
    """Asserts that the derivatives of f at (x, *more) agree, by methods that share no rule with each other.

    `f` takes arrays or nested containers of them; an output that is not a scalar is contracted with fixed random
    weights. Up to 64 entries every partial derivative is compared with the certified value (or the best method that
    can run); above, random directions are compared with finite differences. `gradient(x, *more)` is a gradient of your
    own to be judged too (for several arguments a tuple). `ulps` and `rtol` tighten what is accepted of the exact
    methods. Raises DisagreementError, an AssertionError, with a table; InputError at a kink, unless `allow_kinks`.

    >>> import numpy as np
    >>> assert_gradients_agree(lambda x: np.sum(np.sin(x) * x), np.array([0.5, 2.0]))
    >>> assert_gradients_agree(lambda x: x**3, 2.0, gradient=lambda x: 3 * x**2, ulps=2)
    """
    arguments = (x, *more)
    name = getattr(f, "__name__", "the function")
    if isinstance(f, str):
        text = f
        from .lab.compare import compare

        wrong = _judged(compare(text, x, methods=methods), ulps, rtol, allow_kinks)
    elif _entries(arguments) <= SMALL:
        wrong = _by_comparison(f, arguments, gradient, methods, ulps, rtol, seed, allow_kinks)
    else:
        wrong = _by_directions(f, arguments, gradient, rtol, seed)
    if wrong:
        raise DisagreementError(f"the gradients of {name} disagree\n{_table(wrong)}")


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    modes: str | Iterable[str] = ("forward", "reverse"),
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
) -> None:
    """Asserts derivatives of f up to an order, in the given modes, along random directions.

    At each order the derivative along a direction is compared with finite differences of the order below. `args` is
    the sequence of f's arguments (arrays or nested containers). Raises DisagreementError with a table.

    >>> import numpy as np
    >>> check_grads(lambda x: np.sum(np.tanh(x) ** 2), (np.array([0.3, -1.0]),), order=3)
    """
    chosen = [{"fwd": "forward", "rev": "reverse"}.get(m, m) for m in ([modes] if isinstance(modes, str) else modes)]
    if not chosen or set(chosen) - {"forward", "reverse"}:
        raise InputError(f"check_grads: modes={modes!r}; give forward, reverse or both")
    if not isinstance(order, int) or order < 1:
        raise InputError(f"check_grads: order={order!r}; give a positive integer")
    if not isinstance(args, tuple | list):
        raise InputError("check_grads: args is the sequence of arguments; write (x,) for one")
    for mode in chosen:
        g = _scalar(f, tuple(args), seed)
        for level in range(1, order + 1):
            direction = _direction(tuple(args), seed + level)
            slope = _along(g, direction, mode)
            wrong = _compare_slope(g, slope, tuple(args), direction, f"{mode}, order {level}", rtol, atol)
            if wrong:
                name = getattr(f, "__name__", "the function")
                raise DisagreementError(f"the derivatives of {name} disagree\n{_table(wrong)}")
            g = slope


def taylor_test(f: Callable[[Any], Any], gradient: Any, x: Any, seed: int = 0) -> TaylorTest:
    """`difflab.lab.taylor.taylor_test`: tests a gradient by the order of the remainder of the Taylor series.

    >>> taylor_test(lambda x: x**3, lambda x: 3 * x**2, 2.0).passed
    True
    """
    from .lab.taylor import taylor_test as test

    return test(f, gradient, x, seed)


def _by_comparison(
    f: Any, arguments: tuple[Any, ...], gradient: Any, methods: Any, ulps: Any, rtol: Any, seed: int, allow_kinks: bool
) -> list[Row]:
    from .lab.compare import compare

    scalar = _scalar(f, arguments, seed)
    comparison = compare(scalar, arguments, methods=methods)
    wrong = _judged(comparison, ulps, rtol, allow_kinks)
    if gradient is not None:
        wrong += _judge_own(comparison, _own(f, arguments, gradient), ulps, rtol)
    return wrong


def _judged(comparison: Comparison, ulps: float | None, rtol: float | None, allow_kinks: bool) -> list[Row]:
    """The entries on which a method is off by more than is accepted."""
    if comparison.kinks and not allow_kinks:
        raise InputError(
            f"the point sits on a kink, where there is no derivative to agree on: {comparison.kinks[0]}; "
            "move the point, or allow_kinks=True"
        )
    ran = {n: m for n, m in comparison.methods.items() if m.failure is None}
    if comparison.kinks and comparison.reference not in ran:
        return []
    if not any(m.method.independent for m in ran.values()) or comparison.reference not in ran:
        told = "; ".join(f"{n}: {m.failure}" for n, m in comparison.methods.items() if m.failure)
        raise UnsupportedError(f"no independent method could judge the gradient ({told or comparison.reason})")
    truth = ran[comparison.reference].by_name
    wrong: list[Row] = []
    for name, method in ran.items():
        tight = method.method.exact and (
            (ulps is not None and (method.max_ulps or 0) > ulps)
            or (rtol is not None and (method.max_relative or 0) > rtol)
        )
        if method.agrees is False or tight:
            wrong += _rows(name, method.by_name, truth)
    return wrong


def _judge_own(comparison: Comparison, own: list[Any], ulps: float | None, rtol: float | None) -> list[Row]:
    import numpy as np

    from .lab.ulps import relative, ulps as distance

    truth = comparison.methods[comparison.reference].by_name
    mine: dict[str, Any] = {}
    for (name, true), found in zip(truth.items(), own):
        if np.shape(found) != np.shape(true):
            raise DisagreementError(
                f"gradient= gives shape {np.shape(found)} for {name}, which has shape {np.shape(true)}"
            )
        mine[name] = found
    limit = rtol if rtol is not None else 1e-9
    off = {
        n: relative(mine[n], truth[n]) > limit or (ulps is not None and distance(mine[n], truth[n]) > ulps)
        for n in truth
    }
    return [row for n in truth if off[n] for row in _rows("gradient=", {n: mine[n]}, {n: truth[n]})]


def _own(f: Any, arguments: tuple[Any, ...], gradient: Callable[..., Any]) -> list[Any]:
    """The leaves of the caller's own gradient."""
    import numpy as np

    from .graph.pytree import leaves_of

    if np.shape(f(*arguments)) != ():
        raise InputError("gradient= is for a function with a scalar output")
    found = gradient(*arguments)
    leaves = leaves_of(found)
    wanted = sum(len(leaves_of(a)) for a in arguments)
    if len(leaves) != wanted:
        raise DisagreementError(f"gradient= gives {len(leaves)} arrays for {wanted} arguments")
    return leaves


def _by_directions(f: Any, arguments: tuple[Any, ...], gradient: Any, rtol: float | None, seed: int) -> list[Row]:
    scalar = _scalar(f, arguments, seed)
    wrong: list[Row] = []
    for k in range(DIRECTIONS):
        direction = _direction(arguments, seed + 1 + k)
        for mode in ("reverse", "forward"):
            wrong += _compare_slope(
                scalar, _along(scalar, direction, mode), arguments, direction, f"{mode}, direction {k}", rtol
            )
        if gradient is not None:
            found = _inner(_own(f, arguments, gradient), direction)
            label = f"gradient=, direction {k}"
            wrong += _compare_slope(scalar, lambda *_, found=found: found, arguments, direction, label, rtol)
    return wrong


def _scalar(f: Callable[..., Any], arguments: tuple[Any, ...], seed: int) -> Callable[..., Any]:
    """f with its outputs contracted to a number by fixed random weights, where they are not one already."""
    import numpy as np

    from .graph.pytree import leaves_of

    outputs = [np.asarray(y) for y in leaves_of(f(*arguments))]
    if len(outputs) == 1 and outputs[0].ndim == 0:
        return f
    random = np.random.default_rng(seed)
    weights = [random.uniform(0.5, 1.5, y.shape) for y in outputs]

    def contracted(*given: Any) -> Any:
        total = 0.0
        for w, y in zip(weights, leaves_of(f(*given))):
            total = total + np.sum(w * y)
        return total

    contracted.__signature__ = _signature(f)  # type: ignore[attr-defined]
    return contracted


def _signature(f: Callable[..., Any]) -> Any:
    import inspect

    try:
        return inspect.signature(f)
    except (TypeError, ValueError):
        return None


def _direction(arguments: tuple[Any, ...], seed: int) -> tuple[Any, ...]:
    """A random tangent of the arguments' structure and dtypes."""
    import numpy as np

    from .graph.pytree import map_leaves

    random = np.random.default_rng(seed)
    return tuple(map_leaves(lambda x: np.asarray(random.normal(size=np.shape(x)), _dtype(x))[()], a) for a in arguments)


def _dtype(x: Any) -> Any:
    import numpy as np

    dtype = np.asarray(x).dtype
    return dtype if dtype.kind == "f" else np.dtype(float)


def _along(g: Callable[..., Any], direction: tuple[Any, ...], mode: str) -> Callable[..., Any]:
    """The derivative of g along the direction, as a function of the arguments."""
    from .differentiate.transform import grad, jvp

    if mode == "forward":
        return lambda *given: jvp(g, given, direction)[1]

    def reverse(*given: Any) -> Any:
        from .graph.pytree import leaves_of

        found = grad(g, argnums=tuple(range(len(given))))(*given)
        return _inner(leaves_of(found), direction)

    return reverse


def _inner(leaves: list[Any], direction: tuple[Any, ...]) -> Any:
    import numpy as np

    from .graph.pytree import leaves_of

    total: Any = 0.0
    for a, b in zip(leaves, leaves_of(direction)):
        total = total + np.sum(a * b)
    return total


def _compare_slope(
    g: Any, slope: Any, arguments: tuple[Any, ...], direction: tuple[Any, ...], label: str, rtol: Any, atol: Any = None
) -> list[Row]:
    """The derivative along the direction against Ridders' extrapolation of differences of g."""
    import numpy as np

    from .differentiate.methods import differentiate
    from .graph.pytree import leaves_of, map_leaves

    wide = tuple(map_leaves(lambda x: np.asarray(x, float)[()], a) for a in arguments)

    def line(t: Any) -> Any:
        moved = []
        for a, d in zip(wide, direction):
            steps = iter(leaves_of(d))
            moved.append(map_leaves(lambda x, steps=steps: x + t * next(steps), a))
        return g(*moved)

    numerical = differentiate(line, 0.0, method="numerical")
    expected, found = float(numerical.gradient), float(slope(*arguments))
    claimed = max((float(np.max(e)) for e in (numerical.claimed_error or {}).values()), default=0.0)
    coarse = all(_dtype(x).itemsize >= 8 for a in arguments for x in leaves_of(a))
    relative = rtol if rtol is not None else (1e-7 if coarse else 1e-3)
    allowed = relative * max(abs(expected), abs(found)) + (1e-9 if atol is None else atol) + 10 * claimed
    if found == expected or abs(found - expected) <= allowed:
        return []
    return [(label, "along the direction", found, expected)]


def _rows(name: str, found: dict[str, Any], truth: dict[str, Any]) -> list[Row]:
    """One row for each entry that differs."""
    import numpy as np

    rows: list[Row] = []
    for key, true in truth.items():
        mine, true = np.asarray(found[key], float), np.asarray(true, float)
        for index in np.ndindex(true.shape):
            if mine[index] != true[index]:
                rows.append((name, key + (str(list(index)) if index else ""), mine[index], true[index]))
    return rows


def _table(rows: list[Row]) -> str:
    """The rows as aligned text, the worst first."""
    from .lab.ulps import relative, ulps

    ordered = sorted(rows, key=lambda r: -relative(r[2], r[3]))
    cells = [("method", "entry", "found", "expected", "ulps", "relative")]
    for method, entry, found, expected in ordered[:ROWS]:
        numbers = (f"{float(found):.17g}", f"{float(expected):.17g}")
        cells.append((method, entry, *numbers, f"{ulps(found, expected):.3g}", f"{relative(found, expected):.1e}"))
    widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
    lines = ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in cells]
    if len(rows) > ROWS:
        lines.append(f"  ... and {len(rows) - ROWS} entries more")
    return "\n".join(lines)


def _entries(arguments: tuple[Any, ...]) -> int:
    import numpy as np

    from .graph.pytree import leaves_of

    return sum(int(np.size(x)) for a in arguments for x in leaves_of(a))


if "pytest" in sys.modules:  # true where pytest loads this as its plugin
    import pytest

    @pytest.fixture(name="assert_gradients_agree")
    def _fixture() -> Callable[..., None]:
        """`difflab.testing.assert_gradients_agree`."""
        return assert_gradients_agree
