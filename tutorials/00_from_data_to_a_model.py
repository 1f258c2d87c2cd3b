# %% [markdown]
# # 0. From data to a model
#
# After this lesson you can
#
# - name the five parts of a program that learns, and point at each of them in fifty lines;
# - write down the objective of a classifier, and say why its gradient is all that training needs;
# - train a multilayer perceptron (MLP) on handwritten digits, and say how far it can be trusted.

# %% [markdown]
# ## The pipeline
#
# Write a program that reads handwritten digits. Which pixels make a seven? Nobody can say it in rules, but everybody
# can show examples. So we do not write the program. We write one with thousands of open numbers, and let examples
# choose the numbers. Every such program has the same five parts.

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

import difflab as dl
from difflab import nn

parts = {
    "data": "pairs $(x_i, y_i)$",
    "model": "$f(x; \\theta)$",
    "objective": "$J(\\theta)$, to be small",
    "optimisation": "$\\theta \\leftarrow \\theta - \\eta \\nabla J$",
    "test": "data never seen",
}
figure, axes = plt.subplots(figsize=(10, 2.2), layout="constrained")
for k, (name, told) in enumerate(parts.items()):
    box = dict(boxstyle="round,pad=0.02,rounding_size=0.12", facecolor="#eef5f1", edgecolor="#0b6e4f")
    axes.add_patch(FancyBboxPatch((2 * k, 0), 1.5, 0.9, **box))
    axes.text(2 * k + 0.75, 0.58, name, ha="center", weight="bold", fontsize=12)
    axes.text(2 * k + 0.75, 0.24, told, ha="center", fontsize=10)
    if k < 4:
        arrow = dict(arrowstyle="-|>", mutation_scale=14, color="#0b6e4f")
        axes.add_patch(FancyArrowPatch((2 * k + 1.55, 0.45), (2 * k + 1.97, 0.45), **arrow))
bow = dict(connectionstyle="arc3,rad=-0.15", arrowstyle="-|>", mutation_scale=14, color="#b4540a")
axes.add_patch(FancyArrowPatch((6.75, -0.05), (2.75, -0.05), **bow))
axes.text(4.75, -0.25, "again and again", ha="center", color="#b4540a")
axes.set(xlim=(-0.1, 9.6), ylim=(-0.55, 1), title="The pipeline")
axes.set_axis_off()
figure

# %% [markdown]
# ## Data
#
# An *example* is a pair: an input $x$, here 8 by 8 pixels between 0 (white) and 1 (black), and an answer $y$, here one
# of ten digits. They come from somewhere, and we believe that future ones will come from there too. Some are put aside
# at once: we will need images that training has never seen.

# %%
digits = nn.data.digits()
x, y = digits.x_train.reshape(-1, 64).astype(float), digits.y_train
x_test, y_test = digits.x_test.reshape(-1, 64).astype(float), digits.y_test
assert x.shape == (1438, 64) and x_test.shape == (359, 64)
assert x.min() >= 0 and x.max() <= 1

figure, axes = plt.subplots(2, 10, figsize=(9, 2.2), layout="constrained")
for k, column in enumerate(axes.T):
    for place, image in zip(column, x[y == k]):
        place.imshow(image.reshape(8, 8), cmap="gray_r")
        place.set(xticks=[], yticks=[])
    column[0].set_title(k)
figure.suptitle("Two images of each digit")
figure

# %% [markdown]
# Before anything is learned: what would a simple rule achieve? One rule says the most frequent digit, whatever it sees.
# Another takes the mean image of each digit and answers with the nearest mean. What we build has to beat that.

# %%
frequent = np.mean(y_test == np.bincount(y).argmax())
means = np.stack([x[y == k].mean(0) for k in range(10)])
nearest = np.mean(((x_test[:, None] - means) ** 2).sum(-1).argmin(1) == y_test)
print(f"the most frequent digit {frequent:.2f}, the nearest mean {nearest:.2f}")
assert frequent < 0.15 and 0.8 < nearest < 0.95

# %% [markdown]
# ## Model
#
# A model is a function with parameters, $f(x; \theta)$. Ours gives ten scores, one for each digit, and answers with the
# digit of the largest. An MLP with one hidden layer computes
#
# $$h = \max(0, \; W_1 x + b_1), \qquad s = W_2 h + b_2, \qquad \theta = (W_1, b_1, W_2, b_2) .$$
#
# Each of the 32 numbers in $h$ asks a question about the image: how much of a certain pattern is in it? Without the
# $\max$ the two matrices would be one, and the model a linear one.

# %%
HIDDEN = 32


def start(seed):
    rng = np.random.default_rng(seed)
    return {
        "W1": rng.normal(size=(HIDDEN, 64)) * np.sqrt(2 / 64),  # why this size: lesson 9
        "b1": np.zeros(HIDDEN),
        "W2": rng.normal(size=(10, HIDDEN)) * np.sqrt(1 / HIDDEN),
        "b2": np.zeros(10),
    }


def scores(theta, x):
    h = np.maximum(0, x @ theta["W1"].T + theta["b1"])
    return h @ theta["W2"].T + theta["b2"]


def accuracy(theta, x, y):
    return np.mean(scores(theta, x).argmax(1) == y)


theta = start(0)
count = sum(w.size for w in theta.values())
assert count == 64 * 32 + 32 + 32 * 10 + 10
assert accuracy(theta, x_test, y_test) < 0.3  # it knows nothing yet
print(f"{count} open numbers")

# %%
figure, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
layers = ((0, 8, "64 pixels"), (1, 6, "32 hidden units"), (2, 5, "10 scores"))
for k, size, name in layers:
    before = layers[k - 1][1] if k else 0
    for i in range(before):
        for j in range(size):
            axes.plot([k - 1, k], [i - (before - 1) / 2, j - (size - 1) / 2], color="0.8", linewidth=0.6, zorder=1)
    axes.scatter([k] * size, np.arange(size) - (size - 1) / 2, s=170, color="#eef5f1", edgecolor="#0b6e4f", zorder=2)
    axes.text(k, 4.3, name, ha="center")
axes.text(0.5, -4.4, "$W_1, b_1$, then max(0, .)", ha="center")
axes.text(1.5, -4.4, "$W_2, b_2$", ha="center")
axes.set(title="A multilayer perceptron (some of its units)", ylim=(-4.8, 4.9), xlim=(-0.4, 2.4))
axes.set_axis_off()
figure

# %% [markdown]
# ## Objective
#
# How wrong is the model? The number of wrong answers would say it, but it does not change when $\theta$ changes a
# little, so it cannot tell where to go. A smooth measure is needed. Make the scores probabilities, all positive with
# sum 1, and look at the probability of the right answer:
#
# $$p_k = \frac{e^{s_k}}{\sum_j e^{s_j}}, \qquad \ell = -\ln p_y, \qquad
# J(\theta) = \frac1n \sum_{i=1}^n \ell(f(x_i; \theta), y_i) .$$
#
# The loss $\ell$ is 0 for a certain right answer, $\ln 10 = 2.3$ for shrugging, and large for a certain wrong one.
# Lesson 7 says where it comes from.


# %%
def objective(theta, x, y):
    s = scores(theta, x)
    right = np.take_along_axis(s, y[:, None], axis=1)[:, 0]  # the score of the right answer
    return np.mean(dl.numpy.logsumexp(s, axis=1) - right)


blank = {name: 0 * w for name, w in theta.items()}
assert np.isclose(objective(blank, x, y), np.log(10))  # all answers equally likely
assert np.isclose(objective(theta, x, y), nn.functional.cross_entropy(scores(theta, x), y))

# %% [markdown]
# ## Optimisation
#
# $J$ is a landscape over 2410 dimensions, and we look for a low place. The gradient $\nabla J$ says for each open
# number how fast $J$ rises when it grows, so a small step against it goes down. `dl.grad` gives all 2410 numbers for
# the price of a few evaluations. How, is what lessons 1 to 6 are about. Here we check one of them with a difference
# quotient, and take one step.

# %%
gradient = dl.grad(objective)(theta, x, y)
assert all(gradient[name].shape == theta[name].shape for name in theta)

h = 1e-6
up, down = (theta | {"b2": theta["b2"] + side * h * np.eye(10)[3]} for side in (1, -1))
quotient = (objective(up, x, y) - objective(down, x, y)) / (2 * h)
assert np.isclose(quotient, gradient["b2"][3], rtol=1e-6)

step = {name: theta[name] - 0.1 * gradient[name] for name in theta}
assert objective(step, x, y) < objective(theta, x, y)

# %% [markdown]
# Now again and again. Not with all images each time, but with 32 drawn at random: a rougher direction, at a fraction of
# the price (lesson 8). One walk through all images is an epoch. `dl.compile` makes a fast program of the step.


# %%
@dl.compile
def update(theta, x, y, rate):
    gradient = dl.grad(objective)(theta, x, y)
    return {name: theta[name] - rate * gradient[name] for name in theta}


def train(seed, epochs=40, rate=0.2):
    theta, history = start(seed), []
    for epoch in range(epochs):
        for batch in nn.data.batches(len(x), 32, seed=seed, epoch=epoch, drop_last=True):
            theta = update(theta, x[batch], y[batch], rate)
        history.append((objective(theta, x, y), objective(theta, x_test, y_test)))
    return theta, np.array(history)


theta, history = train(0)
assert history[-1, 0] < 0.05  # the model fits what it was shown

figure, axes = plt.subplots(figsize=(6.5, 3.2))
axes.semilogy(np.arange(1, 41), history[:, 0], color="tab:blue", label="images it learns from")
axes.semilogy(np.arange(1, 41), history[:, 1], color="tab:red", label="images never seen")
axes.axhline(np.log(10), color="0.5", linestyle="--", label="shrugging")
axes.set(xlabel="epoch", ylabel="objective", title="Learning")
axes.legend(fontsize=8)
figure

# %% [markdown]
# ## Test
#
# Does it read digits, or has it learned 1438 images by heart? Only images that it has never seen can tell. They are
# used here once, at the end, and for nothing else.

# %%
answers = scores(theta, x_test).argmax(1)
reached = np.mean(answers == y_test)
print(f"right on images never seen: {reached:.2f}; the simple rule had {nearest:.2f}")
assert reached > 0.94 and reached > nearest + 0.03
assert reached <= accuracy(theta, x, y)  # a little worse than on what it has learned from: lesson 24

mistakes = np.flatnonzero(answers != y_test)[:6]
s = scores(theta, x_test)
probability = np.exp(s - s.max(1, keepdims=True))
probability = probability / probability.sum(1, keepdims=True)
figure, axes = plt.subplots(2, 6, figsize=(9, 3.2), layout="constrained", height_ratios=[1.3, 1])
for column, k in zip(axes.T, mistakes):
    column[0].imshow(x_test[k].reshape(8, 8), cmap="gray_r")
    column[0].set(xticks=[], yticks=[])
    column[0].set_title(f"{y_test[k]}, read as {answers[k]}", fontsize=9)
    colours = ["tab:green" if d == y_test[k] else "tab:red" if d == answers[k] else "0.7" for d in range(10)]
    column[1].bar(range(10), probability[k], color=colours)
    column[1].set(ylim=(0, 1), xticks=range(10), yticks=[])
    column[1].tick_params(labelsize=7)
figure.suptitle("Mistakes, and how sure it was")
figure

# %% [markdown]
# And what are the patterns that the hidden units ask for? Each row of $W_1$ is an image. Green is ink that counts for
# it, purple ink that counts against it. Nobody drew these.

# %%
strongest = np.linalg.norm(theta["W2"], axis=0).argsort()[::-1][:10]
largest = np.abs(theta["W1"]).max()
figure, axes = plt.subplots(1, 10, figsize=(9, 1.4), layout="constrained")
for place, k in zip(axes, strongest):
    place.imshow(theta["W1"][k].reshape(8, 8), cmap="PRGn", vmin=-largest, vmax=largest)
    place.set(xticks=[], yticks=[])
figure.suptitle("What ten of the hidden units look for")
assert np.abs(theta["W1"] - start(0)["W1"]).max() > 0.3  # they have been learned
figure

# %% [markdown]
# ## The same in four lines, and in PyTorch
#
# Once the parts are known one need not write them each time.

# %%
model = nn.models.mlp((64, HIDDEN, 10))
run = nn.fit(model, digits, optimiser=nn.optim.SGD(lr=0.2), epochs=40, batch_size=32, progress=False)
assert run.history[-1]["test_accuracy"] > 0.94

# %% [markdown]
# PyTorch has the same parts under the same names, and the weights can be carried over. Where PyTorch is installed, this
# cell checks that scores and gradients are the same.

# %%
try:
    import torch
except ImportError:
    torch = None

if torch:
    theirs = torch.nn.Sequential(torch.nn.Linear(64, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 10)).double()
    for layer, (W, b) in zip((theirs[0], theirs[2]), (("W1", "b1"), ("W2", "b2"))):
        layer.weight.data, layer.bias.data = torch.tensor(theta[W]), torch.tensor(theta[b])
    output = theirs(torch.tensor(x_test))
    torch.nn.functional.cross_entropy(output, torch.tensor(y_test).long()).backward()
    assert np.allclose(output.detach().numpy(), scores(theta, x_test))
    ours = dl.grad(objective)(theta, x_test, y_test)
    assert np.allclose(theirs[0].weight.grad.numpy(), ours["W1"], atol=1e-10)

# %% [markdown]
# ## Exercises
#
# **1.** Leave the $\max$ out. Show that the model becomes linear, and measure what that costs.


# %% tags=["solution"]
def flat_scores(theta, x):
    return (x @ theta["W1"].T + theta["b1"]) @ theta["W2"].T + theta["b2"]


W, b = theta["W2"] @ theta["W1"], theta["W2"] @ theta["b1"] + theta["b2"]
assert np.allclose(flat_scores(theta, x_test), x_test @ W.T + b)  # one matrix and one vector
linear = nn.fit(nn.models.mlp((64, 10)), digits, optimiser=nn.optim.SGD(lr=0.2), epochs=40, batch_size=32,
                progress=False)  # fmt: skip
assert linear.history[-1]["train_loss"] > 2 * history[-1, 0]  # it cannot fit as well

# %% [markdown]
# **2.** Shuffle the labels of the test images. What does the accuracy become, and what does that say about tests?

# %% tags=["solution"]
wrong = np.random.default_rng(1).permutation(y_test)
assert 0.03 < np.mean(answers == wrong) < 0.2  # chance: it can only be right about what has to do with the image

# %% [markdown]
# **3.** Why not count mistakes as the objective? Ask the engine for the gradient of a step.

# %% tags=["solution"]
hit = lambda s: np.where(s > 0, 1.0, 0.0)  # right where the score is positive
assert dl.grad(hit)(0.7) == 0 and dl.grad(hit)(-0.7) == 0  # flat everywhere: no direction to go

# %% [markdown]
# ## What to read next
#
# | part | lessons |
# |---|---|
# | gradients, which make it all possible | 1 to 6 |
# | objectives, optimisation, MLPs | 7 to 9 |
# | models for images and for sequences | 10 to 12, 18, 25 |
# | test and trust | 24, 20, 26 |
# | models without labels | 19, 27 |
#
# - Goodfellow, Bengio and Courville, *Deep Learning*, chapters 5 and 6.
# - LeCun, Bengio and Hinton, *Deep learning* (2015): ten pages on the whole field.
