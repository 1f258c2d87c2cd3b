# %% [markdown]
# # 6. Vectors
#
# After this lesson you can
#
# - write the derivative of a vector function as a matrix, and the chain rule as a product of matrices;
# - derive the backward pass of a linear layer, and remember it by its shapes;
# - choose between forward and reverse mode by looking at the shape of the Jacobian.

# %% [markdown]
# ## The Jacobian
#
# A function $F: \mathbb R^n \to \mathbb R^m$ has a partial derivative for each pair of an output and an input. The
# Jacobian holds them, a row for each output and a column for each input:
#
# $$J_{ij} = \frac{\partial F_i}{\partial x_j} , \qquad F(x + v) \approx F(x) + J v .$$
#
# An elementary example: polar to Cartesian coordinates, $(r, \varphi) \mapsto (r\cos\varphi, r\sin\varphi)$.

# %%
import numpy as np
import scipy.sparse
from matplotlib import pyplot as plt

import difflab as dl
from difflab.testing import assert_gradients_agree


def cartesian(polar):
    r, phi = polar
    return dl.numpy.array([r * np.cos(phi), r * np.sin(phi)])


point = np.array([2.0, np.pi / 6])
J = dl.jacobian(cartesian)(point)
c, s = np.cos(point[1]), np.sin(point[1])
assert np.allclose(J, [[c, -2 * s], [s, 2 * c]])
assert np.isclose(np.linalg.det(J), point[0])  # the r of "r dr dphi"
J

# %% [markdown]
# The Jacobian is the best linear map near the point. What it misses shrinks with the square of the step.

# %%
v = np.array([0.6, -0.8])
missed = [np.linalg.norm(cartesian(point + h * v) - cartesian(point) - h * J @ v) for h in (1e-2, 1e-3)]
assert np.isclose(missed[0] / missed[1], 100, rtol=0.02)

# %% [markdown]
# ## The chain rule is a matrix product
#
# For $F = A \circ B$ the Jacobians multiply, $J_F = J_A J_B$. An elementwise function has a diagonal Jacobian, and a
# matrix is its own.

# %%
rng = np.random.default_rng(1)
W = rng.normal(size=(3, 4))
x = rng.normal(size=4)
layer = lambda x: np.tanh(W @ x)
by_rule = np.diag(1 - np.tanh(W @ x) ** 2) @ W
assert np.allclose(dl.jacobian(layer)(x), by_rule)
by_rule.shape

# %% [markdown]
# Nobody should build that diagonal matrix: multiplying by it is a multiplication of vectors, entry by entry. This is
# the main idea of the lesson. One does not need Jacobians, one needs *products* with them.

# %% [markdown]
# ## Two products
#
# - **jvp**, Jacobian times vector, $Jv$: forward mode. The vector $v$ lives at the input and is pushed forward.
# - **vjp**, vector times Jacobian, $u^T J$: reverse mode. The vector $u$ lives at the output and is pulled back.

# %%
J = dl.jacobian(layer)(x)
v, u = rng.normal(size=4), rng.normal(size=3)

value, pushed = dl.jvp(layer, (x,), (v,))
value, pullback = dl.vjp(layer, x)
(pulled,) = pullback(u)
assert np.allclose(pushed, J @ v) and pushed.shape == (3,)
assert np.allclose(pulled, u @ J) and pulled.shape == (4,)

# %% [markdown]
# Both compute the number $u^T J v$, one from each side. This is a test that needs no other derivative to compare with,
# and it works for any shapes: the *dot-product test*.

# %%
assert np.isclose(u @ pushed, pulled @ v, rtol=1e-12)
float(u @ pushed), float(pulled @ v)

# %% [markdown]
# ## The linear layer
#
# A batch $X$ (one sample in each row), weights $W$, bias $b$: $Y = XW + b$. Upstream comes
# $G = \partial L / \partial Y$, of the shape of $Y$. What are the three gradients?
#
# The Jacobian of $Y$ by $W$ has $m \cdot k$ rows and $n \cdot k$ columns, and only one entry in $k$ is not zero.
# Instead, look at one weight: $W_{jc}$ enters $Y_{ic} = \sum_j X_{ij} W_{jc} + b_c$ once for each sample $i$, with the
# factor $X_{ij}$. So
#
# $$\frac{\partial L}{\partial W_{jc}} = \sum_i X_{ij} G_{ic}
# \quad\text{that is}\quad \frac{\partial L}{\partial W} = X^T G, \qquad \frac{\partial L}{\partial X} = G W^T, \qquad
# \frac{\partial L}{\partial b} = \sum_i G_i .$$

# %%
m, n, k = 5, 3, 2
X, W, b, G = (rng.normal(size=shape) for shape in ((m, n), (n, k), (k,), (m, k)))
Y, pullback = dl.vjp(lambda X, W, b: X @ W + b, X, W, b)
dX, dW, db = pullback(G)
assert np.allclose(dW, X.T @ G) and np.allclose(dX, G @ W.T) and np.allclose(db, G.sum(axis=0))

# %% [markdown]
# To remember it, let the shapes decide. $\partial L / \partial W$ must be $(n, k)$; from $X$ $(m, n)$ and $G$ $(m, k)$
# only $X^T G$ can make that. And compare the costs: the full Jacobian by $W$ has 60 entries here, but in a layer of
# 1,000 by 1,000 with a batch of 100 it would have $10^{11}$.

# %%
by_W = dl.jacobian(lambda W: X @ W + b)(W)
assert by_W.shape == (m, k, n, k) and by_W.size == 60
assert np.count_nonzero(by_W) == m * n * k  # one in k = 2
assert np.allclose(np.einsum("ic,icjd->jd", G, by_W), dW)
by_W.shape

# %% [markdown]
# In the picture of a vector function the same transpose appears: backward through $Ax$ goes $A^T$.

# %%
A = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
graph = dl.parse("r = A @ x - b; f = sum(r**2)")
passes = graph.forward(A=A, x=np.array([1.0, 0.5, 2.0]), b=np.ones(2)).backward()
residual = passes.forward.value("r")
assert np.allclose(passes.gradient["x"], 2 * A.T @ residual)
passes

# %% [markdown]
# ## Forward or reverse?
#
# One jvp gives a column of $J$, one vjp gives a row. So a Jacobian of $m$ rows and $n$ columns takes $n$ forward
# sweeps or $m$ reverse sweeps: count the shorter side. A loss has one row, which is why networks are trained in
# reverse. A curve in space has one column.

# %%
sweeps = {}
wide, tall = rng.normal(size=(2, 300)), rng.normal(size=(300, 2))
for name, matrix in (("wide, 2 by 300", wide), ("tall, 300 by 2", tall)):
    f = lambda x, matrix=matrix: np.sin(matrix @ x)
    at = np.zeros(matrix.shape[1])
    both = [dl.jacobian(f, mode=mode)(at) for mode in ("forward", "reverse")]
    assert np.allclose(*both) and np.allclose(both[0], matrix)  # cos 0 = 1
    sweeps[name] = dict(zip(("reverse", "forward"), matrix.shape))
sweeps

# %% [markdown]
# Reverse mode pays in another currency: it keeps the values of the whole forward pass until it comes back. Forward
# mode forgets as it goes. In a chain $J_1 J_2 \cdots J_p$ the two are just two ways to set the parentheses, from
# the right or from the left, and the cost is that of the products:

# %%
chain = [(1, 100), (100, 100), (100, 100), (100, 10)]  # a loss of layers of 100, with 10 inputs


def cost(matrices):
    """Multiplications for a product from left to right."""
    rows = matrices[0][0]
    return sum(rows * inner * columns for inner, columns in matrices[1:])


reverse = cost(chain)
forward = cost([(columns, rows) for rows, columns in reversed(chain)])
assert (reverse, forward) == (21_000, 201_000)
reverse, forward

# %% [markdown]
# ## Sparse Jacobians
#
# On a grid each output often depends on few inputs. For $F_i = x_{i-1} - 2 x_i + x_{i+1} + x_i^3$ there are three
# entries in a row. Columns that share no row can be computed in *one* sweep: add their unit vectors, and read the
# results apart. Three such groups (colours) are enough for any $n$.


# %%
def F(x):
    return x[:-2] - 2 * x[1:-1] + x[2:] + x[1:-1] ** 3


x = np.linspace(-1, 1, 30)
sparse = dl.jacobian(F, sparse=True)(x)
assert scipy.sparse.issparse(sparse) and sparse.nnz == 3 * 28
assert np.allclose(sparse.toarray(), dl.jacobian(F)(x))

colours = np.arange(30) % 3
compressed = np.stack([dl.jvp(F, (x,), ((colours == colour) * 1.0,))[1] for colour in range(3)], axis=1)
rows, columns = sparse.nonzero()
assert np.allclose(compressed[rows, colours[columns]], sparse.toarray()[rows, columns])  # 3 sweeps instead of 30

figure, axes = plt.subplots(1, 2, figsize=(7, 3.6), layout="constrained", width_ratios=(3, 1))
axes[0].spy(sparse.toarray(), markersize=3)
axes[0].set_title("The Jacobian, 28 by 30", pad=20)
axes[0].set(xlabel="input", ylabel="output")
axes[1].imshow(compressed, aspect="auto", cmap="coolwarm", vmin=-3, vmax=3)
axes[1].set_title("the same in 3 sweeps")
axes[1].set(xlabel="colour", xticks=[0, 1, 2])

# %% [markdown]
# ## Exercises
#
# **1.** Derive the vjp of $\operatorname{normalise}(x) = x / \lVert x \rVert$ by hand, without building a Jacobian.
# What does it do with the part of $u$ along $x$, and why?


# %% tags=["solution"]
def normalise(x):
    return x / np.sqrt(np.sum(x**2))


def normalise_vjp(x, u):
    y = normalise(x)
    return (u - y * (y @ u)) / np.linalg.norm(x)  # the part along x is removed: longer x, same result


x, u = np.array([3.0, 0.0, 4.0]), np.array([1.0, 2.0, -1.0])
assert np.allclose(normalise_vjp(x, u), dl.vjp(normalise, x)[1](u)[0])
assert np.allclose(normalise_vjp(x, x), 0.0)
normalise_vjp(x, u)

# %% [markdown]
# **2.** Softmax has the Jacobian $\operatorname{diag}(p) - p p^T$. Show that each row sums to zero, that it is
# symmetric, and what this means for jvp and vjp.

# %% tags=["solution"]
z = np.array([0.3, -1.0, 2.0, 0.0])
p = dl.numpy.softmax(z)
J = dl.jacobian(dl.numpy.softmax)(z)
assert np.allclose(J, np.diag(p) - np.outer(p, p))
assert np.allclose(J.sum(axis=1), 0)  # adding the same to all scores changes nothing
v = np.array([1.0, 2.0, -0.5, 0.3])
assert np.allclose(J, J.T)
assert np.allclose(dl.jvp(dl.numpy.softmax, (z,), (v,))[1], dl.vjp(dl.numpy.softmax, z)[1](v)[0])  # one and the same

# %% [markdown]
# **3.** Write the gradient of $\sum_{ic} Y_{ic}^2$, $Y = XW + b$, by all three arguments, and let
# `assert_gradients_agree` check it.


# %% tags=["solution"]
def squares(X, W, b):
    return np.sum((X @ W + b) ** 2)


def squares_gradient(X, W, b):
    G = 2 * (X @ W + b)
    return G @ W.T, X.T @ G, G.sum(axis=0)


arguments = tuple(rng.normal(size=shape) for shape in ((4, 3), (3, 2), (2,)))
assert_gradients_agree(squares, *arguments, gradient=squares_gradient)
assert [g.shape for g in squares_gradient(*arguments)] == [(4, 3), (3, 2), (2,)]

# %% [markdown]
# ## What to read next
#
# - Magnus and Neudecker, *Matrix Differential Calculus*: differentials instead of index battles.
# - Curtis, Powell and Reid, "On the estimation of sparse Jacobian matrices" (1974): the colours, in three pages.
# - Griewank and Walther, *Evaluating Derivatives*, chapters 7 and 8.
# - Lesson 7: what stands at the end of the chain, the loss.
