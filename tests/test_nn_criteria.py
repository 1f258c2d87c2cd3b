"""Criteria: torch.nn's classes as objects, made from the functions' signatures."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest
from torch_cases import agree, rng_array, told

import difflab as dl
from difflab import nn
from difflab.errors import InputError
from difflab.nn import criteria

F = nn.functional
P, Q = 1 / (1 + np.exp(-rng_array((4, 3), 1))), 1 / (1 + np.exp(-rng_array((4, 3), 2)))
X, T, SIGNS = rng_array((4, 3), 3), rng_array((4, 3), 4), np.where(rng_array((4, 3), 5) > 0, 1.0, -1.0)
LABELS = np.array([2, 0, 1, 1])
WEIGHT = np.array([0.5, 2.0, 1.0])
# The class, settings that are not the defaults, and operands.
CASES = [
    ("L1Loss", dict(reduction="sum"), (X, T)),
    ("MSELoss", {}, (X, T)),
    ("MSELoss", dict(size_average=False), (X, T)),
    ("SmoothL1Loss", dict(beta=0.3), (X, T)),
    ("HuberLoss", dict(delta=0.4, reduction="none"), (X, T)),
    ("CrossEntropyLoss", dict(weight=WEIGHT, ignore_index=1), (X, LABELS)),
    ("CrossEntropyLoss", dict(label_smoothing=0.2), (X, P / P.sum(1, keepdims=True))),
    ("NLLLoss", dict(weight=WEIGHT), (np.log(P), LABELS)),
    ("BCELoss", dict(weight=WEIGHT), (P, Q)),
    ("BCEWithLogitsLoss", dict(pos_weight=WEIGHT), (X, Q)),
    ("KLDivLoss", dict(reduction="batchmean"), (np.log(P), Q)),
    ("KLDivLoss", dict(log_target=True), (np.log(P), np.log(Q))),
    ("PoissonNLLLoss", dict(log_input=False, full=True), (P, np.round(3 * Q))),
    ("GaussianNLLLoss", dict(full=True), (X, T, Q + 0.1)),
    ("HingeEmbeddingLoss", dict(margin=0.5), (X, SIGNS)),
    ("SoftMarginLoss", {}, (X, SIGNS)),
    ("MultiLabelSoftMarginLoss", dict(reduction="sum"), (X, np.round(Q))),
    ("MarginRankingLoss", dict(margin=0.2), (X, T, SIGNS)),
    ("CosineEmbeddingLoss", dict(margin=0.1), (X, T, SIGNS[:, 0])),
    ("TripletMarginLoss", dict(margin=2.0, swap=True), (X, T, P)),
    ("CosineSimilarity", dict(dim=0), (X, T)),
    ("PairwiseDistance", dict(p=1.0, keepdim=True), (X, T)),
]
IDS = [f"{name}-{','.join(settings)}" for name, settings, _ in CASES]


def test_every_class_is_in_the_table():
    assert {name for name, *_ in CASES} == set(criteria.__all__)
    assert all(getattr(nn, name) is getattr(criteria, name) for name in criteria.__all__)


@pytest.mark.filterwarnings("ignore:size_average", "ignore:reduction")  # torch's own, of what is old there
@pytest.mark.parametrize(("name", "settings", "operands"), CASES, ids=IDS)
def test_torchs_values_and_gradients(torch, name, settings, operands):
    of_torch = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}
    ours, theirs, (x, *rest) = getattr(nn, name)(**settings), getattr(torch.nn, name)(**of_torch), operands
    agree(lambda x: ours(x, *rest), lambda x: theirs(x, *map(torch.tensor, rest)), [x])


def test_settings_are_torchs(torch):
    """Names, order, defaults and whether they go by keyword alone."""

    def settings(kind):
        found = inspect.signature(kind).parameters.values()
        return [[p.name, p.default, p.kind is p.KEYWORD_ONLY] for p in found]

    theirs = told(lambda: {name: settings(getattr(torch.nn, name)) for name in criteria.__all__})
    assert {name: settings(getattr(nn, name)) for name in criteria.__all__} == theirs


@pytest.mark.parametrize(("name", "settings", "operands"), CASES, ids=IDS)
def test_a_criterion_is_data(name, settings, operands):
    kind = getattr(nn, name)
    loss, same = kind(**settings), kind(**{k: v.copy() if k == "weight" else v for k, v in settings.items()})
    assert loss == same and hash(loss) == hash(same) and len({loss, same}) == 1
    again = pickle.loads(pickle.dumps(loss))
    assert again == loss and np.array_equal(again(*operands), loss(*operands))
    assert eval(repr(loss), {name: kind}) == loss  # arrays are told as lists
    assert (loss == kind()) is (not settings)
    operand_names = type(loss).operands
    assert np.array_equal(loss(**dict(zip(operand_names, operands))), loss(*operands))
    np.testing.assert_allclose(dl.compile(loss)(*operands), loss(*operands), rtol=1e-12)


def test_an_array_among_the_settings_is_a_copy():
    weight = np.array([1.0, 3.0])
    loss = nn.CrossEntropyLoss(weight=weight)
    before = loss(X[:, :2], LABELS % 2)
    weight[:] = 0
    assert loss(X[:, :2], LABELS % 2) == before
    with pytest.raises(ValueError, match="read-only"):
        loss.weight[0] = 5.0
    slope = dl.grad(lambda w: nn.CrossEntropyLoss(weight=w, reduction="sum")(X, LABELS))(WEIGHT)
    each = F.cross_entropy(X, LABELS, reduction="none")
    np.testing.assert_allclose(slope, [each[c == LABELS].sum() for c in range(3)], rtol=1e-12)


def test_fit_trains_with_one_and_knows_it_again(tmp_path):
    x, y = nn.data.blobs(90)
    train = lambda loss, **more: nn.fit(nn.models.mlp((2, 8, 3)), (x, y), loss, epochs=2, batch_size=30, **more)
    weighted = nn.CrossEntropyLoss(weight=[1.0, 5.0, 1.0])
    a, b = train(nn.CrossEntropyLoss()), train("cross_entropy")
    assert a.history[-1]["train_loss"] == b.history[-1]["train_loss"]
    assert train(weighted, out=tmp_path).history[-1]["train_loss"] != a.history[-1]["train_loss"]
    train(nn.CrossEntropyLoss(weight=[1.0, 5.0, 1.0]), out=tmp_path, resume=True)
    with pytest.raises(InputError, match=r"loss CrossEntropyLoss\(weight=\[1.0, 5.0, 1.0\]\), this one has"):
        train(nn.CrossEntropyLoss(weight=[1.0, 4.0, 1.0]), out=tmp_path, resume=True)


BAD = [
    (lambda: nn.MSELoss("sum"), r"size_average='sum'; .*MSELoss\(reduction='sum'\)"),
    (lambda: nn.MSELoss(X, T), r"MSELoss\(\)\(input, target\), or call nn.functional.mse_loss"),
    (lambda: nn.MSELoss(reduction="men"), "reduction='men'; did you mean 'mean'"),
    (lambda: nn.MSELoss(reduction="batchmean"), "reduction='batchmean'"),
    (lambda: nn.MSELoss(reduction=3), "reduction=3; it is 'mean', 'sum', 'none'"),
    (lambda: nn.MSELoss()(X), r"loss\(input, target\); given 1"),
    (lambda: nn.GaussianNLLLoss()(X, T), r"loss\(input, target, var\); given 2"),
    (lambda: nn.MSELoss()(X, labels=T), "given 1 and labels="),
    (lambda: nn.HuberLoss(delta=-1.0)(X, T), "delta=-1.0"),
    (
        lambda: nn.fit(nn.models.mlp((2, 3)), nn.data.blobs(90), nn.CrossEntropyLoss),
        r"make one, with CrossEntropyLoss\(",
    ),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[m for _, m in BAD])
def test_what_is_wrong_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
