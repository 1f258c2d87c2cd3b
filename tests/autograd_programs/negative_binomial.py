"""Newton's method with derivatives of a likelihood; Rosenbrock's valley by conjugate gradients."""

import autograd.numpy as np
import scipy.optimize
from autograd import grad, value_and_grad
from autograd.scipy.special import gammaln

random = np.random.RandomState(0)
counts = random.poisson(random.gamma(5, 1.0, size=300))


def log_likelihood(r, p):
    terms = gammaln(r + counts) - gammaln(r) - gammaln(counts + 1) + counts * np.log(p) + r * np.log(1 - p)
    return np.sum(terms)


share = lambda r: np.sum(counts) / np.sum(r + counts)
slope = lambda r: grad(log_likelihood)(r, share(r))
r = scipy.optimize.newton(slope, 3.0, fprime=grad(slope), fprime2=grad(grad(slope)))
both = grad(log_likelihood, argnum=(0, 1))(3.0, 0.4)


def valley(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


lowest = scipy.optimize.minimize(value_and_grad(valley), x0=np.array([0.0, 0.0]), jac=True, method="CG")
found = [r, share(r), *both, *lowest.x]
tolerance = 1e-6  # where an optimiser stops
