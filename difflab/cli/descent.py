"""`difflab descent`."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..errors import InputError
from ..progress import doing
from ..types import Function
from .common import PLOTS, Command, emit_json, force_option, json_option, log, picture

if TYPE_CHECKING:
    from ..nn.descent import Surface

PICTURES = ("step-size", "momentum", "rates", "kernels", "depth")
EXAMPLES = """
difflab descent rosenbrock -o paths.png
difflab descent ravine --optimiser Adam --optimiser momentum --steps 60 -o two.png
difflab descent rates -o rates.png
difflab descent depth -o depth.png
difflab descent "x**2 + 10*y**2" --at x=3,y=1 -o mine.png
"""


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("what")
@click.option(
    "--optimiser", "names", multiple=True, help="Gradient descent, momentum, Nesterov, AdaGrad, RMSprop, Adam, Newton."
)
@click.option("--steps", type=click.IntRange(1, 100_000), default=100, show_default=True)
@click.option("--at", "points", multiple=True, metavar="NAME=VALUE,...", help="Where a formula's descent starts.")
@click.option("-o", "--output", metavar="FILE", required=True, help="The picture (.png, .svg, .pdf).")
@force_option
@json_option
def command(
    what: str, names: tuple[str, ...], steps: int, points: tuple[str, ...], output: str, force: bool, as_json: bool
) -> None:
    """The paths of optimisers over a surface: WHAT is ravine, rosenbrock, saddle, or a formula of two names.

    Or one of the pictures step-size, momentum, rates (measured beside theory), kernels (on a photograph) and depth
    (what ways to start the weights do over 50 layers).
    """
    path = picture(output, PLOTS, force)
    from ..nn import depth, descent

    whole: dict[str, Function] = {"step-size": descent.step_size_picture, "momentum": descent.momentum_picture,
                             "rates": descent.convergence_picture, "kernels": descent.kernels_picture,
                             "depth": depth.depth_picture}  # fmt: skip
    refuse_unused(what, what in whole, what in descent.SURFACES, points)
    told: Any = {}
    if what in whole:
        with doing(f"drawing {what}"):
            found = whole[what](path, force=force)
        if what == "rates":
            told = [{"name": r.name, "theory": r.theory, "measured": r.measured} for r in found]
            for r in found:
                log(f"{r.name}: measured {r.measured:.6f} a step, theory {r.theory:.6f}")
        if what == "depth":
            told = [{"init": s.init, "activation": s.activation, "values": s.values.tolist(),
                     "gradients": s.gradients.tolist()} for s in found]  # fmt: skip
            for s in found:
                log(str(s))
    else:
        surface = descent.SURFACES.get(what) or of_text(what, points)
        chosen = {n: descent.OPTIMISERS[n]() for n in picked(names, descent.OPTIMISERS)}
        with doing(f"descending {what[:60]}"):
            found = descent.descent_picture(surface, path, chosen, steps, force=force)
        told = {
            n: {"end": p[-1].tolist(), "value": float(surface.f(p[-1])), "steps": len(p) - 1} for n, p in found.items()
        }
    log(f"wrote {path}")
    if as_json:
        emit_json(told)


def refuse_unused(what: str, whole: bool, surface: bool, points: tuple[str, ...]) -> None:
    """Refuses options that the picture would not listen to."""
    if points and (whole or surface):
        raise InputError(f"--at is where a formula's descent starts; {what} has its own start")
    context = click.get_current_context()
    for name, option in (("names", "--optimiser"), ("steps", "--steps")):
        if whole and context.get_parameter_source(name) == ParameterSource.COMMANDLINE:
            raise InputError(f"{option} is for a surface or a formula; {what} is drawn as it is")


def picked(names: tuple[str, ...], known: Collection[str]) -> list[str]:
    by_lower = {n.lower(): n for n in known}
    for name in names:
        if name.lower() not in by_lower:
            raise InputError(f"--optimiser {name!r}; the optimisers are {', '.join(known)}")
    return [by_lower[n.lower()] for n in names] or list(known)


def of_text(text: str, points: tuple[str, ...]) -> Surface:
    """A formula of two names as a surface; the picture shows where the paths go."""
    import numpy as np

    from ..graph.parse import parse
    from ..nn.descent import SURFACES, Surface
    from .common import computing, read_point, refuse_extra_names

    graph, at = parse(text), read_point(points)
    names = [str(n.name) for n in graph.inputs]
    if text.isidentifier():
        known = [*SURFACES, *PICTURES]
        close = get_close_matches(text, known, n=1)
        mend = f"did you mean {close[0]}?" if close else f"they are {', '.join(known)}, or a formula of two names"
        raise InputError(f"there is no surface or picture {text!r}; {mend}")
    if len(names) != 2:
        raise InputError(f"{text!r} names {', '.join(names) or 'nothing'}; a surface has two names, such as x and y")
    refuse_extra_names(at, names)
    missing = [n for n in names if n not in at]
    if missing:
        raise InputError(f"--at gives no value for {', '.join(missing)}: the start of the descent")
    vectors = [n for n in names if np.shape(at[n]) != ()]
    if vectors:
        raise InputError(f"--at {vectors[0]} has shape {np.shape(at[vectors[0]])}; a surface stands over two numbers")
    start = float(at[names[0]]), float(at[names[1]])
    with computing():
        value = graph(**dict(zip(names, start)))
    if np.shape(value) != () or not np.isfinite(value):
        raise InputError(f"the formula is {value} at the start; give one where it is a number")
    return Surface(text, lambda p: graph(**{names[0]: p[0], names[1]: p[1]}), start)
