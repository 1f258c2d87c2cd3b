"""Training beside PyTorch: the same losses step by step, seconds an epoch taking turns, and test accuracy over seeds.

`python -m benchmarks.training` runs the first two; `--accuracy` adds the third (about ten minutes). Fashion-MNIST has
to be on the machine (Debian's package dataset-fashion-mnist, or its folder in $DIFFLAB_FASHION_MNIST).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from difflab import nn
from difflab.nn.training.fit import Trainer
from difflab.nn.training.progress import Silent
from difflab.nn.training.recipes import Recipe, run
from difflab.nn.training.step import Programs

from .measure import machine

BATCH, ROUNDS = 64, 5


def by_torch(model: nn.Sequential, params: Any, state: Any, double: bool = False) -> Any:
    """The same network as a torch module, with the same weights."""
    import torch

    t = torch.nn
    kinds: dict[str, Callable[[Any], Any]] = {
        "Conv2d": lambda m: t.Conv2d(m.in_channels, m.out_channels, m.kernel_size, padding=m.padding),
        "Linear": lambda m: t.Linear(m.in_features, m.out_features),
        "MaxPool2d": lambda m: t.MaxPool2d(m.kernel_size),
        "BatchNorm2d": lambda m: t.BatchNorm2d(m.num_features),
        "BatchNorm1d": lambda m: t.BatchNorm1d(m.num_features),
        "ReLU": lambda m: t.ReLU(),
        "Flatten": lambda m: t.Flatten(),
    }
    made = t.Sequential()
    for name, layer in zip(model.names, model.layers):
        made.add_module(name, kinds[type(layer).__name__](layer))
    made = made.double() if double else made
    made.load_state_dict(nn.to_torch(params, state))
    return made


def agreement(data: Any, steps: int = 100) -> float:
    """The largest relative difference of the losses over so many steps of SGD with momentum, in float64."""
    import torch

    model = nn.models.lenet5()
    params, state = model.init(0)
    peer = by_torch(model, params, state, double=True)
    theirs = torch.optim.SGD(peer.parameters(), lr=0.05, momentum=0.9)
    ours = nn.optim.SGD(lr=0.05, momentum=0.9)
    programs = Programs(model, nn.functional.cross_entropy, ours, True)
    memory, worst = ours.init(params), 0.0
    for k, chosen in enumerate(nn.data.batches(len(data.x_train), BATCH, seed=0)):
        if k == steps:
            break
        x, y = data.x_train[chosen].astype(float), data.y_train[chosen]
        params, memory, state, loss, _ = programs.step(params, memory, state, x, y)
        other = torch.nn.functional.cross_entropy(peer(torch.tensor(x)), torch.tensor(y))
        theirs.zero_grad()
        other.backward()
        theirs.step()
        worst = max(worst, abs(float(loss) - other.item()) / other.item())
    return worst


def difflab_epoch(model: nn.Sequential, data: Any, backend: str = "numpy") -> Callable[[], None]:
    if backend == "native":
        import numba  # noqa: F401  # or this line is left out
    programs = Programs(model, nn.functional.cross_entropy, nn.optim.Adam(), True, backend=backend)
    trainer = Trainer(programs, data, BATCH, 0, np.dtype(np.float32))
    trainer.begin(None, None)
    trainer.prepare()

    class Never:
        asked = None

    trainer.programs.evaluate = lambda *_, **__: (0.0, None)  # type: ignore[method-assign]  # the epoch's steps alone
    return lambda: trainer.one_epoch(Never(), 1e9, Silent())  # type: ignore[arg-type]


def torch_epoch(model: nn.Sequential, data: Any) -> Callable[[], None]:
    import torch

    peer = by_torch(model, *model.init(0, dtype=np.float32))
    optimiser = torch.optim.Adam(peer.parameters())
    x, y = torch.tensor(data.x_train), torch.tensor(data.y_train)

    def epoch() -> None:
        order = torch.randperm(len(x))
        total, right = 0.0, 0
        for k in range(0, len(x), BATCH):
            chosen = order[k : k + BATCH]
            scores = peer(x[chosen])
            loss = torch.nn.functional.cross_entropy(scores, y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(chosen)
            right += int((scores.argmax(1) == y[chosen]).sum())

    return epoch


def jax_epoch(model: nn.Sequential, data: Any) -> Callable[[], None]:
    """An MLP of ReLUs with Adam, written for JAX; one program a step, as one would write it."""
    import jax
    import jax.numpy as jnp

    params = [(p["weight"].T, p["bias"]) for p in model.init(0, dtype=np.float32)[0].values() if p]
    x, y = data.x_train.reshape(len(data.x_train), -1), data.y_train

    def loss(params: Any, x: Any, y: Any) -> Any:
        for w, b in params[:-1]:
            x = jax.nn.relu(x @ w + b)
        w, b = params[-1]
        z = x @ w + b
        picked = jnp.take_along_axis(z, y[:, None], 1)[:, 0]
        return jnp.mean(jax.nn.logsumexp(z, axis=1) - picked), jnp.sum(z.argmax(1) == y)

    @jax.jit
    def step(params: Any, memory: Any, x: Any, y: Any) -> Any:
        (value, right), g = jax.value_and_grad(loss, has_aux=True)(params, x, y)
        count, m, v = memory
        count = count + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        pace, root = 1e-3 / (1 - 0.9**count), 1 / jnp.sqrt(1 - 0.999**count)
        params = jax.tree.map(lambda p, m, v: p - pace * m / (jnp.sqrt(v) * root + 1e-8), params, m, v)
        return params, (count, m, v), value, right

    zeros = jax.tree.map(jnp.zeros_like, params)
    held = [jax.tree.map(jnp.asarray, params), (jnp.zeros(()), zeros, zeros)]
    rng = np.random.default_rng(0)

    def epoch() -> None:
        order = rng.permutation(len(x))
        total = 0.0
        for k in range(0, len(x), BATCH):
            chosen = order[k : k + BATCH]
            held[0], held[1], value, _ = step(*held, x[chosen], y[chosen])
            total += float(value)

    return epoch


def epochs(data: Any) -> None:
    """Seconds an epoch, one after the other in each round."""
    for name, model, more in (
        ("LeNet-5", nn.models.lenet5(), {}),
        ("LeNet-5 with batch norm", nn.models.lenet5(batch_norm=True), {}),
        ("MLP 784-256-128-10", nn.models.mlp((784, 256, 128, 10)), {"JAX jit": jax_epoch}),
    ):
        runs = {"difflab": difflab_epoch(model, data)}
        native = lambda model, data: difflab_epoch(model, data, "native")
        for peer, make in {"native": native, "torch": torch_epoch, **more}.items():
            try:
                runs[peer] = make(model, data)
            except ImportError as error:
                print(f"  {peer} is left out: {error}")
        times: dict[str, list[float]] = {n: [] for n in runs}
        for round_ in range(ROUNDS + 1):
            for n, epoch in runs.items():
                start = time.perf_counter()
                epoch()
                if round_:  # the first is for warming up
                    times[n].append(time.perf_counter() - start)
        count = len(data.x_train)
        print(f"\n{name}: an epoch of {count:,} images, batch {BATCH}, float32, Adam, {ROUNDS} rounds")
        for n, row in times.items():
            ratio = statistics.median(a / b for a, b in zip(row, times["difflab"]))
            print(f"  {n:10} {statistics.median(row):6.2f} s   {ratio:5.2f} x difflab", flush=True)


def accuracy() -> None:
    """Test accuracy of the recipes of `difflab train`, over three seeds."""
    for name, recipe in (
        ("LeNet-5, 12 epochs", dict(model="lenet5", data="fashion-mnist", epochs=12)),
        ("LeNet-5 with batch norm, 12 epochs", dict(model="lenet5", data="fashion-mnist", epochs=12, batch_norm=True)),
        ("MLP 784-256-128-10, 10 epochs", dict(model="mlp", data="fashion-mnist", epochs=10)),
        ("CNN on digits, 10 epochs", dict(model="cnn", data="digits", epochs=10)),
    ):
        found = [run(Recipe(seed=seed, **recipe)) for seed in range(3)]  # type: ignore[arg-type]
        shares = [o.run.history[-1]["test_accuracy"] for o in found]
        seconds = statistics.mean(o.seconds for o in found)
        each = ", ".join(f"{s:.2%}" for s in shares)
        print(f"{name}: mean {statistics.mean(shares):.2%} ({each}), {seconds:.0f} s a run", flush=True)


def folding() -> None:
    """Inference with batch norm, and with it folded into the layers before."""
    stage = lambda channels: (nn.Conv2d(channels, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU())
    model = nn.Sequential(*stage(3), *stage(32), nn.Flatten(), nn.Linear(32 * 256, 10))
    params, state = model.init(0, dtype=np.float32)
    folded = nn.fold_batchnorm(model, params, state)
    x = np.random.default_rng(0).normal(size=(64, 3, 16, 16)).astype(np.float32)
    runs = {}
    for name, (m, p, s) in (("batch norm", (model, params, state)), ("folded", folded)):
        infer = Programs(m, nn.functional.cross_entropy, None, True).infer
        runs[name] = lambda infer=infer, p=p, s=s: infer(p, s, x)
        runs[name]()
    error = np.abs(runs["batch norm"]() - runs["folded"]()).max()
    times = {n: statistics.median(timed(f) for _ in range(15)) for n, f in runs.items()}
    told = ", ".join(f"{n} {t * 1e3:.2f} ms" for n, t in times.items())
    print(f"\nfolding, two convolutions of 32, 64 images of 16 x 16: {told}; largest difference {error:.1e}")


def timed(f: Callable[[], Any]) -> float:
    start = time.perf_counter()
    for _ in range(5):
        f()
    return (time.perf_counter() - start) / 5


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--accuracy", action="store_true", help="test accuracy over three seeds, too (ten minutes)")
    wanted = parser.parse_args()
    print(machine("numpy", "difflab", "torch", "jax"))
    data = nn.data.fashion_mnist()
    print(f"losses over 100 steps of LeNet-5 in float64: largest relative difference to torch {agreement(data):.1e}")
    epochs(data)
    folding()
    if wanted.accuracy:
        accuracy()


if __name__ == "__main__":
    main()
