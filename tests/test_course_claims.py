"""What the class notes claim, in numbers: the claims that no other test holds (docs/course.tsv says which do)."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

import difflab as dl
from difflab import mdp, nn

F = nn.functional
RNG = np.random.default_rng(7)
X = 3 + 2 * RNG.normal(size=(8, 3, 5, 5))


# 2: losses, derivatives, vectors.
def test_the_logistic_loss_is_minus_the_log_of_the_probability():
    z, y = RNG.normal(size=9), np.array([1, -1, -1, 1, 1, -1, 1, 1, -1])
    by_sign = np.log(1 + np.exp(-y * z))
    np.testing.assert_allclose(by_sign, -np.log(1 / (1 + np.exp(-y * z))))
    np.testing.assert_allclose(by_sign, F.binary_cross_entropy_with_logits(z, (1 + y) / 2, reduction="none"))
    assert np.all(by_sign > 0)  # with the other sign every loss would be negative, and the worse the lower


def test_cross_entropy_is_minus_the_log_of_the_right_class():
    z, y = RNG.normal(size=(6, 4)), np.array([0, 3, 1, 1, 2, 0])
    found = F.cross_entropy(z, y, reduction="none")
    np.testing.assert_allclose(found, -np.log(F.softmax(z, dim=1)[np.arange(6), y]))
    np.testing.assert_allclose(found, F.nll_loss(F.log_softmax(z, dim=1), y, reduction="none"))
    np.testing.assert_allclose(
        found, F.cross_entropy(z, np.eye(4)[y], reduction="none")
    )  # a probability for each class
    assert np.all(found > 0)


def test_the_objective_is_the_mean_loss_of_the_samples():
    x, y = RNG.normal(size=(20, 3)), RNG.normal(size=20)
    of_one = lambda w, i: (x[i] @ w - y[i]) ** 2
    objective = lambda w: F.mse_loss(x @ w, y)
    w = RNG.normal(size=3)
    np.testing.assert_allclose(objective(w), np.mean([of_one(w, i) for i in range(20)]))
    slopes = [dl.grad(of_one)(w, i) for i in range(20)]
    np.testing.assert_allclose(
        dl.grad(objective)(w), np.mean(slopes, axis=0)
    )  # one sample at random is right on average


def test_a_linear_classifier_learns_prediction_minus_truth():
    W, x, b, y = RNG.normal(size=(3, 2)), RNG.normal(size=2), RNG.normal(size=3), np.eye(3)[1]
    loss = lambda W, x, b: -np.sum(y * np.log(dl.numpy.softmax(W @ x + b)))
    by_W, by_x, by_b = dl.grad(loss, argnums=(0, 1, 2))(W, x, b)
    error = F.softmax(W @ x + b, dim=0) - y
    np.testing.assert_allclose(by_b, error)
    np.testing.assert_allclose(by_W, np.outer(error, x))
    np.testing.assert_allclose(by_x, W.T @ error)


def test_a_gradient_by_hand_covers_one_formula_and_not_its_neighbour():
    by_hand = lambda w, x: 2 * (w * x - 1) * x  # of (w x - 1)^2
    dl.testing.assert_gradients_agree(lambda w: (w * 2.0 - 1) ** 2, 0.3, gradient=lambda w: by_hand(w, 2.0))
    with pytest.raises(AssertionError):  # one more layer, and it has to be derived again
        dl.testing.assert_gradients_agree(
            lambda w: (np.tanh(w * 2.0) - 1) ** 2, 0.3, gradient=lambda w: by_hand(w, 2.0)
        )


def test_the_jacobian_of_a_linear_map_is_its_matrix():
    W, b, x = RNG.normal(size=(4, 3)), RNG.normal(size=4), RNG.normal(size=3)
    np.testing.assert_allclose(dl.jacobian(lambda x: W @ x + b)(x), W)
    np.testing.assert_allclose(dl.grad(lambda x: b @ (W @ x))(x), b @ W)  # one row: the gradient


def test_backpropagation_keeps_numbers_and_no_formulas():
    passes = dl.parse("y = exp(sin(x)); f = y * y").forward(x=0.5).backward()
    assert all(np.shape(e.local) == () and np.isfinite(e.local) for e in passes.edges)
    assert passes.gradient["x"] == pytest.approx(2 * np.exp(2 * np.sin(0.5)) * np.cos(0.5))


# 3: tensors, descent.
def test_one_column_is_not_one_row():
    column, row = np.ones((4, 1)), np.arange(4.0)
    assert (column - row).shape == (4, 4)  # NumPy repeats both, in silence
    with pytest.raises(dl.DifflabError, match=r"\(4, 1\).*\(4,\)"):
        F.mse_loss(column, row)
    assert F.mse_loss(column[:, 0], row) == np.mean((1 - row) ** 2)


def test_coordinates_meet_coordinates_or_sizes_do_not_fit():
    x, y = RNG.normal(size=4), RNG.normal(size=4)
    np.testing.assert_allclose(dl.grad(lambda x: np.sum(x * y))(x), y)
    with pytest.raises(dl.DifflabError, match="do not fit"):
        dl.grad(lambda x: np.sum(x + np.ones(3)))(x)


def test_a_step_of_gradient_descent_goes_against_the_gradient():
    f, w, rate = lambda w: np.sum(w**4), np.array([1.0, -2.0]), 0.01
    sgd = nn.optim.SGD(lr=rate)
    after, _ = sgd.update(w, dl.grad(f)(w), sgd.init(w))
    np.testing.assert_allclose(after, w - rate * 4 * w**3)
    assert f(after) < f(w) < f(w + rate * 4 * w**3)
    assert not np.allclose(after, w - rate * f(w))  # without the gradient it is another step


# 4: images.
def test_flattening_moves_no_number():
    image = RNG.normal(size=(2, 1, 3, 4))
    flatten = lambda x: nn.Flatten().apply({}, {}, x, training=False)[0]
    flat = flatten(image)
    assert flat.shape == (2, 12) and np.array_equal(flat[0], image[0].ravel())
    assert dl.grad(lambda x: np.sum(flatten(x) ** 2))(image).shape == image.shape


@pytest.mark.parametrize("size, kernel, padding, stride", [(28, 5, 0, 1), (28, 5, 2, 1), (7, 3, 1, 2), (8, 3, 1, 2)])
def test_the_size_of_an_output(size, kernel, padding, stride):
    x, k = np.ones((1, 1, size, size)), np.ones((1, 1, kernel, kernel))
    wide = (size + 2 * padding - kernel) // stride + 1
    assert F.conv2d(x, k, padding=padding, stride=stride).shape == (1, 1, wide, wide)


def test_a_bank_stacks_its_maps_and_needs_the_channels_of_its_input():
    x, bank = RNG.normal(size=(1, 3, 6, 6)), RNG.normal(size=(5, 3, 2, 2))
    found = F.conv2d(x, bank)
    assert found.shape == (1, 5, 5, 5)
    for k in range(5):  # a map for each kernel, a sum over the channels
        alone = sum(F.convolve2d(x[0, c], bank[k, c], flip=False) for c in range(3))
        np.testing.assert_allclose(found[0, k], alone)
    with pytest.raises(dl.DifflabError, match="channel"):
        F.conv2d(x[:, :2], bank)


def test_two_convolutions_without_anything_between_are_one():
    x, a, b = RNG.normal(size=(9, 9)), RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3))
    both = F.convolve2d(a, b, "full")
    assert both.shape == (5, 5)
    np.testing.assert_allclose(F.convolve2d(F.convolve2d(x, a), b), F.convolve2d(x, both))
    assert not np.allclose(F.convolve2d(F.relu(F.convolve2d(x, a)), b), F.convolve2d(x, both))


def test_pooling_learns_nothing_and_keeps_channels_apart():
    layer = nn.MaxPool2d(2)
    params, state = layer.init(0)
    assert not dl.nn.summary(nn.Sequential(layer), (3, 5, 5)).parameters
    y, _ = layer.apply(params, state, X, training=False)
    np.testing.assert_array_equal(y[:, 1], F.max_pool2d(X[:, 1:2], 2)[:, 0])


def test_padding_that_keeps_the_size():
    for kernel in (1, 3, 5, 7):
        assert F.conv2d(X, np.ones((1, 3, kernel, kernel)), padding="same").shape == (8, 1, 5, 5)


def test_images_get_smaller_and_deeper_and_end_in_a_vector():
    """Erratum of the notes: the volume is not preserved."""
    shapes = [
        row.shape for row in nn.summary(nn.models.lenet5(), (1, 28, 28)).rows if row.name.startswith(("pool", "flat"))
    ]
    assert [int(np.prod(s)) for s in shapes] == [1176, 400, 400] and 32 * 32 == 1024
    channels = [s[0] for s in shapes[:2]]
    assert channels == [6, 16] and shapes[0][1] > shapes[1][1]


def test_batch_norm_may_be_the_identity():
    mean, variance = X.mean((0, 2, 3)), X.var((0, 2, 3))
    found = F.batch_norm(X, None, None, np.sqrt(variance + 1e-5), mean, training=True)
    np.testing.assert_allclose(found, X)


def test_batch_norm_backward_is_its_formula():
    axes, g = (0, 2, 3), RNG.normal(size=X.shape)
    average = lambda a: a.mean(axes, keepdims=True)
    y, pullback = dl.vjp(lambda x: F.batch_norm(x, None, None, training=True), X)
    wanted = (g - average(g) - y * average(g * y)) / np.sqrt(X.var(axes, keepdims=True) + 1e-5)
    np.testing.assert_allclose(pullback(g)[0], wanted, atol=1e-12)


def test_batch_norm_has_a_mean_for_each_channel_and_at_test_is_linear():
    layer = nn.BatchNorm2d(3)
    params, state = layer.init(0)
    _, state = layer.apply(params, state, X, training=True)
    assert state["running_mean"].shape == params["weight"].shape == (3,)
    at_test = lambda x: layer.apply(params, state, x, training=False)[0]
    a, b = RNG.normal(size=(2, *X.shape))
    np.testing.assert_allclose(at_test(a) + at_test(b), at_test(a + b) + at_test(0 * a))
    wanted = (a - state["running_mean"][:, None, None]) / np.sqrt(state["running_var"][:, None, None] + 1e-5)
    np.testing.assert_allclose(at_test(a), wanted)


def test_in_the_wrong_mode_an_answer_depends_on_its_company():
    layer = nn.BatchNorm2d(3)
    params, state = layer.init(0)
    company = np.concatenate([X[:1], 100 + X])
    right, wrong = (layer.apply(params, state, company, training=mode)[0][0] for mode in (False, True))
    np.testing.assert_allclose(right, layer.apply(params, state, X[:1], training=False)[0][0])
    assert not np.allclose(wrong, layer.apply(params, state, X[:1], training=True)[0][0], atol=0.5)


def deep(norm, activation, scale, rate):
    """What a network of five layers has come to after four epochs on a thousand digits, its weights scaled before."""
    digits = nn.data.digits()
    sample = digits.x_train[:1000], digits.y_train[:1000], digits.x_test, digits.y_test
    layers = [nn.Flatten()]
    for _ in range(4):
        layers += [nn.Linear(64, 64), *([nn.BatchNorm1d(64)] if norm else []), activation()]
    model = nn.Sequential(*layers, nn.Linear(64, 10))
    params, state = model.init(0)
    for name, layer in zip(model.names, model.layers):
        if isinstance(layer, nn.Linear):
            params[name] = {key: scale * p for key, p in params[name].items()}
    sgd = nn.optim.SGD(lr=rate, momentum=0.9)
    run = nn.fit(model, sample, "cross_entropy", sgd, 4, 64, params=params, state=state, progress=False)
    return run.history[-1]


def test_batch_norm_trains_what_starts_too_small():
    plain, normed = (deep(norm, nn.Tanh, 1 / 3, 0.02)["train_loss"] for norm in (False, True))
    assert plain > 2.2 > 4 * normed  # log 10 is 2.30: nothing learned


def test_batch_norm_bears_ten_times_the_rate():
    reached = lambda norm, rate: deep(norm, nn.ReLU, 2.5, rate)["test_accuracy"]
    assert reached(norm=False, rate=0.05) > 0.8
    assert reached(norm=False, rate=0.5) < 0.2  # one digit in ten: it says the same of all
    assert reached(norm=True, rate=0.5) > 0.85


# 8: decisions.
def test_the_return_begins_with_the_exponent_0():
    """Erratum of the notes: the first reward is not discounted."""
    rewards = [1.0, -2.0, 4.0]
    assert mdp.discounted_return(rewards, 0.5) == 1.0 - 2.0 * 0.5 + 4.0 * 0.5**2
    assert mdp.discounted_return(rewards, 0.5) == rewards[0] + 0.5 * mdp.discounted_return(rewards[1:], 0.5)


def test_the_best_values_are_the_largest_over_all_policies():
    rng = np.random.default_rng(0)
    process = mdp.MDP.from_arrays(rng.dirichlet(np.ones(6), size=(3, 6)), rng.normal(size=(6, 3)), 0.9)
    values = [process.evaluate(np.array(policy)) for policy in product(range(3), repeat=6)]
    best = process.solve(tolerance=1e-10)
    assert len(values) == 729
    np.testing.assert_allclose(np.max(values, axis=0), best.values, atol=1e-9)
    np.testing.assert_allclose(process.evaluate(best.policy), best.values, atol=1e-9)  # one policy is best everywhere


def test_value_iteration_on_q_shrinks_every_distance_by_the_discount():
    rng = np.random.default_rng(1)
    P, R = rng.dirichlet(np.ones(5), size=(2, 5)), rng.normal(size=(5, 2))
    sweep = lambda q: R + 0.8 * np.transpose(P @ q.max(axis=1))
    best = mdp.MDP.from_arrays(P, R, 0.8).solve(tolerance=1e-12).q
    q, distance = np.zeros((5, 2)), []
    for _ in range(60):
        distance.append(np.abs(q - best).max())
        q = sweep(q)
    assert all(b <= 0.8 * a + 1e-12 for a, b in pairwise(distance))
    np.testing.assert_allclose(sweep(best), best, atol=1e-11)  # the limit is the fixed point


def test_a_value_is_the_mean_return_of_its_policy():
    grid = mdp.gridworld((3, 3), slip=0.1, discount=0.9)
    policy = np.full((9, 4), 0.25)
    returns = [mdp.discounted_return(grid.episode(policy, rng=k, start=4)[2], 0.9) for k in range(600)]
    v, q = grid.evaluate(policy), grid.evaluate_q(policy)
    assert abs(np.mean(returns) - v[4]) < 4 * np.std(returns) / np.sqrt(600)
    np.testing.assert_allclose((policy * q).sum(axis=1)[4], v[4])


# 4 and 9 to 11: what the engine trains.
def test_a_small_convolutional_network_learns_digits():
    digits = nn.data.digits()
    stages = nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10)
    sample = digits.x_train[:500], digits.y_train[:500], digits.x_test, digits.y_test
    adam = nn.optim.Adam(lr=1e-2)
    run = nn.fit(nn.Sequential(*stages), sample, "cross_entropy", adam, 4, 32, progress=False)
    assert run.history[-1]["test_accuracy"] > 0.8 > 0.4 > 1 / 10


def test_a_linear_autoencoder_ends_in_the_principal_components():
    x = RNG.normal(size=(40, 5)) * np.array([3.0, 2.0, 1.0, 0.5, 0.1])
    x = x - x.mean(0)
    V = np.linalg.svd(x)[2][:2]
    loss = lambda w: np.mean((x @ w["A"].T @ w["B"].T - x) ** 2)
    pca = {"A": V, "B": V.T}
    assert max(np.abs(g).max() for g in dl.grad(loss)(pca).values()) < 1e-12
    start = {"A": 0.1 * RNG.normal(size=(2, 5)), "B": 0.1 * RNG.normal(size=(5, 2))}
    found = nn.optim.minimize(loss, start, nn.optim.LBFGS(), 300)
    assert loss(found.params) == pytest.approx(loss(pca), rel=1e-6)


def test_a_coupling_stretches_space_by_its_scale_and_goes_back():
    scale, shift = lambda a: np.tanh(3 * a), np.sin
    bend = lambda x: dl.numpy.stack([x[1] * np.exp(scale(x[0])) + shift(x[0]), x[0]])
    back = lambda z: np.array([z[1], (z[0] - shift(z[1])) * np.exp(-scale(z[1]))])
    for x in RNG.normal(size=(5, 2)):
        sign, logarithm = np.linalg.slogdet(dl.jacobian(bend)(x))
        assert sign == -1 and logarithm == pytest.approx(scale(x[0]))  # the coordinates change places
        np.testing.assert_allclose(back(bend(x)), x)


def test_the_training_error_falls_with_capacity_and_the_risk_does_not():
    rng = np.random.default_rng(3)
    x, many = np.sort(rng.uniform(-1, 1, 12)), np.linspace(-1, 1, 500)
    y = np.sin(3 * x) + 0.2 * rng.normal(size=12)
    trained, risk = [], []
    for degree in range(11):
        weights = np.linalg.lstsq(np.vander(x, degree + 1), y, rcond=None)[0]
        trained.append(np.mean((np.vander(x, degree + 1) @ weights - y) ** 2))
        risk.append(np.mean((np.vander(many, degree + 1) @ weights - np.sin(3 * many)) ** 2))
    assert all(b <= a + 1e-12 for a, b in pairwise(trained))  # more room never hurts on what was seen
    assert np.argmin(risk) in (3, 4, 5) and risk[-1] > 10 * min(risk)


def test_a_generator_follows_its_critic():
    """The critic is a slope and a height with a little weight decay, the generator a number that is added to noise."""
    z = np.random.default_rng(0).normal(size=64)
    real = 3 + z
    score = lambda critic, x: critic[0] * x + critic[1]
    says = F.binary_cross_entropy_with_logits

    def of_critic(critic, place):
        fake = dl.stop_gradient(place) + z
        right = says(score(critic, real), np.ones(64)) + says(score(critic, fake), np.zeros(64))
        return right + 0.1 * np.sum(critic**2)

    of_generator = lambda place, critic: says(score(dl.stop_gradient(critic), place + z), np.ones(64))
    assert np.all(dl.grad(of_critic, argnums=1)(np.ones(2), 0.5) == 0)  # the critic's loss does not move the generator
    critic, place, places = np.zeros(2), 0.0, []
    adams = nn.optim.Adam(lr=0.1, betas=(0.5, 0.9)), nn.optim.Adam(lr=0.05, betas=(0.5, 0.9))
    memories = adams[0].init(critic), adams[1].init(np.float64(place))
    by_critic, by_place = dl.compile(dl.grad(of_critic)), dl.compile(dl.grad(of_generator))
    for _ in range(400):
        critic, first = adams[0].update(critic, by_critic(critic, place), memories[0])
        place, second = adams[1].update(place, by_place(place, critic), memories[1])
        memories = first, second
        places.append(float(place))
    assert places[0] < 0.1 and abs(np.mean(places[-100:]) - 3) < 0.2
