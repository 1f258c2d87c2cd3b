"""A square root as a fixed point, to second order; both packages stop at a tolerance."""

import autograd.numpy as np
from autograd import grad
from autograd.misc.fixed_points import fixed_point


def descent(a):
    return lambda x: x - 0.05 * (x**2 - a)


def root(a, guess=10.0):
    return fixed_point(descent, a, guess, lambda x, before: np.abs(x - before), 1e-12)


found = [root(2.0), grad(root)(2.0), grad(grad(root))(2.0)]
tolerance = 1e-9
