"""A convolutional net on small pictures: scipy.signal.convolve, pooling by reshape, weights in one vector."""

import autograd.numpy as np
from autograd import grad, hessian_vector_product
from autograd.scipy.signal import convolve

random = np.random.RandomState(5)
pictures = random.randn(6, 1, 9, 9)
labels = np.eye(3)[random.randint(0, 3, size=6)]


class Parser:
    """Where in the vector each array of weights is."""

    def __init__(self):
        self.places, self.size = {}, 0

    def add(self, name, shape):
        length = int(np.prod(shape))
        self.places[name] = (slice(self.size, self.size + length), shape)
        self.size += length

    def get(self, vector, name):
        place, shape = self.places[name]
        return np.reshape(vector[place], shape)


parser = Parser()
for name, shape in {
    "kernel": (1, 4, 2, 2), "bias": (1, 4, 1, 1), "second": (4, 2, 3, 3), "full": (8, 3), "end": (3,),
}.items():  # fmt: skip
    parser.add(name, shape)


def pooled(x, size=2):
    n, channels, height, width = x.shape
    x = x.reshape(n, channels, height // size, size, width // size, size)
    return np.max(np.max(x, axis=3), axis=4)


def scores(weights, x):
    along = {"axes": ([2, 3], [2, 3]), "dot_axes": ([1], [0]), "mode": "valid"}
    x = np.tanh(pooled(convolve(x, parser.get(weights, "kernel"), **along) + parser.get(weights, "bias")))
    x = np.tanh(convolve(x, parser.get(weights, "second"), **along))
    y = np.dot(x.reshape((x.shape[0], -1)), parser.get(weights, "full")) + parser.get(weights, "end")
    largest = np.max(y, axis=1, keepdims=True)
    return y - largest - np.log(np.sum(np.exp(y - largest), axis=1, keepdims=True))


def loss(weights):
    return 0.01 * np.dot(weights, weights) - np.sum(scores(weights, pictures) * labels)


weights = 0.3 * random.randn(parser.size)
gradient = grad(loss)
product = hessian_vector_product(loss)(weights, np.ones(parser.size))
found = [loss(weights), *gradient(weights)[::7], *product[::9]]
for _ in range(20):
    weights = weights - 0.02 * gradient(weights)
found.append(loss(weights))
