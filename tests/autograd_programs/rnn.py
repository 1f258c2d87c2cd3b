"""A recurrent net that adds bits up: outputs that are stacked, gradients that are clipped, momentum."""

import autograd.numpy as np
from autograd import grad
from autograd.misc.optimizers import sgd, unflatten_optimizer

random = np.random.RandomState(1)
bits = random.randint(0, 2, size=(9, 5, 1)).astype(float)
sums = np.cumsum(bits, axis=0)
start = (0.3 * random.randn(2, 8), 0.5 * random.randn(8, 8) / 3, np.zeros(8), 0.3 * random.randn(8, 1))


def outputs(params, xs):
    inward, across, bias, outward = params
    hidden, seen = np.repeat(bias[None], xs.shape[1], axis=0), []
    for x in xs:
        hidden = np.tanh(np.dot(np.append(x, np.ones_like(x), axis=1), inward) + hidden @ across)
        seen.append(hidden @ outward)
    return np.array(seen)


def loss(params, i):
    return np.mean((outputs(params, bits) - sums) ** 2)


def clipped(params, i):
    return tuple(np.clip(g, -0.5, 0.5) for g in grad(loss)(params, i))


@unflatten_optimizer
def halving(gradient, x, callback, steps):
    for i in range(steps):
        x = x - 0.5 ** (i + 3) * gradient(x, i)
    return x


params = sgd(clipped, start, num_iters=40, step_size=0.05, mass=0.8)
found = [loss(start, 0), loss(params, 0), loss(halving(clipped, start, None, 5), 0), *params[2]]
