"""fit: what it learns, that it repeats and resumes to the bit, what it says when something is wrong."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import zipfile

import numpy as np
import optree
import pytest

from difflab import nn
from difflab.errors import DifflabError, DomainError, InputError, ShapeError

X, Y = nn.data.blobs(150)


def small():
    return nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))


def train(epochs=4, **more):
    settings = dict(optimiser=nn.optim.Adam(lr=0.01), batch_size=32, seed=3) | more
    return nn.fit(small(), (X, Y, X[:30], Y[:30]), epochs=epochs, **settings)


def same(a, b):
    a, b = optree.tree_leaves(a), optree.tree_leaves(b)
    return len(a) == len(b) and all(x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(a, b))


def losses(run):
    return [(r["train_loss"], r["test_loss"], r["test_accuracy"]) for r in run.history]


def test_it_learns_and_repeats():
    a, b = train(15), train(15)
    assert a.history[-1]["test_accuracy"] > 0.9
    assert same(a.params, b.params)
    assert losses(a) == losses(b)
    assert not same(a.params, train(15, seed=4).params)
    assert {x.dtype for x in optree.tree_leaves(a.params)} == {np.dtype(np.float32)}
    assert a.predict(X[:7]).shape == (7, 3)


def test_the_losses_are_torchs_step_by_step():
    torch = pytest.importorskip("torch", reason="torch, the second opinion, is not installed (extra peers)")
    model = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 3))
    params, state = model.init(0)
    t = torch.nn
    peer = t.Sequential(t.Linear(2, 16), t.BatchNorm1d(16), t.Tanh(), t.Linear(16, 3)).double()
    peer.load_state_dict(nn.to_torch(params, state))
    step = torch.optim.SGD(peer.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    means = []
    for epoch in range(5):
        values = []
        for chosen in nn.data.batches(len(X), 32, seed=3, epoch=epoch):
            loss = t.functional.cross_entropy(peer(torch.tensor(X[chosen])), torch.tensor(Y[chosen]))
            step.zero_grad()
            loss.backward()
            step.step()
            values.append(loss.item() * len(chosen))
        means.append(sum(values) / len(X))
    optimiser = nn.optim.SGD(lr=0.1, momentum=0.9, weight_decay=1e-3)
    run = nn.fit(model, (X, Y), "cross_entropy", optimiser, 5, 32, 3, dtype=np.float64, params=params, state=state)
    np.testing.assert_allclose([r["train_loss"] for r in run.history], means, rtol=1e-10)


def test_regression_and_other_losses():
    x = np.linspace(-1, 1, 64)[:, None]
    run = nn.fit(nn.models.mlp((1, 16, 1)), (x, np.sin(3 * x)), "mse_loss", nn.optim.Adam(lr=0.01), 200, 16)
    assert run.history[-1]["train_loss"] < 1e-2
    assert run.history[-1]["train_accuracy"] is None


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_resumed_run_ends_in_the_same_bits(tmp_path, stop):
    whole = train(4, out=tmp_path / "whole")
    train(stop, out=tmp_path / "parts")
    resumed = train(4, out=tmp_path / "parts", resume=True)
    assert same(whole.params, resumed.params)
    assert same(whole.state, resumed.state)
    assert losses(whole) == losses(resumed)
    lines = [json.loads(line) for line in (tmp_path / "parts" / "metrics.jsonl").read_text().splitlines()]
    assert [r["epoch"] for r in lines] == [1, 2, 3, 4]
    best = nn.load_checkpoint(tmp_path / "parts" / "best.npz")
    assert best.model == small()


CHILD = """
import sys, time
from difflab import nn
from difflab.nn.training.fit import Trainer
x, y = nn.data.blobs(150)
model = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
step = Trainer.one_step
def asked(self, *batch):
    print("step", flush=True)
    sys.stdin.readline()  # waits until the test asks for the step
    time.sleep(0.004)
    return step(self, *batch)
Trainer.one_step = asked
nn.fit(model, (x, y, x[:30], y[:30]), optimiser=nn.optim.Adam(lr=0.01), epochs=30, batch_size=32, seed=3,
       out=sys.argv[1], resume=True, save_every=0.02)
"""


def child(folder, how, steps):
    """Trains in another process, and ends that after so many steps."""
    command, pipes = [sys.executable, "-c", textwrap.dedent(CHILD), str(folder)], dict.fromkeys(("stdin", "stdout"), -1)
    with subprocess.Popen(command, **pipes) as program:
        for _ in range(steps):
            assert program.stdout.readline() == b"step\n"
            program.stdin.write(b"go\n")
            program.stdin.flush()
        program.send_signal(how)
        program.communicate()  # closes its input: nobody asks any more
    return program.returncode


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=["kill", "ctrl-c", "term"])
def test_a_killed_run_ends_in_the_same_bits(tmp_path, how):
    whole = train(30)
    assert child(tmp_path / "run", how, 23) != 0
    assert child(tmp_path / "run", how, 41) != 0
    resumed = train(30, out=tmp_path / "run", resume=True)
    assert same(whole.params, resumed.params)
    assert same(whole.state, resumed.state)
    assert losses(whole) == losses(resumed)


def test_early_stopping_looks_at_the_history_alone(tmp_path):
    flat = nn.optim.SGD(lr=0.0)
    run = train(10, optimiser=flat, callbacks=[nn.EarlyStopping(2, "train_accuracy")], out=tmp_path / "run")
    assert run.stopped
    assert len(run.history) < 10
    again = train(
        10, optimiser=flat, callbacks=[nn.EarlyStopping(2, "train_accuracy")], out=tmp_path / "run", resume=True
    )
    assert losses(again) == losses(run)
    seen = []
    train(3, callbacks=[lambda history: seen.append(len(history))])
    assert seen == [1, 2, 3]


def test_a_loss_that_is_no_number_names_the_first_bad_node(tmp_path):
    model = nn.Sequential({"first": nn.Linear(2, 4), "second": nn.Linear(4, 3)})
    params, state = model.init(0)
    params["second"]["weight"][0, 0] = np.inf
    with pytest.raises(DomainError, match=r"epoch 1, step 1: the loss is nan.*params\['second'\]\['weight'\]"):
        nn.fit(model, (X, Y), params=params, state=state, epochs=1)
    bad = X.copy()
    bad[77, 0] = np.nan
    with pytest.raises(DomainError, match=r"the input x: 1 of \d+ values are nan"):
        nn.fit(model, (bad, Y), epochs=1, batch_size=32)
    loss = lambda z, y: np.mean(np.log(z[:, 0] * 0 - 1))
    with pytest.raises(DomainError, match="first bad node is log.*nan; its operands: "):
        nn.fit(model, (X, Y), loss, epochs=1)
    with pytest.raises(DomainError, match="smaller learning rate"):
        nn.fit(model, (X, Y), lambda z, y: np.sum(z**4), nn.optim.SGD(lr=10.0), epochs=5)


BAD = [
    (lambda: nn.fit(small(), (X, Y + 1), epochs=1), ShapeError, "labels up to 3 need one score"),
    (lambda: nn.fit(small(), (X, Y - 1), epochs=1), InputError, r"\[0\] is -1"),
    (lambda: nn.fit(small(), (X[:0], Y[:0]), epochs=1), InputError, "no samples"),
    (lambda: nn.fit(small(), (X, Y[:5]), epochs=1), ShapeError, "same length"),
    (lambda: nn.fit(small(), X, epochs=1), InputError, "data of type ndarray"),
    (lambda: nn.fit(small(), (X, Y), "crossentropy", epochs=1), InputError, "cross_entropy"),
    (lambda: nn.fit(small(), (X, Y), epochs=0), InputError, "epochs=0"),
    (lambda: nn.fit(small(), (X, Y), epochs=1, batch_size=True), InputError, "batch_size=True"),
    (lambda: nn.fit(small(), (X[:, :1], Y), epochs=1), ShapeError, "in_features"),
    (lambda: nn.fit(small(), (X, Y), resume=True), InputError, "out="),
    (lambda: nn.fit(small(), (X, Y), lambda z, y: z, epochs=1), ShapeError, "must be one number"),
    (lambda: nn.fit(small(), (X, Y), callbacks=3), InputError, "callbacks=3; give a list"),
    (lambda: nn.fit(small(), (X, Y), callbacks=[nn.EarlyStopping]), InputError, r"callbacks\[0\]=.*a function"),
    (lambda: nn.fit(small(), (X, Y), save_every="often"), InputError, "save_every='often'"),
    (lambda: nn.fit(small(), (X, Y), about=3), InputError, "about=3; give a dict"),
    (lambda: nn.fit(small(), (X, Y), batch_size=149), ShapeError, "last batch of an epoch has 1 of the 150 samples"),
    (lambda: train(1).predict(X, batch_size=0), InputError, "predict: batch_size=0"),
    (lambda: train(1).predict("a"), DifflabError, "predict: x is"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[m for *_, m in BAD])
def test_bad_input_is_named_before_training(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_lists_are_predicted_as_arrays_are():
    run = train(1)
    assert np.array_equal(run.predict(X[:3].tolist()), run.predict(X[:3]))


@pytest.mark.filterwarnings("error")
def test_checkpoints_are_closed_when_they_are_read(tmp_path):
    train(1, out=tmp_path)
    nn.load_checkpoint(tmp_path / "last.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "last.npz").read_bytes()[:200])
    with pytest.raises(InputError):
        nn.load_checkpoint(tmp_path / "cut.npz")
    train(2, out=tmp_path, resume=True)
    gc.collect()


def test_checkpoints_of_other_runs_are_refused(tmp_path):
    train(1, out=tmp_path)
    with pytest.raises(InputError, match="holds a run already"):
        train(1, out=tmp_path)
    for more, word in (
        (dict(seed=4), "seed 3"),
        (dict(batch_size=16), "batch_size 32"),
        (dict(optimiser=nn.optim.SGD()), "Adam"),
    ):
        with pytest.raises(InputError, match=word):
            train(2, out=tmp_path, resume=True, **more)
    with pytest.raises(InputError, match="with data"):
        nn.fit(
            small(),
            (X + 1, Y, X[:30], Y[:30]),
            optimiser=nn.optim.Adam(lr=0.01),
            batch_size=32,
            seed=3,
            out=tmp_path,
            resume=True,
        )


def damaged(path, how):
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "text":
        path.write_text("hello")
    elif how == "flipped":
        k = content.index(b"params/0/weight") + 200
        path.write_bytes(content[:k] + bytes([content[k] ^ 255]) + content[k + 1 :])
    else:
        with zipfile.ZipFile(path) as file:
            members = {n: file.read(n) for n in file.namelist()}
        kind = zipfile.ZIP_STORED
        if how == "pickle":
            members["params/0/weight.npy"] = array_bytes(np.array([print], dtype=object))
        elif how == "packed":
            kind = zipfile.ZIP_DEFLATED
        elif how == "shape":
            members["params/0/weight.npy"] = array_bytes(np.zeros((3, 3), np.float32))
        elif how == "missing":
            del members["params/0/weight.npy"]
        elif how == "surplus":
            members["params/9/weight.npy"] = array_bytes(np.zeros(2, np.float32))
        elif how == "schema":
            members["about.npy"] = array_bytes(np.frombuffer(b'{"schema": "other/7"}', np.uint8))
        with zipfile.ZipFile(path, "w", kind) as file:
            for name, value in members.items():
                file.writestr(name, value)


def array_bytes(array):
    import io

    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize("how", ["cut", "text", "flipped", "pickle", "packed", "shape", "missing", "surplus", "schema"])
def test_damaged_checkpoints_are_refused(tmp_path, how):
    train(1, out=tmp_path)
    damaged(tmp_path / "last.npz", how)
    with pytest.raises(InputError, match=r"last\.npz"):
        nn.load_checkpoint(tmp_path / "last.npz")
    with pytest.raises(InputError, match=r"last\.npz"):
        train(2, out=tmp_path, resume=True)


def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path, monkeypatch):
    train(1, out=tmp_path)
    before = (tmp_path / "last.npz").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        train(2, out=tmp_path, resume=True)
    assert (tmp_path / "last.npz").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best.npz", "last.npz", "metrics.jsonl"]
    monkeypatch.undo()
    assert same(train(2, out=tmp_path, resume=True).params, train(2).params)


def test_a_layer_of_ones_own_trains_and_resumes(tmp_path):
    class Double(nn.layers.layer.Plain):
        def call(self, x):
            return 2 * x

        def __repr__(self):
            return "Double()"

    def own(epochs, **more):
        return nn.fit(nn.Sequential(Double(), nn.Linear(2, 3)), (X, Y), epochs=epochs, out=tmp_path, **more)

    own(1)
    assert len(own(2, resume=True).history) == 2
    with pytest.raises(InputError, match="does not describe its model"):
        nn.load_checkpoint(tmp_path / "last.npz")


def test_inspection_sees_vanishing_gradients():
    deep = nn.Sequential(*[layer for _ in range(12) for layer in (nn.Linear(8, 8), nn.Sigmoid())], nn.Linear(8, 3))
    x, y = np.random.default_rng(0).normal(size=(40, 8)), Y[:40]
    looked = nn.inspect(deep, *deep.init(0), x, y, nn.functional.cross_entropy)
    assert "vanish:" in looked.verdict()
    flat = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
    looked = nn.inspect(flat, *flat.init(0), x, y, nn.functional.cross_entropy)
    assert "neither" in looked.verdict()
    assert looked.table().count("\n") == 3
    last = looked.layers[-1]
    p = np.exp(last.activation) / np.exp(last.activation).sum(1, keepdims=True)
    np.testing.assert_allclose(last.gradient, (p - np.eye(3)[y]) / 40, atol=1e-12)


def test_summary_and_receptive_field():
    table = nn.summary(nn.models.lenet5(), (1, 28, 28))
    assert table.parameters == 61_706  # LeCun et al. 1998, with all connections of the second convolution
    rows = {r.name: r for r in table.rows}
    assert rows["conv1"].shape == (6, 28, 28)
    assert rows["conv1"].flops == 2 * 25 * 6 * 28 * 28
    assert rows["pool2"].field == (16, 16)
    assert "receptive field" in str(table)
    assert "<table>" in table._repr_html_()
    for count in (1, 3, 6):
        assert nn.receptive_field(nn.Sequential(*[nn.Conv2d(1, 1, 5)] * count)) == (1 + 4 * count,) * 2
    strided = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, (3, 5), dilation=2))
    assert nn.receptive_field(strided) == (3 + 4 * 2, 3 + 8 * 2)
