"""Logistic regression, checked and descended; integers and truth values among the data, `-=` on an array."""

import autograd.numpy as np
from autograd import grad, hessian
from autograd.test_util import check_grads

inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
targets = np.array([True, True, False, True])


def predictions(weights, bias=0):
    return 0.5 * (np.tanh(np.dot(inputs, weights) + bias) + 1)


def loss(weights, bias=0):
    p = predictions(weights, bias)
    return -np.sum(np.log(p * targets + (1 - p) * (1 - targets)))


weights = np.array([0, 0, 0])
check_grads(loss, modes=["rev"])(weights.astype(float))
found = [loss(weights), *grad(loss)(weights.astype(float)), *hessian(loss)(np.zeros(3)).ravel()]
both = grad(loss, (0, 1))(np.zeros(3), 1.0)
found += [*both[0], both[1]]
weights = np.zeros(3)
for _ in range(100):
    weights -= grad(loss)(weights) * 0.01
found += [loss(weights), *weights]
