"""Variational inference with a diagonal Gaussian, by reparametrised draws, and with the natural gradient."""

import autograd.numpy as np
import autograd.numpy.random as npr
import autograd.scipy.stats.multivariate_normal as mvn
import autograd.scipy.stats.norm as norm
from autograd import grad
from autograd.misc.optimizers import adam, sgd

dimension = 2


def log_density(x, t):
    """A funnel."""
    mu, log_sigma = x[:, 0], x[:, 1]
    return norm.logpdf(log_sigma, 0, 1.35) + norm.logpdf(mu, 0, np.exp(log_sigma))


def inference(log_density, samples):
    def unpacked(params):
        return params[:dimension], params[dimension:]

    def entropy(log_std):
        return 0.5 * dimension * (1.0 + np.log(2 * np.pi)) + np.sum(log_std)

    random = npr.RandomState(0)

    def objective(params, t):
        mean, log_std = unpacked(params)
        draws = random.randn(samples, dimension) * np.exp(log_std) + mean
        return -(entropy(log_std) + np.mean(log_density(draws, t)))

    return objective, grad(objective), unpacked


start = np.concatenate([-1 * np.ones(dimension), -2 * np.ones(dimension)])
objective, gradient, unpacked = inference(log_density, 200)
by_adam = adam(gradient, start, num_iters=40, step_size=0.1)


def natural(params, t):
    log_std = unpacked(params)[1]
    return gradient(params, t) / np.concatenate([np.exp(-2.0 * log_std), 2 * np.ones(len(log_std))])


by_sgd = sgd(natural, start, num_iters=40, step_size=0.1, mass=0.001)
mean, log_std = unpacked(by_adam)
at = np.linspace(-1, 1, 6).reshape(3, 2)
density = grad(lambda mean, scale: np.sum(mvn.logpdf(at, mean, np.diag(np.exp(2 * scale)))), (0, 1))(mean, log_std)
found = [*by_adam, *by_sgd, *density[0], *density[1], objective(by_adam, 0)]
