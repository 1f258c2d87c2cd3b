"""Pictures of gradient descent: paths on a ravine, a valley and a saddle; steps; momentum; rates (course, 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..differentiate.transform import value_and_grad
from ..errors import InputError
from ..lab.plots import COLOURS, MARKERS, figure, save
from ..palette import INK, PALE
from ..types import Array, FileName, Function
from . import optim
from .optim.optimiser import Optimiser

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Surface:
    """A function of (x, y), where to start, what part to show (None: where the paths go), and its lowest points."""

    name: str
    f: Function
    start: tuple[float, float]
    box: tuple[float, float, float, float] | None = None  # left, right, bottom, top
    minima: tuple[tuple[float, float], ...] = ()


RAVINE = Surface("ravine", lambda p: 0.5 * (p[0] ** 2 + 20 * p[1] ** 2), (-4.0, 1.2), (-4.6, 1.6, -1.8, 1.8), ((0, 0),))
ROSENBROCK = Surface(
    "rosenbrock",
    lambda p: 0.1 * (1 - p[0]) ** 2 + 2 * (p[1] - p[0] ** 2) ** 2,
    (-1.2, 1.0),
    (-1.8, 1.6, -0.8, 2.2),
    ((1, 1),),
)
SADDLE = Surface(
    "saddle", lambda p: 0.5 * p[0] ** 2 - 0.5 * p[1] ** 2 + 0.05 * p[1] ** 4, (-2.0, 0.02), (-2.5, 2.5, -3.2, 3.2),
    ((0, 5**0.5), (0, -(5**0.5))),
)  # fmt: skip
SURFACES = {s.name: s for s in (RAVINE, ROSENBROCK, SADDLE)}

# Settings under which each one gets somewhere on all three surfaces.
OPTIMISERS: dict[str, Callable[[], Optimiser | optim.Newton]] = {
    "gradient descent": lambda: optim.SGD(lr=0.01),
    "momentum": lambda: optim.SGD(lr=0.01, momentum=0.9),
    "Nesterov": lambda: optim.SGD(lr=0.01, momentum=0.9, nesterov=True),
    "AdaGrad": lambda: optim.Adagrad(lr=0.5),
    "RMSprop": lambda: optim.RMSprop(lr=0.05),
    "Adam": lambda: optim.Adam(lr=0.15),
    "Newton": lambda: optim.Newton(),
}


def path_of(surface: Surface, optimiser: Optimiser | optim.Newton, steps: int) -> Array:
    """The points (steps + 1, 2) that an optimiser visits; it ends where it leaves all numbers."""
    if isinstance(optimiser, optim.Newton):
        return np.array(optim.minimize(surface.f, np.array(surface.start), optimiser, steps).trajectory)
    gradient = value_and_grad(surface.f)
    p = np.array(surface.start)
    memory, points = optimiser.init(p), [p]
    with np.errstate(all="ignore"):
        for _ in range(steps):
            p, memory = optimiser.update(p, gradient(p)[1], memory)
            if not np.all(np.abs(p) < 1e6):
                break
            points.append(p)
    return np.array(points)


def around(start: tuple[float, float], paths: Iterable[Array]) -> tuple[float, float, float, float]:
    """The part of the plane where the paths go, with room about it; one that runs away does not stretch it."""
    limit = 4.0 * max(1.0, *map(abs, start))
    points = np.concatenate([np.array([start]), *paths])
    points = points[np.all(np.abs(points) <= limit, axis=1)]
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    half = 1.25 * np.maximum(half, max(0.25 * half.max(), 0.05 * max(1.0, *map(abs, start))))
    left, bottom = map(float, middle - half)
    right, top = map(float, middle + half)
    return left, right, bottom, top


def contours(axes: Axes, surface: Surface) -> None:
    left, right, bottom, top = surface.box or around(surface.start, ())
    x, y = np.meshgrid(np.linspace(left, right, 200), np.linspace(bottom, top, 200))
    z = surface.f(np.stack([x, y]))
    z = z - z.min()
    levels = z.max() * np.linspace(0, 1, 22)[1:] ** 2.5
    axes.contour(x, y, z, levels=levels, colors=PALE, linewidths=0.6)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    for m in surface.minima:
        axes.plot(*m, marker="*", color=INK, markersize=11, zorder=5, linestyle="none")
    axes.plot(*surface.start, marker="o", color=INK, markersize=6, zorder=5, linestyle="none")
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.grid(False)


def draw_path(axes: Axes, points: Array, k: int, label: str) -> None:
    """One path; every other one is dashed and lies on top, so that of two that go the same way both are seen."""
    colour, dashed = COLOURS[k % len(COLOURS)], k % 2 == 1
    style = {"linewidth": 1.6, "linestyle": (0, (3, 2)), "zorder": 3} if dashed else {"linewidth": 2.0, "zorder": 2}
    axes.plot(*points.T, color=colour, marker=MARKERS[k], markersize=3.5, label=label, markevery=0.08, **style)
    axes.plot(*points[-1], color=colour, marker=MARKERS[k], markersize=7, markeredgecolor="white")


def descent_picture(
    surface: str | Surface,
    path: FileName,
    optimisers: dict[str, Optimiser | optim.Newton] | None = None,
    steps: int = 100,
    *,
    force: bool = False,
) -> dict[str, Array]:
    """The paths of optimisers over the contours of a surface; returns the points of each."""
    surface = known(surface)
    chosen = {n: make() for n, make in OPTIMISERS.items()} if optimisers is None else optimisers
    found = {name: path_of(surface, optimiser, steps) for name, optimiser in chosen.items()}
    if surface.box is None:
        surface = replace(surface, box=around(surface.start, found.values()))
    made, axes = figure(7.6, 5.4)
    contours(axes, surface)
    for k, (name, points) in enumerate(found.items()):
        draw_path(axes, points, k, name)
    end = "; stars are minima" if surface.minima else ""
    axes.set_title(f"{surface.name}: {steps} steps from the dot{end}", fontsize=10)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)
    save(made, path, force)
    return found


def known(surface: str | Surface) -> Surface:
    if isinstance(surface, Surface):
        return surface
    if surface not in SURFACES:
        raise InputError(f"there is no surface {surface!r}; give {', '.join(SURFACES)}, or a Surface of your own")
    return SURFACES[surface]


STEP_SIZES = {0.004: "too small", 0.04: "good", 0.095: "it oscillates", 0.101: "it diverges"}


def step_size_picture(path: FileName, *, force: bool = False) -> dict[float, Array]:
    """Gradient descent on the ravine with four step sizes; above 2 / (largest curvature) = 0.1 it diverges."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(9, 5.6), layout="constrained")
    found = {}
    for k, (axes, (rate, text)) in enumerate(zip(made.subplots(2, 2).flat, STEP_SIZES.items())):
        contours(axes, RAVINE)
        found[rate] = path_of(RAVINE, optim.SGD(lr=rate), 40)
        colour = COLOURS[k]
        axes.plot(*found[rate].T, color=colour, marker="o", markersize=2.5, linewidth=1)
        axes.set_title(f"step size {rate:g}: {text}", fontsize=10)
    made.suptitle("40 steps of gradient descent; the bound is 2 / 20 = 0.1", fontsize=11)
    save(made, path, force)
    return found


def momentum_picture(path: FileName, *, force: bool = False) -> dict[float, Array]:
    """The ravine with several momenta and one step size: the value against the steps, and the paths."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = made.subplots(1, 2)
    contours(left, RAVINE)
    found = {}
    for k, momentum in enumerate((0.0, 0.5, 0.8, 0.95)):
        points = found[momentum] = path_of(RAVINE, optim.SGD(lr=0.02, momentum=momentum), 80)
        draw_path(left, points, k, f"{momentum:g}")
        right.semilogy([RAVINE.f(p) for p in points], color=COLOURS[k], label=f"momentum {momentum:g}")
    right.set_xlabel("step")
    right.set_ylabel("value")
    right.grid(alpha=0.3)
    right.legend(fontsize=8)
    save(made, path, force)
    return found


@dataclass(frozen=True)
class Rate:
    """By what factor the distance to the minimum shrinks with each step, in theory and as measured."""

    name: str
    theory: float
    measured: float


def convergence_picture(
    path: FileName, condition: float = 25.0, steps: int = 120, *, force: bool = False
) -> list[Rate]:
    """A quadratic with curvatures 1 and kappa: the distance to the minimum, beside its theoretical rate.

    With the best constant step sizes gradient descent shrinks it by (kappa - 1) / (kappa + 1), the heavy ball by
    (sqrt kappa - 1) / (sqrt kappa + 1): Polyak 1964; Nocedal and Wright, Numerical Optimization, 3.3.
    """
    if not condition > 1:
        raise InputError(f"convergence_picture: condition={condition!r}; give a number above 1")
    quadratic = Surface("quadratic", lambda p: 0.5 * (p[0] ** 2 + condition * p[1] ** 2), (1.0, 1.0), (-1, 1, -1, 1))
    root = float(np.sqrt(condition))
    heavy = ((root - 1) / (root + 1)) ** 2
    runs = {
        "gradient descent": (optim.SGD(lr=2 / (1 + condition)), (condition - 1) / (condition + 1)),
        "heavy ball": (optim.SGD(lr=4 / (1 + root) ** 2, momentum=heavy), (root - 1) / (root + 1)),
    }
    made, axes = figure(7, 4.4)
    found = []
    for k, (name, (optimiser, theory)) in enumerate(runs.items()):
        distance = np.linalg.norm(path_of(quadratic, optimiser, steps), axis=1)
        late = distance[distance > 1e-13]
        late = late[2 * len(late) // 3 :]
        measured = float((late[-1] / late[0]) ** (1 / (len(late) - 1)))
        found.append(Rate(name, theory, measured))
        axes.semilogy(distance, color=COLOURS[k], label=f"{name}: measured {measured:.4f} a step")
        axes.semilogy(distance[0] * theory ** np.arange(steps + 1), color=COLOURS[k], linestyle="--",
                      label=f"theory {theory:.4f}")  # fmt: skip
    axes.set_xlabel("step")
    axes.set_ylabel("distance to the minimum")
    axes.set_title(f"a quadratic with curvatures 1 and {condition:g}", fontsize=10)
    axes.set_ylim(1e-16, None)
    axes.legend(fontsize=8)
    save(made, path, force)
    return found


def kernels_picture(path: FileName, *, force: bool = False) -> list[Array]:
    """Kernels of `nn.kernels` applied to a photograph that comes with matplotlib (Grace Hopper, U.S. Navy)."""
    from . import functional as F, pictures
    from .kernels import KERNELS

    photo = photograph()
    images, titles = [photo], ["photograph"]
    for name, make in KERNELS.items():
        images.append(F.convolve2d(photo, make(), "valid", flip=False))
        titles.append(name)
    made = pictures.tiles([shown(x) for x in images], titles, columns=3)
    made.set_size_inches(7.5, 9.2)
    for axes in made.axes:
        axes.title.set_fontsize(10)
    save(made, path, force)
    return images


def shown(x: Array) -> Array:
    """Greys between the 1st and the 99th percent."""
    low, high = np.percentile(x, [1, 99])
    grey: Array = np.clip((x - low) / max(high - low, 1e-12), 0, 1)
    return grey


def photograph() -> Array:
    """A real photograph in greys from 0 to 1, (300, 256)."""
    from matplotlib import cbook
    from PIL import Image

    with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as image:
        small = image.convert("L").resize((256, 300), Image.Resampling.LANCZOS)
        return np.asarray(small, np.float64) / 255
