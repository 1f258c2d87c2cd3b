"""Augmentation, clipped gradients, and checkpoints of loops by hand."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import optree
import pytest

from difflab import nn
from difflab.errors import DifflabError, DomainError, DtypeError, InputError, ShapeError
from difflab.nn.data import Augment
from difflab.nn.training.step import Programs, clipping

DIGITS = nn.data.digits()
X, Y = DIGITS.x_train[:160], DIGITS.y_train[:160]
rng = np.random.default_rng


def same(a, b):
    a, b = optree.tree_leaves(a), optree.tree_leaves(b)
    return len(a) == len(b) and all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in zip(a, b))


# Augmentation.
def test_each_image_is_moved_by_itself_and_its_edge_repeated():
    x = rng(0).normal(size=(200, 2, 5, 6)).astype(np.float32)
    y = Augment(shift=2)(x, rng(1))
    assert y.shape == x.shape and y.dtype == np.float32
    framed, found = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)), "edge"), []
    for image, frame in zip(y, framed):
        moves = [(i, j) for i in range(5) for j in range(5) if np.array_equal(image, frame[:, i : i + 5, j : j + 6])]
        assert len(moves) == 1
        found += moves
    assert {i for i, _ in found} == {j for _, j in found} == {0, 1, 2, 3, 4}
    assert abs(np.mean(found) - 2) < 0.25  # no direction is preferred
    assert np.array_equal(y, Augment(shift=2)(x, rng(1))) and not np.array_equal(y, Augment(shift=2)(x, rng(2)))


def test_every_second_image_is_mirrored():
    x = rng(0).normal(size=(400, 1, 3, 4))
    y = Augment(flip=True)(x, rng(1))
    mirrored = np.array([np.array_equal(a, b[..., ::-1]) for a, b in zip(y, x)])
    kept = np.array([np.array_equal(a, b) for a, b in zip(y, x)])
    assert (mirrored ^ kept).all() and 0.4 < mirrored.mean() < 0.6


def test_noise_has_its_size_and_goes_with_anything():
    for shape in ((500, 20), (50, 1, 10, 10)):
        x = np.zeros(shape, np.float32)
        y = Augment(noise=0.3)(x, rng(0))
        assert y.dtype == np.float32 and y.std() == pytest.approx(0.3, rel=0.05) and abs(y.mean()) < 0.02
    whole = Augment(1, True, 0.1)(X, rng(0))
    assert not np.array_equal(whole, Augment(1, True)(X, rng(0))) and np.array_equal(X, DIGITS.x_train[:160])
    assert np.array_equal(Augment()(X, rng(0)), X)


def train(epochs=3, data=(X, Y), **more):
    model = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(data[0].shape[1:])), 10))
    settings = dict(optimiser=nn.optim.SGD(lr=0.1), batch_size=50, seed=3) | more
    return nn.fit(model, data, epochs=epochs, **settings)


def test_fit_sees_other_samples_in_each_step_and_repeats():
    seen = []

    def own(x, generator):
        seen.append(generator.integers(0, 2**40))
        return x + 0.0

    plain, noted = train(), train(augment=own)
    assert same(plain.params, noted.params)
    assert len(seen) == 1 + 3 * 4 and len(set(seen[1:])) == 12  # one look at two samples, then every step another
    moved = train(augment=Augment(shift=1))
    assert not same(plain.params, moved.params) and same(moved.params, train(augment=Augment(shift=1)).params)
    assert not same(moved.params, train(augment=Augment(shift=1), seed=4).params)
    tested = train(data=(X, Y, X, Y), augment=Augment(noise=5.0)).history[-1]
    assert tested["test_loss"] < tested["train_loss"]  # the test's samples stay as they are


@pytest.mark.parametrize("stop", [1, 2])
def test_an_augmented_run_resumes_to_the_same_bits(tmp_path, stop):
    settings = dict(augment=Augment(1, True, 0.2), clip_value=0.01)
    whole = train(4, **settings)
    train(stop, out=tmp_path, **settings)
    resumed = train(4, out=tmp_path, resume=True, **settings)
    assert same(whole.params, resumed.params)
    assert [r["train_loss"] for r in whole.history] == [r["train_loss"] for r in resumed.history]


def test_a_run_stopped_within_an_epoch_resumes_to_the_same_bits(tmp_path, monkeypatch):
    from difflab.nn.training.fit import Trainer

    class Stop(Exception):
        pass

    settings = dict(augment=Augment(1, False, 0.2), out=tmp_path, save_every=0.0)
    step, count = Trainer.one_step, []

    def until(self, *batch):
        count.append(1)
        if len(count) > 6:  # in the second epoch, after its second step
            raise Stop
        return step(self, *batch)

    monkeypatch.setattr(Trainer, "one_step", until)
    with pytest.raises(Stop):
        train(3, **settings)
    monkeypatch.setattr(Trainer, "one_step", step)
    resumed = train(3, resume=True, **settings)
    assert same(train(3, augment=settings["augment"]).params, resumed.params)


def test_a_run_with_other_augmentation_is_refused(tmp_path):
    train(1, out=tmp_path / "a", augment=Augment(1), clip_norm=2.0)
    train(1, out=tmp_path / "b")
    for folder, more, message in (
        ("a", dict(augment=Augment(2), clip_norm=2.0), r"augment Augment\(shift=1.*this one has Augment\(shift=2"),
        ("a", dict(clip_norm=2.0), r"augment Augment\(shift=1.*this one has None"),
        ("a", dict(augment=Augment(1), clip_norm=3.0), "clip clipped_by_norm {'most': 2.0}"),
        ("b", dict(augment=Augment(1)), "augment None"),
        ("b", dict(clip_value=1.0), "clip None"),
    ):
        with pytest.raises(InputError, match=message):
            train(2, out=tmp_path / folder, resume=True, **more)


def test_the_step_that_gave_no_number_is_found_with_augmentation():
    spoil = lambda x, g: np.where(g.integers(0, 3) == 0, np.nan, x)
    with pytest.raises(DomainError, match="first bad value is the input x"):
        train(5, augment=spoil)


# Clipping.
def gradients(**clip):
    """What the optimiser is given."""
    found = []

    class Keeps:
        def init(self, params):
            return {}

        def update(self, params, gradient, memory):
            found.append(gradient)
            return params, memory

    model = nn.Linear(2, 1)
    programs = Programs(model, nn.MSELoss(), Keeps(), False, clipping(clip.get("norm"), clip.get("value")))
    programs.update(*model.init(0)[:1], {}, {}, np.array([[3.0, -1.0]]), np.array([[50.0]]))
    return np.concatenate([found[0]["weight"].ravel(), found[0]["bias"]])


def test_gradients_are_clipped_before_the_step():
    plain = gradients()
    length = np.linalg.norm(plain)
    assert length > 100
    np.testing.assert_allclose(gradients(norm=2.0), 2.0 * plain / length, rtol=1e-6)
    np.testing.assert_allclose(gradients(norm=2 * length), plain)
    np.testing.assert_allclose(gradients(value=1.5), np.clip(plain, -1.5, 1.5))
    assert not np.array_equal(gradients(value=1.5), plain)
    clipped, free = train(2, clip_norm=1e-3), train(2)
    start = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).init(3, np.float32)[0]
    way = lambda run: np.linalg.norm(run.params["1"]["weight"] - start["1"]["weight"])
    assert 0 < way(clipped) <= 8 * 0.1 * 1e-3 * 1.001 < way(free)  # eight steps of at most lr times the norm


# Checkpoints.
def test_a_loop_by_hand_goes_on_from_a_checkpoint(tmp_path):
    model, adam = nn.Sequential(nn.Conv2d(1, 2, 3, init="he"), nn.BatchNorm2d(2)), nn.optim.Adam(lr=0.1)
    loss = lambda y, target: nn.functional.mse_loss(y, target)
    x = rng(0).normal(size=(4, 1, 5, 5))
    programs = Programs(model, loss, adam, False)

    def steps(trees, count):
        for _ in range(count):
            trees = programs.update(*trees, x, np.ones((4, 2, 3, 3)))[:3]
        return trees

    params, state = model.init(0)
    start = (params, adam.init(params), state)
    half = steps(start, 3)
    path = nn.save_checkpoint(tmp_path / "half.npz", model, half[0], half[2], memory=half[1], about={"step": 3})
    found = nn.load_checkpoint(path, optimiser=adam)
    assert found.model == model and found.about["step"] == 3 and found.params["0"]["weight"].dtype == np.float64
    assert same(steps((found.params, found.memory, found.state), 3), steps(start, 6))
    assert nn.load_checkpoint(path).memory is None
    nn.save_checkpoint(path, model, params, state)  # replaces it
    assert same(nn.load_checkpoint(path).params, params)
    with np.load(path, allow_pickle=False) as file:
        assert json.loads(file["about"].tobytes())["dtype"] == "float64"


class Own(nn.Layer):
    def start(self, rng, dtype):
        return {"w": np.ones(2, dtype)}, {}


def test_a_layer_of_ones_own_is_given_when_loading(tmp_path):
    path = nn.save_checkpoint(tmp_path / "own.npz", Own(), {"w": np.array([3.0, 4.0])}, {})
    assert nn.load_checkpoint(path, model=Own()).params["w"].tolist() == [3.0, 4.0]
    with pytest.raises(InputError, match=r"does not describe its model; give it, load_checkpoint\(path, model="):
        nn.load_checkpoint(path)


def nested(depth):
    made: list = []
    for _ in range(depth):
        made = [made]
    return made


MODEL = nn.Linear(2, 3)
PARAMS, STATE = MODEL.init(0)
SAVE = nn.save_checkpoint
FIT = lambda **more: train(1, **more)
BAD = [
    (lambda p: SAVE(p, "linear", PARAMS, STATE), InputError, "model='linear' is not a layer"),
    (lambda p: SAVE(p, MODEL, {"weight": PARAMS["weight"]}, STATE), InputError, "the model has params/bias"),
    (lambda p: SAVE(p, MODEL, PARAMS | {"more": np.ones(2)}, STATE), InputError, "the model lacks params/more"),
    (lambda p: SAVE(p, nn.Linear(2, 4), PARAMS, STATE), InputError, r"shape \(3,\), the model's is float64 of \(4,\)"),
    (lambda p: SAVE(p, MODEL, PARAMS | {"bias": np.ones(3, np.float32)}, STATE), InputError, "float32 and float64"),
    (lambda p: SAVE(p, MODEL, PARAMS, STATE, about={"model": 1}), InputError, "about has 'model'"),
    (lambda p: SAVE(p, MODEL, PARAMS, STATE, about={"loss": np.nan}), InputError, "not strict JSON"),
    (lambda p: SAVE(p, MODEL, PARAMS, STATE, about={"rng": rng(0)}), InputError, "not strict JSON"),
    (lambda p: SAVE(p, MODEL, PARAMS, STATE, about=[1, 2]), InputError, r"about=\[1, 2\]; give a dict"),
    (lambda p: SAVE(p, MODEL, PARAMS, STATE, about={"a": "\ud800"}), InputError, "surrogates not allowed"),
    (lambda p: SAVE(p, MODEL, PARAMS, STATE, about={"a": nested(9999)}), InputError, "recursion"),
    (lambda p: SAVE(p, MODEL, PARAMS, STATE, about={"a": "x" * 10**7}), InputError, "about takes 10,000,009 bytes"),
    (
        lambda p: SAVE(p, MODEL, PARAMS, STATE, memory={"m": None, "a": [object()]}),
        InputError,
        "memory/a/0 is of dtype",
    ),
    (lambda p: SAVE(p, MODEL, PARAMS, STATE, memory={"a": "x"}), InputError, "memory/a is of dtype <U1"),
    (lambda p: FIT(augment=Augment), InputError, "augment="),
    (lambda p: FIT(augment=lambda x, g: x * 1j), InputError, "samples of dtype complex64"),
    (lambda p: FIT(augment=lambda x, g: x.astype(str)), InputError, "samples of dtype <U32"),
    (
        lambda p: Augment(noise=0.4)(np.zeros((2, 3), np.uint8), rng(0)),
        DtypeError,
        "noise=0.4 in samples of dtype uint8",
    ),
    (lambda p: FIT(augment="shift"), InputError, r"give nn.data.Augment\("),
    (lambda p: FIT(augment=lambda x, g: x[:, :, 1:]), ShapeError, r"samples of shape \(2, 1, 7, 8\)"),
    (lambda p: FIT(augment=Augment(shift=8)), ShapeError, "8 x 8 out of themselves"),
    (lambda p: FIT(data=(X.reshape(160, 64), Y), augment=Augment(flip=True)), ShapeError, r"shape \(64,\)"),
    (lambda p: FIT(clip_norm=1.0, clip_value=1.0), InputError, "give one of them"),
    (lambda p: FIT(clip_norm=0.0), InputError, "clip_norm=0.0; give a number above 0"),
    (lambda p: FIT(clip_value="1"), InputError, "clip_value='1'"),
    (lambda p: FIT(clip_value=float("nan")), InputError, "clip_value=nan"),
    (lambda p: Augment(shift=-1), InputError, "shift=-1"),
    (lambda p: Augment(shift=1.5), InputError, "shift=1.5; give a number of pixels"),
    (lambda p: Augment(shift=True), InputError, "shift=True"),
    (lambda p: Augment(flip="left"), InputError, "flip='left'; it is True or False"),
    (lambda p: Augment(noise=-0.1), InputError, "noise=-0.1"),
    (lambda p: Augment(noise=float("nan")), InputError, "noise=nan"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[m for *_, m in BAD])
def test_what_is_wrong_is_named(tmp_path, call, error, message):
    with pytest.raises(error, match=message):
        call(tmp_path / "x.npz")
    assert not list(tmp_path.iterdir())


def test_memory_that_was_not_saved_is_missed(tmp_path):
    path = SAVE(tmp_path / "x.npz", MODEL, PARAMS, STATE)
    with pytest.raises(DifflabError, match="holds no memory/mean/bias"):
        nn.load_checkpoint(path, optimiser=nn.optim.Adam())
    with pytest.raises(InputError, match="another model"):
        nn.load_checkpoint(path, model=nn.Linear(2, 4))


def test_what_is_loaded_with_is_checked(tmp_path):
    path = SAVE(tmp_path / "x.npz", MODEL, PARAMS, STATE)
    with pytest.raises(InputError, match="model='linear' is not a layer"):
        nn.load_checkpoint(path, model="linear")
    with pytest.raises(InputError, match="optimiser='adam'; give one of nn.optim"):
        nn.load_checkpoint(path, optimiser="adam")


def test_names_with_strokes_stay_apart(tmp_path):
    """ "a/b" is a layer, and so is "b" in "a": their arrays were one and the same in the file."""
    model = nn.Sequential({"a/b": nn.Linear(2, 2), "a": nn.Sequential({"b": nn.Linear(2, 2), "~1": nn.Linear(2, 2)})})
    params, state = model.init(0)
    found = nn.load_checkpoint(SAVE(tmp_path / "x.npz", model, params, state)).params
    for x, y in zip(optree.tree_leaves(params), optree.tree_leaves(found), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("sizes", [(10**6, 10**6), (10**12, 10**12)])
def test_a_model_that_no_machine_can_hold_is_refused(tmp_path, sizes):
    """A kilobyte of file may describe terabytes of model; only what lies in the file is made."""
    path, told = tmp_path / "x.npz", {"layer": "Linear", "in_features": sizes[0], "out_features": sizes[1]}
    about = {"schema": "difflab.checkpoint/1", "dtype": "float32", "model": told | {"bias": True}}
    arrays = {f"params/{name}": p.astype(np.float32) for name, p in PARAMS.items()}
    np.savez(path, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
    with pytest.raises(InputError, match="checkpoint of another model|too large"):
        nn.load_checkpoint(path)


def test_an_augmentation_that_writes_into_its_batch_leaves_the_data_alone():
    def brighter(x, g):
        x += 1
        return x

    x = X.astype(np.float32)
    train(1, data=(x, Y), augment=brighter)
    np.testing.assert_array_equal(x, X.astype(np.float32))


class Scaled:
    def __init__(self, by):
        self.by, self.how = by, lambda: None

    def __call__(self, x, g):
        return self.by * x

    def __repr__(self):
        return f"Scaled({self.by}, {self.how})"


def scaled(by, x, g):
    return by * x


WEIGHTS = np.ones(200), np.r_[np.ones(199), 2.0]  # too many to be shown


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (dict(augment=Scaled(1)), dict(augment=Scaled(2))),
        (dict(augment=partial(scaled, 1)), dict(augment=partial(scaled, 2))),
    ],
    ids=["object", "partial"],
)
def test_a_run_with_other_settings_of_ones_own_is_refused(tmp_path, then, now):
    train(1, out=tmp_path / "run", **then)
    with pytest.raises(InputError, match="is of a run with"):
        train(2, out=tmp_path / "run", resume=True, **now)
    again = {k: Scaled(v.by) if isinstance(v, Scaled) else v for k, v in then.items()}  # the address is another one
    assert len(train(2, out=tmp_path / "run", resume=True, **again).history) == 2


def test_criteria_of_many_weights_are_told_apart():
    one, other = map(nn.CrossEntropyLoss, WEIGHTS)
    assert one != other and repr(one) != repr(other) and repr(one) == repr(nn.CrossEntropyLoss(WEIGHTS[0]))
