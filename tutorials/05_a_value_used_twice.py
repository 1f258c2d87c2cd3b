# %% [markdown]
# # 5. A value used twice
#
# After this lesson you can
#
# - add up the contributions that a value receives where it is used more than once;
# - say in which order a backward pass must visit the nodes, and what goes wrong in another;
# - find the classic bugs of hand-written backward passes with three lines of test.

# %% [markdown]
# ## Two paths, one sum
#
# In $q = xy$, $f = q^2 + \sin q$ the value $q$ goes into the square and into the sine. When $q$ moves, $f$ changes for
# both reasons, and the changes add:
#
# $$\frac{df}{dq} = \frac{\partial (q^2)}{\partial q} + \frac{\partial \sin q}{\partial q} = 2q + \cos q .$$
#
# This is the chain rule for several variables: a sum over all paths, of products along each path.

# %%
import numpy as np

import difflab as dl
from difflab.testing import DisagreementError, assert_gradients_agree

graph = dl.parse("q = x * y; f = q * q + sin(q)")
passes = graph.forward(x=2, y=0.5).backward()
passes

# %% [markdown]
# Here `q * q` uses $q$ twice itself, so three wires leave $q$, and three contributions come back.

# %%
contributions = [float(edge.downstream) for edge in passes.edges if edge.source.name == "q"]
assert len(contributions) == 3
assert np.isclose(sum(contributions), 2 * 1.0 + np.cos(1.0))
assert np.isclose(passes.adjoint("q"), sum(contributions))
contributions

# %% [markdown]
# ### Why contributions add
#
# Give each use a name of its own: $g(q_1, q_2, q_3) = q_1 q_2 + \sin q_3$. Moving one of them alone changes $g$ by its
# own contribution. In $f$ the three are one and the same $q$, so they cannot move but together; and small moves made
# together change $g$ by the sum (up to $h^2$, which no derivative sees).

# %%
g = lambda q1, q2, q3: q1 * q2 + np.sin(q3)
h = 1e-6
alone = [g(1 + h, 1, 1) - g(1, 1, 1), g(1, 1 + h, 1) - g(1, 1, 1), g(1, 1, 1 + h) - g(1, 1, 1)]
together = g(1 + h, 1 + h, 1 + h) - g(1, 1, 1)
assert np.allclose(np.divide(alone, h), [1, 1, np.cos(1)], rtol=1e-5)
assert np.isclose(together, sum(alone), rtol=1e-5)
assert np.isclose(sum(dl.grad(g, argnums=(0, 1, 2))(1.0, 1.0, 1.0)), passes.adjoint("q"))

# %% [markdown]
# ## A small engine
#
# To see the bugs we need an engine in which to make them. A node keeps its value, its parents, and the local
# derivative by each parent.


# %%
class Value:
    """A number that remembers where it came from."""

    def __init__(self, value, parents=()):
        self.value, self.parents, self.adjoint = value, parents, 0.0

    def __add__(self, other):
        return Value(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        return Value(self.value * other.value, [(self, other.value), (other, self.value)])


def sine(a):
    return Value(np.sin(a.value), [(a, np.cos(a.value))])


def topological(output):
    """All nodes that lead to the output, each after its parents."""
    order, seen = [], set()

    def visit(node):
        if id(node) not in seen:
            seen.add(id(node))
            for parent, _ in node.parents:
                visit(parent)
            order.append(node)

    visit(output)
    return order


def backward(output, order):
    output.adjoint = 1.0
    for node in order:
        for parent, local in node.parents:
            parent.adjoint += node.adjoint * local


def build():
    x, y = Value(2.0), Value(0.5)
    q = x * y
    return x, y, q * q + sine(q)


x, y, f = build()
backward(f, reversed(topological(f)))
assert np.isclose(x.adjoint, passes.gradient["x"]) and np.isclose(y.adjoint, passes.gradient["y"])
x.adjoint, y.adjoint

# %% [markdown]
# ## Bug one: `=` instead of `+=`
#
# The later contribution overwrites the earlier one. On a graph in which every value is used once nothing is wrong,
# which is why this bug survives small tests.


# %%
def backward_that_overwrites(output, order):
    output.adjoint = 1.0
    for node in order:
        for parent, local in node.parents:
            parent.adjoint = node.adjoint * local


x, y, f = build()
backward_that_overwrites(f, reversed(topological(f)))
assert not np.isclose(x.adjoint, passes.gradient["x"])

a, b = Value(2.0), Value(3.0)
product = a * b
backward_that_overwrites(product, reversed(topological(product)))
assert (a.adjoint, b.adjoint) == (3.0, 2.0)  # used once: right by luck

# %% [markdown]
# ## Bug two: the wrong order
#
# A node may pass on its adjoint only when *all* contributions have arrived. So it must come after everything that
# uses it: the reverse of a topological order. A walk that follows the parents as it meets them (breadth first, say)
# visits some nodes too early. Watch it happen in $f = (q + 1)\,q$ with $q = x^2$: $q$ is a parent of $f$, so it is met
# at once, before the sum has sent its part.


# %%
def breadth_first(output):
    queue, order = [output], []
    while queue:
        node = queue.pop(0)
        if node not in order:
            order.append(node)
            queue += [parent for parent, _ in node.parents]
    return order


def at_three():
    x = Value(3.0)
    q = x * x
    return x, q * (q + Value(1.0))


x, f = at_three()
backward(f, breadth_first(f))
too_early = x.adjoint
x, f = at_three()
backward(f, reversed(topological(f)))
assert x.adjoint == 4 * 3.0**3 + 2 * 3.0  # f = x**4 + x**2
assert too_early != x.adjoint
too_early, x.adjoint

# %% [markdown]
# The difference is the contribution that arrived at $q$ after $q$ had been visited: $9 \cdot 6 = 54$. Nobody passed it
# on.

# %%
assert x.adjoint - too_early == 9.0 * 6.0

# %% [markdown]
# ### Why the order is topological
#
# Each node sends once, and sends all that it gets. What it gets comes from the nodes that use it, so every one of these
# must come before. On the way forward a node comes after what it *uses*: that is a topological order. Read backwards,
# it puts a node after all that *use* it, which is what we need. Three nodes send here: $f$, $s = q + 1$ and $q$. Of
# their six orders only one lets everybody wait, $s$ for $f$, and $q$ for both.

# %%
from itertools import permutations

for letters in permutations("fsq"):
    x, f = at_three()
    (q, _), (s, _) = f.parents
    backward(f, [dict(f=f, s=s, q=q)[letter] for letter in letters])
    waits = letters == ("f", "s", "q")
    assert (x.adjoint == 114.0) == waits
    print(*letters, "gives", x.adjoint, "(right)" if waits else "(wrong)")

# %% [markdown]
# The step-through page can go wrong in the same way, on purpose. Make one with
# `difflab step "q = x*x; f = q*(q + 1)" --at x=3 -o order.html`, set its *Order* to "depth first, without waiting", and
# follow: $q$ sends on too early, the 9 that comes later is lost, and the last step says "60 instead of 114".
# ([The guide](../docs/step.md) has a page to try it on.)
#
# Running each node whenever something arrives would be right as well, but it walks along every *path*, and there can be
# $2^n$ of them. The topological order visits each node once.

# %%
depth = 40
step = dl.parse("; ".join(f"v{k + 1} = v{k} + v{k}" for k in range(depth)))
assert dl.grad(step)(1.0) == 2.0**depth  # a path for each choice of left or right; 40 nodes
assert len(step.operations) == depth

# %% [markdown]
# ## Bug three: a forgotten broadcast
#
# In `x + b` with `x` of shape (batch, features) and `b` of shape (features,) NumPy uses each entry of `b` once for each
# row. That is a value used many times, though no `+=` is in sight: its adjoint is the *sum over the rows*.

# %%
rng = np.random.default_rng(0)
X, W, bias = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
upstream = rng.normal(size=(4, 2))

value, pullback = dl.vjp(lambda X, W, bias: X @ W + bias, X, W, bias)
dX, dW, dbias = pullback(upstream)
assert np.allclose(dbias, upstream.sum(axis=0))
assert np.allclose(dW, X.T @ upstream) and np.allclose(dX, upstream @ W.T)
dbias.shape, dW.shape, dX.shape

# %% [markdown]
# ### What a vjp is
#
# Between vectors the local derivative is a matrix, the Jacobian $J_{ij} = \partial y_i / \partial x_j$. Upstream is a
# row $u$ with a number for each output, downstream the row $u J$ with a number for each input: the *vector-Jacobian
# product*, or vjp. It is upstream times local once more, and a gradient is the vjp with $u = 1$. `dl.vjp` gives
# the value and a function that takes $u$ to $u J$. No $J$ is made: each operation knows a shorter way to the product.

# %%
A, x, u = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=3)
y, pullback = dl.vjp(lambda x: np.tanh(A @ x), x)
J = np.diag(1 - y**2) @ A  # 3 outputs, 4 inputs; made here only to compare
assert np.allclose(pullback(u)[0], u @ J)
assert np.allclose(pullback(u)[0], (u * (1 - y**2)) @ A)  # the way back: the vjp of tanh, then that of A @ x

# %% [markdown]
# Shapes are the first test: an adjoint has the shape of its value. They catch the missing sum, but not a mean in its
# place, and not a transpose of a square matrix.

# %% [markdown]
# ## A test that finds them all
#
# `assert_gradients_agree(f, *arguments, gradient=mine)` compares your gradient with the certified one, and fails with a
# table that names the entry.

# %%
try:
    assert_gradients_agree(lambda x, y: x * y + np.sin(x), 2.0, 0.5, gradient=lambda x, y: (y - np.cos(x), x))
except DisagreementError as error:
    found = str(error)
assert "x" in found and "gradient=" in found
print(found)

# %% [markdown]
# ## Exercises: find the broken gradient
#
# Four backward passes, written by hand. Which are broken, and where? Read them first, write down your verdict, and only
# then run the test. One of the four is right.


# %%
def loss(X, W, b, c):
    """A layer with a skip connection, and a loss that pulls everything to zero."""
    H = np.tanh(X @ W + b)
    return np.sum((H + X) ** 2) * c


def gradient_1(X, W, b, c):
    H = np.tanh(X @ W + b)
    dH = 2 * (H + X) * c
    dZ = dH * (1 - H**2)
    return dZ @ W.T, X.T @ dZ, dZ.sum(axis=0), np.sum((H + X) ** 2)


def gradient_2(X, W, b, c):
    H = np.tanh(X @ W + b)
    dH = 2 * (H + X) * c
    dZ = dH * (1 - H**2)
    return dZ @ W + dH, X.T @ dZ, dZ.sum(axis=0), np.sum((H + X) ** 2)


def gradient_3(X, W, b, c):
    H = np.tanh(X @ W + b)
    dH = 2 * (H + X) * c
    dZ = dH * (1 - H**2)
    return dZ @ W.T + dH, X.T @ dZ, dZ.mean(axis=0), np.sum((H + X) ** 2)


def gradient_4(X, W, b, c):
    H = np.tanh(X @ W + b)
    dH = 2 * (H + X) * c
    dZ = dH - dH * H**2
    return dZ @ W.T + dH, X.T @ dZ, np.ones(len(X)) @ dZ, np.sum((H + X) ** 2)


square = (rng.normal(size=(3, 2)), rng.normal(size=(2, 2)), rng.normal(size=2), 0.5)
candidates = [gradient_1, gradient_2, gradient_3, gradient_4]
shapes = [[np.shape(g) for g in candidate(*square)] for candidate in candidates]
assert all(s == shapes[0] for s in shapes)  # the shapes give nothing away

# %% [markdown]
# **1.** Write `find_the_broken_gradient(candidates)`: for each the name of the first argument whose gradient is
# wrong, or None.


# %% tags=["solution"]
def find_the_broken_gradient(f, arguments, candidates):
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    truth = dl.grad(f, argnums=tuple(range(len(names))))(*arguments)
    assert_gradients_agree(f, *arguments)  # the engine's own gradient is checked before it is a judge
    verdicts = {}
    for candidate in candidates:
        wrong = [n for n, mine, true in zip(names, candidate(*arguments), truth) if not np.allclose(mine, true)]
        verdicts[candidate.__name__] = wrong[0] if wrong else None
    return verdicts


verdicts = find_the_broken_gradient(loss, square, candidates)
assert verdicts == {"gradient_1": "X", "gradient_2": "X", "gradient_3": "b", "gradient_4": None}
verdicts

# %% [markdown] tags=["solution"]
# - `gradient_1` overwrites: $X$ is used twice, and the part through the skip connection, `+ dH`, is missing.
# - `gradient_2` has the wrong transpose: `dZ @ W` instead of `dZ @ W.T`. $W$ is square, so the shapes fit.
# - `gradient_3` takes the mean over the batch where the broadcast needs the sum.
# - `gradient_4` is right. It only looks unusual.

# %% [markdown]
# **2.** A softmax with a broken backward pass. What was forgotten, and which careless test would not notice?


# %%
def softmax(z):
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


def softmax_backward(p, upstream):
    return upstream * p * (1 - p)


p = softmax(np.array([1.0, 2.0, 0.5]))
softmax_backward(p, np.array([1.0, 0.0, 0.0]))


# %% tags=["solution"]
# Every output depends on every input: through the sum in the denominator each exponential is used three times. The
# broken version keeps the diagonal of the Jacobian, diag(p) - p p', and forgets the rest.
def softmax_backward_mended(p, upstream):
    return p * (upstream - np.sum(upstream * p))


z, upstream = np.array([1.0, 2.0, 0.5]), np.array([1.0, -2.0, 0.3])
f = lambda z: np.sum(upstream * softmax(z))
assert_gradients_agree(f, z, gradient=lambda z: softmax_backward_mended(softmax(z), upstream))
try:
    assert_gradients_agree(f, z, gradient=lambda z: softmax_backward(softmax(z), upstream))
    caught = False
except DisagreementError:
    caught = True
assert caught
# The entry on the diagonal is right in both, so a test that looks at one output and its own input is no test.
one = np.array([1.0, 0.0, 0.0])
assert np.isclose(softmax_backward(p, one)[0], softmax_backward_mended(p, one)[0])
assert not np.allclose(softmax_backward(p, one), softmax_backward_mended(p, one))

# %% [markdown]
# **3.** A subtle one: reusing memory. This backward pass is right on paper. Why is it wrong in NumPy?


# %%
def chain(x):
    return np.sum(np.exp(x) ** 2 + np.exp(x))


def chain_backward(x):
    e = np.exp(x)
    d = np.ones_like(e)
    de = d
    de *= 2 * e  # the square
    de += d  # the second use
    return de * e


# %% tags=["solution"]
# `de = d` is a second name for the same array, so `de += d` adds 2e to itself, not the ones that d once held.
x = np.array([0.1, 0.5])
assert np.allclose(chain_backward(x), 4 * np.exp(x) ** 2)  # (2e + 2e) e
assert not np.allclose(chain_backward(x), dl.grad(chain)(x))


def chain_backward_mended(x):
    e = np.exp(x)
    return (2 * e + 1) * e


assert_gradients_agree(chain, x, gradient=chain_backward_mended)

# %% [markdown]
# ## What to read next
#
# - Karpathy, *micrograd*: an engine of this size, with neural networks on top.
# - Griewank and Walther, *Evaluating Derivatives*, section 3.2: adjoints, increments and why `+=` is the natural form.
# - Lesson 17: tests like these for your own code, in pytest.
# - Lesson 6: the same with vectors, where the local derivatives are matrices.
