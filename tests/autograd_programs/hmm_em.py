"""Expectation maximisation of a hidden Markov model: the expected counts are a gradient."""

import autograd.numpy as np
from autograd import value_and_grad
from autograd.scipy.special import logsumexp

random = np.random.RandomState(7)
sequences = [random.randint(0, 4, size=k) for k in (7, 12, 9)]


def normalised(a):
    total = a.sum(-1, keepdims=True)
    return a / np.where(total > 0.0, total, 1.0)


def log_partition(natural, data):
    if isinstance(data, list):
        return sum(log_partition(natural, sequence) for sequence in data)
    log_start, log_step, log_out = natural
    log_alpha = log_start
    for y in data:
        log_alpha = logsumexp(log_alpha[:, None] + log_step, axis=0) + log_out[:, y]
    return logsumexp(log_alpha)


params = [normalised(random.rand(*shape)) for shape in ((3,), (3, 3), (3, 4))]
found = []
for _ in range(12):
    evidence, counts = value_and_grad(log_partition)([np.log(p) for p in params], sequences)
    params = [normalised(c) for c in counts]
    found.append(evidence)
found += [*params[0], *params[1].ravel(), *params[2].ravel()]
