# %% [markdown]
# # 14. Second derivatives
#
# After this lesson you can
#
# - read a Hessian: curvature, minima, saddle points, and how fast gradient descent can be;
# - use Newton's method, watch its digits double, and see where it goes wrong;
# - multiply by the Hessian of a large model without ever building it.

# %% [markdown]
# ## The derivative of a derivative
#
# `dl.grad(f)` is a function like any other, so it has a derivative too. The partial derivatives of all partial
# derivatives are the Hessian, $H_{ij} = \frac{\partial^2 f}{\partial x_i \, \partial x_j}$: the Jacobian of the
# gradient. Our example has two valleys.

# %%
import numpy as np
import scipy.sparse.linalg
from matplotlib import pyplot as plt

import difflab as dl
from difflab import nn


def valleys(p):
    x, y = p
    return x**4 / 4 - x**2 / 2 + y**2 + x * y / 2


point = np.array([0.5, -1.0])
H = dl.hessian(valleys)(point)
assert np.isclose(dl.grad(dl.grad(lambda x: x**4))(2.0), 12 * 2.0**2)
assert np.allclose(H, [[3 * 0.5**2 - 1, 0.5], [0.5, 2]])
assert np.allclose(H, dl.jacobian(dl.grad(valleys))(point))
H

# %% [markdown]
# It is symmetric: which derivative comes first does not matter (Schwarz), as long as they are continuous. Together with
# the gradient it gives the best parabola at a point. What the parabola misses shrinks with the *cube* of the step:
#
# $$f(p + v) = f(p) + g^T v + \tfrac12 v^T H v + O(\lVert v \rVert^3).$$

# %%
g, v = dl.grad(valleys)(point), np.array([0.6, 0.8])
missed = [
    float(valleys(point + h * v) - valleys(point) - h * g @ v - h**2 / 2 * v @ H @ v)  # what the parabola misses
    for h in (1e-1, 1e-2)
]
assert np.array_equal(H, H.T)
assert np.isclose(missed[0] / missed[1], 1000, rtol=0.1)
missed

# %% [markdown]
# ## Where the gradient is zero
#
# There the Hessian decides. $v^T H v$ is the curvature in the direction $v$, and the eigenvalues are the extreme ones:
# all positive, a minimum; all negative, a maximum; both signs, a *saddle*, downhill one way and uphill the other.

# %%
bottom = np.sqrt(1 + 1 / 8)  # x^3 = x + x/8, with y = -x/4
stationary = {"left": np.array([-bottom, bottom / 4]), "middle": np.zeros(2), "right": np.array([bottom, -bottom / 4])}
kinds = {}
for name, p in stationary.items():
    assert np.allclose(dl.grad(valleys)(p), 0, atol=1e-14)
    curvatures = np.linalg.eigvalsh(dl.hessian(valleys)(p))
    kinds[name] = "minimum" if curvatures.min() > 0 else "maximum" if curvatures.max() < 0 else "saddle"
assert kinds == {"left": "minimum", "middle": "saddle", "right": "minimum"}
kinds

# %% [markdown]
# ## Newton's method
#
# Go to the lowest point of the parabola, $p \leftarrow p - H^{-1} g$, and repeat. Near a minimum the error is squared
# by every step, so the number of right digits doubles. On Rosenbrock's valley, where gradient descent takes thousands
# of steps:


# %%
def rosenbrock(p):
    x, y = p
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def newton(f, p, steps):
    path = [p]
    for _ in range(steps):
        p = p - np.linalg.solve(dl.hessian(f)(p), dl.grad(f)(p))
        path.append(p)
    return np.array(path)


def descend(f, p, steps, rate):
    gradient, path = dl.compile(dl.grad(f)), [p]
    for _ in range(steps):
        p = p - rate * gradient(p)
        path.append(p)
    return np.array(path)


start = np.array([-1.2, 1.0])
path = newton(rosenbrock, start, 7)
errors = np.linalg.norm(path - 1, axis=1)
slow = descend(rosenbrock, start, 2000, 1e-3)
assert errors[5] < 1e-4 and errors[6] < 1e-9 and errors[7] < 1e-15
assert np.linalg.norm(slow[-1] - 1) > 0.1
for k, error in enumerate(errors[3:7], 3):
    print(f"step {k}: error {error:.0e}")

# %% [markdown]
# Why is gradient descent so slow? Its step may not be longer than $2 / \lambda_{\max}$, or it swings up the walls of
# the valley. Along the bottom it then moves as slowly as $\lambda_{\min}$ says. The ratio of the two is the
# *condition* of the problem. Newton's method divides each direction by its own curvature, and does not care.

# %%
low, high = np.linalg.eigvalsh(dl.hessian(rosenbrock)(np.ones(2)))
assert high / low > 2000


def bowl(p):
    return p @ np.diag([low, high]) @ p / 2


too_long, just_right = (descend(bowl, np.ones(2), 200, factor / high)[-1] for factor in (2.02, 1.98))
assert np.linalg.norm(too_long) > 10 and abs(just_right[1]) < 0.05
assert abs(just_right[0]) > 0.8  # hardly moved: 200 steps of (1 - 1.98 / condition)
print(f"curvatures {low:.2f} and {high:.0f}, condition {high / low:.0f}")

# %% [markdown]
# ## Newton's weakness
#
# It looks for a zero of the gradient, of any kind. Start near the ridge between the two valleys, and it climbs up to
# the saddle. A remedy: take the *absolute values* of the eigenvalues. Then directions that bend down are left quickly,
# and not sought. None may count as less than 1/2, or a direction that is nearly flat would give a giant step.


# %%
def saddle_free(f, p, steps):
    path = [p]
    for _ in range(steps):
        curvatures, directions = np.linalg.eigh(dl.hessian(f)(p))
        p = p - directions @ (directions.T @ dl.grad(f)(p) / np.maximum(np.abs(curvatures), 0.5))
        path.append(p)
    return np.array(path)


near = np.array([0.3, 1.0])
paths = {
    "gradient descent": descend(valleys, near, 100, 0.2),
    "Newton": newton(valleys, near, 8),
    "Newton, absolute curvatures": saddle_free(valleys, near, 12),
}
ends = {name: path[-1] for name, path in paths.items()}
assert np.allclose(ends["Newton"], stationary["middle"], atol=1e-8)  # the saddle
assert np.allclose(ends["Newton, absolute curvatures"], stationary["right"], atol=1e-8)
assert np.allclose(ends["gradient descent"], stationary["right"], atol=1e-8)

x, y = np.meshgrid(np.linspace(-1.7, 1.7, 200), np.linspace(-1.0, 1.2, 160))
figure, axes = plt.subplots(figsize=(6.6, 4.2), layout="constrained")
axes.contour(x, y, valleys(np.array([x, y])), levels=np.linspace(-0.4, 1.6, 21), cmap="Greys", linewidths=0.7)
for name, path in paths.items():
    axes.plot(*path.T, "o-", markersize=3.5, label=name)
for p in stationary.values():
    curvatures, directions = np.linalg.eigh(dl.hessian(valleys)(p))
    for curvature, direction in zip(curvatures, directions.T):
        a, b = p - 0.16 * direction, p + 0.16 * direction
        axes.plot([a[0], b[0]], [a[1], b[1]], color="black" if curvature > 0 else "red", linewidth=2)
axes.set(title="Two minima, one saddle; red: it bends down", xlabel="x", ylabel="y", aspect="equal")
axes.legend(fontsize=8, loc="upper right", framealpha=1)
figure

# %% [markdown]
# ## Products with the Hessian
#
# A model with a million parameters has a Hessian of $10^{12}$ entries. But as with Jacobians, one needs products with
# it, not the matrix. $Hv$ is the derivative of the gradient along $v$, and there are three ways to it: push $v$ through
# the gradient (forward over reverse); differentiate the slope along $v$ (reverse over forward); differentiate
# $g(p) \cdot v$ (reverse over reverse). `dl.hvp` does it for you.

# %%
rng = np.random.default_rng(0)
A = rng.normal(size=(30, 20))
f = lambda x: np.sum(np.log(np.cosh(A @ x)))
x, v = rng.normal(size=(2, 20))
ways = [
    dl.jvp(dl.grad(f), (x,), (v,))[1],
    dl.grad(lambda x: dl.jvp(f, (x,), (v,))[1])(x),
    dl.grad(lambda x: dl.grad(f)(x) @ v)(x),
]
for product in ways:
    assert np.allclose(product, dl.hessian(f)(x) @ v)
    assert np.allclose(product, dl.hvp(f)(x, v))
size = lambda function, *at: len(dl.trace(function, *at).order)
print(f"nodes: f {size(f, x)}, gradient {size(dl.grad(f), x)}, product {size(dl.hvp(f), x, v)}")
assert size(dl.hvp(f), x, v) < 10 * size(f, x)

# %% [markdown]
# ## Newton's method for a large model
#
# Logistic regression on the digits: 650 parameters, 1,438 images. The Hessian would have 422,500 entries. Newton's step
# solves $H s = -g$, and conjugate gradients solve this with products alone.

# %%
digits = nn.data.load("digits")
images, labels = digits.x_train.reshape(-1, 64).astype(float), digits.y_train
assert images.shape == (1438, 64)


def loss(w):
    W, b = np.reshape(w[:640], (64, 10)), w[640:]
    return nn.functional.cross_entropy(images @ W + b, labels) + 1e-3 * np.sum(w**2)


both, product = dl.compile(dl.value_and_grad(loss)), dl.compile(dl.hvp(loss))
w, products, work, sizes = np.zeros(650), 0, [], []


def counted(v):
    global products
    products += 1
    return product(w, v)


for _ in range(7):
    value, g = both(w)
    sizes.append(np.linalg.norm(g))
    work.append(products)
    operator = scipy.sparse.linalg.LinearOperator((650, 650), matvec=counted, dtype=float)
    step, _ = scipy.sparse.linalg.cg(operator, -g, rtol=min(0.5, np.sqrt(sizes[-1])) * 0.1)
    w = w + step
right = np.mean(np.argmax(images @ np.reshape(w[:640], (64, 10)) + w[640:], axis=1) == labels)
assert sizes[-1] < 1e-8 < sizes[0] and right > 0.97

by_descent, slow = np.zeros(650), []
for _ in range(products):  # as many gradients as products
    g = both(by_descent)[1]
    slow.append(np.linalg.norm(g))
    by_descent = by_descent - 2.0 * g
assert slow[-1] > 1e3 * sizes[-1]

figure, axes = plt.subplots(figsize=(6.2, 3.2), layout="constrained")
axes.semilogy(work, sizes, "o-", label="Newton, by conjugate gradients")
axes.semilogy(slow, label="gradient descent")
axes.set(
    xlabel="gradients, or products with the Hessian", ylabel="norm of the gradient", title="Digits, 650 parameters"
)
axes.legend()
figure

# %% [markdown]
# The largest eigenvalue needs products only, too: multiply again and again, and the direction of the largest curvature
# outgrows all others (power iteration). It says how long a step of gradient descent may be.

# %%
v = rng.normal(size=650)
for _ in range(100):
    v = product(w, v)
    v = v / np.linalg.norm(v)
largest = v @ product(w, v)
assert np.linalg.norm(product(w, v) - largest * v) < 0.02 * largest  # nearly an eigenvector

kick = w + 1e-3 * v
stable, unstable = kick, kick
for _ in range(60):
    stable, unstable = stable - 1.9 / largest * both(stable)[1], unstable - 2.2 / largest * both(unstable)[1]
assert np.linalg.norm(stable - w) < 1e-4 < 1e-2 < np.linalg.norm(unstable - w)
print(f"largest curvature {largest:.2f}: rates up to {2 / largest:.2f}")

# %% [markdown]
# ## Sparse Hessians
#
# Where each variable meets few others, most entries are zero. The chained Rosenbrock function of 1,000 variables has a
# tridiagonal Hessian; three products with well-chosen vectors (the colours of lesson 6) give all of it.


# %%
def chained(x):
    return np.sum((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2)


x = 1 + 0.1 * np.sin(np.arange(1000.0))
sparse = dl.hessian(chained, sparse=True)
matrix = sparse(x)
assert matrix.nnz == 1000 + 2 * 999
assert np.allclose(matrix @ np.ones(1000), dl.hvp(chained)(x, np.ones(1000)))
for _ in range(8):
    x = x - scipy.sparse.linalg.spsolve(scipy.sparse.csc_array(sparse(x)), dl.grad(chained)(x))
assert np.allclose(x, 1, atol=1e-12)
matrix.nnz, 1000**2

# %% [markdown]
# ## Exercises
#
# **1.** Symmetry needs continuity. Take $f(x, y) = xy \frac{x^2 - y^2}{x^2 + y^2}$, with $f(0, 0) = 0$. Differentiate
# by $x$ at points $(0, y)$, then by $y$ at 0; and the other way round.


# %% tags=["solution"]
def peano(x, y):
    return x * y * (x**2 - y**2) / (x**2 + y**2)


by_x, by_y = dl.grad(peano, 0), dl.grad(peano, 1)
for t in (0.5, 1e-3, 1e-6):
    assert np.isclose(by_x(0.0, t), -t) and np.isclose(by_y(t, 0.0), t)  # lines of slope -1 and +1 through 0
    assert np.isclose(dl.grad(by_x, 1)(0.0, t), -1) and np.isclose(dl.grad(by_y, 0)(t, 0.0), 1)
there = dl.hessian(lambda p: peano(p[0], p[1]))(np.array([1e-3, 2e-3]))
assert np.allclose(there, there.T)  # everywhere else it is symmetric

# %% [markdown]
# **2.** The trace of $H$ without $H$: for random signs $z$, the mean of $z^T H z$ is the trace (Hutchinson). Why?
# Estimate it for the digits' loss, and compare with the exact one.

# %% tags=["solution"]
signs = rng.choice([-1.0, 1.0], size=(200, 650))
samples = [z @ product(w, z) for z in signs]  # E z_i z_j is 1 for i = j, else 0: only the diagonal survives
exact = sum(product(w, e)[k] for k, e in enumerate(np.eye(650)))
assert abs(np.mean(samples) - exact) < 4 * np.std(samples) / np.sqrt(200)
assert np.isclose(np.mean(samples), exact, rtol=0.05)
print(f"estimate {np.mean(samples):.2f}, exact {exact:.2f}")

# %% [markdown]
# **3.** Change the coordinates, $p = M u$, and run Newton's method on $u \mapsto f(M u)$. Show that it visits the same
# points; and that gradient descent does not.

# %% tags=["solution"]
M = np.array([[2.0, 1.0], [0.0, 0.1]])
u = np.linalg.solve(M, start)
other = lambda u: rosenbrock(M @ u)
assert np.allclose(newton(other, u, 5) @ M.T, newton(rosenbrock, start, 5), atol=1e-8)
assert not np.allclose(descend(other, u, 5, 1e-4) @ M.T, descend(rosenbrock, start, 5, 1e-4), atol=1e-3)

# %% [markdown]
# ## What to read next
#
# - Nocedal and Wright, *Numerical Optimization*, chapters 3 and 7: Newton's method, and its large-scale form.
# - Pearlmutter, "Fast exact multiplication by the Hessian" (1994).
# - Dauphin et al., "Identifying and attacking the saddle point problem" (2014).
# - Goodfellow, Bengio and Courville, *Deep Learning*, sections 4.3 and 8.2.
# - Lesson 15 leaves smooth functions: decisions, one after the other.
