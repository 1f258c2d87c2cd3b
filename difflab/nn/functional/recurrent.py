"""Recurrent networks: one cell, and whole sequences by `scan`, with PyTorch's weights and order of gates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import numpy as dnp
from ...differentiate.control_flow import scan
from ...errors import InputError, ShapeError
from .linear import dropout

GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


def rnn_step(seen: Any, h: Any, w_hh: Any, b_hh: Any, activation: Any) -> Any:
    return activation(seen + product(h, w_hh, b_hh))


def product(h: Any, w: Any, b: Any) -> Any:
    y = h @ w.T
    return y if b is None else y + b


def lstm_step(seen: Any, state: Any, w_hh: Any, b_hh: Any) -> tuple[Any, Any]:
    """The four gates in the order input, forget, cell, output (Hochreiter and Schmidhuber 1997)."""
    h, c = state
    i, f, g, o = np.split(seen + product(h, w_hh, b_hh), 4, axis=-1)
    c = dnp.sigmoid(f) * c + dnp.sigmoid(i) * np.tanh(g)
    return dnp.sigmoid(o) * np.tanh(c), c


def gru_step(seen: Any, h: Any, w_hh: Any, b_hh: Any) -> Any:
    """The three gates in the order reset, update, new (Cho et al. 2014)."""
    ir, iz, new = np.split(seen, 3, axis=-1)
    hr, hz, hn = np.split(product(h, w_hh, b_hh), 3, axis=-1)
    r, z = dnp.sigmoid(ir + hr), dnp.sigmoid(iz + hz)
    n = np.tanh(new + r * hn)
    return n + z * (h - n)


def rnn_tanh_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """tanh(W_ih x + b_ih + W_hh h + b_hh), for x (batch, in) and h (batch, hidden)."""
    return rnn_step(product(input, w_ih, b_ih), hx, w_hh, b_hh, np.tanh)


def rnn_relu_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """As rnn_tanh_cell, with relu."""
    return rnn_step(product(input, w_ih, b_ih), hx, w_hh, b_hh, dnp.relu)


def lstm_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> tuple[Any, Any]:
    """h and c after one step of an LSTM; hx is (h, c)."""
    return lstm_step(product(input, w_ih, b_ih), hx, w_hh, b_hh)


def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """h after one step of a GRU."""
    return gru_step(product(input, w_ih, b_ih), hx, w_hh, b_hh)


def one_layer(mode: str, x: Any, start: Any, weights: dict[str, Any], suffix: str, reverse: bool) -> tuple[Any, Any]:
    """One layer over x (length, batch, in) from the state `start`: outputs, and the last state."""
    w_ih, w_hh = weights[f"weight_ih_{suffix}"], weights[f"weight_hh_{suffix}"]
    b_ih, b_hh = weights.get(f"bias_ih_{suffix}"), weights.get(f"bias_hh_{suffix}")
    seen = product(x, w_ih, b_ih)  # all steps at once: one large product

    def step(state: Any, s: Any) -> Any:
        if mode == "LSTM":
            state = lstm_step(s, state, w_hh, b_hh)
            return state, state[0]
        if mode == "GRU":
            state = gru_step(s, state, w_hh, b_hh)
        else:
            state = rnn_step(s, state, w_hh, b_hh, np.tanh if mode == "RNN_TANH" else dnp.relu)
        return state, state

    last, ys = scan(step, start, seen, reverse=reverse)
    return ys, last


def recurrent(
    mode: str,
    input: Any,
    hx: Any,
    weights: dict[str, Any],
    num_layers: int = 1,
    *,
    bidirectional: bool = False,
    batch_first: bool = False,
    dropout_p: float = 0.0,
    dropout_key: Any = None,
) -> tuple[Any, Any]:
    """Layers of RNN_TANH, RNN_RELU, LSTM or GRU over a sequence: outputs and last states, as from PyTorch's modules.

    The input is (length, batch, in), with `batch_first` (batch, length, in), or (length, in) for one sequence.
    `weights` has PyTorch's names, weight_ih_l0, weight_hh_l0, bias_ih_l0, ..., weight_ih_l0_reverse. hx is (layers *
    directions, batch, hidden), for an LSTM a pair of those; None is zeros. However long it is, a step is traced once.
    """
    if mode not in GATES:
        raise InputError(f"recurrent: mode={mode!r}; it is one of {', '.join(GATES)}")
    alone = np.ndim(input) == 2
    if np.ndim(input) not in (2, 3):
        raise ShapeError(
            f"{mode}: the input has shape {np.shape(input)}; it is (length, batch, features) or (length, features)"
        )
    x = input[:, None] if alone else np.swapaxes(input, 0, 1) if batch_first else input
    width, hidden = np.shape(weights["weight_ih_l0"])[1], np.shape(weights["weight_hh_l0"])[1]
    if np.shape(x)[2] != width:
        raise ShapeError(
            f"{mode}: the input has shape {np.shape(input)}; its last axis must have {width} elements (input_size)"
        )
    count = 2 if bidirectional else 1
    states = first_states(mode, hx, (num_layers * count, np.shape(x)[1], hidden), alone, x.dtype)
    lasts: list[list[Any]] = [[] for _ in states]
    for layer in range(num_layers):
        ways = []
        for way in range(count):
            k = layer * count + way
            start = tuple(s[k] for s in states) if mode == "LSTM" else states[0][k]
            suffix = f"l{layer}" + ("_reverse" if way else "")
            ys, last = one_layer(mode, x, start, weights, suffix, bool(way))
            ways.append(ys)
            for kept, value in zip(lasts, last if mode == "LSTM" else (last,)):
                kept.append(value)
        x = ways[0] if count == 1 else np.concatenate(ways, axis=-1)
        if dropout_p and layer < num_layers - 1:
            x = dropout(x, dropout_p, key=dropout_key + np.array([0, layer]))
    found = tuple(np.stack(kept)[:, 0] if alone else np.stack(kept) for kept in lasts)
    y = x[:, 0] if alone else np.swapaxes(x, 0, 1) if batch_first else x
    return y, found if mode == "LSTM" else found[0]


def first_states(mode: str, hx: Any, shape: tuple[int, ...], alone: bool, dtype: Any) -> list[Any]:
    """The state before the first step: one array, or two for an LSTM."""
    count = 2 if mode == "LSTM" else 1
    if hx is None:
        return [np.zeros(shape, dtype)] * count
    given = list(hx) if count == 2 else [hx]
    want = (shape[0], shape[2]) if alone else shape
    for h in given:
        if np.shape(h) != want:
            raise ShapeError(
                f"{mode}: a first state of shape {np.shape(h)}; it must be {want}, (layers * directions, batch, hidden)"
            )
    return [h[:, None] for h in given] if alone else given
