"""Chapter 2: computational graphs and their passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .registry import figure


@figure("2-2-loss-of-a-linear-classifier", number="2.2", direction="down", title="Loss of softmax(Wx + b) against y")
def loss_of_a_linear_classifier() -> Any:
    """Figure 2.2: the loss of a linear classifier, a graph of vectors. The wires say shapes and sizes."""
    import difflab as dl

    graph = dl.parse("scores = W @ x + b; p = softmax(scores); loss = -sum(y * log(p))")
    W, x, b = np.array([[0.2, -0.5], [1.5, 1.3], [0.0, 0.25]]), np.array([0.6, -1.2]), np.array([1.1, 3.2, -1.2])
    return graph.forward(W=W, x=x, b=b, y=np.array([0.0, 1.0, 0.0]))


@figure("2-3-a-small-graph", number="2.3", title="f = (x + y) z with q = x + y named")
def a_small_graph() -> Any:
    """Figure 2.3: the function (x + y) z as a graph. Naming the inner value q splits one formula into two steps."""
    import difflab as dl

    return dl.parse("q = x + y; f = q * z")


@figure("2-4-forward-pass", number="2.4")
def forward_pass() -> Any:
    """Figure 2.4: the forward pass at x = -2, y = 5, z = -4. The value of each node stands on the wires leaving it."""
    import difflab as dl

    return dl.parse("q = x + y; f = q * z").forward(x=-2, y=5, z=-4)


@figure("2-4-3-backward-pass", number="2.4.3")
def backward_pass() -> Any:
    """Section 2.4.3: the backward pass. On each wire: upstream × local = downstream; df/dx = df/dy = -4, df/dz = 3."""
    import difflab as dl

    return dl.parse("q = x + y; f = q * z").forward(x=-2, y=5, z=-4).backward()


@figure("2-5-one-node", number="2.5", view="symbolic", title="The local process at one node")
def one_node() -> Any:
    """Figure 2.5: what a node needs to know is local. It multiplies what comes from upstream by its own derivatives."""
    import difflab as dl

    return dl.parse("f = x * y")


@figure("2-6-sigmoid-neuron", number="2.6", direction="down")
def sigmoid_neuron() -> Any:
    """Figure 2.6: a neuron with a sigmoid, opened into elementary operations, forward and backward."""
    import difflab as dl

    graph = dl.parse("1/(1 + exp(-(w0*x0 + w1*x1 + w2)))")
    return graph.forward(w0=2, x0=-1, w1=-3, x1=-2, w2=-3).backward()


@figure("2-6-sigmoid-block-closed", number="2.6", open_blocks=False, title="The sigmoid neuron with its block closed")
def sigmoid_block_closed() -> Any:
    """Figure 2.6 again: the four operations of the sigmoid as one closed block. Its gradient is s (1 - s) = 0.197."""
    import difflab as dl

    sigmoid = dl.block(lambda t: 1 / (1 + np.exp(-t)), name="Sigmoid")
    neuron = lambda w0, x0, w1, x1, w2: sigmoid(w0 * x0 + w1 * x1 + w2)
    point = (2.0, -1.0, -3.0, -2.0, -3.0)
    return dl.trace(neuron, *point).forward(*point).backward()


@figure(
    "2-6-sigmoid-block-open",
    number="2.6",
    open_blocks=True,
    direction="down",
    title="The sigmoid neuron with its block open",
)
def sigmoid_block_open() -> Any:
    """The same block opened: modularity is a matter of where you draw the box."""
    import difflab as dl

    sigmoid = dl.block(lambda t: 1 / (1 + np.exp(-t)), name="Sigmoid")
    neuron = lambda w0, x0, w1, x1, w2: sigmoid(w0 * x0 + w1 * x1 + w2)
    point = (2.0, -1.0, -3.0, -2.0, -3.0)
    return dl.trace(neuron, *point).forward(*point).backward()
