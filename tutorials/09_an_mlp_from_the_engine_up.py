# %% [markdown]
# # 9. An MLP from the engine up
#
# After this lesson you can
#
# - write a multilayer perceptron (MLP), its loss and its training in twenty lines on top of `dl.grad`;
# - derive its backward pass by hand, and check it to the last digits;
# - say how the weights must start, and move to `difflab.nn` knowing what is inside.

# %% [markdown]
# ## A problem that no line can solve
#
# Three classes of points on the arms of a spiral. First a linear classifier: scores $Z = XW + b$, a column for each
# class, made into probabilities by softmax. Its loss is the cross-entropy, as in lesson 7.

# %%
import numpy as np
from matplotlib import pyplot as plt

import difflab as dl
from difflab import nn

X, y = nn.data.spiral(300, 3, noise=0.15, seed=1)
onehot = np.eye(3)[y]  # a row for each point, 1 at its class
rng = np.random.default_rng(0)


def cross_entropy(Z):
    return np.mean(dl.numpy.logsumexp(Z, axis=1) - np.sum(onehot * Z, axis=1))


def linear(params, X):
    return X @ params["W"] + params["b"]


def train(model, params, rate, steps):
    """Gradient descent on all points; the parameters and the loss of each step."""
    step = dl.compile(dl.value_and_grad(lambda params: cross_entropy(model(params, X))))
    history = []
    for _ in range(steps):
        value, gradient = step(params)
        params = {name: p - rate * gradient[name] for name, p in params.items()}
        history.append(value)
    return params, history


def accuracy(model, params):
    return np.mean(model(params, X).argmax(1) == y)


line, line_history = train(linear, {"W": np.zeros((2, 3)), "b": np.zeros(3)}, 1.0, 300)
assert np.isclose(line_history[0], np.log(3))  # knowing nothing costs log 3
assert accuracy(linear, line) < 0.8  # and this is as far as lines go

# %% [markdown]
# ## One hidden layer
#
# Put a layer between: 24 numbers of the form $\tanh(\text{something linear})$, and classify *those*.
#
# $$H = \tanh(X W_1 + b_1), \qquad Z = H W_2 + b_2 .$$
#
# The training loop above stays as it is. It does not know what it trains.


# %%
def mlp(params, X):
    H = np.tanh(X @ params["W1"] + params["b1"])
    return H @ params["W2"] + params["b2"]


def start(hidden, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "W1": rng.normal(size=(2, hidden)) / np.sqrt(2),
        "b1": np.zeros(hidden),
        "W2": rng.normal(size=(hidden, 3)) / np.sqrt(hidden),
        "b2": np.zeros(3),
    }


params, history = train(mlp, start(24), 1.0, 2500)
assert accuracy(mlp, params) > 0.95
assert history[-1] < 0.2 * line_history[-1]

# %%
side = np.linspace(-1.15, 1.15, 150)
grid = np.stack(np.meshgrid(side, side), -1).reshape(-1, 2)

figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for place, (name, model, p) in zip(axes, (("linear", linear, line), ("24 hidden units", mlp, params))):
    answers = model(p, grid).argmax(1).reshape(150, 150)
    place.contourf(side, side, answers, levels=[-0.5, 0.5, 1.5, 2.5], colors=["#cfe2f3", "#fce5cd", "#d9ead3"])
    for k, (colour, mark) in enumerate((("tab:blue", "o"), ("tab:orange", "s"), ("tab:green", "^"))):
        place.plot(*X[y == k].T, mark, color=colour, markersize=4, markeredgecolor="white", markeredgewidth=0.4)
    place.set(title=name, aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
figure

# %% [markdown]
# The network still separates by lines. But they are lines in the space of $H$, and tanh has bent the plane on the way
# there.

# %% [markdown]
# ## The backward pass by hand
#
# Two facts are known: through softmax and cross-entropy together comes $P - Y$ (lesson 7), and through a linear layer
# come products with transposes (lesson 6). With $D_Z = \frac1n (P - Y)$,
#
# $$\frac{\partial L}{\partial W_2} = H^T D_Z, \quad D_H = D_Z W_2^T, \quad
# D_A = D_H \odot (1 - H^2), \quad \frac{\partial L}{\partial W_1} = X^T D_A ,$$
#
# and the gradients of $b_2$ and $b_1$ are the column sums of $D_Z$ and $D_A$. Why $1 - H^2$? It is the derivative of
# tanh, said by its own value. So $H$ is kept from the forward pass and nothing is computed twice.


# %%
def by_hand(params):
    H = np.tanh(X @ params["W1"] + params["b1"])
    Z = H @ params["W2"] + params["b2"]
    P = np.exp(Z - Z.max(1, keepdims=True))
    P = P / P.sum(1, keepdims=True)
    D_Z = (P - onehot) / len(X)
    D_A = (D_Z @ params["W2"].T) * (1 - H**2)
    return {"W1": X.T @ D_A, "b1": D_A.sum(0), "W2": H.T @ D_Z, "b2": D_Z.sum(0)}


here = start(24, seed=5)
loss = lambda params: cross_entropy(mlp(params, X))
engine = dl.grad(loss)(here)
mine = by_hand(here)
assert all(np.allclose(mine[name], engine[name], rtol=1e-10, atol=1e-14) for name in here)
assert all(engine[name].shape == here[name].shape for name in here)
{name: g.shape for name, g in mine.items()}

# %% [markdown]
# The engine walks the same path. Here it is for two hidden units and a single point: values in green, adjoints in
# blue, with softmax and cross-entropy as one block.

# %%
import tempfile
from pathlib import Path

block = dl.block(lambda z: dl.numpy.logsumexp(z) - z[0], name="CrossEntropy")  # the point is of class 0


def one_point(W1, b1, W2, b2, x):
    h = dl.label(np.tanh(W1 @ x + b1), "h")
    z = dl.label(W2 @ h + b2, "z")
    return block(z)


values = (np.array([[1.0, -2.0], [0.5, 1.0]]), np.zeros(2), np.array([[1.0, -1.0], [0.5, 2.0]]), np.zeros(2))
values = (*values, np.array([0.5, -0.5]))
passes = dl.trace(one_point, *values).forward(*values).backward()
z = passes.forward.value("z")
assert np.allclose(passes.adjoint("z"), np.exp(z) / np.exp(z).sum() - [1, 0])  # P - Y once more


class Picture:
    """A drawing from top to bottom."""

    def __init__(self, passes, title):
        with tempfile.TemporaryDirectory() as folder:
            path = dl.draw(passes, Path(folder, "net.svg"), direction="down", open_blocks=False, title=title)
            self.svg = path.read_text()

    def _repr_svg_(self):
        return self.svg


Picture(passes, "Both passes of a network with one hidden layer")

# %% [markdown]
# ## How weights must start
#
# All zeros looks harmless. But then all hidden units compute the same, receive the same gradient, and stay the same
# for ever: 24 units that are worth one. Randomness is what tells them apart.

# %%
equal = start(24) | {"W1": np.full((2, 24), 0.3), "W2": np.tile([[0.1, -0.2, 0.3]], (24, 1))}
after, _ = train(mlp, equal, 1.0, 100)
assert np.allclose(after["W1"], after["W1"][:, :1], rtol=1e-9)  # every column is still the first
assert accuracy(mlp, after) < 0.8

# %% [markdown]
# How random? If the entries of a layer's input have variance 1, and its $n$ weights have variance $\sigma^2$, the sums
# have variance $n \sigma^2$. That should be 1, so $\sigma = 1/\sqrt n$. Smaller, and signals and gradients die out from
# layer to layer; larger, and every tanh saturates while the gradients grow on the way back. Twenty layers show it:


# %%
def deep(scale, layers=20, width=100):
    """Size (root mean square) of each layer's values, and of the loss's gradient by them."""
    rng = np.random.default_rng(2)
    weights = scale * rng.normal(size=(layers, width, width)) / np.sqrt(width)
    x, direction = rng.normal(size=(50, width)), rng.normal(size=width)

    def run(shifts):  # a zero added to each layer, so that the gradient by the layer can be asked for
        h, values = x, []
        for W, shift in zip(weights, shifts):
            h = np.tanh(h @ W) + shift
            values.append(h)
        return np.sum(h @ direction), values

    gradients, values = dl.grad(run, has_aux=True)(np.zeros((layers, *x.shape)))
    size = lambda a: np.sqrt(np.mean(np.square(a)))
    return [size(v) for v in values], [size(g) for g in gradients]


found = {scale: deep(scale) for scale in (0.5, 1.0, 4.0)}
assert found[0.5][0][-1] < 1e-5 * found[0.5][0][0]  # the signal dies
assert found[4.0][0][-1] > 0.8 and found[4.0][1][0] > 100 * found[4.0][1][-1]  # saturated, and exploding
assert found[1.0][0][-1] > 0.1 and 0.1 < found[1.0][1][0] / found[1.0][1][-1] < 10  # alive both ways

figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.4), layout="constrained")
for (scale, sizes), style in zip(found.items(), ("o-", "s-", "^-")):
    for place, values in zip(axes, sizes):
        place.semilogy(range(1, 21), values, style, markersize=3, label=f"weights of size {scale:g} / sqrt(n)")
axes[0].set(title="Values, forward", xlabel="layer", ylabel="root mean square")
axes[1].set(title="Gradients, backward", xlabel="layer")
for place in axes:
    place.set_xticks([1, 5, 10, 15, 20])
axes[0].legend(fontsize=8)
figure

# %% [markdown]
# ## The same with layers
#
# `difflab.nn` has layers in PyTorch's conventions: a `Linear` keeps its weight as (outputs, inputs), so ours are
# transposed. A layer holds no arrays; `apply` takes parameters and gives results, and that is all `dl.grad` needs.
# With our numbers in it, the model from the shelf is our function, to the last digits.

# %%
model = nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 3))
_, state = model.init(0)  # these layers keep no running statistics; state is empty dicts
ours = {
    "0": {"weight": here["W1"].T, "bias": here["b1"]},
    "1": {},
    "2": {"weight": here["W2"].T, "bias": here["b2"]},
}


def shelf_loss(p):
    scores, _ = model.apply(p, state, X, training=True)
    return nn.functional.cross_entropy(scores, y)


value, gradient = dl.value_and_grad(shelf_loss)(ours)
assert np.isclose(value, loss(here), rtol=1e-13)
assert np.allclose(gradient["0"]["weight"].T, engine["W1"], rtol=1e-10, atol=1e-14)
assert np.allclose(gradient["2"]["bias"], engine["b2"], rtol=1e-10, atol=1e-14)
nn.summary(model, (2,))

# %% [markdown]
# `nn.fit` is the training loop with the rest around it: mini-batches, an optimiser, a history, checkpoints if they
# are wanted.

# %%
run = nn.fit(model, (X, y), "cross_entropy", nn.optim.Adam(lr=0.02), epochs=150, batch_size=50, progress=False)
last = run.history[-1]
assert last["train_accuracy"] > 0.97
assert np.mean(run.predict(X).argmax(1) == y) > 0.97

# %% [markdown]
# ## Exercises
#
# **1.** How many numbers does an MLP with layers of sizes 784, 256, 128, 10 learn? Say it with a formula and ask the
# library.

# %% tags=["solution"]
from itertools import pairwise

sizes = (784, 256, 128, 10)
count = sum((a + 1) * b for a, b in pairwise(sizes))  # each unit: a weights and a bias
assert count == nn.summary(nn.models.mlp(sizes), (784,)).parameters == 235_146

# %% [markdown]
# **2.** Leave the tanh out. Show that two linear layers are one linear layer, and that training cannot get further
# than the line did.


# %% tags=["solution"]
def bent_by_nothing(params, X):
    return (X @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]


merged = {"W": here["W1"] @ here["W2"], "b": here["b1"] @ here["W2"] + here["b2"]}
assert np.allclose(bent_by_nothing(here, X), linear(merged, X))
_, flat_history = train(bent_by_nothing, start(24), 0.2, 1000)
long_line, long_history = train(linear, {"W": np.zeros((2, 3)), "b": np.zeros(3)}, 1.0, 3000)
assert flat_history[-1] > long_history[-1] - 1e-6

# %% [markdown]
# **3.** With relu in place of tanh a network is piecewise linear. Build, by hand and with three hidden units, the hat
# that is 0 outside $[-1, 1]$ and rises to 1 at 0. Where are its derivatives 1, -1 and 0? (From hats one can build
# any continuous function of one variable, as closely as one likes.)

# %% tags=["solution"]
corners, slopes = np.array([-1.0, 0.0, 1.0]), np.array([1.0, -2.0, 1.0])
hat = lambda t: np.sum(slopes * np.maximum(0.0, t - corners))
assert [hat(t) for t in (-2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 3.0)] == [0, 0, 0.5, 1, 0.75, 0, 0]
assert [dl.grad(hat)(t) for t in (-2.0, -0.5, 0.5, 2.0)] == [0, 1, -1, 0]

# %% [markdown]
# ## What to read next
#
# - Goodfellow, Bengio and Courville, *Deep Learning*, chapter 6; section 8.4 on how to start.
# - Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010); He, Zhang,
#   Ren and Sun, "Delving deep into rectifiers" (2015), section 2.2, for relu.
# - Cybenko, "Approximation by superpositions of a sigmoidal function" (1989): one hidden layer is enough.
# - Lesson 10: layers that know what an image is.
