"""A neural net as the right-hand side of a differential equation, fitted to a spiral through odeint."""

import autograd.numpy as np
from autograd import grad
from autograd.builtins import tuple
from autograd.misc.optimizers import adam
from autograd.scipy.integrate import odeint

random = np.random.RandomState(2)
times = np.linspace(0.0, 2.0, 6)
truth = np.array([[-0.1, 2.0], [-2.0, -0.1]])
data = odeint(lambda y, t: np.dot(y**3, truth), np.array([1.0, 0.2]), times, tuple(()))
start = [(0.3 * random.randn(2, 5), np.zeros(5)), (0.3 * random.randn(5, 2), np.zeros(2))]


def field(y, t, params):
    x = y**3
    for W, b in params:
        x = np.tanh(np.dot(x, W) + b) if W.shape[1] > 2 else np.dot(x, W) + b
    return x


def loss(params, i):
    return np.mean(np.abs(odeint(field, np.array([1.0, 0.2]), times, tuple((params,))) - data))


gradient = grad(loss)
first = gradient(start, 0)
params = adam(gradient, start, num_iters=5, step_size=0.02)
found = [loss(start, 0), *first[0][0].ravel(), *first[1][1], loss(params, 0)]
tolerance = 1e-4  # solvers of differential equations stop at 1.5e-8, and steps follow from what they found
