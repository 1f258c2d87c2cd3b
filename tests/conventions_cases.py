"""What each library returns where there is no derivative, or hardly one: the source of docs/conventions.md.

`python tests/conventions_cases.py` writes the table into that page; test_conventions.py takes every number again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NAN, INF = math.nan, math.inf
LIBRARIES = ("difflab", "PyTorch", "JAX", "autograd")
PAGE = Path(__file__).parents[1] / "docs" / "conventions.md"
BEGIN, END = "<!-- the table: written by tests/conventions_cases.py -->", "<!-- the end of the table -->"
WEIGHTS = np.array([1.0, 2.0, 3.0])
REFUSED = "refused"  # the library raises an error


@dataclass(frozen=True)
class Case:
    """A function at a point where libraries choose.

    `text` names it, `truth` says what is true there. `f(m, *x)` is it in the names that the libraries' NumPy-like
    modules share; a library with another spelling has it under its own name here, one without it has None in `found`.
    `found` are the gradients, one for each input, in the order of LIBRARIES.
    """

    text: str
    at: tuple[Any, ...]
    truth: str
    found: tuple[Any, ...]
    f: Any = None
    difflab: Any = None
    torch: Any = None
    jax: Any = None


def everywhere(*gradient: Any) -> tuple[Any, ...]:
    """All libraries agree."""
    return (gradient,) * 4


def activation(text: str, at: float, truth: str, difflab: float, torch: float, jax: float | None, **names: str) -> Case:
    """A function of nn.functional, under PyTorch's name; `jax` is its name there."""
    name = text.partition("(")[0]
    found = ((difflab,), (torch,), None if jax is None else (jax,), None)
    theirs = names.get("jax_name", name)
    return Case(
        f"`{text}`",
        (at,),
        truth,
        found,
        difflab=lambda F, x: getattr(F, name)(x),
        torch=lambda t, x: getattr(t.nn.functional, name)(x),
        jax=lambda jax, x: getattr(jax.nn, theirs)(x),
    )


KINK, JUMP, EDGE = "kink", "jump", "edge of the domain"
CASES = (
    Case("`abs(x)`", (0.0,), "kink: -1, 1", ((0.0,), (0.0,), (1.0,), (0.0,)), lambda m, x: m.abs(x)),
    Case("`sign(x)`", (0.0,), "jump", everywhere(0.0), lambda m, x: m.sign(x)),
    Case("`floor(x)`", (1.0,), "jump", everywhere(0.0), lambda m, x: m.floor(x)),
    Case("`round(x)`", (0.5,), "jump", ((0.0,), (0.0,), (0.0,), None), lambda m, x: m.round(x)),
    Case("`x % 1`", (1.0,), "jump", everywhere(1.0), lambda m, x: m.remainder(x, 1.0)),
    Case("`maximum(x, 0)`", (0.0,), "kink: 0, 1", everywhere(0.5), lambda m, x: m.maximum(x, 0.0 * x)),
    Case("`maximum(x, y)`", (1.0, 1.0), "tie", everywhere(0.5, 0.5), lambda m, x, y: m.maximum(x, y)),
    Case("`minimum(x, y)`", (1.0, 1.0), "tie", everywhere(0.5, 0.5), lambda m, x, y: m.minimum(x, y)),
    Case(
        "`fmax(x, y)`",
        (1.0, 1.0),
        "tie",
        ((0.5, 0.5), (1.0, 0.0), (0.0, 1.0), (0.5, 0.5)),
        lambda m, x, y: m.fmax(x, y),
    ),
    Case("`max(x)`", ([1.0, 1.0, 0.0],), "tie", everywhere([0.5, 0.5, 0.0]), lambda m, x: m.max(x)),
    Case("`min(x)`", ([1.0, 1.0, 2.0],), "tie", everywhere([0.5, 0.5, 0.0]), lambda m, x: m.min(x)),
    Case(
        "`sum(sort(x) * [1, 2, 3])`",
        ([1.0, 1.0, 0.0],),
        "tie",
        everywhere([2.0, 3.0, 1.0]),
        lambda m, x: m.sum(m.sort(x) * WEIGHTS),
        torch=lambda t, x: t.sum(t.sort(x)[0] * t.tensor(WEIGHTS)),
    ),
    Case(
        "`sum(cummax(x) * [1, 2, 3])`",
        ([1.0, 1.0, 0.0],),
        "tie",
        (([3.5, 2.5, 0.0],), ([1.0, 5.0, 0.0],), ([3.5, 2.5, 0.0],), None),
        difflab=lambda F, x: np.sum(np.maximum.accumulate(x) * WEIGHTS),
        torch=lambda t, x: t.sum(t.cummax(x, 0)[0] * t.tensor(WEIGHTS)),
        jax=lambda jax, x: jax.numpy.sum(jax.lax.cummax(x) * WEIGHTS),
    ),
    Case(
        "`median(x)`, ties",
        ([1.0, 1.0, 2.0],),
        "tie",
        (([0.0, 1.0, 0.0],), ([0.5, 0.5, 0.0],), ([0.0, 1.0, 0.0],), None),
        lambda m, x: m.median(x),
    ),
    Case(
        "`median(x)`, even length",
        ([1.0, 2.0, 3.0, 4.0],),
        "smooth; PyTorch's is the lower of the two",
        (([0.0, 0.5, 0.5, 0.0],), ([0.0, 1.0, 0.0, 0.0],), ([0.0, 0.5, 0.5, 0.0],), None),
        lambda m, x: m.median(x),
    ),
    Case(
        "`max_pool1d(x, 2)`, ties",
        ([1.0, 1.0, 0.0, 0.0],),
        "tie",
        (([1.0, 0.0, 1.0, 0.0],),) * 3 + (None,),
        difflab=lambda F, x: np.sum(F.max_pool1d(x[None, None], 2)),
        torch=lambda t, x: t.sum(t.nn.functional.max_pool1d(x[None, None], 2)),
        jax=lambda jax, x: jax.numpy.sum(jax.lax.reduce_window(x, -INF, jax.lax.max, (2,), (2,), "VALID")),
    ),
    Case("`clip(x, 0, 1)`", (0.0,), "kink: 0, 1", ((0.0,), (1.0,), (0.5,), (0.0,)), lambda m, x: m.clip(x, 0.0, 1.0)),
    Case("`clip(x, 0, 1)`", (1.0,), "kink: 1, 0", ((0.0,), (1.0,), (0.5,), (0.0,)), lambda m, x: m.clip(x, 0.0, 1.0)),
    Case("`where(x > 0, x, -x)`", (0.0,), "kink: -1, 1", everywhere(-1.0), lambda m, x: m.where(x > 0, x, -x)),
    Case(
        "`where(x > 0, log(x), 0)`",
        (0.0,),
        "jump; the branch that counts is flat",
        ((0.0,), (NAN,), (NAN,), (NAN,)),
        lambda m, x: m.where(x > 0, m.log(x), 0.0 * x),
    ),
    Case(
        "`where(x > 0, sqrt(x), 0)`",
        (0.0,),
        "vertical on the right",
        ((0.0,), (NAN,), (NAN,), REFUSED),
        lambda m, x: m.where(x > 0, m.sqrt(x), 0.0 * x),
    ),
    Case(
        "`norm(x)`",
        ([0.0, 0.0],),
        "kink",
        (([0.0, 0.0],), ([0.0, 0.0],), ([NAN, NAN],), ([NAN, NAN],)),
        lambda m, x: m.linalg.norm(x),
    ),
    Case(
        "`norm(x, 1)`",
        ([0.0, 1.0],),
        "kink: -1, 1",
        (([0.0, 1.0],), ([0.0, 1.0],), ([1.0, 1.0],), REFUSED),
        lambda m, x: m.linalg.norm(x, 1),
    ),
    Case(
        "`norm(x, inf)`",
        ([1.0, -1.0],),
        "tie",
        (([0.5, -0.5],), ([0.5, -0.5],), ([0.5, -0.5],), ([1.0, -1.0],)),
        lambda m, x: m.linalg.norm(x, INF),
    ),
    Case("`sqrt(sum(x**2))`", ([0.0, 0.0],), "kink", everywhere([NAN, NAN]), lambda m, x: m.sqrt(m.sum(x**2))),
    Case(
        "`std(x)`",
        ([1.0, 1.0],),
        "kink",
        (([0.0, 0.0],), ([0.0, 0.0],), ([NAN, NAN],), ([NAN, NAN],)),
        lambda m, x: m.std(x),
        torch=lambda t, x: t.std(x, unbiased=False),
    ),
    Case(
        "`hypot(x, y)`", (0.0, 0.0), "kink", ((0.0, 0.0), (NAN, NAN), (0.5, 0.5), None), lambda m, x, y: m.hypot(x, y)
    ),
    Case(
        "`arctan2(y, x)`",
        (0.0, 0.0),
        "undefined",
        ((NAN, NAN), (0.0, 0.0), (NAN, NAN), (NAN, NAN)),
        lambda m, y, x: m.arctan2(y, x),
    ),
    Case("`sqrt(x)`", (0.0,), EDGE, ((INF,), (INF,), (INF,), REFUSED), lambda m, x: m.sqrt(x)),
    Case("`cbrt(x)`", (0.0,), "vertical", ((INF,), None, (INF,), None), lambda m, x: m.cbrt(x)),
    Case("`log(x)`", (0.0,), EDGE, everywhere(INF), lambda m, x: m.log(x)),
    Case("`x * log(x)`", (0.0,), EDGE, everywhere(NAN), lambda m, x: x * m.log(x)),
    Case(
        "`xlogy(x, y)`",
        (0.0, 0.0),
        EDGE,
        ((-INF, 0.0), (0.0, NAN), (-INF, NAN), None),
        difflab=lambda F, x, y: difflab_numpy().xlogy(x, y),
        torch=lambda t, x, y: t.xlogy(x, y),
        jax=lambda jax, x, y: jax.scipy.special.xlogy(x, y),
    ),
    Case("`arccos(x)`", (1.0,), EDGE, everywhere(-INF), lambda m, x: m.arccos(x)),
    Case("`arcsin(x)`", (1.0,), EDGE, everywhere(INF), lambda m, x: m.arcsin(x)),
    Case("`arccosh(x)`", (1.0,), EDGE, everywhere(INF), lambda m, x: m.arccosh(x)),
    Case("`1 / x`", (0.0,), "pole", everywhere(-INF), lambda m, x: 1 / x),
    Case("`x**0`", (0.0,), "smooth: 0", everywhere(0.0), lambda m, x: x**0),
    Case("`x**0.5`", (0.0,), EDGE, ((INF,), (INF,), (INF,), REFUSED), lambda m, x: x**0.5),
    Case("`x**y`", (0.0, 0.0), EDGE, ((0.0, 0.0), (0.0, 0.0), (NAN, 0.0), (0.0, 0.0)), lambda m, x, y: x**y),
    Case("`x**y`", (0.0, 2.0), "smooth in x: 0; by y: 0 on the edge", everywhere(0.0, 0.0), lambda m, x, y: x**y),
    Case("`x**y`", (-2.0, 3.0), "smooth in x: 12; by y: undefined", everywhere(12.0, NAN), lambda m, x, y: x**y),
    Case("`sinc(x)`", (0.0,), "smooth: 0", ((0.0,), (0.0,), (0.0,), (NAN,)), lambda m, x: m.sinc(x)),
    Case("`prod(x)`", ([0.0, 0.0],), "smooth: 0, 0", (([0.0, 0.0],),) * 3 + (([NAN, NAN],),), lambda m, x: m.prod(x)),
    Case(
        "`logaddexp(x, y)`",
        (-INF, -INF),
        "infinite",
        ((0.5, 0.5), (NAN, NAN), (NAN, NAN), (NAN, NAN)),
        lambda m, x, y: m.logaddexp(x, y),
    ),
    Case(
        "`copysign(x, 1)`",
        (0.0,),
        "kink: -1, 1",
        ((0.0,), (0.0,), (1.0,), None),
        lambda m, x: m.copysign(x, 1.0 + 0.0 * x),
    ),
    Case(
        "`max(eigvalsh(A))`",
        ([[1.0, 0.0], [0.0, 1.0]],),
        "tie",
        (([[0.5, 0.0], [0.0, 0.5]],),) * 3 + (None,),
        lambda m, x: m.max(m.linalg.eigvalsh(x)),
    ),
    activation("relu(x)", 0.0, "kink: 0, 1", 0.0, 0.0, 0.0),
    activation("leaky_relu(x)", 0.0, "kink: 0.01, 1", 0.01, 0.01, 1.0),
    activation("elu(x)", 0.0, "smooth: 1", 1.0, 1.0, 1.0),
    activation("selu(x)", 0.0, "kink: 1.758, 1.051", 1.7580993408473766, 1.7580993408473766, 1.7580993408473766),
    activation("relu6(x)", 6.0, "kink: 1, 0", 0.0, 0.0, 0.0),
    activation("hardtanh(x)", 1.0, "kink: 1, 0", 0.0, 0.0, 1.0, jax_name="hard_tanh"),
    activation("hardsigmoid(x)", 3.0, "kink: 1/6, 0", 0.0, 0.0, 0.0, jax_name="hard_sigmoid"),
    activation("hardswish(x)", 3.0, "kink: 1.5, 1", 1.0, 1.0, 1.0, jax_name="hard_swish"),
    activation("softshrink(x)", 0.5, "kink: 0, 1", 0.0, 0.0, None),
    activation("hardshrink(x)", 0.5, "jump", 0.0, 0.0, None),
)


def difflab_numpy() -> Any:
    import difflab.numpy

    return difflab.numpy


def arguments(case: Case) -> list[Any]:
    return [np.asarray(x, float)[()] for x in case.at]


def by_difflab(case: Case) -> list[Any]:
    import difflab as dl
    from difflab.nn import functional

    f = (lambda *x: case.f(np, *x)) if case.difflab is None else lambda *x: case.difflab(functional, *x)
    return list(dl.grad(f, tuple(range(len(case.at))))(*arguments(case)))


def by_torch(case: Case) -> list[Any]:
    import torch

    xs = [torch.tensor(x, requires_grad=True) for x in arguments(case)]
    y = (case.torch or case.f)(torch, *xs)
    return [g.numpy() for g in torch.autograd.grad(y, xs)]


def by_jax(case: Case) -> list[Any]:
    import jax

    f = (lambda *x: case.f(jax.numpy, *x)) if case.jax is None else lambda *x: case.jax(jax, *x)
    return [np.asarray(g) for g in jax.grad(f, tuple(range(len(case.at))))(*arguments(case))]


def by_autograd(case: Case) -> list[Any]:
    import autograd
    import autograd.numpy as anp

    at = [float(x) if np.ndim(x) == 0 else x for x in arguments(case)]
    try:
        return list(autograd.grad(lambda *x: case.f(anp, *x), tuple(range(len(at))))(*at))
    except (NotImplementedError, ZeroDivisionError):
        return REFUSED  # type: ignore[return-value]


RUN = dict(zip(LIBRARIES, (by_difflab, by_torch, by_jax, by_autograd)))


def table() -> str:
    """The table of the page."""
    lines = ["| function | at | what is true | " + " | ".join(LIBRARIES) + " |", "|---" * (3 + len(LIBRARIES)) + "|"]
    for case in CASES:
        cells = [case.text, ", ".join(map(shown, case.at)), case.truth, *map(answer, case.found)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def answer(found: Any) -> str:
    return "" if found is None else found if isinstance(found, str) else "; ".join(map(shown, found))


def shown(x: Any) -> str:
    return "[" + ", ".join(map(shown, x)) + "]" if isinstance(x, list) else f"{x:.4g}"


def page(text: str) -> str:
    """The page with the table put between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
