"""python -m benchmarks.memory [NAME ...] [--repeats N] [--top]: is memory flat over 10,000 repetitions?

Each job runs in a process of its own: 1,000 repetitions to warm up, then the rest. It fails (exit status 1) where
resident memory grew by more than ALLOWED MiB meanwhile, or where objects, open files, threads or child processes
became more. `--top` shows where what is left was allocated. Every repetition makes a new function, and in some jobs
new shapes, so that a cache that is kept by function or shape shows.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import difflab as dl
from difflab import mdp, nn

WARM, REPEATS = 1000, 10_000
ALLOWED = 4.0  # MiB that resident memory may grow in 9,000 repetitions: 470 bytes each, less than the smallest graph
OBJECTS = 200  # objects more than before; dictionaries of bounded caches come and go
X = np.linspace(0.1, 1.0, 5)
QUICK = ["reverse", "forward", "numerical", "certified"]
AT = {"x": 0.5, "y": 2.0}
PICTURES = tempfile.TemporaryDirectory()  # removed at the end of the process


def fresh(k: int) -> Callable[..., object]:
    """A function that no cache has seen."""
    return lambda x: np.sum(np.sin(x) * (k + 1) + x**2)


def looped(k: int) -> Callable[..., object]:
    return lambda x: dl.scan(lambda c, _: (np.sin(c) * (k + 1), c), x, None, length=5)[0]


def text(k: int) -> str:
    return f"sin(x) * y + x**2 / {k + 1}"


def refused(k: int) -> None:
    for wrong in (lambda x: float(x), lambda x: x + np.ones((k % 7 + 2, 3)), lambda x: np.ma.array(x)):
        try:
            dl.grad(wrong)(X)
        except (dl.DifflabError, ValueError):
            continue


def drawn(k: int) -> None:
    dl.draw(dl.parse(text(k)).forward(**AT).backward(), Path(PICTURES.name) / "pass.svg", force=True)


def charted(k: int) -> None:
    study = dl.step_size_study(text(k), at=AT)
    study.plot(Path(PICTURES.name) / "study.png", force=True)


class Training:
    """A network, its data and one compiled training step."""

    def __init__(self) -> None:
        self.model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        self.adam = nn.optim.Adam(lr=1e-3)
        self.params, self.state = self.model.init(0)
        self.memory = self.adam.init(self.params)
        rng = np.random.default_rng(0)
        self.x, self.y = rng.normal(size=(16, 4)), rng.integers(0, 3, 16)

        def step(params, memory, x, y):  # type: ignore[no-untyped-def]
            def loss(p):  # type: ignore[no-untyped-def]
                return nn.functional.cross_entropy(self.model.apply(p, self.state, x, training=True)[0], y)

            value, g = dl.value_and_grad(loss)(params)
            return value, *self.adam.update(params, g, memory)

        self.step = dl.compile(step, donate_argnums=(0, 1))

    def __call__(self, k: int) -> None:
        _, self.params, self.memory = self.step(self.params, self.memory, self.x, self.y)


def shapes() -> Callable[[int], object]:
    f = dl.compile(dl.grad(lambda x: np.sum(np.sin(x) ** 2)))
    return lambda k: f(np.ones(k % 1000 + 1))


def captured() -> Callable[[int], object]:
    held = [0.0]

    def read(x):  # type: ignore[no-untyped-def]
        return x * scale

    scale = 1.0
    f = dl.compile(read)

    def run(k: int) -> object:
        nonlocal scale
        scale = float(k)
        held[0] = f(X)
        return held

    return run


def process() -> Callable[[int], object]:
    P = np.array([[[0.5, 0.5], [0.0, 1.0]], [[1.0, 0.0], [0.5, 0.5]]])
    return lambda k: mdp.MDP.from_arrays(P, np.array([[1.0, k], [0.0, 1.0]]), discount=0.9).solve()


JOBS: dict[str, Callable[[], Callable[[int], object]]] = {
    "trace": lambda: lambda k: dl.trace(fresh(k), X),
    "parse": lambda: lambda k: dl.parse(text(k))(**AT),
    "gradient": lambda: lambda k: dl.grad(fresh(k))(X),
    "gradient of new shapes": lambda: lambda k: dl.grad(fresh(k))(np.ones(k % 3000)),
    "hessian": lambda: lambda k: dl.hessian(fresh(k))(X),
    "vmap": lambda: lambda k: dl.vmap(dl.grad(fresh(k)))(np.ones((3, 2))),
    "scan": lambda: (
        lambda k: dl.grad(lambda x: dl.scan(lambda c, _: (np.sin(c) * (k + 1), c), x, None, length=5)[0])(0.5)
    ),
    "passes": lambda: lambda k: dl.parse(text(k)).forward(**AT).backward(),
    "networkx": lambda: lambda k: dl.trace(fresh(k), X).number_of_edges(),
    "compile": lambda: lambda k: dl.compile(fresh(k))(X),
    "compile a gradient": lambda: lambda k: dl.compile(dl.grad(fresh(k)))(0.5),
    "compile of new shapes": shapes,
    "compile of new captured values": captured,
    "refused": lambda: refused,
    "certificate": lambda: lambda k: dl.certify(text(k), at=AT),
    "numerical": lambda: lambda k: dl.differentiate(fresh(k), X, method="numerical"),
    "to_sympy": lambda: lambda k: dl.from_sympy(dl.to_sympy(dl.parse(text(k)))),
    "symbolic": lambda: lambda k: dl.differentiate(text(k), AT, method="symbolic"),
    "comparison": lambda: lambda k: dl.compare(text(k), at=AT, methods=QUICK),
    "training": Training,
    "planning": process,
    "drawing": lambda: drawn,
    "chart": lambda: charted,
}


class Held(NamedTuple):
    """What the process holds."""

    mebibytes: float
    objects: int
    files: int
    threads: int
    children: int


def held() -> Held:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    children = sum(len((task / "children").read_text().split()) for task in Path("/proc/self/task").iterdir())
    files = len(list(Path("/proc/self/fd").iterdir()))
    return Held(
        pages * os.sysconf("SC_PAGE_SIZE") / 2**20, len(gc.get_objects()), files, threading.active_count(), children
    )


def measure(name: str, repeats: int, top: bool) -> bool:
    """Runs one job and prints what it left; true where that is nothing."""
    run = JOBS[name]()
    warm = min(WARM, repeats // 2)
    for k in range(warm):
        run(k)
    if top:
        tracemalloc.start(12)
        first = tracemalloc.take_snapshot()
    before = held()
    for k in range(warm, repeats):
        run(k)
    after = held()
    more = [a - b for a, b in zip(after, before)]
    flat = more[0] <= ALLOWED and more[1] <= OBJECTS and max(more[2:]) <= 0
    print(
        f"{name:32s} {repeats:6d} times  {before.mebibytes:7.1f} MiB {more[0]:+6.2f}  objects {more[1]:+d}  "
        f"files {more[2]:+d}  threads {more[3]:+d}  children {more[4]:+d}{'' if flat else '   GROWS'}",
        flush=True,
    )
    if top:
        for line in tracemalloc.take_snapshot().compare_to(first, "lineno")[:12]:
            print("   ", line)
    return flat


def main() -> int:
    reading = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=(__doc__ or "").splitlines()[0])
    reading.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(JOBS)}")
    reading.add_argument("--repeats", type=int, default=REPEATS)
    reading.add_argument("--top", action="store_true", help="where what is left was allocated")
    given = reading.parse_args()
    if unknown := [n for n in given.names if n not in JOBS]:
        reading.error(f"there is no job {unknown[0]!r}")
    if len(given.names) == 1:
        return 0 if measure(given.names[0], given.repeats, given.top) else 1
    rest = ["--repeats", str(given.repeats), *(["--top"] if given.top else [])]
    ends = [subprocess.run([sys.executable, "-m", __spec__.name, n, *rest]).returncode for n in given.names or JOBS]
    return int(any(ends))


if __name__ == "__main__":
    sys.exit(main())
