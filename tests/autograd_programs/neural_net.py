"""A classifier of two spirals: parameters in a list of tuples, Adam, minibatches."""

import autograd.numpy as np
import autograd.numpy.random as npr
from autograd import grad
from autograd.misc.flatten import flatten
from autograd.misc.optimizers import adam
from autograd.scipy.special import logsumexp

npr.seed(3)
turn = np.linspace(0, 3, 40)
arms = [np.stack([turn * np.cos(2 * turn + k), turn * np.sin(2 * turn + k)], axis=1) for k in (0, np.pi)]
inputs = np.concatenate(arms) + 0.05 * npr.randn(80, 2)
targets = np.eye(2)[np.repeat([0, 1], 40)]
start = [(0.4 * npr.randn(m, n), 0.1 * npr.randn(n)) for m, n in ((2, 12), (12, 12), (12, 2))]


def log_probabilities(params, x):
    for W, b in params:
        y = np.dot(x, W) + b
        x = np.tanh(y)
    return y - logsumexp(y, axis=1, keepdims=True)


def loss(params, i):
    batch = slice((i % 4) * 20, (i % 4) * 20 + 20)
    decay = 1e-3 * np.dot(flatten(params)[0], flatten(params)[0])
    return decay - np.mean(np.sum(log_probabilities(params, inputs[batch]) * targets[batch], axis=1))


told = []
params = adam(grad(loss), start, lambda p, i, g: told.append(loss(p, i)), num_iters=60, step_size=0.02)
right = np.mean(np.argmax(log_probabilities(params, inputs), axis=1) == np.argmax(targets, axis=1))
found = [told[0], told[-1], right, *flatten(params)[0][:5]]
