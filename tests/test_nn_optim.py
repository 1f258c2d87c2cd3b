"""Optimisers: PyTorch's trajectories, purity, compiled programs, schedules, clipping, second order."""

from __future__ import annotations

import numpy as np
import pytest
from torch_cases import close, rng_array

import difflab as dl
from difflab.errors import DtypeError, InputError, ShapeError
from difflab.nn import optim
from difflab.nn.optim.second_order import conjugate_gradients, downhill

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(5, 4)), RNG.normal(size=(3, 5))
START = {"a": {"weight": RNG.normal(size=(4, 3)), "bias": RNG.normal(size=3)}, "b": RNG.normal(size=(2, 3))}

# difflab's and PyTorch's settings are the same words.
SETTINGS = [
    ("SGD", dict(lr=0.05)),
    ("SGD", dict(lr=0.05, momentum=0.9)),
    ("SGD", dict(lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.1)),
    ("SGD", dict(lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01)),
    ("SGD", dict(lr=0.01, momentum=0.8, maximize=True)),
    ("Adagrad", dict(lr=0.1)),
    ("Adagrad", dict(lr=0.1, lr_decay=0.01, weight_decay=0.1, initial_accumulator_value=0.2)),
    ("RMSprop", dict(lr=0.01)),
    ("RMSprop", dict(lr=0.01, alpha=0.9, momentum=0.5, weight_decay=0.1)),
    ("RMSprop", dict(lr=0.01, centered=True, momentum=0.5)),
    ("RMSprop", dict(lr=0.01, centered=True)),
    ("Adadelta", dict()),
    ("Adadelta", dict(lr=0.5, rho=0.8, weight_decay=0.1)),
    ("Adam", dict(lr=0.05)),
    ("Adam", dict(lr=0.05, betas=(0.8, 0.95), weight_decay=0.1, eps=1e-6)),
    ("Adam", dict(lr=0.05, amsgrad=True)),
    ("AdamW", dict(lr=0.05)),
    ("AdamW", dict(lr=0.05, weight_decay=0.2, amsgrad=True)),
    ("Adamax", dict(lr=0.05, weight_decay=0.1)),
    ("NAdam", dict(lr=0.05, weight_decay=0.1)),
    ("RAdam", dict(lr=0.05)),
    ("RAdam", dict(lr=0.05, betas=(0.9, 0.99), weight_decay=0.1)),
]
IDS = [f"{name}-{'-'.join(settings)}" for name, settings in SETTINGS]


def loss(m, p):
    h = m.tanh(A @ p["a"]["weight"] + p["a"]["bias"])
    return ((h @ p["b"].T) ** 2).sum() + 0.1 * (p["a"]["weight"] ** 4).sum()


def trajectory(optimiser, steps, start=START, wrap=lambda step: step):
    def update(params, memory):
        value, gradient = dl.value_and_grad(lambda p: loss(np, p))(params)
        return *optimiser.update(params, gradient, memory), value

    step = wrap(update)
    params, memory = start, optimiser.init(start)
    for _ in range(steps):
        params, memory, _ = step(params, memory)
    return params


def copied(tree):
    return {k: copied(v) if isinstance(v, dict) else v.copy() for k, v in tree.items()}


def check_close(found, want, **tolerance):
    for key in want:
        if isinstance(want[key], dict):
            check_close(found[key], want[key], **tolerance)
        else:
            np.testing.assert_allclose(found[key], want[key], **tolerance)


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_same_trajectory_as_torch(torch, name, settings):
    found = trajectory(getattr(optim, name)(**settings), 50)
    found = [found["a"]["weight"], found["a"]["bias"], found["b"]]
    close(found, lambda: torchs_trajectory(torch, name, settings), 1e-10, 1e-10)


def torchs_trajectory(torch, name, settings):
    leaves = {
        k: torch.tensor(v, requires_grad=True)
        for k, v in (("w", START["a"]["weight"]), ("c", START["a"]["bias"]), ("b", START["b"]))
    }
    torch.set_default_dtype(torch.float64)  # what NAdam keeps of its momenta is of the default dtype
    try:
        peer = getattr(torch.optim, name)(list(leaves.values()), **settings)
        a = torch.tensor(A)
        for _ in range(50):
            peer.zero_grad()
            h = torch.tanh(a @ leaves["w"] + leaves["c"])
            (((h @ leaves["b"].T) ** 2).sum() + 0.1 * (leaves["w"] ** 4).sum()).backward()
            peer.step()
    finally:
        torch.set_default_dtype(torch.float32)
    return list(leaves.values())


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_compiled_and_donated_steps_are_the_same(name, settings):
    optimiser = getattr(optim, name)(**settings)
    want = trajectory(optimiser, 8)
    compiled = trajectory(optimiser, 8, copied(START), lambda f: dl.compile(f, donate_argnums=(0, 1)))
    check_close(compiled, want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_float32_stays(name, settings):
    optimiser = getattr(optim, name)(**settings)
    p = {"w": np.ones(3, np.float32)}
    for _ in range(2):
        q, memory = optimiser.update(p, {"w": np.full(3, 0.5, np.float32)}, optimiser.init(p))
    assert q["w"].dtype == np.float32
    assert all(x.dtype == np.float32 for name, x in ((k, m["w"]) for k, m in memory.items() if isinstance(m, dict)))
    assert (p["w"] == 1).all()  # nothing is changed in place


@pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=IDS)
def test_a_parameter_may_be_a_python_float(name, settings):
    """It stays one, with the steps of an array of the same value; so in containers, compiled and donated."""
    optimiser = getattr(optim, name)(**settings)
    objective = lambda p: (p - 3.0) ** 2
    p, q = 1.0, np.array([1.0])
    memory, other = optimiser.init(p), optimiser.init(q)
    for _ in range(6):
        p, memory = optimiser.update(p, dl.grad(objective)(p), memory)
        q, other = optimiser.update(q, 2 * (q - 3.0), other)
        assert type(p) is float and p == pytest.approx(q[0], rel=1e-14)
    update = lambda d, m: optimiser.update(d, dl.grad(lambda d: np.sum(objective(d["q"])) * d["p"] ** 2)(d), m)
    trees = {"p": 0.5, "q": np.array([1.0, 2.0])}
    want, found = (trees, optimiser.init(trees)), ({"p": 0.5, "q": trees["q"].copy()}, optimiser.init(trees))
    program = dl.compile(update, donate_argnums=(0, 1))
    for _ in range(3):
        want, found = update(*want), program(*found)
    assert type(want[0]["p"]) is float
    np.testing.assert_allclose([found[0]["p"], *found[0]["q"]], [want[0]["p"], *want[0]["q"]], rtol=1e-12)
    assert np.isfinite(optim.minimize(objective, 1.0, optimiser, 3).params)


SCHEDULES = [
    ("StepLR", dict(step_size=3, gamma=0.5)),
    ("MultiStepLR", dict(milestones=(2, 7), gamma=0.3)),
    ("ExponentialLR", dict(gamma=0.9)),
    ("CosineAnnealingLR", dict(T_max=20, eta_min=0.01)),
    ("LinearLR", dict(start_factor=0.25, end_factor=0.8, total_iters=7)),
]


@pytest.mark.parametrize(("name", "settings"), SCHEDULES, ids=[n for n, _ in SCHEDULES])
def test_schedules_are_torchs(torch, name, settings):
    ours = getattr(optim, name)(0.3, **settings)
    theirs = lambda peer: getattr(torch.optim.lr_scheduler, name)(peer, **settings)
    close([float(ours(np.int64(k))) for k in range(20)], lambda: torchs_rates(torch, theirs, 20), atol=1e-12)


def torchs_rates(torch, schedule, steps):
    peer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    schedule, found = schedule(peer), []
    for k in range(steps):
        found.append(peer.param_groups[0]["lr"])
        peer.step()
        schedule.step() if k < steps - 1 else None
    return found


def test_one_cycle_is_torchs(torch):
    ours = optim.OneCycleLR(0.3, 40)
    theirs = lambda peer: torch.optim.lr_scheduler.OneCycleLR(peer, max_lr=0.3, total_steps=40, cycle_momentum=False)
    close([float(ours(np.int64(k))) for k in range(40)], lambda: torchs_rates(torch, theirs, 40), atol=1e-12)


def test_a_schedule_drives_an_optimiser():
    optimiser = optim.SGD(lr=optim.Warmup(optim.StepLR(1.0, 2, 0.1), 2))
    p, memory = np.zeros(()), optimiser.init(np.zeros(()))
    steps = []
    for _ in range(6):
        q, memory = optimiser.update(p, np.ones(()), memory)
        steps.append(float(p - q))
        p = q
    np.testing.assert_allclose(steps, [0.5, 1.0, 1.0, 1.0, 0.1, 0.1])


@pytest.mark.parametrize("kind", [1.0, 2.0, 3.0, float("inf")])
def test_clipping_by_norm_is_torchs(torch, kind):
    g = [rng_array((3, 2), 1), rng_array(4, 2)]

    def theirs():
        leaves = [torch.zeros(x.shape, dtype=torch.float64, requires_grad=True) for x in g]
        for leaf, x in zip(leaves, g):
            leaf.grad = torch.tensor(x)
        norm = torch.nn.utils.clip_grad_norm_(leaves, 0.7, kind)
        return [leaf.grad for leaf in leaves], norm

    close(optim.clip_grad_norm(g, 0.7, kind), theirs, 1e-12)


def test_small_gradients_are_not_clipped():
    g = {"w": np.array([0.1, -0.2])}
    np.testing.assert_array_equal(optim.clip_grad_norm(g, 10.0)[0]["w"], g["w"])
    np.testing.assert_array_equal(optim.clip_grad_value(g, 0.15)["w"], [0.1, -0.15])


BAD = [
    (lambda: optim.SGD(lr=-1.0), "lr=-1.0"),
    (lambda: optim.SGD(lr="fast"), "lr='fast'"),
    (lambda: optim.SGD(nesterov=True), "nesterov"),
    (lambda: optim.Adam(betas=(0.9, 1.0)), r"betas=\(0.9, 1.0\)"),
    (lambda: optim.RMSprop(alpha=2.0), "alpha=2.0"),
    (lambda: optim.Adam(eps=-1e-8), "eps"),
    (lambda: optim.StepLR(0.1, 0), "step_size=0"),
    (lambda: optim.Warmup(0.1, 10), "schedule=0.1"),
    (lambda: optim.SGD(0.1, maximize="yes"), "maximize='yes'; give True or False"),
    (lambda: optim.Adam(amsgrad=None), "amsgrad=None; give True or False"),
    (lambda: optim.MultiStepLR(0.1, 5), "milestones=5"),
    (lambda: optim.MultiStepLR(0.1, [2.5]), r"milestones=\[2.5\]"),
    (lambda: optim.OneCycleLR(0.1, 5, pct_start="a"), "pct_start='a'"),
    (lambda: optim.StepLR(np.inf, 5), "lr=inf"),
    (lambda: optim.Newton(damping=np.nan), "damping=nan"),
    (lambda: optim.GaussNewton(damping=np.inf), "damping=inf"),
    (lambda: optim.Newton(cg_steps=0), "Newton: cg_steps=0"),
    (lambda: optim.GaussNewton(cg_steps="a"), "GaussNewton: cg_steps='a'"),
    (lambda: optim.LBFGS(history_size=True), "history_size=True"),
    (lambda: optim.Adam().init({}), "no parameters"),
    (lambda: optim.clip_grad_norm([np.ones(2)], -1.0), "max_norm=-1.0"),
]


def test_schedules_take_numbers_of_numpy():
    assert optim.CosineAnnealingLR(np.float32(1.0), np.int64(4))(2) == pytest.approx(0.5)
    assert optim.MultiStepLR(1.0, np.array([2, 3]), 0.5) == optim.MultiStepLR(1.0, (2, 3), 0.5)


@pytest.mark.parametrize(("call", "message"), BAD, ids=[m for _, m in BAD])
def test_bad_settings_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_gradients_of_another_shape_are_named():
    optimiser, p = optim.Adam(), {"w": np.ones((2, 3)), "b": np.ones(3)}
    memory = optimiser.init(p)
    with pytest.raises(ShapeError, match=r"\['w'\] has shape \(2, 3\), its gradient \(3, 2\)"):
        optimiser.update(p, {"w": np.ones((3, 2)), "b": np.ones(3)}, memory)
    with pytest.raises(InputError, match=r"\['b'\] is in the parameters alone"):
        optimiser.update(p, {"w": np.ones((2, 3))}, memory)
    with pytest.raises(DtypeError, match=r"\['n'\]"):
        optimiser.init({"n": np.arange(3)})


# Whole runs.
def rosenbrock(p):
    return (1 - p["x"]) ** 2 + 100 * (p["y"] - p["x"] ** 2) ** 2


AT = {"x": -1.2, "y": 1.0}
RUNS = [
    (optim.Newton(), 40), (optim.Newton(solver="cg"), 60), (optim.LBFGS(), 100), (optim.Adam(lr=0.05), 5000),
    (optim.SGD(lr=1e-3, momentum=0.9), 5000), (optim.RMSprop(lr=1e-3), 9000),
]  # fmt: skip


@pytest.mark.parametrize(("optimiser", "steps"), RUNS, ids=[type(o).__name__ for o, _ in RUNS])
def test_minimize_finds_the_end_of_the_valley(optimiser, steps):
    result = optim.minimize(rosenbrock, AT, optimiser, steps, tolerance=1e-6)
    assert float(result.params["x"]) == pytest.approx(1, abs=2e-2)
    assert float(result.params["y"]) == pytest.approx(1, abs=4e-2)
    assert result.value == pytest.approx(0, abs=1e-3)
    assert len(result.history) == len(result.trajectory) == result.steps + 1
    assert result.trajectory[0] == AT


def test_newton_ends_a_quadratic_in_one_step():
    h = A.T @ A + np.eye(4)
    result = optim.minimize(lambda p: 0.5 * p @ h @ p - np.sum(p), np.zeros(4), optim.Newton(), 5)
    assert result.converged
    assert result.steps == 1
    np.testing.assert_allclose(result.params, np.linalg.solve(h, np.ones(4)), rtol=1e-10)


def test_newton_leaves_a_saddle_downhill():
    f = lambda p: p[0] ** 2 - p[1] ** 2 + 0.25 * p[1] ** 4
    for solver in ("dense", "cg"):
        result = optim.minimize(f, np.array([1.0, 1e-3]), optim.Newton(solver=solver), 50)
        np.testing.assert_allclose(np.abs(result.params), [0, np.sqrt(2)], atol=1e-6)


def positive_definite(n):
    q, _ = np.linalg.qr(rng_array((n, n), n))
    return (q * np.linspace(1, 5, n)) @ q.T


@pytest.mark.parametrize("steps", range(1, 6))
def test_conjugate_gradients_are_the_best_in_their_space(steps):
    """After k steps x minimises xᵀHx/2 - bᵀx among the combinations of b, Hb, ..., Hᵏ⁻¹b."""
    h, b = positive_definite(5), rng_array(5, 9)
    basis = np.stack([np.linalg.matrix_power(h, k) @ b for k in range(steps)], axis=1)
    want = basis @ np.linalg.solve(basis.T @ h @ basis, basis.T @ b)
    np.testing.assert_allclose(conjugate_gradients(lambda v: h @ v, b, steps, 0.0), want, rtol=1e-7)


def test_conjugate_gradients_end_where_they_are_told():
    h, b = positive_definite(5), rng_array(5, 9)
    asked = []
    product = lambda v: asked.append(v) or h @ v
    x = conjugate_gradients(product, b, 100, 0.1)
    assert np.linalg.norm(b - h @ x) <= 0.1 * np.linalg.norm(b)
    before = conjugate_gradients(lambda v: h @ v, b, len(asked) - 1, 0.0)
    assert np.linalg.norm(b - h @ before) > 0.1 * np.linalg.norm(b)
    assert not conjugate_gradients(product, np.zeros(5), 100, 0.1).any()
    bent = lambda v: v * [2.0, -1.0]
    np.testing.assert_array_equal(conjugate_gradients(bent, np.array([0.0, 3.0]), 9, 0.0), [0, 3])  # b at first
    b = np.array([3.0, 1.0])  # then where it had come to: b · b / b · Hb along b
    np.testing.assert_allclose(conjugate_gradients(bent, b, 9, 0.0), b * 10 / 17, rtol=1e-15)


@pytest.mark.parametrize("solver", ["dense", "cg"])
@pytest.mark.parametrize("damping", [0.0, 0.5])
def test_newton_steps_are_those_of_the_formula(solver, damping):
    h, b, x = positive_definite(4), rng_array(4, 3), rng_array(4, 4)
    f = lambda p: 0.5 * p @ h @ p - b @ p
    step, gradient = optim.Newton(damping, solver).step(f, x)
    np.testing.assert_allclose(gradient, h @ x - b, rtol=1e-12)
    left = np.linalg.norm((h + damping * np.eye(4)) @ step + gradient) / np.linalg.norm(gradient)
    assert left < (1e-12 if solver == "dense" else 0.5)
    residuals, j = (lambda p: rng_array((6, 4), 8) @ p - 1), rng_array((6, 4), 8)
    step, gradient = optim.GaussNewton(solver=solver).step(residuals, x, damping)
    np.testing.assert_allclose(gradient, j.T @ (j @ x - 1), rtol=1e-12)
    np.testing.assert_allclose(step, -np.linalg.solve(j.T @ j + damping * np.eye(4), gradient), rtol=1e-6)


def test_a_saddle_is_left_by_the_sizes_of_the_eigenvalues():
    h, g = np.array([[1.0, 2.0], [2.0, -3.0]]), np.array([1.0, -2.0])
    values, vectors = np.linalg.eigh(h)
    want = -(vectors @ np.diag(1 / np.abs(values)) @ vectors.T) @ g
    np.testing.assert_allclose(downhill(h, g), want, rtol=1e-12)


@pytest.mark.parametrize("solver", ["dense", "cg"])
@pytest.mark.parametrize("damping", ["auto", 1e-6])
def test_gauss_newton_fits_a_curve(solver, damping):
    t = np.linspace(0, 2, 20)
    y = 2.0 * np.exp(-1.5 * t) + 0.5
    f = lambda p: p["a"] * np.exp(-p["b"] * t) + p["c"] - y
    result = optim.minimize(f, {"a": 1.0, "b": 1.0, "c": 0.0}, optim.GaussNewton(damping, solver), 60, tolerance=1e-9)
    assert result.converged
    np.testing.assert_allclose([float(result.params[k]) for k in "abc"], [2.0, 1.5, 0.5], rtol=1e-5)


def test_minimize_says_what_went_wrong():
    with pytest.raises(dl.errors.DomainError, match="value is"):
        optim.minimize(lambda p: p**4, 10.0, optim.SGD(lr=1.0), 50)
    with pytest.raises(InputError, match="not an optimiser"):
        optim.minimize(lambda p: p**2, 1.0, "adam")
    with pytest.raises(ShapeError, match="residuals"):
        optim.minimize(lambda p: p**2, 1.0, optim.GaussNewton())
    with pytest.raises(InputError, match="steps=-1"):
        optim.minimize(lambda p: p**2, 1.0, optim.SGD(), -1)


def test_a_callback_ends_a_run():
    for optimiser in (optim.SGD(lr=1e-4), optim.Newton(), optim.LBFGS()):
        result = optim.minimize(rosenbrock, AT, optimiser, 50, callback=lambda step, params, value: step == 3)
        assert result.steps == 3
        assert result.message == "the callback ended the run"


def test_a_compiled_step_sees_another_optimiser():
    optimiser = optim.SGD(lr=0.1)
    step = dl.compile(lambda p: optimiser.update(p, 2 * p, optimiser.init(p))[0])
    p = np.ones(3)
    for rate in (0.1, 0.2, 0.1):
        optimiser = optim.SGD(lr=rate)
        for _ in range(2):
            np.testing.assert_allclose(step(p), 1 - 2 * rate)


@pytest.mark.parametrize("alpha", [0.5, 0.9])
def test_centred_rmsprop_takes_gradients_that_stay_alike(alpha):
    """The moving variance goes to 0, and rounding took it below: its root was NaN, and so were the parameters."""
    optimiser = optim.RMSprop(lr=1e-3, alpha=alpha, centered=True)
    for slope in (3.7, 1e-3):
        p, memory = np.ones(1), optimiser.init(np.ones(1))
        for _ in range(400):
            p, memory = optimiser.update(p, np.full(1, slope), memory)
        assert np.isfinite(p).all()
