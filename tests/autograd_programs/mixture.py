"""A mixture of Gaussians fitted by Newton-CG, and one as variational distribution: logsumexp, Hessian products."""

import autograd.numpy as np
import autograd.numpy.random as npr
import autograd.scipy.stats.multivariate_normal as mvn
import autograd.scipy.stats.norm as norm
from autograd import grad, hessian_vector_product
from autograd.misc.flatten import flatten_func
from autograd.misc.optimizers import adam
from autograd.scipy.special import logsumexp
from scipy.optimize import minimize

npr.seed(4)
data = np.concatenate([npr.randn(15, 2) * 0.4 + centre for centre in ([0, 2], [2, -1], [-2, -1])])
start = {"weights": np.zeros(3), "means": npr.randn(3, 2), "roots": np.stack([np.eye(2)] * 3)}


def log_likelihood(params):
    weights = params["weights"] - logsumexp(params["weights"])
    parts = [
        weight + mvn.logpdf(data, mean, np.dot(root.T, root) + 0.1 * np.eye(2))
        for weight, mean, root in zip(weights, params["means"], params["roots"])
    ]
    return np.sum(logsumexp(np.vstack(parts), axis=0))


flat, unflatten, vector = flatten_func(lambda params: -log_likelihood(params), start)
loss = lambda x: flat(x)[0]
fitted = minimize(
    loss, vector, jac=grad(loss), hessp=hessian_vector_product(loss), method="Newton-CG", options={"maxiter": 4}
)


def component(x, mean, log_std):
    return np.sum(norm.logpdf(x, mean, np.exp(log_std)), axis=-1)


def bound(params, i):
    """The mixture's bound on the evidence of a banana, each component by its own draws."""
    log_weights, means, log_stds = params
    log_weights = log_weights - logsumexp(log_weights)
    noise = npr.RandomState(i).randn(20, 2)
    total = 0.0
    for k in range(2):
        draws = means[k] + np.exp(log_stds[k]) * noise
        target = norm.logpdf(draws[:, 0], 0, 1.5) + norm.logpdf(draws[:, 1], draws[:, 0] ** 2, 0.5)
        parts = np.array([log_weights[j] + component(draws, means[j], log_stds[j]) for j in range(2)])
        total = total + np.exp(log_weights[k]) * np.mean(target - logsumexp(parts, axis=0))
    return -total


params = adam(grad(bound), [np.zeros(2), npr.randn(2, 2), -np.ones((2, 2))], num_iters=15, step_size=0.05)
found = [loss(vector), *grad(loss)(vector), fitted.fun, bound(params, 0), *params[0], *params[1].ravel()]
