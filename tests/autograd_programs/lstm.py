"""An LSTM that learns a short sequence: a dict of parameters, a loop over time, states that are kept in lists."""

from itertools import pairwise

import autograd.numpy as np
import autograd.numpy.random as npr
from autograd import value_and_grad
from autograd.misc.optimizers import rmsprop
from autograd.scipy.special import logsumexp

npr.seed(0)
text = np.array([0, 1, 2, 1, 0, 3, 2, 2, 1, 0, 3, 1])
n, letters = 6, 4
one_hot = np.eye(letters)[text][:, None, :]
start = {
    "begin": [0.1 * npr.randn(1, n), 0.1 * npr.randn(1, n)],
    **{gate: 0.3 * npr.randn(letters + n + 1, n) for gate in ("change", "forget", "ingate", "outgate")},
    "predict": 0.3 * npr.randn(n + 1, letters),
}


def sigmoid(x):
    return 0.5 * (np.tanh(x) + 1.0)


def affine(W, *inputs):
    return np.dot(np.hstack([*inputs, np.ones((inputs[0].shape[0], 1))]), W)


def step(params, x, hidden, cell):
    change = np.tanh(affine(params["change"], x, hidden))
    cell = cell * sigmoid(affine(params["forget"], x, hidden)) + sigmoid(affine(params["ingate"], x, hidden)) * change
    return sigmoid(affine(params["outgate"], x, hidden)) * np.tanh(cell), cell


def log_likelihood(params):
    hidden, cell = params["begin"]
    total = 0.0
    for before, after in pairwise(one_hot):
        hidden, cell = step(params, before, hidden, cell)
        output = affine(params["predict"], hidden)
        total += np.sum((output - logsumexp(output, axis=1, keepdims=True)) * after)
    return total / (len(one_hot) - 1)


slope = value_and_grad(lambda params, i: -log_likelihood(params))
first, gradient = slope(start, 0)
params = rmsprop(lambda p, i: slope(p, i)[1], start, num_iters=30, step_size=0.02)
found = [first, log_likelihood(params), np.sum(gradient["forget"]), *gradient["begin"][0].ravel()]
