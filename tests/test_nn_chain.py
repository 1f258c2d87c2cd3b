"""Chains of transformations: optimisers are made of them, and so are those that somebody puts together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import optree
import pytest
from test_nn_optim import RUNS, SCHEDULES, SETTINGS

import difflab as dl
from difflab import nn
from difflab.errors import InputError
from difflab.nn import optim

RNG = np.random.default_rng(4)
P = {"w": RNG.normal(size=(3, 2)), "b": RNG.normal(size=2)}
GRADIENTS = [{"w": RNG.normal(size=(3, 2)), "b": RNG.normal(size=2)} for _ in range(4)]


def steps(optimiser, params=P, gradients=GRADIENTS):
    memory = optimiser.init(params)
    for g in gradients:
        params, memory = optimiser.update(params, g, memory)
    return params, memory


def assert_same(a, b):
    assert optree.tree_structure(a) == optree.tree_structure(b)
    for x, y in zip(optree.tree_leaves(a), optree.tree_leaves(b)):
        np.testing.assert_array_equal(x, y)


def by_hand(rule, gradients=GRADIENTS):
    """The parameters after p = rule(p, g, k) for the k-th gradient, for each parameter alone."""
    found = {}
    for name, p in P.items():
        own = {}
        for k, g in enumerate(gradients):
            p = rule(p, g[name], own, k)
        found[name] = p
    return found


def momentum(decay, share=1.0, ahead=0.0):
    def rule(p, g, own, k):
        own["v"] = decay * own["v"] + share * g if k else g
        return p - 0.1 * (g + ahead * own["v"] if ahead else own["v"])

    return rule


def two_momenta(p, g, own, k):
    own["v"] = 0.9 * own.get("v", 0) + g
    own["u"] = 0.5 * own.get("u", 0) + own["v"]
    return p - 0.1 * own["u"]


def adam(decay_of_weights, before):
    def rule(p, g, own, k):
        g = g + decay_of_weights * p if before else g
        own["m"] = 0.9 * own.get("m", 0) + 0.1 * g
        own["s"] = 0.99 * own.get("s", 0) + 0.01 * g**2
        step = own["m"] / (1 - 0.9 ** (k + 1)) / (np.sqrt(own["s"] / (1 - 0.99 ** (k + 1))) + 1e-8)
        return p - 0.1 * (step if before else step + decay_of_weights * p)

    return rule


DOWN = optim.scale_by_learning_rate(0.1)
ADAM = optim.scale_by_adam(b2=0.99)
CHAINS = {
    "rate": (optim.chain(DOWN), lambda p, g, own, k: p - 0.1 * g),
    "schedule": (
        optim.chain(optim.scale_by_learning_rate(optim.ExponentialLR(0.1, 0.5))),
        lambda p, g, own, k: p - 0.1 * 0.5**k * g,
    ),
    "turned": (optim.chain(optim.scale(-2.0), DOWN), lambda p, g, own, k: p + 0.2 * g),
    "clipped": (optim.chain(optim.clip(0.3), DOWN), lambda p, g, own, k: p - 0.1 * np.clip(g, -0.3, 0.3)),
    "clipped at the end": (optim.chain(DOWN, optim.clip(0.02)), lambda p, g, own, k: p - np.clip(0.1 * g, -0.02, 0.02)),
    "momentum": (optim.chain(optim.trace(0.9), DOWN), momentum(0.9)),
    "momentum behind the rate": (optim.chain(DOWN, optim.trace(0.9)), momentum(0.9)),
    "two momenta": (optim.chain(optim.trace(0.9), optim.trace(0.5), DOWN), two_momenta),
    "penalty": (
        optim.chain(optim.add_decayed_weights(0.3), DOWN), lambda p, g, own, k: p - 0.1 * (g + 0.3 * p),
    ),
    "penalty on a scaled gradient": (
        optim.chain(optim.scale(2.0), optim.add_decayed_weights(0.3), DOWN),
        lambda p, g, own, k: p - 0.1 * (2 * g + 0.3 * p),
    ),
    "penalty, then clipped": (
        optim.chain(optim.scale(2.0), optim.add_decayed_weights(0.3), optim.clip(0.5), DOWN),
        lambda p, g, own, k: p - 0.1 * np.clip(2 * g + 0.3 * p, -0.5, 0.5),
    ),
    "Adam with a penalty": (optim.chain(optim.add_decayed_weights(0.3), ADAM, DOWN), adam(0.3, True)),
    "Adam with weights that shrink": (optim.chain(ADAM, optim.add_decayed_weights(0.3), DOWN), adam(0.3, False)),
    "two decays": (
        optim.chain(ADAM, optim.add_decayed_weights(0.1), optim.add_decayed_weights(0.2), DOWN), adam(0.3, False),
    ),
    "dampened": (optim.chain(optim.trace(0.9, dampening=0.4), DOWN), momentum(0.9, 0.6)),
    "Nesterov": (optim.chain(optim.trace(0.9, nesterov=True), DOWN), momentum(0.9, ahead=0.9)),
    "uphill with a penalty": (
        optim.chain(optim.SGD(lr=0.1, weight_decay=0.3, maximize=True)), lambda p, g, own, k: p - 0.1 * (-g + 0.3 * p),
    ),
    "an optimiser as a part": (optim.chain(optim.clip(0.3), optim.SGD(lr=0.1)),
                               lambda p, g, own, k: p - 0.1 * np.clip(g, -0.3, 0.3)),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_does_one_thing_after_the_other(name):
    chain, rule = CHAINS[name]
    want = by_hand(rule)
    for name, x in steps(chain)[0].items():
        np.testing.assert_allclose(x, want[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CHAINS)
def test_compiled_and_donated_chains_give_the_same(name):
    chain, _ = CHAINS[name]
    objective = lambda p: np.sum(np.sin(p["w"]) ** 2) + np.sum(p["b"] ** 4)
    update = lambda p, m: chain.update(p, dl.grad(objective)(p), m)
    program = dl.compile(update, donate_argnums=(0, 1))
    want, found = (P, chain.init(P)), (optree.tree_map(np.copy, P), chain.init(P))
    for _ in range(4):
        want, found = update(*want), program(*found)
    for x, y in zip(optree.tree_leaves(found), optree.tree_leaves(want), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-14)


def clipped(tree, most):
    norm = np.sqrt(sum(np.sum(g * g) for g in tree.values()))
    return {name: g * min(1.0, most / norm) for name, g in tree.items()}


def test_the_common_norm_is_that_of_all_arrays_wherever_it_is_cut():
    first = steps(optim.chain(optim.clip_by_global_norm(0.5), DOWN))[0]
    np.testing.assert_allclose(first["w"], P["w"] - 0.1 * sum(clipped(g, 0.5)["w"] for g in GRADIENTS), rtol=1e-5)
    # behind a rate it is the length of the step
    last = steps(optim.chain(DOWN, optim.clip_by_global_norm(0.05)))[0]
    cut = [clipped({name: 0.1 * x for name, x in g.items()}, 0.05) for g in GRADIENTS]
    np.testing.assert_allclose(last["b"], P["b"] - sum(g["b"] for g in cut), rtol=1e-4)
    # what stands before and behind it keeps its own
    parts = (optim.trace(0.9), optim.clip_by_global_norm(1e9), optim.scale_by_rms(), DOWN)
    assert_same(steps(optim.chain(*parts)), steps(optim.chain(*[p for p in parts if p is not parts[1]])))


EQUAL = [
    (optim.SGD(lr=0.1, momentum=0.9, nesterov=True), optim.chain(optim.trace(0.9, nesterov=True), DOWN)),
    (optim.Adagrad(lr=0.1), optim.chain(optim.scale_by_rss(), DOWN)),
    (optim.RMSprop(lr=0.1, centered=True), optim.chain(optim.scale_by_stddev(), DOWN)),
    (optim.RMSprop(lr=0.1, momentum=0.5), optim.chain(optim.scale_by_rms(), optim.trace(0.5), DOWN)),
    (optim.Adadelta(lr=0.1), optim.chain(optim.scale_by_adadelta(), DOWN)),
    (optim.Adam(lr=0.1), optim.chain(optim.scale_by_adam(), DOWN)),
    (optim.Adam(lr=0.1, amsgrad=True), optim.chain(optim.scale_by_amsgrad(), DOWN)),
    (optim.AdamW(lr=0.1), optim.chain(optim.scale_by_adam(), optim.add_decayed_weights(1e-2), DOWN)),
    (optim.Adamax(lr=0.1), optim.chain(optim.scale_by_adamax(), DOWN)),
    (optim.NAdam(lr=0.1), optim.chain(optim.scale_by_nadam(), DOWN)),
    (optim.RAdam(lr=0.1), optim.chain(optim.scale_by_radam(), DOWN)),
]


@pytest.mark.parametrize(("optimiser", "chain"), EQUAL, ids=[str(c) for _, c in EQUAL])
def test_optimisers_are_chains_with_the_same_defaults(optimiser, chain):
    assert optimiser.parts() == chain.parts()
    assert_same(steps(optimiser), steps(chain))


# Files of checkpoints hold the memory under these names.
KEPT = [
    (optim.SGD(), ""), (optim.SGD(momentum=0.9), "velocity"), (optim.Adagrad(), "sum"), (optim.RMSprop(), "square"),
    (optim.RMSprop(centered=True, momentum=0.9), "mean square velocity"), (optim.Adadelta(), "change square"),
    (optim.Adam(), "mean square"), (optim.AdamW(amsgrad=True), "largest mean square"),
    (optim.Adamax(), "largest mean"), (optim.NAdam(), "mean product square"), (optim.RAdam(), "mean square"),
    (optim.chain(optim.trace(0.9), optim.trace(0.5), optim.trace(0.1)), "velocity velocity2 velocity3"),
]  # fmt: skip


@pytest.mark.parametrize(("optimiser", "names"), KEPT, ids=[str(o) for o, _ in KEPT])
def test_what_is_kept_has_the_names_of_the_files(optimiser, names):
    memory = optimiser.init(P)
    assert sorted(memory) == sorted(["step", *names.split()])
    for name, x in memory.items():
        single = name in ("step", "product")
        assert optree.tree_structure(x) == optree.tree_structure(0 if single else P), name
        assert not any(np.any(leaf) for leaf in optree.tree_leaves(x)) or name == "product"
    assert optree.tree_structure(memory) == optree.tree_structure(steps(optimiser)[1])
    assert int(steps(optimiser)[1]["step"]) == len(GRADIENTS)


def test_steps_are_rounded_as_the_formulas_are():
    """To the bit, so that a run that is taken up again goes where it would have gone."""
    p, g = P["w"], GRADIENTS[0]["w"]
    one = lambda optimiser: optimiser.update(p, g, optimiser.init(p))[0]
    np.testing.assert_array_equal(one(optim.SGD(lr=0.1, weight_decay=0.3)), p - 0.1 * (g + 0.3 * p))
    up = optim.SGD(lr=0.1, weight_decay=0.3, maximize=True)
    np.testing.assert_array_equal(one(up), p - 0.1 * (-g + 0.3 * p))
    root, mean, square = np.sqrt(1 - 0.99**1.0), 0.9 * np.zeros_like(p) + (1 - 0.9) * g, (1 - 0.99) * (g * g)
    step = 0.1 * root / (1 - 0.9**1.0) * (mean / (np.sqrt(square) + 1e-8 * root))
    np.testing.assert_array_equal(one(optim.Adam(lr=0.1, betas=(0.9, 0.99))), p - step)
    shrunk = optim.AdamW(lr=0.1, betas=(0.9, 0.99), weight_decay=0.3)
    np.testing.assert_array_equal(one(shrunk), p * (1 - 0.1 * 0.3) - step)


def test_a_gradient_that_is_the_parameter_is_no_decay():
    """The same array as parameter and gradient: p - lr p, rounded as for a copy."""
    for optimiser in (optim.SGD(lr=0.1), optim.SGD(lr=0.1, weight_decay=0.3), optim.AdamW(lr=0.1)):
        memory = optimiser.init(P)
        assert_same(optimiser.update(P, P, memory), optimiser.update(P, optree.tree_map(np.copy, P), memory))


@dataclass(frozen=True)
class second_difference(optim.Transformation):
    """x - its last value, over the number of updates and the product of all such numbers."""

    share: float = 1.0
    slots: ClassVar[tuple[str, ...]] = ("last",)
    scalars: ClassVar[Mapping[str, float]] = {"factorial": 1.0}

    def numbers(self, memory):
        count = memory["step"] + 1.0
        return {"count": count, "factorial": memory["factorial"] * count}

    def update(self, x, memory, p):
        return self.share * (x - memory["last"]) / memory["count"] / memory["factorial"], {"last": x}


def test_transformations_of_ones_own_keep_arrays_and_numbers():
    params, memory = steps(optim.chain(second_difference(2.0), DOWN))
    want, factorial = P["w"], 1.0
    for k, g in enumerate(GRADIENTS, 1):
        factorial *= k
        want = want - 0.1 * 2 * (g["w"] - (GRADIENTS[k - 2]["w"] if k > 1 else 0)) / k / factorial
    np.testing.assert_allclose(params["w"], want, rtol=1e-12)
    assert memory["factorial"] == 24
    np.testing.assert_array_equal(memory["last"]["b"], GRADIENTS[-1]["b"])
    found, _ = optim.scale_by_learning_rate(0.1).update(np.ones(2), {"down": -0.1}, None)
    np.testing.assert_array_equal(found, [-0.1, -0.1])


def test_a_chain_trains_and_is_taken_up_again(tmp_path):
    """Its memory is in the checkpoint, and what it is made of tells a run from another."""
    x, y = RNG.normal(size=(60, 4)), RNG.integers(0, 3, 60)
    run = lambda chain, epochs, **more: nn.fit(
        nn.models.mlp((4, 8, 3)), (x, y), optimiser=chain, epochs=epochs, batch_size=20, **more
    )
    made = lambda most: optim.chain(optim.clip_by_global_norm(most), ADAM, optim.trace(0.5), DOWN)
    assert made(1.0) == made(1.0) and hash(made(1.0)) == hash(made(1.0)) and made(1.0) != made(2.0)
    whole = run(made(1.0), 4)
    run(made(1.0), 2, out=tmp_path)
    assert_same(run(made(1.0), 4, out=tmp_path, resume=True).params, whole.params)
    with pytest.raises(InputError, match="optimiser"):
        run(made(2.0), 5, out=tmp_path, resume=True)


BAD = [
    (lambda: optim.chain(optim.clip), r"clip.*make one, with clip\(\.\.\.\)"),
    (lambda: optim.chain(0.1), "0.1 is not a transformation"),
    (lambda: optim.chain(optim.Newton()), "is not a transformation"),
    (lambda: optim.scale("fast"), "scale: step_size='fast'; give a number"),
    (lambda: optim.scale_by_learning_rate(-1.0), "scale_by_learning_rate: learning_rate=-1.0; give a rate"),
    (lambda: optim.clip(-1.0), "clip: max_delta=-1.0; give a number of at least 0"),
    (lambda: optim.clip_by_global_norm(np.inf), "max_norm=inf"),
    (lambda: optim.add_decayed_weights(-0.1), "weight_decay=-0.1"),
    (lambda: optim.trace(-0.1), "trace: decay=-0.1; give a number of at least 0"),
    (lambda: optim.scale_by_rms(decay=1.0), r"scale_by_rms: decay=1.0; it lies in \[0, 1\)"),
    (lambda: optim.scale_by_stddev(decay=-0.1), "scale_by_stddev: decay=-0.1"),
    (lambda: optim.scale_by_adadelta(rho=1.5), "rho=1.5"),
    (lambda: optim.scale_by_adam(b1=1.0), "scale_by_adam: b1=1.0"),
    (lambda: optim.scale_by_amsgrad(b2=-0.5), "b2=-0.5"),
    (lambda: optim.scale_by_adamax(eps=-1.0), "eps=-1.0"),
    (lambda: optim.scale_by_nadam(momentum_decay=-1.0), "momentum_decay=-1.0"),
    (lambda: optim.scale_by_radam(b2=True), "b2=True"),
    (lambda: optim.scale_by_rss(initial_accumulator_value=-1.0), "initial_accumulator_value=-1.0"),
    (lambda: optim.SGD(momentum=-0.1), "SGD: momentum=-0.1"),
    (lambda: optim.SGD(momentum=0.9, dampening="no"), "SGD: dampening='no'; give a number"),
    (lambda: optim.Adam(betas=[0.9]), r"betas=\(0.9,\); give two numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BAD, ids=[m for _, m in BAD])
def test_bad_settings_of_transformations_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
    assert optim.trace(1.5).decay == 1.5  # as in torch's SGD
    assert optim.Adam(betas=[0.9, 0.99]).betas == (0.9, 0.99)


def public(kind):
    return {n for n in dir(optim) if isinstance(x := getattr(optim, n), type) and issubclass(x, kind) and x is not kind}


def test_no_optimiser_schedule_or_transformation_is_without_a_case():
    """What is added to nn.optim is compared with PyTorch, with a chain and with the names in files."""
    assert public(optim.Optimiser) - {"AdaGrad"} == {name for name, _ in SETTINGS}
    assert {type(o).__name__ for o, _ in KEPT} - {"Chain"} == {type(o).__name__ for o, _ in EQUAL}
    assert public(optim.Optimiser) - {"AdaGrad"} == {type(o).__name__ for o, _ in EQUAL}
    used = {
        type(part).__name__
        for chain in [c for c, _ in [*CHAINS.values()]] + [c for _, c in EQUAL]
        for part in chain.parts()
    }
    assert public(optim.Transformation) - used == {"clip_by_global_norm"}  # has a test of its own above
    schedules = {n for n in dir(optim) if n.endswith("LR")}
    assert schedules - {name for name, _ in SCHEDULES} == {"OneCycleLR"}  # its rate is the largest, not the first
    steps = {n for n in dir(optim) if hasattr(getattr(optim, n), "step")} | {"LBFGS"}
    assert steps - {type(o).__name__ for o, _ in RUNS} == {"GaussNewton"}  # takes residuals
