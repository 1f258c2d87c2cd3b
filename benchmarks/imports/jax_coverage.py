"""How much of JAX can be read: each public function at its sample, value and gradient against JAX's own."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np

import difflab as dl

from .jax_samples import SAMPLES, UNDERIVABLE, Sample

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "coverage-jax.md"
EXACT = 1e-9
WORKERS = 4


class Row(NamedTuple):
    """What came of one function: imports, differs, refused or no sample, with the errors of value and gradient."""

    module: str
    name: str
    outcome: str
    value: float = math.nan
    gradient: float = math.nan
    told: str = ""


def functions(module: str) -> Iterator[tuple[str, Any]]:
    home = import_module(module)
    for name in dir(home):
        f = getattr(home, name)
        if not name.startswith("_") and callable(f) and not isinstance(f, type):
            yield name, f


def rows(wanted: list[str]) -> Iterator[Row]:
    chosen = []
    for module in SAMPLES:
        skipped = UNDERIVABLE[module].split()
        chosen += [(module, n) for n, _ in functions(module) if n not in skipped and (not wanted or n in wanted)]
    if len(chosen) < 8:
        yield from map(by_name, chosen)
        return
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        yield from pool.map(by_name, chosen)


def by_name(place: tuple[str, str]) -> Row:
    """What comes of the function of that module and name, in double precision."""
    import jax

    module, name = place
    jax.config.update("jax_enable_x64", True)
    return judged(module, name, getattr(import_module(module), name), SAMPLES[module].get(name))


def judged(module: str, name: str, f: Any, sample: Sample | None) -> Row:
    """What comes of one function at its sample."""
    import jax

    if sample is None:
        return Row(module, name, "no sample")
    args, call = sample
    of_floats = lambda *x: [y for y in jax.tree_util.tree_leaves((call or plainly)(f, *x)) if y.dtype.kind in "fc"]
    try:
        theirs = of_floats(*args)
    except Exception as error:
        return Row(module, name, "no sample", told=f"JAX refuses it: {first_line(error)}")
    try:
        graph = dl.from_jax(of_floats, *args)
        value = distance(graph(*args), theirs)
    except dl.DifflabError as error:
        return Row(module, name, "refused", told=str(error).partition("cannot be read: ")[2] or str(error))
    limit = 1e-6 if any(x.dtype == np.float32 for x in graph.order if x.value.__class__ is not tuple) else EXACT
    told = "in single precision inside, as JAX has it" if limit > EXACT else ""
    ours = own_gradient(graph, args, theirs)
    try:
        slopes = jax_gradient(of_floats, args, theirs)
    except (ValueError, NotImplementedError) as error:
        fine = value < limit and all(np.all(np.isfinite(x)) for x in ours)
        told = f"JAX has no derivative here: {first_line(error)}"
        return Row(module, name, "imports" if fine else "differs", value, told=told)
    if any(np.any(np.isnan(b)) and not np.any(np.isnan(a)) for a, b in zip(ours, slopes)):
        told = "JAX's own gradient is NaN in places, and is not compared there"
        slopes = [np.where(np.isnan(b), a, b) for a, b in zip(ours, slopes)]
    gradient = distance(ours, slopes)
    return Row(module, name, "imports" if max(value, gradient) < limit else "differs", value, gradient, told)


def first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def plainly(f: Any, *x: Any) -> Any:
    return f(*x)


def weights(theirs: Any) -> list[Any]:
    rng = np.random.default_rng(1)
    return [rng.normal(size=y.shape) for y in theirs]


def weighed(xp: Any, ys: Any, theirs: Any) -> Any:
    """One number of several arrays, such that every entry counts."""
    terms = [xp.sum(xp.real(y) * w) + xp.sum(xp.imag(y) * w[..., ::-1] if w.ndim else xp.imag(y) * w)
             if np.iscomplexobj(t) else xp.sum(y * w) for y, w, t in zip(ys, weights(theirs), theirs)]  # fmt: skip
    return sum(terms[1:], terms[0])


def own_gradient(graph: Any, args: Any, theirs: Any) -> Any:
    return dl.grad(lambda *x: weighed(np, graph(*x), theirs), tuple(range(len(args))))(*args)


def jax_gradient(f: Any, args: Any, theirs: Any) -> Any:
    import jax

    scalar = lambda *x: weighed(jax.numpy, f(*x), theirs)
    places = tuple(range(len(args)))
    try:
        return jax.grad(scalar, places)(*args)
    except ValueError:  # loops of JAX's have no reverse mode
        return jax.jacfwd(scalar, places)(*args)


def distance(ours: Any, theirs: Any) -> float:
    """The largest difference, beside the size of the array it stands in."""
    found = [0.0]
    for a, b in zip(ours, theirs, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or a.dtype != b.dtype:
            return math.inf
        if a.size == 0:
            continue
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        gap = np.where(same, 0, np.abs(np.where(same, 0, a) - np.where(same, 0, b)))
        size = max(1.0, float(np.max(np.abs(b[np.isfinite(b)]), initial=0)))
        found.append(float(np.max(np.where(np.isnan(gap), np.inf, gap))) / size)
    return max(found)


def main(arguments: list[str]) -> int:
    import jax

    found = []
    for row in rows([a for a in arguments if not a.startswith("--")]):
        found.append(row)
        if row.outcome != "imports":
            errors = f"value {row.value:.1e}, gradient {row.gradient:.1e}"
            print(f"{row.module}.{row.name}: {row.outcome}, {errors} {row.told[:300]}")
    print(summary(found))
    if "--write" in arguments:
        PAGE.write_text(page(found, jax.__version__))
    return int(any(r.outcome == "differs" for r in found))


def summary(found: list[Row]) -> str:
    lines = ["| | functions with a derivative | imported | value and gradient agree | |", "|---|---|---|---|---|"]
    groups = [(module, [r for r in found if r.module == module]) for module in SAMPLES]
    for name, group in [*groups, ("all", found)]:
        if group:
            read = sum(math.isfinite(r.value) for r in group)
            fine = sum(r.outcome == "imports" for r in group)
            lines.append(f"| `{name}` | {len(group)} | {read} | {fine} | {100 * fine / len(group):.0f} % |")
    return "\n".join(lines)


def page(found: list[Row], version: str) -> str:
    lines = [
        "# What of JAX can be read",
        "",
        f"Written by `python -m benchmarks.imports jax --write`, with JAX {version}: each public function that has a "
        "derivative, at one sample in float64. Errors are the largest difference from JAX's own value and gradient, "
        "beside the largest entry (or 1).",
        "",
        summary(found),
        "",
        "| function | outcome | error of the value | error of the gradient | |",
        "|---|---|---|---|---|",
    ]
    for r in found:
        numbers = " | ".join("" if math.isnan(x) else f"{x:.1e}" for x in (r.value, r.gradient))
        name, told = f"{r.module.removeprefix('jax.')}.{r.name}", r.told[:160].replace("|", "/")
        lines.append(f"| `{name}` | {r.outcome} | {numbers} | {told} |")
    return "\n".join(lines) + "\n"
