"""Steps and backups on whatever devices JAX has: times, and the share of the device's limits that they reach.

`python -m benchmarks.gpu` takes about ten minutes on one accelerator; `--small` says in seconds whether it runs.
The limits are measured first, on the device itself: a large product of matrices for arithmetic, a large sum of arrays
for memory. Each line is JSON: what, dtype, the device's name, milliseconds (the least of some runs), and
the share of the limit that it is held to. Nothing is asserted: a device's own numbers are what is asked for.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from difflab import mdp, nn
from difflab.compile.xla.carrier import x64
from difflab.compile.xla.mesh import SPLIT, WHOLE, Mesh
from difflab.compile.xla.sharded import Sharded
from difflab.differentiate.transform import grad
from difflab.mdp.devices import Cut, programs
from difflab.nn.training.devices import DevicePrograms
from difflab.nn.training.step import loss_of, unclipped

Work = Callable[[], Any]


def least(work: Work, seconds: float) -> float:
    """The least time of one run, over so many seconds; the first is not counted."""
    import jax

    jax.block_until_ready(work())
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        jax.block_until_ready(work())
        best = min(best, time.perf_counter() - start)
    return best


def limits(small: bool, seconds: float) -> dict[str, float]:
    """Operations a second by dtype, and bytes a second."""
    import jax
    import jax.numpy as jnp

    n, length = (512, 1 << 20) if small else (8192, 1 << 28)
    product, total = jax.jit(lambda a, b: a @ b), jax.jit(lambda a, b: a + b)
    found = {}
    for dtype in ("float32", "bfloat16"):
        a = jnp.ones((n, n), dtype)
        found[dtype] = 2 * n**3 / least(lambda a=a: product(a, a), seconds)
    x = jnp.ones(length, "float32")
    found["memory"] = 3 * x.nbytes / least(lambda: total(x, x), seconds)
    return found


def steps(small: bool) -> Iterator[tuple[str, str, Work, float]]:
    """Training steps: name, dtype of products, the work, and its operations."""
    batch = 32 if small else 4096
    models = {
        "mlp": (nn.models.mlp((784, 4096, 4096, 10)) if not small else nn.models.mlp((784, 64, 10)), (784,)),
        "lenet5": (nn.models.lenet5(1, 10), (1, 28, 28)),
        "lenet5 with batch norm": (nn.models.lenet5(1, 10, batch_norm=True), (1, 28, 28)),
    }
    rng = np.random.default_rng(0)
    for name, (model, shape) in models.items():
        x, y = rng.normal(size=(batch, *shape)).astype(np.float32), rng.integers(0, 10, batch)
        operations = 3.0 * batch * nn.summary(model, shape).flops  # forward, and twice that backward
        for dtype in ("float32", "bfloat16"):
            adam = nn.optim.Adam(lr=1e-3)
            made = DevicePrograms(model, loss_of("cross_entropy"), adam, True, unclipped, Mesh(1), dtype)
            params, state = model.init(0)
            trees = [made.placed(params, adam.init(params), state)]
            xs, ys = (made.mesh.place(a, SPLIT) for a in (x, y))

            def work(made: DevicePrograms = made, trees: list[Any] = trees, xs: Any = xs, ys: Any = ys) -> Any:
                trees[0], loss, _ = made.take(trees[0], xs, ys)
                return loss

            yield name, dtype, work, operations


def gmm(small: bool) -> Work:
    """The gradient of a mixture of Gaussians' likelihood, with diagonal covariances."""
    n, d, k = (200, 4, 5) if small else (100_000, 32, 64)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d)).astype(np.float32)
    parameters = {"w": np.zeros(k, np.float32), "m": x[:k].copy(), "s": np.zeros((k, d), np.float32)}

    def likelihood(p: Any, x: Any) -> Any:
        away = (x[:, None, :] - p["m"]) * np.exp(p["s"])
        each = p["w"] + np.sum(p["s"], axis=1) - 0.5 * np.sum(away**2, axis=2)
        top = np.max(each, axis=1, keepdims=True)
        return np.sum(np.log(np.sum(np.exp(each - top), axis=1))) + np.sum(top)

    mesh = Mesh(1)
    program = Sharded(lambda p, x: (grad(likelihood)(p, x),), mesh, (WHOLE, SPLIT), (WHOLE,))
    placed = mesh.place(parameters, WHOLE), mesh.place(x, SPLIT)
    return lambda: program(*placed)


def backups(small: bool) -> Iterator[tuple[str, Work, float]]:
    """Bellman backups of grids: name, the work, and the bytes that have to be moved."""
    for side in (64,) if small else (1000, 4000):
        process = mdp.gridworld((side, side), slip=0.2, discount=0.99)
        cut = Cut(process, Mesh(1))
        v = cut.vector(np.zeros(process.n_states))
        moved = float(sum(a.nbytes for a in cut.arrays) + 3 * v.nbytes + 8 * cut.size * cut.width)
        backup = programs(cut.mesh).backup
        numbers = 0.99, process.n_states

        def work(cut: Cut = cut, v: Any = v, backup: Any = backup, numbers: Any = numbers) -> Any:
            return backup(v, *cut.arrays, *numbers)

        yield f"backup of {side * side:,} states", work, moved


def main() -> None:
    import jax

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", action="store_true", help="a few seconds, on any machine")
    options.add_argument("--seconds", type=float, help="of each measurement; 20, or 0.1 of small ones")
    given = options.parse_args()
    seconds = given.seconds or (0.1 if given.small else 20.0)
    name = f"{jax.default_backend()}: {jax.devices()[0].device_kind}"

    def tell(what: str, dtype: str, took: float, **more: float) -> None:
        told = {"what": what, "dtype": dtype, "device": name, "ms": round(1e3 * took, 4)}
        print(json.dumps(told | {k: float(f"{x:.3g}") for k, x in more.items()}), flush=True)

    top = limits(given.small, seconds)
    print(json.dumps({"device": name, **{k: float(f"{x:.3g}") for k, x in top.items()}}), flush=True)
    for what, dtype, work, operations in steps(given.small):
        took = least(work, seconds)
        tell(f"step of {what}", dtype, took, share_of_arithmetic=operations / took / top[dtype])
    tell("gradient of a mixture", "float32", least(gmm(given.small), seconds))
    with x64():
        for what, work, moved in backups(given.small):
            took = least(work, seconds)
            tell(what, "float64", took, share_of_memory=moved / took / top["memory"])


if __name__ == "__main__":
    main()
