# %% [markdown]
# # 4. Computational graphs
#
# After this lesson you can
#
# - read a formula as a graph, and run a forward and a backward pass over it by hand;
# - say what one node has to know, and what it need not know;
# - build a graph by hand, node by node, and let networkx's algorithms answer questions about it;
# - treat a group of operations as one block, with a derivative of its own.
#
# The pictures are figures 2.2 to 2.6 of a course on backpropagation, made here from the formulas.

# %% [markdown]
# ## A formula is a graph
#
# Figure 2.3: $f(x, y, z) = (x + y)\,z$ is two operations. Give the inner one a name, $q = x + y$ and $f = q z$. Boxes
# are inputs, ovals are operations, and arrows say what goes where.

# %%
import numpy as np

import difflab as dl

graph = dl.parse("q = x + y; f = q * z")
assert [node.name for node in graph.inputs] == ["x", "y", "z"]
assert len(graph.operations) == 2
graph

# %% [markdown]
# ## Forward pass
#
# Figure 2.4: at $x = -2$, $y = 5$, $z = -4$. Going from left to right, each node computes its value when the values
# it needs are there. The values stand in green in their nodes.

# %%
forward = graph.forward(x=-2, y=5, z=-4)
assert forward.value("q") == 3 and forward.value("f") == -12
forward

# %% [markdown]
# ## Backward pass
#
# The *adjoint* of a node says how fast $f$ changes when that node's value changes. Begin at the end: $f$ changes as
# fast as itself, so its adjoint is 1. Then go from right to left. The two operations have the local derivatives
#
# $$\frac{\partial f}{\partial q} = z, \quad \frac{\partial f}{\partial z} = q, \qquad
# \frac{\partial q}{\partial x} = 1, \quad \frac{\partial q}{\partial y} = 1 .$$
#
# On each wire: what comes from upstream, times the local derivative, is what flows downstream.

# %%
backward = forward.backward()
assert backward.adjoint("f") == 1
assert backward.adjoint("q") == -4  # 1 times z
assert backward.gradient == {"x": -4, "y": -4, "z": 3}
backward

# %% [markdown]
# Check one of them with the meaning of the word: move $x$ by 0.1, and $f$ should move by $-4 \cdot 0.1$.

# %%
moved = graph(x=-2 + 0.1, y=5, z=-4)
assert np.isclose(moved - (-12), -4 * 0.1)  # exact here, because f is linear in x
moved

# %% [markdown]
# ### Upstream, local, downstream
#
# On the way back a wire has a sender, $f$ at first, and a receiver. Three speeds stand on it, and speeds multiply:
#
# | | how fast | who knows it |
# |---|---|---|
# | *upstream* | $f$ moves with the sender: the sender's adjoint | it arrives from the side of $f$ |
# | *local* | the sender moves with the receiver: the derivative of one operation | the operation |
# | *downstream* | $f$ moves with the receiver along this wire: the product of both | it goes on to the receiver |
#
# Everything in the picture is also data. `edges` holds the wires in the order in which the backward pass uses them:

# %%
for edge in backward.edges:
    name = edge.source.name
    print(f"to {name}: upstream {edge.upstream:g} times local {edge.local:g} gives {edge.downstream:g}")
    assert edge.upstream * edge.local == edge.downstream

# %% [markdown]
# ## What a node needs to know
#
# Figure 2.5: a product receives the adjoint of its result. It needs its own two operands, which it has seen in the
# forward pass. It needs to know nothing about the rest of the graph: neither what computed its operands nor what
# becomes of its result.

# %%
import tempfile
from pathlib import Path


class Picture:
    """A drawing with options of its own."""

    def __init__(self, thing, **options):
        with tempfile.TemporaryDirectory() as folder:
            self.svg = dl.draw(thing, Path(folder, "picture.svg"), **options).read_text()

    def _repr_svg_(self):
        return self.svg


Picture(dl.parse("f = x * y"), view="symbolic", title="The local process at one node")

# %% [markdown]
# That is why backpropagation scales. Whoever adds an operation states one value and its local derivatives, and it
# works in every graph. The three most common nodes have simple habits:
#
# | node | what it does with what comes from upstream |
# |---|---|
# | sum | gives the same to each operand |
# | product | multiplies by the *other* operand, as if they had changed places |
# | maximum | gives all to the larger operand, nothing to the other (both equal: lesson 2, relu'(0)) |

# %%
habits = dl.parse("s = a + b; p = c * d; m = maximum(u, v); f = s + p + m")
passes = habits.forward(a=3, b=8, c=10, d=-1, u=2, v=7).backward()
assert passes.gradient == {"a": 1, "b": 1, "c": -1, "d": 10, "u": 0, "v": 1}
{name: float(g) for name, g in passes.gradient.items()}

# %% [markdown]
# ## A neuron, opened
#
# Figure 2.6: a neuron with two inputs and a sigmoid, $f = \sigma(w_0 x_0 + w_1 x_1 + w_2)$ with
# $\sigma(t) = \frac{1}{1 + e^{-t}}$, opened into elementary operations.

# %%
neuron = dl.parse("1/(1 + exp(-(w0*x0 + w1*x1 + w2)))")
point = dict(w0=2, x0=-1, w1=-3, x1=-2, w2=-3)
opened = neuron.forward(**point).backward()
{name: round(float(g), 3) for name, g in opened.gradient.items()}

# %%
Picture(opened, direction="down", title="A neuron with a sigmoid, opened")

# %% [markdown]
# Follow the wires from the bottom. The pattern is always the same product, and none of the nodes knows that it is
# part of a neuron. Two decimals are enough to check all of it by hand:

# %%
s = 1 / (1 + np.exp(-1.0))  # the sum w0*x0 + w1*x1 + w2 is 1
assert np.isclose(opened.adjoint("w2"), 0.20, atol=0.005)
assert np.isclose(opened.adjoint("w0"), -0.20, atol=0.005)  # times x0 = -1
assert np.isclose(opened.adjoint("x0"), 0.39, atol=0.005)  # times w0 = 2
assert np.isclose(opened.adjoint("w1"), -0.39, atol=0.005)  # times x1 = -2
assert np.isclose(opened.adjoint("x1"), -0.59, atol=0.005)  # times w1 = -3

# %% [markdown]
# To see it happen, make a page of it: 13 nodes get their values one by one, then the adjoints travel back. With the
# sliders the neuron can be saturated, until nothing arrives at the weights. The page is one file, which needs no
# network; [the guide](../docs/step.md) shows this one.

# %%
with tempfile.TemporaryDirectory() as folder:
    page = dl.draw(opened, Path(folder, "neuron.html"), title="A neuron with a sigmoid").read_text()
assert "upstream" in page and "<script" in page
assert not any(outside in page for outside in (' src="', ' href="', "@import"))  # nothing is fetched from anywhere
saturated = neuron.forward(**point | {"w2": 17}).backward()  # the sum is 21
assert all(abs(g) < 1e-8 for g in saturated.gradient.values())

# %% [markdown]
# ## Modularity: where you draw the box
#
# The last four operations are the sigmoid. Put a box around them. Such a *block* is a graph inside, and from outside a
# node again, with one local derivative. Calculus finds it once and for all:
#
# $$\sigma'(t) = \frac{e^{-t}}{(1 + e^{-t})^2} = \sigma(t)\,(1 - \sigma(t)) .$$

# %%
sigmoid = dl.block(lambda t: 1 / (1 + np.exp(-t)), name="Sigmoid")


def block_neuron(w0, x0, w1, x1, w2):
    return sigmoid(w0 * x0 + w1 * x1 + w2)


values = (2.0, -1.0, -3.0, -2.0, -3.0)
closed = dl.trace(block_neuron, *values).forward(*values).backward()
assert np.isclose(closed.adjoint("w2"), s * (1 - s), rtol=1e-14)  # 0.73 times 0.27 is 0.197
Picture(closed, open_blocks=False, direction="down", title="The sigmoid neuron with its block closed")

# %% [markdown]
# Opened again, the block shows the same four operations. The gradient cannot tell the difference.

# %%
assert all(np.isclose(closed.gradient[name], opened.gradient[name], rtol=1e-15) for name in point)
Picture(closed, open_blocks=True, direction="down", title="The sigmoid neuron with its block open")

# %% [markdown]
# A block may also bring its *own* derivative. Then the chain rule does not look inside at all: fewer operations, and
# sometimes better numbers.

# %%
short = dl.block(lambda t: 1 / (1 + np.exp(-t)), name="short", derivative=lambda y, t: y * (1 - y))
inside = dl.backward_graph(dl.trace(lambda t: 1 / (1 + np.exp(-t)), 1.0))
outside = dl.backward_graph(dl.trace(short, 1.0))
assert np.isclose(dl.grad(short)(1.0), s * (1 - s), rtol=1e-14)
assert len(outside.operations) < len(inside.operations)
len(inside.operations), len(outside.operations)

# %% [markdown]
# ## Wires can carry vectors
#
# Figure 2.2: the loss of a linear classifier. Scores $Wx + b$ for three classes, made into probabilities by softmax,
# and compared with the true class $y$. Nothing changes but the sizes: the wires carry vectors, and the local
# derivatives become matrices. (Lesson 5 says what a vjp is, lesson 6 has more of them.)

# %%
classifier = dl.parse("scores = W @ x + b; p = softmax(scores); loss = -sum(y * log(p))")
W = np.array([[0.2, -0.5], [1.5, 1.3], [0.0, 0.25]])
inputs = dict(W=W, x=np.array([0.6, -1.2]), b=np.array([1.1, 3.2, -1.2]), y=np.array([0.0, 1.0, 0.0]))
prediction = classifier.forward(**inputs)
prediction

# %%
passes = prediction.backward()
p = prediction.value("p")
assert np.isclose(p.sum(), 1) and p.argmax() == 1
assert passes.gradient["W"].shape == W.shape  # an adjoint has the shape of its value
assert np.allclose(passes.adjoint("scores"), p - inputs["y"])  # a formula worth remembering
passes.adjoint("scores")

# %% [markdown]
# ## A graph built by hand
#
# A formula is the shortest way to a graph, but a graph is only nodes and wires, and you can put them together yourself.
# A *builder* hands out inputs; operators and NumPy's functions on them add operations. Values have no numbers yet:
# they come when the graph is called.

# %%
b = dl.builder()
x, y = b.inputs("x", "y")
q = b.add("q", x + y)
by_hand = b.graph(f=q * b.input("z"))

assert by_hand.forward(x=-2, y=5, z=-4).backward().gradient == backward.gradient
assert dl.compare(by_hand, dict(x=-2, y=5, z=-4)).agree  # all methods work on it
by_hand

# %% [markdown]
# Without numbers there is nothing that an `if` could look at, and the builder says so. (`np.where` becomes a node.)

# %%
b = dl.builder()
x = b.input("x")
try:
    y = x if x > 0 else -x
except dl.DifflabError as error:
    print(error)
absolute = b.graph(f=np.where(x > 0, x, -x))
assert absolute(x=-3.0) == 3

# %% [markdown]
# Whoever says how large the inputs are gets wrong shapes refused on the spot, and sees the sizes in the picture.

# %%
b = dl.builder()
W, x = b.input("W", shape=(3, 2)), b.input("x", shape=(2,))
try:
    x @ W
except dl.DifflabError as error:
    print(error)
with dl.block("layer"):
    hidden = np.tanh(W @ x + b.input("b", shape=(3,)))
layer = b.graph(loss=np.sum(hidden**2))
assert hidden.shape == (3,) and [block.name for block in layer.blocks] == ["layer"]
layer

# %% [markdown]
# ## The same with networkx
#
# Every graph of difflab *is* a networkx graph, so networkx answers questions about it: an order in which the forward
# pass can run, what $x$ has an influence on, how long the longest chain of operations is.

# %%
import networkx as nx

assert nx.is_directed_acyclic_graph(graph)
order = [node.name for node in nx.topological_sort(graph)]
assert order.index("q") < order.index("f")
assert {node.name for node in nx.descendants(graph, graph.node("x"))} == {"q", "f"}
assert nx.dag_longest_path_length(graph) == 2
order

# %% [markdown]
# The other way round, a networkx graph becomes one of difflab's. The node's attribute `op` says what it does, by a
# row's name or its sign. The key of the edge says which operand it brings: $x - y$ is not $y - x$.

# %%
wired = nx.MultiDiGraph()
wired.add_nodes_from(["x", "y", "z"], op="input")
wired.add_node("q", op="+")
wired.add_node("f", op="multiply")
wired.add_edge("x", "q", key=0)
wired.add_edge("y", "q", key=1)
wired.add_edge("q", "f", key=0)
wired.add_edge("z", "f", key=1)

from_wires = dl.Graph.from_networkx(wired)
assert from_wires.forward(x=-2, y=5, z=-4).backward().gradient == backward.gradient

# %% [markdown]
# What is wrong with a graph is told in one message, node by node. Here a wire is missing, and an operation is misspelt.

# %%
broken = wired.copy()
broken.remove_edge("z", "f")
broken.nodes["q"]["op"] = "ad"
try:
    dl.Graph.from_networkx(broken)
except dl.DifflabError as error:
    print(error)
    assert "'q'" in str(error) and "did you mean" in str(error) and "'f'" in str(error)

# %% [markdown]
# And a value that needs itself can never be computed. That is why these graphs are *acyclic*:

# %%
loop = wired.copy()
loop.add_edge("f", "q", key=2)
try:
    dl.Graph.from_networkx(loop)
except dl.DifflabError as error:
    print(error)
    assert "'q' -> 'f' -> 'q'" in str(error)

# %% [markdown]
# A finished graph does not change: what it computes and what networkx sees of it are always the same. Its copy may be
# changed, and be called again.

# %%
try:
    graph.remove_node(graph.node("q"))
except dl.DifflabError as error:
    print(error)
changed = graph.copy()
changed.nodes[graph.node("q")]["op"] = "subtract"
assert changed(x=-2, y=5, z=-4) == 28 and graph(x=-2, y=5, z=-4) == -12

# %% [markdown]
# `to_networkx` writes all of a graph as texts and numbers, which any file takes, GraphML and JSON among them.

# %%
import json

text = json.dumps(nx.node_link_data(graph.to_networkx()))
again = dl.Graph.from_networkx(nx.node_link_graph(json.loads(text)))
assert again(x=-2, y=5, z=-4) == -12
graph.to_networkx().nodes["q"]

# %% [markdown]
# ## Exercises
#
# **1.** Do both passes of $f = \max(x, y) \cdot (x + z)$ at $x = 3$, $y = 2$, $z = -1$ on paper. Where does $x$
# receive its adjoint from?

# %% tags=["solution"]
passes = dl.parse("m = maximum(x, y); q = x + z; f = m * q").forward(x=3, y=2, z=-1).backward()
assert passes.adjoint("m") == 2 and passes.adjoint("q") == 3
arriving = [edge.downstream for edge in passes.edges if edge.source.name == "x"]
assert sorted(arriving) == [2, 3] and passes.gradient == {"x": 5, "y": 0, "z": 3}  # x is used twice: add
passes

# %% [markdown]
# **2.** Write both passes of the sigmoid neuron in plain NumPy, with a name for each value that is needed twice. Check
# against the graph.


# %% tags=["solution"]
def neuron_by_hand(w0, x0, w1, x1, w2):
    t = w0 * x0 + w1 * x1 + w2
    f = 1 / (1 + np.exp(-t))
    dt = f * (1 - f)  # the block's local derivative, times the adjoint of f, which is 1
    return f, dict(w0=x0 * dt, x0=w0 * dt, w1=x1 * dt, x1=w1 * dt, w2=dt)


value, mine = neuron_by_hand(**point)
assert np.isclose(value, s)
assert all(np.isclose(mine[name], opened.gradient[name], rtol=1e-14) for name in point)

# %% [markdown]
# **3.** Put $\tanh(t) = 2\sigma(2t) - 1$ into a block with its own derivative, $1 - y^2$, and let `dl.compare` check
# that value and derivative belong together.

# %% tags=["solution"]
tanh = dl.block(lambda t: 2 / (1 + np.exp(-2 * t)) - 1, name="Tanh", derivative=lambda y, t: 1 - y**2)
assert dl.compare(tanh, (0.7,)).agree
wrong = dl.block(lambda t: 2 / (1 + np.exp(-2 * t)) - 1, name="Wrong", derivative=lambda y, t: 1 - y)
verdict = dl.compare(wrong, (0.7,))
assert not verdict.agree  # the certified method looks at the value only, so a wrong rule cannot fool it
{name: round(float(m.by_name["t"]), 6) for name, m in verdict.methods.items()}

# %% [markdown]
# **4.** Build $x^2 + x$ with networkx. Why does a `DiGraph` not do?

# %% tags=["solution"]
parabola = nx.MultiDiGraph()  # the wires of x * x join the same two nodes, which a DiGraph can do once
parabola.add_node("x", op="input")
parabola.add_node("square", op="*")
parabola.add_node("f", op="+")
parabola.add_edge("x", "square", key=0)
parabola.add_edge("x", "square", key=1)
parabola.add_edge("square", "f", key=0)
parabola.add_edge("x", "f", key=1)
gradient = dl.Graph.from_networkx(parabola).forward(x=3.0).backward().gradient
assert gradient == {"x": 7.0}  # 2x + 1

# %% [markdown]
# ## What to read next
#
# - Goodfellow, Bengio and Courville, *Deep Learning*, section 6.5: backpropagation on graphs.
# - Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors" (1986): four pages.
# - The gallery, `graphs/README.md`: more graphs, each with the lines that drew it.
# - Lesson 5: what happens where a value is used twice, and the bugs that live there.
