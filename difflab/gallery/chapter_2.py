"""Chapter 2: computational graphs and their passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .registry import figure


@figure("2-1-training-loop", number="2.1")
def training_loop() -> object:
    """Figure 2.1: the loop that trains. A batch goes forward to a loss, the gradient comes back, the parameters take a
    step, and the next batch finds them changed."""
    from difflab.draw.flow import Flow

    return Flow(
        [
            ("batch\nx, y", "model\nŷ = f(x; w)", "x", "forward"),
            ("parameters\nw", "model\nŷ = f(x; w)", "w", "forward"),
            ("model\nŷ = f(x; w)", "loss\nL(ŷ, y)", "ŷ", "forward"),
            ("batch\nx, y", "loss\nL(ŷ, y)", "y", "forward"),
            ("loss\nL(ŷ, y)", "step\nw - η ∂L/∂w", "∂L/∂w", "backward"),
            ("step\nw - η ∂L/∂w", "parameters\nw", "the next w"),
        ],
        "The loop that trains",
        {"batch\nx, y": "input", "parameters\nw": "input"},
    )


@figure("2-2-loss-of-a-linear-classifier", number="2.2", open_blocks=False, title="L(softmax(Wx + b), y)")
def loss_of_a_linear_classifier() -> object:
    """Figure 2.2: a linear classifier, left to right, ends in one node L that compares its probabilities with y."""
    import difflab as dl

    def classifier(W: Any, x: Any, b: Any, y: Any) -> Any:
        p = dl.label(dl.numpy.softmax(dl.label(W @ x + b, "scores")), "p")
        with dl.block("L"):
            return dl.label(-np.sum(y * np.log(p)), "loss")

    W, x, b = np.array([[0.2, -0.5], [1.5, 1.3], [0.0, 0.25]]), np.array([0.6, -1.2]), np.array([1.1, 3.2, -1.2])
    y = np.array([0.0, 1.0, 0.0])
    return dl.trace(classifier, W, x, b, y).forward(W, x, b, y)


@figure("2-2-loss-opened", number="2.2", open_blocks=True, direction="down", title="L(softmax(Wx + b), y), opened")
def loss_of_a_linear_classifier_opened() -> object:
    """Figure 2.2 with L opened: the loss is itself a graph, the cross-entropy -sum(y log p)."""
    import difflab as dl

    def classifier(W: Any, x: Any, b: Any, y: Any) -> Any:
        p = dl.label(dl.numpy.softmax(dl.label(W @ x + b, "scores")), "p")
        with dl.block("L"):
            return dl.label(-np.sum(y * np.log(p)), "loss")

    W, x, b = np.array([[0.2, -0.5], [1.5, 1.3], [0.0, 0.25]]), np.array([0.6, -1.2]), np.array([1.1, 3.2, -1.2])
    y = np.array([0.0, 1.0, 0.0])
    return dl.trace(classifier, W, x, b, y).forward(W, x, b, y)


@figure("2-3-a-small-graph", number="2.3", title="f = (x + y) z with q = x + y named")
def a_small_graph() -> object:
    """Figure 2.3: the function (x + y) z as a graph. Naming the inner value q splits one formula into two steps."""
    import difflab as dl

    return dl.parse("q = x + y; f = q * z")


@figure("2-4-forward-pass", number="2.4")
def forward_pass() -> object:
    """Figure 2.4: the forward pass at x = -2, y = 5, z = -4. The value of each node stands on the wires leaving it."""
    import difflab as dl

    return dl.parse("q = x + y; f = q * z").forward(x=-2, y=5, z=-4)


@figure("2-4-3-backward-pass", number="2.4.3")
def backward_pass() -> object:
    """Section 2.4.3: the backward pass. On each wire: upstream × local = downstream; df/dx = df/dy = -4, df/dz = 3."""
    import difflab as dl

    return dl.parse("q = x + y; f = q * z").forward(x=-2, y=5, z=-4).backward()


@figure(
    "2-5-local-process", number="2.5", view="symbolic", open_blocks=False, title="The local process at a general node f"
)
def the_local_process() -> object:
    """Figure 2.5: a node z = f(x, y) knows its two local derivatives. What comes from upstream, times each of them,
    goes down: whatever f is, and whatever comes after it."""
    import difflab as dl

    f = dl.block(lambda x, y: x * y, name="f")  # closed: the picture shows no more than that f takes x and y
    rest = dl.block(lambda z: z**2, name="rest")
    return dl.trace(lambda x, y: dl.label(rest(dl.label(f(x, y), "z")), "L"), 3.0, -4.0)


@figure("2-5-local-process-product", number="2.5", view="symbolic", title="The local process at a product")
def the_local_process_of_a_product() -> object:
    """Figure 2.5 for f = x y: its local derivatives have formulas, and each is the other operand."""
    import difflab as dl

    return dl.parse("z = x * y; L = z**2")


@figure(
    "2-5-local-process-numbers", number="2.5", view="symbolic", title="The local process at a product, with numbers"
)
def the_local_process_in_numbers() -> object:
    """Figure 2.5 with numbers: at x = 3, y = -4, and 2 comes from upstream. It sends 2 × (-4) and 2 × 3 down."""
    import difflab as dl

    return dl.parse("z = x * y").forward(x=3, y=-4).backward(seed=2)


@figure("2-6-sigmoid-neuron", number="2.6", direction="down")
def sigmoid_neuron() -> object:
    """Figure 2.6: a neuron with a sigmoid, opened into elementary operations, forward and backward."""
    import difflab as dl

    graph = dl.parse("1/(1 + exp(-(w0*x0 + w1*x1 + w2)))")
    return graph.forward(w0=2, x0=-1, w1=-3, x1=-2, w2=-3).backward()


@figure("2-6-sigmoid-block-closed", number="2.6", open_blocks=False, title="The sigmoid neuron with its block closed")
def sigmoid_block_closed() -> object:
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
def sigmoid_block_open() -> object:
    """The same block opened: modularity is a matter of where you draw the box."""
    import difflab as dl

    sigmoid = dl.block(lambda t: 1 / (1 + np.exp(-t)), name="Sigmoid")
    neuron = lambda w0, x0, w1, x1, w2: sigmoid(w0 * x0 + w1 * x1 + w2)
    point = (2.0, -1.0, -3.0, -2.0, -3.0)
    return dl.trace(neuron, *point).forward(*point).backward()
