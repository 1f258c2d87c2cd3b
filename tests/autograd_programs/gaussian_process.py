"""Regression with a Gaussian process whose hyperparameters SciPy's optimiser finds."""

import autograd.numpy as np
import autograd.scipy.stats.multivariate_normal as mvn
from autograd import hessian, value_and_grad
from scipy.optimize import minimize

random = np.random.RandomState(0)
X = np.sort(random.uniform(-5, 5, size=18))[:, None]
y = np.sin(X[:, 0]) + 0.1 * random.randn(18)


def covariance(params, x, z):
    scale = np.exp(params[0])
    distances = np.expand_dims(x / np.exp(params[1:]), 1) - np.expand_dims(z / np.exp(params[1:]), 0)
    return scale * np.exp(-0.5 * np.sum(distances**2, axis=2))


def predicted(params, X, y, at):
    mean, noise, rest = params[0], np.exp(params[1]) + 1e-4, params[2:]
    across = covariance(rest, at, X)
    within = covariance(rest, X, X) + noise * np.eye(len(y))
    solved = np.linalg.solve(within, across.T)
    return mean + np.dot(solved.T, y - mean), covariance(rest, at, at) - np.dot(across, solved)


def negative_evidence(params):
    cov = covariance(params[2:], X, X) + (np.exp(params[1]) + 1e-4) * np.eye(len(y))
    return -mvn.logpdf(y, params[0] * np.ones(len(y)), cov)


start = np.array([0.1, -2.0, 0.2, 0.3])
fitted = minimize(value_and_grad(negative_evidence), start, jac=True, method="BFGS", options={"maxiter": 8})
mean, cov = predicted(start, X, y, np.linspace(-6, 6, 5)[:, None])
value, gradient = value_and_grad(negative_evidence)(start)
found = [value, *gradient, *hessian(negative_evidence)(start).ravel(), *mean, *np.diag(cov), fitted.fun]
