# %% [markdown]
# # 21. Tensors and shapes
#
# After this lesson you can
#
# - make arrays, and say of each its shape, its dtype and whether it shares its memory with another;
# - turn axes, add them and take them away, and say which of these move numbers and which only count anew;
# - name the three shape bugs that raise no error, and set traps in which they are caught.
#
# A *tensor* is an array with any number of axes. PyTorch's are called tensors, NumPy's arrays; here they are NumPy's,
# and where PyTorch spells it otherwise, the lesson says so ([the whole list](../docs/coming-from/pytorch.md)).

# %% [markdown]
# ## Making them
#
# Three things are to be known of an array: its *shape* (how long each axis is), its *dtype* (what its numbers are) and,
# later, whose memory it is.

# %%
import numpy as np
from matplotlib import pyplot as plt

import difflab as dl
from difflab import nn

F = nn.functional
X = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])  # from nested lists: two rows, three columns
made = {
    "array": X,
    "zeros": np.zeros((2, 3)),
    "ones_like": np.ones_like(X),
    "arange": np.arange(6),
    "linspace": np.linspace(0, 1, 5),
    "random": np.random.default_rng(0).normal(size=(4, 2)),  # the seed makes it the same at every run
}
for name, x in made.items():
    print(f"{name:10} shape {x.shape!s:8} axes {x.ndim}  numbers {x.size}  dtype {x.dtype}")
assert X.shape == (2, 3) and X.shape[0] == len(X) == 2 and X.size == 6

# %% [markdown]
# `x.shape[0]` is the length of the first axis, by custom the number of samples. A single number has shape `()`: no axes
# at all, which is not the same as one axis of length 1.

# %%
number, one = np.array(3.5), np.array([3.5])
assert number.shape == () and one.shape == (1,) and number.size == one.size == 1
assert dl.grad(lambda x: x**2)(3.5).shape == () and dl.grad(lambda x: np.sum(x**2))(one).shape == (1,)

# %% [markdown]
# ## What the numbers are
#
# `dtype` decides how far a number can be trusted and whether it has a derivative. Floats do; whole numbers do not,
# since a derivative asks what a small change does. (`np.arange(6)` above is of whole numbers: the classic surprise.)

# %%
counts = np.arange(3)
try:
    dl.grad(lambda x: np.sum(x**2))(counts)
except TypeError as error:
    print(error)
assert np.array_equal(dl.grad(lambda x: np.sum(x**2))(counts.astype(float)), [0.0, 2.0, 4.0])
assert dl.grad(lambda x: np.sum(x**2))(np.ones(3, np.float32)).dtype == np.float32  # a gradient keeps the dtype

# %% [markdown]
# Here, as in NumPy, a number with a point is a float64; PyTorch makes a float32 of it. float32 has 24 bits, some seven
# digits, and that is not much for a sum:

# %%
assert np.float32(2**24) + np.float32(1) == 2**24  # 1 more is nothing
total = np.cumsum(np.full(10**6, 0.1, np.float32))[-1]  # added one after the other
assert abs(total - 1e5) > 500 and abs(np.cumsum(np.full(10**6, 0.1))[-1] - 1e5) < 1e-4
print(f"a million times 0.1: {total:.0f} in float32, {np.cumsum(np.full(10**6, 0.1))[-1]:.4f} in float64")

# %% [markdown]
# ## Element by element, and the product of matrices
#
# `+ - * /` and NumPy's functions work on each element. `@` is the product of matrices: the last axis of the first meets
# the last but one of the second, and both are gone. Shapes that do not fit are refused, and the error names both:

# %%
W, x = np.arange(6.0).reshape(2, 3), np.array([1.0, 0.0, -1.0])
assert (W @ x).shape == (2,) and (W * x).shape == (2, 3)  # * is another thing
for bad in (lambda x: np.sum(W @ x[:2]), lambda x: np.sum(W + x[:2])):
    try:
        dl.grad(bad)(x)
    except ValueError as error:
        print(error)

# %% [markdown]
# `W * x` did not fail: its shapes (2, 3) and (3,) differ, and were *broadcast*. The rule, counted from
# the last axis: two lengths fit if they are equal or one of them is 1, and missing axes count as 1. What was repeated
# on the way there is summed on the way back, which is why a bias has the gradient of its own shape:

# %%
bias_gradient = dl.grad(lambda b: np.sum((W + b) * W))(x)
assert bias_gradient.shape == x.shape and np.allclose(bias_gradient, W.sum(axis=0))

# %% [markdown]
# ## Counting anew: reshape, and a new axis
#
# `reshape` takes the numbers in their order and counts them out into another shape. One length may be left open with
# -1. It is PyTorch's `view`. `x[None]` and `x[:, None]` put in an axis of length 1: PyTorch's `unsqueeze`.

# %%
r = np.arange(6.0)
assert r.reshape(1, 3, -1).shape == (1, 3, 2) and r.reshape(2, -1).shape == (2, 3)
assert r[None].shape == (1, 6) and r[:, None].shape == (6, 1) and r[:, None].squeeze().shape == (6,)
distances = np.abs(r[:, None] - r[None, :])  # each with each: (6, 1) and (1, 6) make (6, 6)
assert distances.shape == (6, 6) and distances[4, 1] == 3

# %% [markdown]
# Who comes from PyTorch and types its names on a value that is being recorded gets told:

# %%
for line in (
    lambda x: x.view(1, 3, -1),
    lambda x: x.unsqueeze(0),
    lambda x: x.clone(),
    lambda x: x.detach(),
    lambda x: x.sum(dim=0),
    lambda x: x.size(0),
):
    try:
        dl.trace(line, r)
    except (AttributeError, TypeError, ValueError) as error:
        print("-", error)

# %% [markdown]
# **Bug 1: reshape is not transpose.** Both turn (2, 3) into (3, 2). One counts anew, the other turns.
# Rows of a batch of pictures that are "transposed" with `reshape` are mixtures of neighbours, and nothing fails.

# %%
assert X.reshape(3, 2).shape == X.T.shape and not np.array_equal(X.reshape(3, 2), X.T)
figure, axes = plt.subplots(1, 3, figsize=(7.5, 2.6), layout="constrained")
for place, (name, a) in zip(axes, {"X, (2, 3)": X, "X.T, (3, 2)": X.T, "X.reshape(3, 2)": X.reshape(3, 2)}.items()):
    place.imshow(a, cmap="Blues", vmin=0, vmax=9)
    place.set(xticks=range(a.shape[1]), yticks=range(a.shape[0]))
    place.set_title(name, fontsize=11)
    for index, value in np.ndenumerate(a):
        place.text(*index[::-1], f"{value:.0f}", ha="center", va="center", fontsize=13)

# %% [markdown]
# The trap: a test with numbers that can be followed, in which every entry says where it came from. Shapes alone
# cannot tell the two apart.

# %%
places = np.array([[10 * i + j for j in range(3)] for i in range(2)])
assert all(places.T[j, i] == 10 * i + j for i in range(2) for j in range(3))
assert places.reshape(3, 2)[1, 0] != 1

# %% [markdown]
# ## Whose memory: copies and views
#
# A slice, a `reshape` and a transpose are *views*: other ways to read the same numbers. Writing into one writes into
# all. `copy` (PyTorch's `clone`) makes numbers of one's own.

# %%
base = np.zeros(6)
view, own = base.reshape(2, 3), base.copy()
view[0, 1] = 7.0
assert base[1] == 7.0 and own[1] == 0.0
assert np.shares_memory(base, view) and not np.shares_memory(base, own)
assert not np.shares_memory(base, base[[0, 1, 2]])  # chosen by a list of places: a copy

# %% [markdown]
# While a function is recorded nothing may be written in place, since the backward pass needs the values
# that were there. difflab says so at the line; what is written instead is a new array:


# %%
def write_into(x):
    y = 2 * x
    y[0] = 1.0
    return np.sum(y)


try:
    dl.grad(write_into)(np.ones(3))
except TypeError as error:
    print(error)
replaced = lambda x: np.sum(np.where(np.arange(3) == 0, 1.0, 2 * x))
assert np.array_equal(dl.grad(replaced)(np.ones(3)), [0.0, 2.0, 2.0])

# %% [markdown]
# ## Sums, means, and axes that are kept
#
# `x.sum(axis=0)` adds along the first axis, which is then gone; `keepdims=True` leaves it with length 1.
#
# **Bug 2: the axis that was not kept.** A softmax divides each row by its sum. The sums of the rows have shape (n,),
# and (n, n) / (n,) divides *columns*, without a word, exactly when the matrix is square.

# %%
scores = np.random.default_rng(1).normal(size=(3, 3))
wrong = np.exp(scores) / np.exp(scores).sum(axis=1)
right = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
assert np.allclose(right, F.softmax(scores, dim=1)) and not np.allclose(wrong, right)
assert np.allclose(right.sum(axis=1), 1) and not np.allclose(wrong.sum(axis=1), 1)
try:
    np.exp(scores[:2]) / np.exp(scores[:2]).sum(axis=1)
except ValueError:
    print("with two rows and three columns the same line is an error")

# %% [markdown]
# The trap: test with lengths that are all different, such as 2, 3, 5. Then nothing fits by chance.
#
# ## Bug 3: [N, 1] and [N]
#
# A model gives its predictions as (N, 1), the targets are read as (N,). The difference of the two has shape (N, N):
# each prediction with *each* target. Its mean is a number, and it even falls during training.

# %%
rng = np.random.default_rng(0)
N = 64
features = np.column_stack([np.ones(N), rng.normal(size=(N, 2))])
true = np.array([3.0, 2.0, -1.0])
targets = features @ true + 0.1 * rng.normal(size=N)
assert (np.zeros((N, 1)) - targets).shape == (N, N)


def fit(loss, steps=100):
    w, gradient, history = np.zeros((3, 1)), dl.compile(dl.grad(loss)), []
    for _ in range(steps):
        history.append(float(loss(w)))
        w = w - 0.1 * gradient(w)
    return w, history


trapped_loss = lambda w: np.mean((features @ w - targets) ** 2)
careful_loss = lambda w: np.mean((features @ w - targets[:, None]) ** 2)
(trapped, falls), (careful, good) = fit(trapped_loss), fit(careful_loss)
assert falls[-1] < falls[0] / 2 and np.allclose(trapped.ravel(), [targets.mean(), 0, 0], atol=0.1)  # the mean to all
assert np.allclose(careful.ravel(), true, atol=0.05) and good[-1] < 0.02

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
left.semilogy(falls, "C1--", label="(N, 1) - (N,)")
left.semilogy(good, "C0", label="(N, 1) - (N, 1)")
left.set(xlabel="step", ylabel="loss", title="The loss does not shout")
left.legend()
for w, mark, name in ((trapped, "C1x", "(N, 1) - (N,)"), (careful, "C0o", "(N, 1) - (N, 1)")):
    right.plot(targets, (features @ w).ravel(), mark, markersize=4, label=name)
right.set(xlabel="target", ylabel="prediction", title="The predictions do")
print(f"weights found: {trapped.ravel().round(2)} and {careful.ravel().round(2)}, true ones {true}")

# %% [markdown]
# Three traps, and one of them is a picture. `nn.functional.mse_loss` refuses shapes that differ. A line that says the
# shape costs nothing. And the graph of the loss, drawn with a batch of 4, shows `(4, 4)` where no such thing should be:

# %%
try:
    F.mse_loss(features @ careful, targets)
except ValueError as error:
    print(error)


def checked(w):
    difference = features @ w - targets
    assert difference.shape == (N, 1), f"difference has shape {difference.shape}"
    return np.mean(difference**2)


try:
    dl.grad(checked)(careful)
except AssertionError as error:
    print(error)

small = lambda w: np.mean((features[:4] @ w - targets[:4]) ** 2)
graph = dl.trace(small, careful)
assert (4, 4) in [node.shape for node in graph.order]
graph.forward(careful)

# %% [markdown]
# Printing works while a function is recorded, too; the value is there, with its shape and dtype:

# %%
shown = []
dl.grad(lambda w: shown.append(f"{features @ w - targets}"[:60]) or small(w))(careful)
print(shown[0], "...")
assert "shape (64, 64)" in shown[0]

# %% [markdown]
# ## A constant on purpose: stop_gradient
#
# PyTorch's `detach` cuts a value off from the tape; here it is `dl.stop_gradient`. Forgetting it is a bug of its own
# kind. A network learns to predict its *own* later prediction (as in Q-learning): target $= r + \gamma\, v(s')$. The
# target is meant to stand still:

# %%
gamma, reward, here, there = 0.9, 1.0, np.array([1.0, 0.5]), np.array([0.2, 1.0])
value = lambda w, s: w @ s
moving = lambda w: (reward + gamma * value(w, there) - value(w, here)) ** 2
still = lambda w: (dl.stop_gradient(reward + gamma * value(w, there)) - value(w, here)) ** 2
w = np.array([0.3, -0.2])
error = reward + gamma * value(w, there) - value(w, here)
assert moving(w) == still(w)  # the same number
assert np.allclose(dl.grad(still)(w), -2 * error * here)  # and another gradient
assert np.allclose(dl.grad(moving)(w), 2 * error * (gamma * there - here))
# Where no gradient is wanted at all, nothing has to be switched off: call the function, it works on arrays.
assert isinstance(value(w, here), np.float64)

# %% [markdown]
# ## Exercises
#
# **1.** `x` holds 5 series of 8 moments with 3 channels each, shape (5, 8, 3). Take the mean of every channel off, in
# one line and without a loop, (a) over time in each series, (b) over time and series. Check it with sums.

# %% tags=["solution"]
x = rng.normal(size=(5, 8, 3))
a = x - x.mean(axis=1, keepdims=True)
b = x - x.mean(axis=(0, 1))  # the last axis fits without keepdims
assert a.shape == b.shape == x.shape
assert np.allclose(a.sum(axis=1), 0) and np.allclose(b.sum(axis=(0, 1)), 0) and not np.allclose(b.sum(axis=1), 0)

# %% [markdown]
# **2.** In the trapped loss above, which weights is gradient descent led to? Derive it and check.

# %% tags=["solution"]
# The mean over all pairs of (p_i - y_j)^2 is the mean of (p_i - mean y)^2, plus the variance of y: each prediction is
# drawn to the mean target. So it is least squares with the mean in the place of every target.
expected = np.linalg.lstsq(features, np.full(N, targets.mean()), rcond=None)[0]
longer, _ = fit(trapped_loss, 400)
assert np.allclose(longer.ravel(), expected, atol=1e-6)
pairs = np.mean((features @ trapped - targets) ** 2)
assert np.isclose(pairs, np.mean((features @ trapped - targets.mean()) ** 2) + targets.var())
expected.round(3)

# %% [markdown]
# **3.** Which of these share memory with `x` of shape (4, 6): `x[1]`, `x[[1]]`, `x.T`, `x.reshape(-1)`,
# `x.T.reshape(-1)`, `x[x > 0]`, `x[:, None]`, `x + 0`? Guess before you look.

# %% tags=["solution"]
x = rng.normal(size=(4, 6))
answers = {
    "x[1]": True,
    "x[[1]]": False,  # by a list: a copy
    "x.T": True,  # turned by reading in other steps
    "x.reshape(-1)": True,
    "x.T.reshape(-1)": False,  # the order in memory does not allow it: reshape has to copy
    "x[x > 0]": False,
    "x[:, None]": True,
    "x + 0": False,
}
assert all(np.shares_memory(x, eval(text)) == shared for text, shared in answers.items())
[text for text, shared in answers.items() if shared]

# %% [markdown]
# ## What to read next
#
# - NumPy's user guide, "Broadcasting" and "Copies and views".
# - Harris et al., "Array programming with NumPy" (2020).
# - [Coming from PyTorch](../docs/coming-from/pytorch.md): all names side by side, and the same names that mean another
#   thing.
# - Lesson 6: what a Jacobian's shape is, and why nobody builds it.
