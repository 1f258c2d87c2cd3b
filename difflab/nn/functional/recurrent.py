"""Recurrent cells, and whole sequences of them by `scan`, with torch's layout of weights and order of gates.

weight_ih is (gates * H, in), weight_hh (gates * H, H), each bias (gates * H,). The gates of an LSTM are input, forget,
cell, output; those of a GRU reset, update, new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...differentiate.control_flow import scan
from ...errors import InputError, ShapeError
from ...primitives import rows
from ...types import Shape, Value
from . import checks
from .checks import real, row
from .embedding import dropout, linear

Step = Callable[[Value, tuple[Value, ...], Value, Value], tuple[Value, ...]]


def gates(x: Value, n: int) -> list[Value]:
    """n equal parts along the last axis."""
    size = x.shape[-1] // n
    return [x[..., k * size : (k + 1) * size] for k in range(n)]


def rnn_step(nonlinearity: str) -> Step:
    checks.one_of("rnn: nonlinearity", nonlinearity, "tanh", "relu")
    act = np.tanh if nonlinearity == "tanh" else lambda x: row(rows.relu, x)
    return lambda x, state, weight, bias: (act(x + linear(state[0], weight, bias)),)


def lstm_step(x: Value, state: tuple[Value, ...], weight: Value, bias: Value) -> tuple[Value, ...]:
    h, c = state
    total = x + linear(h, weight, bias)
    i, f, _, o = gates(row(rows.sigmoid, total), 4)  # one call for all costs less than one for each
    c = f * c + i * np.tanh(gates(total, 4)[2])
    return o * np.tanh(c), c


def gru_step(x: Value, state: tuple[Value, ...], weight: Value, bias: Value) -> tuple[Value, ...]:
    (h,) = state
    size, moved = h.shape[-1], linear(h, weight, bias)
    reset, update = gates(row(rows.sigmoid, x[..., : 2 * size] + moved[..., : 2 * size]), 2)
    new = np.tanh(x[..., 2 * size :] + reset * moved[..., 2 * size :])
    return (new + update * (h - new),)


def cell(
    what: str, step: Step, input: Value, state: Value, weights: tuple[Value, ...], count: int
) -> tuple[Value, ...]:
    """One step, for an input (N, in) or (in,) and states (N, H) or (H,)."""
    x, (w_ih, w_hh, b_ih, b_hh) = real(input), weights
    size = checks.array(w_hh).shape[-1]
    if state is None:
        state = (np.zeros((*x.shape[:-1], size), x.dtype),) * count
    state = tuple(real(h) for h in state)
    if any(h.shape != (*x.shape[:-1], size) for h in state):
        shapes = ", ".join(str(h.shape) for h in state)
        raise ShapeError(f"{what}: states of shape {shapes} for an input of shape {x.shape} and {size} units")
    return step(linear(x, w_ih, b_ih), state, w_hh, b_hh)


def rnn_cell(
    input: Value,
    hx: Value,
    w_ih: Value,
    w_hh: Value,
    b_ih: Value = None,
    b_hh: Value = None,
    nonlinearity: str = "tanh",
) -> Value:
    """tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it: the next state (N, H) or (H,).

    >>> rnn_cell([1.0], [0.0], [[2.0]], [[1.0]], nonlinearity="relu")
    array([2.])
    """
    weights = (w_ih, w_hh, b_ih, b_hh)
    return cell("rnn_cell", rnn_step(nonlinearity), input, None if hx is None else (hx,), weights, 1)[0]


def lstm_cell(
    input: Value, hx: Value, w_ih: Value, w_hh: Value, b_ih: Value = None, b_hh: Value = None
) -> tuple[Value, Value]:
    """The next (h, c) from `hx` = (h, c). Hochreiter and Schmidhuber, 1997, with the forget gate of Gers et al.

    >>> lstm_cell([0.0], ([0.0], [2.0]), np.zeros((4, 1)), np.zeros((4, 1)))[1]
    array([1.])
    """
    h, c = cell("lstm_cell", lstm_step, input, hx, (w_ih, w_hh, b_ih, b_hh), 2)
    return h, c


def gru_cell(input: Value, hx: Value, w_ih: Value, w_hh: Value, b_ih: Value = None, b_hh: Value = None) -> Value:
    """The next state of a gated recurrent unit. Cho et al., EMNLP 2014.

    >>> gru_cell([0.0], [2.0], np.zeros((3, 1)), np.zeros((3, 1)))
    array([1.])
    """
    return cell("gru_cell", gru_step, input, None if hx is None else (hx,), (w_ih, w_hh, b_ih, b_hh), 1)[0]


def sequence(
    what: str,
    step: Step,
    count: int,
    input: Value,
    hx: Value,
    params: Sequence[Value],
    has_biases: bool,
    num_layers: int,
    dropout_p: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
    key: Value,
) -> tuple[Value, ...]:
    """Layers of scans; `hx` are `count` states (layers * directions, N, H), or None for zeros."""
    x, directions, per = real(input), 2 if bidirectional else 1, 4 if has_biases else 2
    params = [real(w) for w in params]
    if len(params) != num_layers * directions * per:
        raise ShapeError(
            f"{what}: {len(params)} parameters; {num_layers} layers with {directions} directions have {per} each"
        )
    if x.ndim not in (2, 3):
        raise ShapeError(f"{what}: an input of shape {x.shape}; it is (length, batch, features) or (length, features)")
    had_batch = x.ndim == 3
    if not had_batch:
        x = np.expand_dims(x, 1)
    elif batch_first:
        x = np.swapaxes(x, 0, 1)
    states = first_states(what, hx, count, (num_layers * directions, x.shape[1], params[1].shape[-1]), had_batch, x)
    last: list[tuple[Value, ...]] = []
    for layer in range(num_layers):
        outputs = []
        for d in range(directions):
            k = layer * directions + d
            w_ih, w_hh, b_ih, b_hh = [*params[per * k : per * (k + 1)], None, None][:4]
            y, final = one_direction(step, x, tuple(s[k] for s in states), w_ih, w_hh, b_ih, b_hh, d == 1)
            outputs.append(y)
            last.append(final)
        x = outputs[0] if directions == 1 else np.concatenate(outputs, axis=-1)
        if train and dropout_p > 0 and layer + 1 < num_layers:
            x = dropout(x, dropout_p, key=layer_key(what, key, layer))
    finals = [np.stack([final[j] for final in last]) for j in range(count)]
    if not had_batch:
        return x[:, 0], *(h[:, 0] for h in finals)
    return np.swapaxes(x, 0, 1) if batch_first else x, *finals


def layer_key(what: str, key: Value, layer: int) -> Value:
    """Another key for each layer: the two words of the key, the second counted on far from its neighbours."""
    if key is None:
        raise InputError(f"{what}: dropout in training needs key=, an integer or an array of two")
    key = checks.array(key)
    words = [key, np.zeros((), np.int64)] if key.ndim == 0 else [key[0], key[1]]
    return np.stack([words[0], words[1] + np.int64((layer + 1) << 32)])


def one_direction(
    step: Step, x: Value, state: tuple[Value, ...], w_ih: Value, w_hh: Value, b_ih: Value, b_hh: Value, reverse: bool
) -> tuple[Value, tuple[Value, ...]]:
    """The outputs and the last state; what the inputs contribute is one product for the whole sequence."""

    def body(carry: Value, moved: Value) -> Value:
        new = step(moved, tuple(carry), w_hh, b_hh)
        return list(new), new[0]

    last, y = scan(body, list(state), linear(x, w_ih, b_ih), reverse=reverse)
    return y, tuple(last)


def first_states(what: str, hx: Value, count: int, shape: Shape, had_batch: bool, x: Value) -> list[Value]:
    if hx is None:
        return [np.zeros(shape, x.dtype)] * count
    states = [real(h) for h in hx]
    wanted = shape if had_batch else (shape[0], shape[2])
    for h in states:
        if h.shape != wanted:
            raise ShapeError(f"{what}: hx has shape {h.shape}; it is (layers * directions, batch, H) = {wanted}")
    return [h.reshape(shape) for h in states]


def rnn(
    input: Value,
    hx: Value,
    params: Sequence[Value],
    has_biases: bool = True,
    num_layers: int = 1,
    dropout: float = 0.0,
    train: bool = False,
    bidirectional: bool = False,
    batch_first: bool = False,
    *,
    nonlinearity: str = "tanh",
    key: Value = None,
) -> tuple[Value, Value]:
    """An Elman network over sequences (L, N, in), (N, L, in) with `batch_first`, or (L, in): (output, last state).

    `params` lists weight_ih, weight_hh and (with biases) bias_ih, bias_hh of each layer, forward and then backward;
    `hx` is the first state (layers * directions, N, H), None for zeros. Between layers in training there is dropout
    with the given key. Raises ShapeError where sizes do not fit.

    >>> y, h = rnn(np.ones((3, 1)), None, [np.ones((1, 1)), np.ones((1, 1))], False, nonlinearity="relu")
    >>> y.ravel(), h
    (array([1., 2., 3.]), array([[3.]]))
    """
    hx = None if hx is None else (hx,)
    step = rnn_step(nonlinearity)
    options = (has_biases, num_layers, dropout, train, bidirectional, batch_first, key)
    y, last = sequence("rnn", step, 1, input, hx, params, *options)
    return y, last


def lstm(
    input: Value,
    hx: Value,
    params: Sequence[Value],
    has_biases: bool = True,
    num_layers: int = 1,
    dropout: float = 0.0,
    train: bool = False,
    bidirectional: bool = False,
    batch_first: bool = False,
    *,
    key: Value = None,
) -> tuple[Value, Value, Value]:
    """A long short-term memory over sequences: (output, last h, last c); `hx` is (h, c). Arguments as `rnn`.

    >>> lstm(np.ones((3, 1)), None, [np.zeros((4, 1))] * 2, False)[1]
    array([[0.]])
    """
    options = (has_biases, num_layers, dropout, train, bidirectional, batch_first, key)
    y, h, c = sequence("lstm", lstm_step, 2, input, hx, params, *options)
    return y, h, c


def gru(
    input: Value,
    hx: Value,
    params: Sequence[Value],
    has_biases: bool = True,
    num_layers: int = 1,
    dropout: float = 0.0,
    train: bool = False,
    bidirectional: bool = False,
    batch_first: bool = False,
    *,
    key: Value = None,
) -> tuple[Value, Value]:
    """Gated recurrent units over sequences: (output, last state). Arguments as `rnn`.

    >>> gru(np.ones((3, 1)), np.full((1, 1), 8.0), [np.zeros((3, 1))] * 2, False)[0].ravel()
    array([4., 2., 1.])
    """
    hx = None if hx is None else (hx,)
    options = (has_biases, num_layers, dropout, train, bidirectional, batch_first, key)
    y, last = sequence("gru", gru_step, 1, input, hx, params, *options)
    return y, last
