"""Convolution and pooling: against torch, against plain loops, ties, refusals, and inside compiled programs."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest

import difflab as dl
import difflab.numpy as dnp
from difflab.primitives.kernels import convolution as kernels_convolution, parallel, workspace

RNG = np.random.default_rng(5)
# Shape of x, shape of the filters, stride, padding, dilation, groups.
CONVOLUTIONS = [
    ((2, 4, 9), (6, 4, 3), 1, 0, 1, 1),
    ((2, 4, 11), (6, 2, 3), 2, 1, 2, 2),
    ((3, 2, 7, 8), (4, 2, 3, 2), 1, 1, 1, 1),
    ((2, 4, 7, 8), (4, 1, 2, 3), (2, 3), (1, 0), 1, 4),
    ((2, 4, 9, 8), (6, 2, 3, 3), (1, 2), (2, 1), (2, 1), 2),
    ((2, 3, 9, 8), (2, 3, 1, 1), 2, 0, 1, 1),
    ((2, 3, 5, 6), (2, 3, 3, 2), 3, 2, (1, 2), 1),
    ((1, 2, 4, 5, 6), (3, 2, 2, 3, 2), (1, 2, 1), (1, 0, 1), 1, 1),
    ((40, 3, 12, 12), (8, 3, 5, 5), 1, 2, 1, 1),
]
POOLS = [
    ((2, 3, 6, 8), 2, None, 0, 1),
    ((2, 3, 7, 9), 2, None, 0, 1),
    ((2, 3, 7, 9), 3, 2, 1, 1),
    ((2, 3, 7, 9), (2, 3), (1, 2), (1, 0), (2, 1)),
    ((1, 2, 9, 9), 3, 1, 1, 2),
]


def loop(x, w, stride, padding, dilation, groups):
    """The definition, element by element."""
    n = x.ndim - 2
    each = lambda v: (v,) * n if isinstance(v, int) else v
    stride, padding, dilation = map(each, (stride, padding, dilation))
    x = np.pad(x, ((0, 0), (0, 0), *[(p, p) for p in padding]))
    spans = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation)]
    counts = [(a - b) // s + 1 for a, b, s in zip(x.shape[2:], spans, stride)]
    y = np.zeros((len(x), len(w), *counts))
    per, out = w.shape[1], len(w) // groups
    for o, place in itertools.product(range(len(w)), itertools.product(*map(range, counts))):
        window = tuple(slice(p * s, p * s + b, d) for p, s, b, d in zip(place, stride, spans, dilation))
        first = o // out * per
        seen = x[(slice(None), slice(first, first + per), *window)]
        y[(slice(None), o, *place)] = np.sum(seen * w[o], axis=tuple(range(1, n + 2)))
    return y


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("last", [False, True], ids=["batch first in memory", "batch last in memory"])
def test_convolution_is_its_definition(case, last):
    shape, filters, *options = case
    x, w = RNG.normal(size=shape), RNG.normal(size=filters)
    if last:
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, (0, 1), (-1, 1))), (-1, 1), (0, 1))
    y = dnp.conv(x, w, *options)
    assert np.allclose(y, loop(x, w, *options), rtol=1e-12, atol=1e-12)
    assert np.array_equal(y, dl.vjp(lambda x: dnp.conv(x, w, *options), x)[0])


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolution_against_torch(case):
    torch = pytest.importorskip("torch")
    shape, filters, *options = case
    x, w, v = RNG.normal(size=shape), RNG.normal(size=filters), RNG.normal(size=shape)
    theirs = [torch.nn.functional.conv1d, torch.nn.functional.conv2d, torch.nn.functional.conv3d][len(shape) - 3]
    stride, padding, dilation, groups = options

    def reference(x, w):
        return torch.sum(torch.sin(theirs(x, w, None, stride, padding, dilation, groups)))

    def along(x, w):
        (g,) = torch.autograd.grad(reference(x, w), x, create_graph=True)
        return torch.sum(g * torch.tensor(v))

    loss = lambda x, w: np.sum(np.sin(dnp.conv(x, w, *options)))
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, w)]
    first = torch.autograd.grad(reference(*tensors), tensors)
    second = torch.autograd.grad(along(*tensors), tensors)
    for ours, expected in zip(dl.grad(loss, (0, 1))(x, w), first):
        assert np.allclose(ours, expected.numpy(), rtol=1e-10, atol=1e-11)
    hessian_row = dl.grad(lambda x, w: np.sum(dl.grad(loss)(x, w) * v), (0, 1))(x, w)
    for ours, expected in zip(hessian_row, second):
        assert np.allclose(ours, expected.numpy(), rtol=1e-9, atol=1e-10)
    tangent = dl.jvp(lambda x: dl.grad(loss, (0, 1))(x, w), (x,), (v,))[1]
    assert np.allclose(tangent[0], second[0].numpy(), rtol=1e-9, atol=1e-10)


POOLINGS = [
    pytest.param(case, name, id=f"{name}-{case}")
    for name in ("max", "avg", "avg without padding")
    for case in POOLS
    if name == "max" or case[-1] == 1  # torch has no dilated average
]


@pytest.mark.parametrize("case, name", POOLINGS)
def test_pooling_against_torch(case, name):
    torch = pytest.importorskip("torch")
    shape, size, stride, padding, dilation = case
    x = np.round(RNG.normal(size=shape), 1 if name == "max" else 9)  # with ties
    if name == "max":
        ours = lambda x: dnp.max_pool(x, size, stride, padding, dilation)
        theirs = lambda x: torch.nn.functional.max_pool2d(x, size, stride, padding, dilation)
    else:
        counted = name == "avg"
        ours = lambda x: dnp.avg_pool(x, size, stride, padding, count_padding=counted)
        theirs = lambda x: torch.nn.functional.avg_pool2d(x, size, stride, padding, count_include_pad=counted)
    t = torch.tensor(x, requires_grad=True)
    value = theirs(t)
    assert np.allclose(ours(x), value.detach().numpy(), rtol=1e-13, atol=1e-14)
    weights = RNG.normal(size=tuple(value.shape))
    (expected,) = torch.autograd.grad(torch.sum(value**2 * torch.tensor(weights)), t)
    gradient = dl.grad(lambda x: np.sum(ours(x) ** 2 * weights))(x)
    assert np.allclose(gradient, expected.numpy(), rtol=1e-12, atol=1e-13)
    v = RNG.normal(size=shape)
    assert np.isclose(dl.jvp(lambda x: np.sum(ours(x) ** 2 * weights), (x,), (v,))[1], np.sum(gradient * v))


def test_of_a_tie_the_first_has_the_derivative():
    x = np.array([[1.0, 2.0], [2.0, 2.0]])
    f = lambda x: dnp.max_pool(x, 2)[0, 0]
    assert dl.grad(f)(x).tolist() == [[0, 1], [0, 0]]
    assert dl.jvp(f, (x,), (np.array([[1.0, 2.0], [3.0, 4.0]]),))[1] == 2.0
    assert dl.grad(lambda x: np.sum(dnp.max_pool(x, 3, 1, 1)))(np.zeros((3, 3))).tolist() == [
        [4, 2, 0], [2, 1, 0], [0, 0, 0],
    ]  # fmt: skip


def test_nothing_is_multiplied_behind_a_stopped_sample():
    """log has an infinite slope at 0: the gate passes the convolution sample by sample, and the matrix row by row."""
    x = np.array([1.0, 0.0])
    w = np.ones((1, 1, 2))
    f = lambda x: np.sum(np.where((x > 0)[:, None, None], dnp.conv(np.log(x)[:, None, None] * np.ones(3), w), 0.0))
    assert dl.grad(f)(x).tolist() == [4.0, 0.0]
    g = lambda x: np.sum(np.where((x > 0)[:, None], np.log(x)[:, None] @ np.ones((1, 3)), 0.0))
    assert dl.grad(g)(x).tolist() == [3.0, 0.0]
    assert dl.hessian(g)(x).tolist() == [[-3.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("same", ["valid", "same", ((1, 2), (0, 1))], ids=str)
def test_padding_is_spelled_in_words_and_pairs(same):
    x, w = RNG.normal(size=(2, 1, 6, 7)), RNG.normal(size=(3, 1, 2, 3))
    frame = {"valid": ((0, 0), (0, 0)), "same": ((0, 1), (1, 1))}.get(same, same)
    padded = np.pad(x, ((0, 0), (0, 0), *frame))
    assert np.allclose(dnp.conv(x, w, padding=same), dnp.conv(padded, w))


@pytest.mark.parametrize(
    "f, words",
    [
        (lambda x: dnp.conv(x, np.ones((2, 3, 2, 2))), "2 channels in 1 groups"),
        (lambda x: dnp.conv(x, np.ones((3, 1, 2, 2)), groups=2), "that 2 divides"),
        (lambda x: dnp.conv(x, np.ones((2, 2, 2))), r"\(batch, channels, \*spatial\)"),
        (lambda x: dnp.conv(x, np.ones((2, 2, 7, 2))), "do not fit"),
        (lambda x: dnp.conv(x, np.ones((2, 2, 2, 2)), stride=0), "stride=0"),
        (lambda x: dnp.conv(x, np.ones((2, 2, 2, 2)), padding=(1, 2, 3)), "padding="),
        (lambda x: dnp.conv(x, np.ones((2, 2, 2, 2)), stride=2, padding="same"), "stride 1"),
        (lambda x: dnp.max_pool(x, 2, padding=2), "without an element"),
        (lambda x: dnp.max_pool(x, 2.5), "max_pool"),
        (lambda x: dnp.avg_pool(x, 2, ceil_mode=True), "ceil_mode"),
    ],
)
def test_refusals_are_clear(f, words):
    with pytest.raises(dl.DifflabError, match=words):
        dl.grad(lambda x: np.sum(f(x)))(np.ones((2, 2, 5, 5)))


@pytest.mark.parametrize("shape, filters", [((0, 2, 5), (3, 2, 2)), ((2, 0, 5), (3, 0, 2)), ((2, 2, 5), (0, 2, 2))])
def test_empty_operands(shape, filters):
    x, w = np.ones(shape), np.ones(filters)
    gradients = dl.grad(lambda x, w: np.sum(dnp.conv(x, w)), (0, 1))(x, w)
    assert [g.shape for g in gradients] == [shape, filters] and not any(np.any(g) for g in gradients)


def network(params, x):
    """Two blocks of convolution, pooling, bias and relu."""
    (w, b), (v, c) = params
    x = dnp.relu(dnp.max_pool(dnp.conv(x, w, padding=1), 2) + b)
    return np.sum(dnp.relu(dnp.max_pool(dnp.conv(x, v), 2) + c) ** 2)


@pytest.mark.parametrize("size", [(20, 12, 12), (24, 13, 15)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_programs_join_convolution_and_pooling(size, dtype):
    n, *spatial = size
    x = RNG.normal(size=(n, 1, *spatial)).astype(dtype)
    params = [
        (RNG.normal(size=shape).astype(dtype), RNG.normal(size=(shape[0], 1, 1)).astype(dtype))
        for shape in ((4, 1, 3, 3), (5, 4, 3, 3))
    ]
    gradient = dl.value_and_grad(network, (0, 1))
    program = dl.compile(gradient)
    program(params, x)
    found, expected = program(params, x), gradient(params, x)
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    for a, b in zip(leaves(found), leaves(expected)):
        assert a.dtype == b.dtype and np.allclose(a, b, rtol=tolerance, atol=tolerance * np.max(np.abs(b)))
    assert all(row in program.source for row in ("conv_max_pool", "pooled_weight_transpose", "pooled_input_transpose"))
    assert "window_write" not in program.source
    again = program(params, x)
    assert all(np.array_equal(a, b) for a, b in zip(leaves(found), leaves(again)))


def leaves(tree):
    return [x for e in tree for x in leaves(e)] if isinstance(tree, list | tuple) else [np.asarray(tree)]


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    monkeypatch.setattr(parallel, "WORTH", 1)
    monkeypatch.setattr(kernels_convolution, "WORTH", 1)
    x, w = RNG.normal(size=(32, 3, 16, 16)), RNG.normal(size=(8, 3, 3, 3))
    f = dl.grad(lambda x, w: np.sum(np.sin(dnp.max_pool(dnp.conv(x, w, padding=1), 2))), (0, 1))
    found = []
    for threads in ("1", "2", "3"):
        monkeypatch.setenv("DIFFLAB_THREADS", threads)
        found.append(f(x, w))
    assert all(np.array_equal(a, b) for other in found[1:] for a, b in zip(found[0], other))


def test_users_threads_do_not_meet():
    inputs = [(RNG.normal(size=(16, 2, 14, 14)), RNG.normal(size=(4, 2, 3, 3))) for _ in range(4)]
    f = dl.grad(lambda x, w: np.sum(dnp.max_pool(dnp.conv(x, w), 2) ** 2), (0, 1))
    expected, wrong = [f(*args) for args in inputs], []

    def work(k):
        for _ in range(10):
            found = f(*inputs[k])
            wrong.extend(k for a, b in zip(found, expected[k]) if not np.array_equal(a, b))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_memory_is_used_again_only_when_nobody_holds_it():
    make = lambda: workspace.empty((100, 200), np.dtype(float))
    first = make()
    view = first[3:, ::2].T
    first[...] = 1.0
    del first
    other = make()
    other[...] = 2.0
    assert np.all(view == 1.0) and not np.shares_memory(view, other)
    place = other.__array_interface__["data"]
    del other
    assert make().__array_interface__["data"] == place
