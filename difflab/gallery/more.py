"""Pictures beyond the figures of the course."""

from __future__ import annotations

from typing import Any

import numpy as np

from .registry import figure


@figure("a-value-used-twice")
def a_value_used_twice() -> object:
    """A value used twice gets a contribution from each use, and its adjoint is their sum."""
    import difflab as dl

    return dl.parse("q = x * y; f = q * q + sin(q)").forward(x=2, y=0.5).backward()


@figure("a-vector-function")
def a_vector_function() -> object:
    """A vector function: the backward pass of a matrix product is a product with the transpose."""
    import difflab as dl

    A = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
    return dl.parse("r = A @ x - b; f = sum(r**2)").forward(A=A, x=np.array([1.0, 0.5, 2.0]), b=np.ones(2)).backward()


@figure("backward-graph", title="The backward pass of a two-layer network, as a graph")
def backward_graph_of_a_network() -> object:
    """The backward pass is a graph of the same operations (dashed): it can be drawn, compiled, differentiated again."""
    import difflab as dl

    return dl.backward_graph(dl.parse("loss = (w2 * tanh(w1 * x) - y)**2"))


@figure("a-kink")
def a_kink() -> object:
    """At a kink there is no derivative, only a convention: here relu'(0) = 0, and the picture says so."""
    import difflab as dl

    return dl.parse("f = relu(x) + abs(x - 1)").forward(x=0).backward()


@figure("outside-the-domain")
def outside_the_domain() -> object:
    """log of a negative number is not a number, and from there on nothing is."""
    import difflab as dl

    return dl.parse("f = y * log(x)").forward(x=-1, y=3).backward()


@figure("a-dead-branch")
def a_dead_branch() -> object:
    """A statement whose result is never used is a dead branch: no gradient flows there."""
    import difflab as dl

    return dl.parse("unused = exp(y); f = x**2 + y").forward(x=3, y=1).backward()


@figure("vanishing-gradient", direction="down")
def vanishing_gradient() -> object:
    """Saturated sigmoids in a row: each local derivative is small, and their product vanishes."""
    import difflab as dl

    return dl.parse("h1 = sigmoid(w*x); h2 = sigmoid(9*h1 + 9); h3 = sigmoid(9*h2 + 9)").forward(w=3, x=4).backward()


@figure("second-derivative", title="The backward pass of a backward pass")
def second_derivative() -> object:
    """The backward graph of x sin x, differentiated once more: second derivatives need nothing new."""
    import difflab as dl

    first = dl.backward_graph(dl.parse("f = x * sin(x)"))
    return dl.backward_graph(dl.trace(lambda x: first(x)[1], 1.0))


@figure("lenet-5", open_blocks=False, direction="down", title="LeNet-5: a block for each layer, forward and backward")
def lenet_5() -> object:
    """LeNet-5 and its loss on four images, a block for each layer: sizes of the values, and of the gradients (∂)."""
    import difflab as dl

    model = dl.nn.models.lenet5()
    params, state = model.init(0)
    images, labels = np.random.default_rng(0).normal(size=(4, 1, 28, 28)), np.array([0, 1, 2, 3])

    def loss(params: Any, images: Any) -> Any:
        scores, _ = model.apply(params, state, images, training=True)
        with dl.block("cross-entropy"):
            return dl.nn.functional.cross_entropy(scores, labels)

    graph = dl.trace(loss, params, images)
    return graph.forward(params, images).backward()
