"""The gallery: the course's figures and more, each by a few lines.

Every function here makes one picture; its docstring is the sentence that stands beside it in graphs/README.md, and its
source is shown there too.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..files import target_folder, write_all
from ..progress import doing, tell
from .draw import encoded, picture_of
from .layout import version

FIGURES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {}


def figure(name: str, **options: Any) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Adds a function to the gallery under a file name; `options` go to draw."""

    def add(make: Callable[[], Any]) -> Callable[[], Any]:
        FIGURES[name] = make, options
        return make

    return add


@figure("2-2-loss-of-a-linear-classifier", direction="down", title="Loss of softmax(Wx + b) against y")
def loss_of_a_linear_classifier() -> Any:
    """Figure 2.2: the loss of a linear classifier, a graph of vectors. The wires say shapes and sizes."""
    import difflab as dl

    graph = dl.parse("scores = W @ x + b; p = softmax(scores); loss = -sum(y * log(p))")
    W, x, b = np.array([[0.2, -0.5], [1.5, 1.3], [0.0, 0.25]]), np.array([0.6, -1.2]), np.array([1.1, 3.2, -1.2])
    return graph.forward(W=W, x=x, b=b, y=np.array([0.0, 1.0, 0.0]))


@figure("2-3-a-small-graph", title="f = (x + y) z with q = x + y named")
def a_small_graph() -> Any:
    """Figure 2.3: the function (x + y) z as a graph. Naming the inner value q splits one formula into two steps."""
    import difflab as dl

    return dl.parse("q = x + y; f = q * z")


@figure("2-4-forward-pass")
def forward_pass() -> Any:
    """Figure 2.4: the forward pass at x = -2, y = 5, z = -4. The value of each node stands on the wires leaving it."""
    import difflab as dl

    return dl.parse("q = x + y; f = q * z").forward(x=-2, y=5, z=-4)


@figure("2-4-3-backward-pass")
def backward_pass() -> Any:
    """Section 2.4.3: the backward pass. On each wire: upstream × local = downstream; df/dx = df/dy = -4, df/dz = 3."""
    import difflab as dl

    return dl.parse("q = x + y; f = q * z").forward(x=-2, y=5, z=-4).backward()


@figure("2-5-one-node", view="symbolic", title="The local process at one node")
def one_node() -> Any:
    """Figure 2.5: what a node needs to know is local. It multiplies what comes from upstream by its own derivatives."""
    import difflab as dl

    return dl.parse("f = x * y")


@figure("2-6-sigmoid-neuron", direction="down")
def sigmoid_neuron() -> Any:
    """Figure 2.6: a neuron with a sigmoid, opened into elementary operations, forward and backward."""
    import difflab as dl

    graph = dl.parse("1/(1 + exp(-(w0*x0 + w1*x1 + w2)))")
    return graph.forward(w0=2, x0=-1, w1=-3, x1=-2, w2=-3).backward()


@figure("2-6-sigmoid-block-closed", open_blocks=False, title="The sigmoid neuron with its block closed")
def sigmoid_block_closed() -> Any:
    """Figure 2.6 again: the four operations of the sigmoid as one closed block. Its gradient is s (1 - s) = 0.197."""
    import difflab as dl

    sigmoid = dl.block(lambda t: 1 / (1 + np.exp(-t)), name="Sigmoid")
    neuron = lambda w0, x0, w1, x1, w2: sigmoid(w0 * x0 + w1 * x1 + w2)
    point = (2.0, -1.0, -3.0, -2.0, -3.0)
    return dl.trace(neuron, *point).forward(*point).backward()


@figure("2-6-sigmoid-block-open", open_blocks=True, direction="down", title="The sigmoid neuron with its block open")
def sigmoid_block_open() -> Any:
    """The same block opened: modularity is a matter of where you draw the box."""
    import difflab as dl

    sigmoid = dl.block(lambda t: 1 / (1 + np.exp(-t)), name="Sigmoid")
    neuron = lambda w0, x0, w1, x1, w2: sigmoid(w0 * x0 + w1 * x1 + w2)
    point = (2.0, -1.0, -3.0, -2.0, -3.0)
    return dl.trace(neuron, *point).forward(*point).backward()


@figure("a-value-used-twice")
def a_value_used_twice() -> Any:
    """A value used twice gets a contribution from each use, and its adjoint is their sum."""
    import difflab as dl

    return dl.parse("q = x * y; f = q * q + sin(q)").forward(x=2, y=0.5).backward()


@figure("a-vector-function")
def a_vector_function() -> Any:
    """A vector function: the backward pass of a matrix product is a product with the transpose."""
    import difflab as dl

    A = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
    return dl.parse("r = A @ x - b; f = sum(r**2)").forward(A=A, x=np.array([1.0, 0.5, 2.0]), b=np.ones(2)).backward()


@figure("backward-graph", title="The backward pass of a two-layer network, as a graph")
def backward_graph_of_a_network() -> Any:
    """The backward pass is a graph of the same operations (dashed): it can be drawn, compiled, differentiated again."""
    import difflab as dl

    return dl.backward_graph(dl.parse("loss = (w2 * tanh(w1 * x) - y)**2"))


@figure("a-kink")
def a_kink() -> Any:
    """At a kink there is no derivative, only a convention: here relu'(0) = 0, and the picture says so."""
    import difflab as dl

    return dl.parse("f = relu(x) + abs(x - 1)").forward(x=0).backward()


@figure("outside-the-domain")
def outside_the_domain() -> Any:
    """log of a negative number is not a number, and from there on nothing is."""
    import difflab as dl

    return dl.parse("f = y * log(x)").forward(x=-1, y=3).backward()


@figure("a-dead-branch")
def a_dead_branch() -> Any:
    """A statement whose result is never used is a dead branch: no gradient flows there."""
    import difflab as dl

    return dl.parse("unused = exp(y); f = x**2 + y").forward(x=3, y=1).backward()


@figure("vanishing-gradient", direction="down")
def vanishing_gradient() -> Any:
    """Saturated sigmoids in a row: each local derivative is small, and their product vanishes."""
    import difflab as dl

    return dl.parse("h1 = sigmoid(w*x); h2 = sigmoid(9*h1 + 9); h3 = sigmoid(9*h2 + 9)").forward(w=3, x=4).backward()


@figure("second-derivative", title="The backward pass of a backward pass")
def second_derivative() -> Any:
    """The backward graph of x sin x, differentiated once more: second derivatives need nothing new."""
    import difflab as dl

    first = dl.backward_graph(dl.parse("f = x * sin(x)"))
    return dl.backward_graph(dl.trace(lambda x: first(x)[1], 1.0))


@figure("lenet-5", open_blocks=False, direction="down", title="LeNet-5: a block for each layer, forward and backward")
def lenet_5() -> Any:
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


def write_gallery(folder: Any, force: bool = False) -> list[Path]:
    """Writes every figure as SVG and a README.md that shows them all; returns the paths."""
    folder = target_folder(folder, [*[f"{name}.svg" for name in FIGURES], "README.md"], force)
    made: dict[str, bytes | str] = {}
    with np.errstate(all="ignore"), doing("drawing the gallery"):
        for k, (name, (make, options)) in enumerate(FIGURES.items()):
            tell(name, k / len(FIGURES))
            made[f"{name}.svg"] = encoded(picture_of(make(), **options), "svg")
    return write_all(folder, {**made, "README.md": page()}, force)


def page() -> str:
    """The gallery's page."""
    parts = [
        "# Gallery\n",
        f"Every picture here is generated by the lines below it: `difflab gallery OUT` writes them again "
        f"(laid out by Graphviz {version()}). Forward values are green, adjoints orange and marked ∂.\n",
    ]
    for name, (make, options) in FIGURES.items():
        heading = make.__name__.replace("_", " ").capitalize().replace("Lenet 5", "LeNet-5")
        chosen = ", ".join(f"{k}={v!r}".replace("'", '"') for k, v in options.items() if k != "title")
        told = f"{make.__doc__} (Drawn with `{chosen}`.)" if chosen else make.__doc__
        parts.append(f"## {heading}\n\n{told}\n\n![{heading}]({name}.svg)\n\n```python\n{source(make)}\n```\n")
    return "\n".join(parts)


def source(make: Callable[[], Any]) -> str:
    """The body of a figure's function, as a reader would type it."""
    lines = inspect.getsource(make).splitlines()
    start = next(k for k, line in enumerate(lines) if line.strip().startswith("import difflab"))
    body = textwrap.dedent("\n".join(lines[start:]))
    if "np." in body:
        body = body.replace("import difflab as dl\n", "import difflab as dl\nimport numpy as np\n", 1)
    return re.sub(r"^return ", "", body, flags=re.MULTILINE)
