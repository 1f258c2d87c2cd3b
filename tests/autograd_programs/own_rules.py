"""Functions of a program's own: primitive, defvjp and defjvp, sparse cotangents, a table of rules, a checkpoint."""

import autograd.numpy as np
from autograd import checkpoint, grad, jacobian, make_jvp
from autograd.core import primitive_vjps
from autograd.extend import SparseObject, defjvp, defvjp, primitive, vspace
from autograd.test_util import check_grads

x = np.array([0.3, -1.2, 2.0, 0.7])


@primitive
def log_sum(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


defvjp(log_sum, lambda ans, x: lambda g: np.full(x.shape, g) * np.exp(x - np.full(x.shape, ans)))
defjvp(log_sum, lambda g, ans, x: np.sum(np.exp(x - ans) * g))
check_grads(log_sum, modes=["rev", "fwd"])(x)


@primitive
def element(x, k):
    return x[k]


@primitive
def placed(g, k, space):
    """Zeros but for one element."""

    def add(array):
        array[k] += g
        return array

    return SparseObject(space, add)


defvjp(element, lambda ans, x, k: lambda g: placed(g, k, vspace(x)))
defvjp(placed, lambda ans, g, k, space: lambda h: element(h, k))
several = lambda x: element(x, 1) ** 2 * element(x, 2) + log_sum(x) * element(x, 1)

doubled = primitive(lambda x: 2 * x)
primitive_vjps[doubled] = lambda argnums, ans, args, kwargs: lambda g: (2 * g,)
deep = checkpoint(lambda x: np.sum(np.sin(doubled(x)) * log_sum(x)))
found = [
    *grad(log_sum)(x), *jacobian(grad(log_sum))(x).ravel(), make_jvp(log_sum)(x)(np.ones(4))[1], *grad(several)(x),
    *jacobian(grad(several))(x).ravel(), *grad(deep)(x), *grad(lambda x: np.sum(x[np.int64(x)] * x))(np.abs(x)),
]  # fmt: skip
