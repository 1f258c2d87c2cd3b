# %% [markdown]
# # 20. Adversarial examples
#
# After this lesson you can
#
# - differentiate a network by its input, and say what that gradient means;
# - fool a good classifier with a change so small that random noise of the same size does nothing;
# - explain why that works, attack in several steps, and train a network that resists.

# %% [markdown]
# ## A good classifier
#
# A small network learns handwritten digits of 8 by 8 pixels, each between 0 (white) and 1 (black).

# %%
import matplotlib.pyplot as plt
import numpy as np

import difflab as dl
from difflab import nn

F = nn.functional
digits = nn.data.digits()
x, y = digits.x_test.astype(float), digits.y_test
model = nn.models.mlp((64, 64, 32, 10))
state = model.init(0)[1]  # this network keeps no running statistics


def train(seed):
    adam = nn.optim.Adam(lr=3e-3)
    return nn.fit(model, digits, optimiser=adam, epochs=15, batch_size=64, seed=seed, progress=False).params


def scores(params, x):
    return model.apply(params, state, x, training=False)[0]


def accuracy(params, x):
    return np.mean(scores(params, x).argmax(1) == y)


params = train(0)
clean = accuracy(params, x)
assert clean > 0.93

# %% [markdown]
# ## The other gradient
#
# So far the loss $L(\theta, x)$ was differentiated by the weights $\theta$. It depends on the image as well, and the
# engine does not care which argument you ask for. $\partial L / \partial x$ has a number for each pixel: how much the
# loss rises when that pixel gets darker.


# %%
def loss(x, params):
    return F.cross_entropy(scores(params, x), y, reduction="sum")  # a sum: each image has its own term


by_pixel = dl.compile(dl.grad(loss))
g = by_pixel(x, params)
assert g.shape == x.shape == (359, 1, 8, 8)

alone = dl.grad(lambda image: F.cross_entropy(scores(params, image[None]), y[:1]))(x[0])
assert np.allclose(g[0], alone, rtol=1e-5, atol=1e-9)  # the images do not mix, so one sweep serves them all

# %% [markdown]
# ## One step uphill
#
# Training walks down the gradient by $\theta$. An attacker walks *up* the gradient by $x$. If no pixel may change by
# more than $\varepsilon$, the best first step is to change each one by $\varepsilon$, in the direction of its sign:
#
# $$x' = x + \varepsilon \operatorname{sign} \frac{\partial L}{\partial x} .$$
#
# This is the fast gradient sign method. Beside it, noise of the same size with random signs.


# %%
def one_step(x, params, size):
    return np.clip(x + size * np.sign(by_pixel(x, params)), 0, 1)


def noise(x, size):
    return np.clip(x + size * np.random.default_rng(0).choice([-1.0, 1.0], x.shape), 0, 1)


sizes = np.array([0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3])
attacked = np.array([accuracy(params, one_step(x, params, s)) for s in sizes])
disturbed = np.array([accuracy(params, noise(x, s)) for s in sizes])

at = list(sizes).index(0.15)
assert disturbed[at] > 0.85  # noise hardly matters
assert attacked[at] < 0.3  # the chosen change is fatal
assert np.abs(one_step(x, params, 0.15) - x).max() <= 0.15 + 1e-12

figure, axes = plt.subplots(figsize=(6, 3.4))
axes.plot(sizes, disturbed, "o--", color="tab:gray", label="random signs")
axes.plot(sizes, attacked, "o-", color="tab:red", label="signs of the gradient")
axes.set(xlabel="change of each pixel", ylabel="recognised", ylim=(-0.03, 1.03), title="Chosen against random changes")
axes.legend()
figure

# %%
fooled = one_step(x, params, 0.15)
chosen = np.flatnonzero((scores(params, x).argmax(1) == y) & (scores(params, fooled).argmax(1) != y))[:6]
figure, axes = plt.subplots(2, 6, figsize=(7, 3.2))
for column, k in zip(axes.T, chosen):
    for place, images in zip(column, (x, fooled)):
        place.imshow(images[k, 0], cmap="gray_r", vmin=0, vmax=1)
        place.set(xticks=[], yticks=[])
        place.set_title(f"says {scores(params, images[k : k + 1]).argmax()}", fontsize=9)
figure.suptitle("Above the images, below what fools the network")
figure.tight_layout()
assert len(chosen) == 6
figure

# %% [markdown]
# ## Why it works
#
# Near $x$ the loss is nearly linear: $L(x + d) \approx L(x) + g \cdot d$. With $d = \varepsilon \operatorname{sign} g$
# every pixel pulls in the same direction, and the loss rises by
#
# $$\varepsilon \, g \cdot \operatorname{sign} g = \varepsilon \sum_i |g_i| = \varepsilon \|g\|_1 .$$
#
# With random signs the pulls mostly cancel: the standard deviation is $\varepsilon \|g\|_2$. For $n$ entries of
# similar size $\|g\|_1$ is about $\sqrt n$ times $\|g\|_2$. So the more pixels, the smaller the change that is
# needed. It is not a mistake of one network; it is what high dimensions do to anything nearly linear.

# %%
G = g.reshape(len(g), -1)
ratio = np.linalg.norm(G, 1, axis=1) / np.linalg.norm(G, 2, axis=1)
assert np.all(ratio <= 8 + 1e-4)  # the square root of 64
assert np.median(ratio) > 4

tiny = 1e-4
rise = loss(x + tiny * np.sign(g), params) - loss(x, params)
assert np.isclose(rise, tiny * np.abs(g).sum(), rtol=1e-2)

random = np.random.default_rng(1).choice([-1.0, 1.0], (2000, 64))
assert np.allclose((random @ G[:5].T).std(0), np.linalg.norm(G[:5], axis=1), rtol=0.1)
print(f"the chosen change is worth {np.median(ratio):.1f} random ones")

# %% [markdown]
# ## Several steps, and another target
#
# One large step trusts the linear picture too far. Several small ones follow the bends, and after each we go back into
# the allowed box. With the sign turned and a label of our choice the network says what *we* want.


# %%
def many_steps(x, gradient, size, steps=10):
    there = x.copy()
    for _ in range(steps):
        there = there + size / 4 * np.sign(gradient(there))
        there = np.clip(np.clip(there, x - size, x + size), 0, 1)
    return there


stronger = accuracy(params, many_steps(x, lambda x: by_pixel(x, params), 0.15))
assert stronger <= attacked[at]

towards = dl.compile(dl.grad(lambda x, params: -F.cross_entropy(scores(params, x), np.full(len(x), 3))))
threes = many_steps(x, lambda x: towards(x, params), 0.3, steps=30)
says_three = np.mean(scores(params, threes).argmax(1) == 3)
assert says_three > 0.8 > 0.2 > np.mean(scores(params, x).argmax(1) == 3)

# %% [markdown]
# ## It travels
#
# The attacker needs the gradient, so hiding the weights should help. It does not help much: images made for one network
# fool another one that was trained from another start, because both learned nearly the same function.

# %%
other = train(7)
assert accuracy(other, x) > 0.93
borrowed = accuracy(other, fooled)
assert borrowed < 0.5
print(f"made for this network: {attacked[at]:.1f}, on another one: {borrowed:.1f}")

# %% [markdown]
# ## A network that resists
#
# What the attacker does can be part of training: make the worst image first, then learn from it,
#
# $$\min_\theta \; \sum_i \; \max_{\|d\|_\infty \le \varepsilon} L(\theta, x_i + d, y_i) .$$
#
# The step inside is a gradient by $x$, the one outside a gradient by $\theta$. `stop_gradient` says that the outer one
# takes the attack as it is. Both go into one compiled program.

# %%
adam = nn.optim.Adam(lr=3e-3)


def worst(params, x, y, size):
    uphill = dl.grad(lambda x: F.cross_entropy(scores(params, x), y))(x)
    return dl.stop_gradient(np.clip(x + size * np.sign(uphill), 0, 1))


@dl.compile
def update(params, memory, x, y):
    def hardened(params):
        return F.cross_entropy(scores(params, x), y) + F.cross_entropy(scores(params, worst(params, x, y, 0.1)), y)

    return adam.update(params, dl.grad(hardened)(params), memory)


robust = model.init(0)[0]
memory = adam.init(robust)
x_train, y_train = digits.x_train.astype(float), digits.y_train
for epoch in range(30):
    for batch in nn.data.batches(len(x_train), 64, epoch=epoch, drop_last=True):
        robust, memory = update(robust, memory, x_train[batch], y_train[batch])

before, after = accuracy(params, one_step(x, params, 0.1)), accuracy(robust, one_step(x, robust, 0.1))
print(f"clean {accuracy(robust, x):.2f}; attacked {before:.1f} before, {after:.1f} after")
assert accuracy(robust, x) > 0.93
assert after > before + 0.25

# %% [markdown]
# ## Exercises
#
# **1.** If the sum of squares of the change is limited instead, $\|d\|_2 \le r$, what is the best step? Write it, and
# compare it with noise of the same length.


# %% tags=["solution"]
def along(direction, length):
    return np.clip(x + length * direction / np.linalg.norm(direction, axis=(2, 3), keepdims=True), 0, 1)


best = accuracy(params, along(g, 1.0))  # the gradient itself, scaled: Cauchy and Schwarz
luck = accuracy(params, along(np.random.default_rng(2).normal(size=x.shape), 1.0))
assert best < 0.4 < 0.85 < luck

# %% [markdown]
# **2.** For a *linear* classifier with two classes, $s(x) = w \cdot x + b$, what is the smallest $\varepsilon$ that
# changes the answer? Check the formula with a random $w$.

# %% tags=["solution"]
rng = np.random.default_rng(3)
w, b, point = rng.normal(size=64), 0.3, rng.normal(size=64)
score = lambda x: w @ x + b
needed = abs(score(point)) / np.abs(w).sum()
direction = -np.sign(score(point)) * np.sign(dl.grad(score)(point))
assert np.sign(score(point + 0.999 * needed * direction)) == np.sign(score(point))
assert np.sign(score(point + 1.001 * needed * direction)) == -np.sign(score(point))

# %% [markdown]
# **3.** Some networks only look robust: where every unit is saturated the gradient is zero, and its sign too. Multiply
# the last layer by 10,000 and attack with 32-bit floats. What does the one-step attack see, and is the network any
# better?

# %% tags=["solution"]
masked = params | {"linear3": {name: 1e4 * w for name, w in params["linear3"].items()}}
g32 = by_pixel(x.astype(np.float32), masked)
blind = np.all(g32 == 0, axis=(1, 2, 3))
assert np.mean(blind) > 0.5  # softmax gives exactly 1 and 0: no slope is left
assert accuracy(masked, x) == clean  # the answers are the same ...
assert accuracy(masked, one_step(x.astype(np.float32), masked, 0.15)) > attacked[at] + 0.3  # ... this attack fails ...
assert accuracy(masked, fooled) == attacked[at]  # ... and the old images still fool it

# %% [markdown]
# ## What to read next
#
# - Szegedy et al., *Intriguing properties of neural networks* (2014); Goodfellow, Shlens and Szegedy, *Explaining and
#   harnessing adversarial examples* (2015).
# - Madry et al., *Towards deep learning models resistant to adversarial attacks* (2018); Athalye, Carlini and Wagner,
#   *Obfuscated gradients give a false sense of security* (2018), on exercise 3.
# - Lesson 26 draws a circle around an image that no attack can leave.
