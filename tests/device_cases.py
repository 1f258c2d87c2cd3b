"""What `test_devices.py` looks at, found in one process of its own in which JAX sees the processor as eight devices.

`python device_cases.py` prints JSON: for each function below, what it returns, or the class and text of its error.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
import jax
import numpy as np
import optree
from test_mdp_bounds import KINDS, distance, exact_solution, process_of

import difflab as dl
from difflab import mdp, nn
from difflab.compile.xla.mesh import BY_RULE, SPLIT, WHOLE, Mesh, bytes_per_device, largest_axis
from difflab.compile.xla.sharded import Sharded
from difflab.mdp.bounds import Bounds
from difflab.mdp.devices import DeviceBounds
from difflab.nn.live import Watch
from difflab.nn.training.devices import DevicePrograms
from difflab.nn.training.progress import Silent
from difflab.nn.training.step import loss_of, unclipped

LAYOUTS = (1, 2, 8)
CASES = {}


def case(f):
    CASES[f.__name__] = f
    return f


def samples(count):
    """Images of 8 x 8 with three classes that can be told apart."""
    rng = np.random.default_rng(7)
    y = rng.integers(0, 3, count)
    x = rng.normal(size=(count, 1, 8, 8)).astype(np.float32)
    x[np.arange(count), 0, y, y] += 3
    return x, y


def steps(model, count=330, **settings):
    """The loss of every step of a run, and the run."""
    losses, take = [], DevicePrograms.take

    def noted(self, trees, x, y):
        found = take(self, trees, x, y)
        losses.append(float(found[1]))
        return found

    DevicePrograms.take = noted
    try:
        run = nn.fit(model, samples(count), epochs=2, batch_size=64, optimiser=nn.optim.Adam(lr=3e-3), **settings)
    finally:
        DevicePrograms.take = take
    return losses, run


def bits(run):
    return [np.asarray(x).tobytes().hex() for x in optree.tree_leaves((run.params, run.state))]


MODELS = {
    "batch norm": nn.models.mlp((64, 256, 3), batch_norm=True),
    "dropout": nn.models.mlp((64, 256, 3), dropout=0.3),
    "convolution": nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)),
}


def judged(name, process, counts):
    """By both methods on these numbers of devices: the error against the exact solution, the bound, the tolerance."""
    v, q = exact_solution(process)
    size = distance(np.zeros(process.n_states), v)
    tolerance = max(1e-8 * size, 20 * DeviceBounds(process).finest(size)) or 1e-9
    found = []
    for method in ("value_iteration", "modified_policy_iteration"):
        for n in counts:
            s = process.solve(method, tolerance=tolerance, devices=n)
            off = max(distance(s.values, v), distance(s.q[process.states, process.actions], q))
            found.append([name, method, n, off, s.error_bound, tolerance])
    return found


@case
def curves():
    found = {}
    for name, model in MODELS.items():
        alone = nn.fit(model, samples(330), epochs=2, batch_size=64, optimiser=nn.optim.Adam(lr=3e-3))
        found[name] = {
            "numpy": [r["train_loss"] for r in alone.history],
            **{str(n): steps(model, devices=n) for n in (LAYOUTS if name == "batch norm" else (1, 8))},
        }
        if name == "batch norm":
            found[name]["split"] = steps(model, devices=8, parameters="split")
        for n, (losses, run) in [(k, v) for k, v in found[name].items() if k != "numpy"]:
            found[name][n] = {"steps": losses, "epochs": [r["train_loss"] for r in run.history]}
    return found


@case
def resumed():
    model, found = MODELS["dropout"], {}
    settings = dict(batch_size=64, save_every=0.0)  # saved behind every step
    with tempfile.TemporaryDirectory() as folder:
        for first, then in ((8, 8), (8, 2)):
            out = Path(folder) / f"{first}-{then}"
            nn.fit(model, samples(192), epochs=1, devices=first, out=out, **settings)
            run = nn.fit(model, samples(192), epochs=2, devices=then, out=out, resume=True, **settings)
            found[f"{first} {then}"] = [bits(run), [r["train_loss"] for r in run.history], run.about["devices"]]
    whole = nn.fit(model, samples(192), epochs=2, devices=8, **settings)
    found["whole"] = [bits(whole), [r["train_loss"] for r in whole.history], 8]
    return found


@case
def precision():
    model = MODELS["convolution"]
    wide, narrow = steps(model, devices=2), steps(model, devices=2, precision="bfloat16")
    dtypes = {str(x.dtype) for x in optree.tree_leaves(narrow[1].params)}
    return wide[0], narrow[0], sorted(dtypes), narrow[1].about["precision"]


@case
def memory():
    """Bytes of parameters and memory on one device, by layout, beside those of the whole."""
    params, _ = nn.models.mlp((64, 1024, 512, 3)).init(0)
    found = {}
    for n in LAYOUTS:
        for name, mesh in (("whole", Mesh(n)), ("split", Mesh(n, largest_axis(n)))):
            placed = mesh.place(params, BY_RULE)
            assert all(np.array_equal(a, b) for a, b in zip(*map(optree.tree_leaves, (params, mesh.fetch(placed)))))
            found[f"{name} {n}"] = bytes_per_device(placed)
    return found | {"all": sum(x.nbytes for x in optree.tree_leaves(params))}


RULES = {
    "whole": lambda shape: None,
    "first axis": lambda shape: 0 if shape else None,
    "last axis": lambda shape: len(shape) - 1 if shape else None,
    "no axis of it": lambda shape: 7,
    "vectors only": lambda shape: 0 if len(shape) == 1 else None,
}


@case
def layouts():
    """The losses of three steps and the parameters behind them, by devices, rule and precision; little divides.

    Layers of 24 and 15 units: eight devices share the former, five and three the latter; 35 samples are for five.
    """
    model, sgd = nn.models.mlp((64, 24, 15, 3), batch_norm=True), nn.optim.SGD(lr=0.1, momentum=0.9)
    (x, y), found = samples(35), {}
    cut = [
        (3, "first axis"),
        (5, "last axis"),
        (8, "first axis"),
        (8, "no axis of it"),
        (8, "vectors only"),
    ]
    for precision, layouts in ((None, [(1, "whole"), *cut]), ("bfloat16", [(1, "whole"), *cut[:2]])):
        for devices, rule in layouts:
            params, state = model.init(0, dtype=np.float32)
            mesh = Mesh(devices, RULES[rule])
            made = DevicePrograms(model, loss_of("cross_entropy"), sgd, True, unclipped, mesh, precision)
            trees, told = made.placed(params, sgd.init(params), state), []
            for _ in range(3):
                trees, loss, hits = made.take(trees, x, y)
                told += [float(loss), hits]
            told += [float(v) for p in optree.tree_leaves(made.fetched(trees[0])) for v in p.ravel()[:5]]
            found[f"{devices} {rule} {precision or 'float32'}"] = told
    return found


@case
def edges():
    """As `planning`: states that do not divide, one state, no action, discounts of 0 and next to 1."""
    rng, found = np.random.default_rng(5), []
    one = lambda g: mdp.MDP.from_arrays(np.ones((2, 1, 1)), [[1.0, 3.0]], g)
    wide = lambda S, g: mdp.MDP.from_arrays(rng.dirichlet(np.ones(S), size=(2, S)), rng.normal(size=(S, 2)), g)
    cases = {
        "one state": one(0.9),
        "one state, discount 0": one(0.0),
        "one state, discount next to 1": one(1 - 2.0**-20),
        "no action": mdp.MDP.from_pairs([], np.zeros((0, 2)), 0.9, np.zeros(0, int), np.zeros(0, int), [0, 1]),
        "9 states": wide(9, 0.95),
        "17 states, discount 0": wide(17, 0.0),
        "17 states, discount next to 1": wide(17, 1 - 1e-9),
        "some have no action but to end": mdp.gridworld((3, 3), slip=0.2, discount=1.0),
    }
    for name, process in cases.items():
        found += judged(name, process, (1, 3, 8))
    return found


@case
def watched():
    """What a page is shown of a training on devices whose parameters are split, and that it changes no bit of it."""
    model, data, watch = nn.models.mlp((64, 256, 10)), nn.data.load("digits"), Curious(Silent())
    data = dataclasses.replace(data, x_train=np.float32(data.x_train), x_test=np.float32(data.x_test))
    watch.of(model, loss_of("cross_entropy"), data, data)
    train = lambda bar: nn.fit(model, data, epochs=1, batch_size=256, devices=8, parameters="split", progress=bar)
    plain, seen, said = train(False), train(watch), watch.tell()
    sizes = [sum(p.size for p in optree.tree_leaves(seen.params[x["name"]])) for x in said["layers"]]
    counts = [[sum(x[k]["counts"]) for k in ("weights", "gradient")] for x in said["layers"]]
    return bits(plain) == bits(seen), watch.looks, sizes, counts, said["looked"]


class Curious(Watch):
    """Asks before every step, and does not wait."""

    looks = 0

    def advance(self, samples, loss, accuracy):
        super().advance(samples, loss, accuracy)
        self.rest = 0.0
        self.tell()

    def inspect(self, params, state):
        self.looks += 1
        super().inspect(params, state)


@case
def no_number():
    x, y = samples(128)
    x[70, 0, 0, 0] = np.inf
    found = []
    for settings in ({}, {"devices": 8}):
        try:
            nn.fit(MODELS["convolution"], (x, y), epochs=1, batch_size=64, **settings)
        except dl.DifflabError as error:
            found.append([type(error).__name__, str(error)])
    return found


@case
def refused():
    data, model, found = samples(128), MODELS["convolution"], {}
    for name, settings in {
        "more than there are": dict(devices=9, batch_size=63),
        "a batch that does not divide": dict(devices=8, batch_size=60),
        "no count": dict(devices=True),
        "none": dict(devices=0),
        "another backend": dict(devices=2, backend="numpy"),
        "precision alone": dict(precision="bfloat16"),
        "parameters": dict(devices=2, parameters="sharded"),
        "precision": dict(devices=2, precision="float16"),
    }.items():
        found[name] = told(lambda settings=settings: nn.fit(model, data, epochs=1, **settings))
    grid = mdp.gridworld((3, 3), discount=0.9)
    found["planning: more"] = told(lambda: grid.solve("value_iteration", devices=9))
    found["planning: none"] = told(lambda: grid.solve(devices=0))
    found["planning: another method"] = told(lambda: grid.solve("newton", devices=2))
    endless = mdp.gridworld((3, 3))
    loss = lambda r: np.sum(endless.optimal_values(r, devices=2))
    found["planning: discount 1"] = told(lambda: dl.grad(loss)(endless.rewards))
    on_host = Sharded(lambda x: (dl.grad(lambda x: np.sum(np.sinc(x)))(x),), Mesh(2), [SPLIT], [WHOLE])
    found["an operation of the host"] = told(lambda: on_host(np.ones(4)))
    return found


def told(call):
    try:
        call()
    except dl.DifflabError as error:
        return [type(error).__name__, str(error)]
    return None


@case
def planning():
    """For processes of every kind: method, devices, the error against a solution in fractions, and the bound."""
    found = []
    for kind in KINDS:
        rng = np.random.default_rng(100 + KINDS.index(kind))
        process = next(p for p in (process_of(kind, rng) for _ in range(99)) if not 0.99 < p.discount < 1)
        found += judged(kind, process, (1, 8))
    return found


@case
def tiny():
    """Numbers that a device flushes to 0 stand in the bound."""
    process = mdp.MDP.from_arrays(np.array([[[0.5, 0.5], [0.5, 0.5]]]), np.array([[4e-308], [3e-308]]), 0.25)
    s = process.solve("value_iteration", tolerance=1e-300, devices=2)
    return distance(s.values, exact_solution(process)[0]), s.error_bound, Bounds(process).noise(0.0)


@case
def derivatives():
    """The largest relative difference of gradients and tangents with devices and without, for each operand."""
    rng, found = np.random.default_rng(3), []
    for process in (mdp.gridworld((5, 7), slip=0.2, discount=0.9), process_of("plain", rng).replace(discount=0.8)):
        w = rng.normal(size=process.n_states)
        operands = (process.rewards, process.transitions.data, np.float64(process.discount))
        for k, at in enumerate(operands):

            def f(x, n=None, k=k, process=process, w=w):
                return np.sum(w * process.optimal_values(*[x if j == k else None for j in range(3)], devices=n))

            along = rng.normal(size=np.shape(at))
            for n in (1, 8):
                many = lambda x, n=n: f(x, n)
                pairs = [(dl.grad(g)(at), dl.jvp(g, (at,), (along,))[1]) for g in (f, many)]
                found.append(max(float(np.max(np.abs(a - b)) / np.max(np.abs(a))) for a, b in zip(*pairs)))
    return found


if __name__ == "__main__":
    cached = tempfile.TemporaryDirectory()  # what is compiled twice is compiled once
    for name, value in {"compilation_cache_dir": cached.name, "persistent_cache_min_compile_time_secs": 0}.items():
        jax.config.update(f"jax_{name}", value)
    json.dump({name: CASES[name]() for name in sys.argv[1:] or CASES}, sys.stdout)
