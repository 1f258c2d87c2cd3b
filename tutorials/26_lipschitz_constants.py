# %% [markdown]
# # 26. Lipschitz constants
#
# After this lesson you can
#
# - say what a Lipschitz constant promises, and measure it at a point with two products and no Jacobian;
# - compute the norm of a convolution, and bound a whole network by the norms of its layers;
# - turn that bound into a distance around an image within which *no* attack can change the answer.

# %% [markdown]
# ## A promise about all points
#
# Lesson 20 moved images a little and the answers changed a lot. How much can an answer change? A function has the
# Lipschitz constant $L$ if for *all* pairs of points
#
# $$\|f(x) - f(y)\| \le L \, \|x - y\| .$$
#
# For a matrix the smallest such $L$ is its largest singular value, $\sigma_1$: the unit circle becomes an ellipse, and
# $\sigma_1$ is its longest half axis. A curved function is a matrix when you look closely, its Jacobian $J(x)$. The
# largest singular value of $J(x)$ is the *local* Lipschitz constant at $x$, and where the points between two points
# belong to the region as well, $L$ is the supremum of the local ones.

# %%
import matplotlib.pyplot as plt
import numpy as np

import difflab as dl
from difflab import nn

F = nn.functional


def bent(x):
    a, b = x[..., 0], x[..., 1]
    return np.stack([a + 0.5 * np.sin(2 * b), np.tanh(a * b) + 0.3 * b], -1)


here = np.array([0.8, 0.5])
J = dl.jacobian(bent)(here)
stretch = np.linalg.svd(J, compute_uv=False)
angle = np.linspace(0, 2 * np.pi, 200)
circle = np.stack([np.cos(angle), np.sin(angle)], -1)

figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.6), layout="constrained")
for radius, colour in ((0.1, "tab:green"), (0.4, "tab:orange")):
    image = (bent(here + radius * circle) - bent(here)) / radius
    axes[0].plot(*(radius * circle).T, color=colour, label=f"radius {radius}")
    axes[1].plot(*image.T, color=colour)
axes[1].plot(*(circle @ J.T).T, "k--", linewidth=1, label="Jacobian")
axes[0].set(title="circles around a point", aspect="equal")
axes[1].set(title="their images, over the radius", aspect="equal")
axes[0].set(xlim=(-0.7, 0.7), ylim=(-0.7, 0.7), xticks=[-0.4, 0, 0.4], yticks=[-0.4, 0, 0.4])
for place in axes:
    place.legend(loc="upper left", fontsize=8)

image = (bent(here + 1e-4 * circle) - bent(here)) / 1e-4
assert np.isclose(np.linalg.norm(image, axis=1).max(), stretch[0], rtol=1e-3)
assert np.isclose(np.linalg.norm(image, axis=1).min(), stretch[1], rtol=1e-3)
figure

# %% [markdown]
# ## Two products instead of a matrix
#
# The Jacobian of a network with a million inputs and a million outputs does not fit anywhere, but its products with
# vectors are cheap (lesson 6): forward mode gives $Jv$, reverse mode gives $J^{\mathsf T} u$. Send a random vector
# forward and back, scale it to length 1, repeat. In the basis of the singular vectors each round multiplies the entries
# by $\sigma_k^2$, so the largest one wins. This is power iteration on $J^{\mathsf T} J$.


# %%
def power_iteration(f, x, rounds, seed=0):
    v = np.random.default_rng(seed).normal(size=np.shape(x))
    found = []
    for _ in range(rounds):
        v = v / np.linalg.norm(v)
        forth = dl.jvp(f, (x,), (v,))[1]
        found.append(np.linalg.norm(forth))
        v = dl.vjp(f, x)[1](forth)[0]
    return np.array(found)


singular = np.array([3.0, 2.4, 1.0, 0.5])  # a matrix whose singular values we know
rng = np.random.default_rng(0)
U, V = (np.linalg.qr(rng.normal(size=(4, 4)))[0] for _ in range(2))
A = U * singular @ V

found = power_iteration(lambda x: A @ x, np.zeros(4), 40)
errors = 3.0 - found
assert np.all(found <= 3.0 + 1e-12)  # never above: |Jv| of a unit vector
assert np.isclose(found[-1], 3.0, rtol=1e-6)
rates = errors[11:25] / errors[10:24]
assert np.allclose(rates, (2.4 / 3.0) ** 4, rtol=1e-2)  # how fast: the ratio of the two largest, to the fourth
float(rates.mean().round(3))

# %% [markdown]
# Why the fourth power? In each round the wrong part of $v$ shrinks by $(\sigma_2 / \sigma_1)^2$, and a length is wrong
# by the *square* of what the direction is wrong by. The laboratory has the iteration ready, with a test for when it has
# arrived. It records $f$ once, and takes any shapes.

# %%
ready = dl.lab.lipschitz(bent, here)
assert np.isclose(ready.value, stretch[0], rtol=1e-8)
assert np.isclose(np.linalg.norm(J @ ready.direction), ready.value)  # the direction that is stretched most
ready

# %% [markdown]
# ## A convolution is a matrix too
#
# A convolution of images of 2 channels, 8 by 8, is a matrix with 128 columns. Nobody writes it down. The iteration does
# not need it, and for this size we can check.

# %%
kernel = rng.normal(size=(3, 2, 3, 3))
convolve = lambda x: F.conv2d(x[None], kernel, padding=1)[0]
image = np.zeros((2, 8, 8))  # any point: the map is linear, so the Jacobian is the same everywhere

matrix = dl.jacobian(convolve)(image).reshape(3 * 64, 2 * 64)
norm = dl.lab.lipschitz(convolve, image).value
assert np.isclose(norm, np.linalg.norm(matrix, 2), rtol=1e-6)

# %% [markdown]
# Two ways are seen often that are *not* this norm. One reshapes the kernel to a matrix of 3 by 18 and takes the norm of
# that. It does not see that windows overlap: a pixel enters up to 9 windows, so the true norm is up to $\sqrt 9$ times
# larger. The other looks at frequencies. If the image is continued periodically, waves stay waves, and each one is
# multiplied by a matrix of 3 by 2, the Fourier transform of the kernel at that frequency. This *is* exact, for the
# periodic convolution. Ours, with a border of zeros, is the periodic one on images of 10 by 10 whose border happens to
# be zero, and so its norm is at most that one's.

# %%
reshaped = np.linalg.norm(kernel.reshape(3, 18), 2)
assert reshaped < norm <= 3 * reshaped


def by_frequency(side):
    waves = np.moveaxis(np.fft.fft2(kernel, (side, side)), (0, 1), (2, 3))  # a matrix of 3 by 2 for each frequency
    return np.linalg.svd(waves, compute_uv=False).max()


periodic = lambda x: F.conv2d(np.pad(x, [(0, 0), (1, 1), (1, 1)], mode="wrap")[None], kernel)[0]
assert np.isclose(dl.lab.lipschitz(periodic, image, tolerance=1e-6).value, by_frequency(8), rtol=1e-5)
assert norm <= by_frequency(10)
print(f"reshaped {reshaped:.2f}, true {norm:.2f}, periodic {by_frequency(10):.2f}")

# %% [markdown]
# ## A network
#
# Five layers, handwritten digits. `cap` will be of use later: after each step it scales every weight matrix down until
# its norm is at most that.

# %%
digits = nn.data.digits()
x, y = digits.x_test.astype(float), digits.y_test
x_train, y_train = digits.x_train.astype(float), digits.y_train
adam = nn.optim.Adam(lr=3e-3)


def capped(params, cap):
    fit = lambda W: W * min(1.0, cap / np.linalg.norm(W, 2))
    return {name: p | {"weight": fit(p["weight"])} if p else p for name, p in params.items()}


def train(hidden, seed=0, epochs=15, cap=None, sharpness=1.0):
    model = nn.models.mlp((64, *[64] * hidden, 10))
    params, state = model.init(seed)
    answer = lambda params, x: model.apply(params, state, x, training=False)[0]

    @dl.compile
    def update(params, memory, x, y):
        loss = lambda p: F.cross_entropy(sharpness * answer(p, x), y)
        return adam.update(params, dl.grad(loss)(params), memory)

    memory = adam.init(params)
    for epoch in range(epochs):
        for batch in nn.data.batches(len(x_train), 64, seed=seed, epoch=epoch, drop_last=True):
            params, memory = update(params, memory, x_train[batch], y_train[batch])
            params = capped(params, cap) if cap else params
    return params, lambda x: answer(params, x)


params, scores = train(hidden=4)
clean = np.mean(scores(x).argmax(1) == y)
assert clean > 0.9

# %% [markdown]
# The ReLU between the layers has slopes 0 and 1 and therefore the constant 1. Constants of functions in a row multiply:
# if one stretches by at most 3 and the next by at most 2, both stretch by at most 6. So
#
# $$L \;\le\; \|W_1\| \, \|W_2\| \cdots \|W_5\| ,$$
#
# a bound that holds for all images, also for those that nobody has ever seen. From below, every slope between two
# points is a witness, and so is every local constant.

# %%
weights = [p["weight"] for p in params.values() if p]
norms = [dl.lab.lipschitz(lambda x, W=W: W @ x, np.zeros(W.shape[1])).value for W in weights]
assert np.allclose(norms, [np.linalg.norm(W, 2) for W in weights], rtol=1e-4)
product = np.prod([np.linalg.norm(W, 2) for W in weights])

local = np.array([dl.lab.lipschitz(scores, image[None]).value for image in x[:60]])
i, j = np.triu_indices(len(x), 1)
flat, s = x.reshape(-1, 64), scores(x)
slopes = np.linalg.norm(s[i] - s[j], axis=1) / np.linalg.norm(flat[i] - flat[j], axis=1)

exact = [np.linalg.norm(dl.jacobian(scores)(image[None]).reshape(10, 64), 2) for image in x[:60]]
assert np.allclose(local, exact, rtol=1e-3)
assert slopes.max() < local.max() < product  # 64,261 pairs see less than the worst of 60 points
print(f"largest slope between two digits {slopes.max():.0f}, largest local constant {local.max():.0f}, {product=:.0f}")

# %%
figure, axes = plt.subplots(figsize=(6.5, 3.2))
settings = dict(density=True, bins=30, alpha=0.7)
axes.hist(slopes, color="tab:blue", label="slopes between two digits", **settings)
axes.hist(local, color="tab:orange", label="local constants at 60 digits", **settings)
axes.axvline(product, color="tab:red", label="product of the norms")
axes.set(xlabel="stretched by", yticks=[], title="What was seen, and what is promised", xlim=(0, None))
axes.legend(fontsize=8)
figure

# %% [markdown]
# The truth lies between the orange and the red. The red line is pessimistic, because it assumes that each layer gets
# just the direction that it stretches most. The more layers, the less likely that is.

# %%
depths = [0, 1, 2, 4, 6]
gaps = []
for hidden in depths:
    p, f = train(hidden, seed=1)
    bound = np.prod([np.linalg.norm(q["weight"], 2) for q in p.values() if q])
    seen = max(dl.lab.lipschitz(f, image[None]).value for image in x[:30])
    assert seen <= bound * (1 + 1e-9)
    gaps.append(bound / seen)
assert np.isclose(gaps[0], 1)  # one linear layer: no pessimism at all
assert gaps[-1] > 1.5 > 1.2 > gaps[1]
{f"{hidden + 1} layers": round(float(gap), 1) for hidden, gap in zip(depths, gaps)}

# %% [markdown]
# ## A circle that no attack can leave
#
# Image $x$ is called a $y$, because the score $s_y$ is larger than each other $s_k$. The difference $s_y - s_k$ is a
# function of $x$ as well. Its last layer is one row, the difference of two rows of $W_5$, so it has the constant
#
# $$L_{yk} \le \|w_y - w_k\| \, \|W_4\| \cdots \|W_1\| ,$$
#
# and it cannot reach zero within the distance $(s_y - s_k) / L_{yk}$. The smallest of these over $k$ is a *certified
# radius*: no attack of that length changes the answer, whatever it knows, and however clever it will be in ten years.


# %%
def certified_radius(params, scores):
    """For each test image the distance within which its answer is proven right; negative where it is wrong."""
    *before, last = [p["weight"] for p in params.values() if p]
    apart = np.linalg.norm(last[:, None] - last, axis=2)  # (10, 10)
    s = scores(x)
    margins = np.take_along_axis(s, y[:, None], 1) - s
    constants = apart[y] * np.prod([np.linalg.norm(W, 2) for W in before])
    return np.min(np.divide(margins, constants, out=np.full_like(s, np.inf), where=constants > 0), axis=1)


def attacked(scores, length, steps=20):
    """The test images after an attack in several steps that stays within this Euclidean distance."""
    own = np.eye(10, dtype=bool)[y]

    def margin(x):
        s = scores(x)
        return np.sum(np.sum(np.where(own, s, 0), 1) - np.max(np.where(own, -np.inf, s), 1))

    size = lambda d: np.linalg.norm(d, axis=(2, 3), keepdims=True) + 1e-12
    down, there = dl.compile(dl.grad(margin)), x.copy()
    for _ in range(steps):
        g = down(there)
        moved = there - length / 5 * g / size(g) - x
        there = x + moved * np.minimum(1, length / size(moved))
    return there


lengths = np.array([0.01, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8])


def between(params, scores):
    """The fractions of images that are proven safe, and that survived the attack, at each length."""
    radius = certified_radius(params, scores)
    survived = np.array([scores(attacked(scores, r)).argmax(1) == y for r in lengths])
    proven = radius > lengths[:, None]
    assert np.all(survived[proven])  # not one image that is proven safe falls to the attack
    return proven.mean(1), survived.mean(1)


proven, survived = between(params, scores)
at = list(lengths).index(0.1)
print(f"at 0.1: proven {proven[at]:.2f}, survived {survived[at]:.2f}")
assert proven[0] > 0.85
assert survived[at] > 0.8 > 0.4 > proven[at]

# %% [markdown]
# The attack says what certainly falls, the bound what certainly stands. Between them nobody knows. And for this network
# that is nearly everything: the bound is too large to say much.

# %% [markdown]
# ## Smaller constants
#
# A bound that nobody trained for is bad luck. Train the same network so that every norm is at most 1: then the product
# is 1 as well. All scores are close together then, so the loss looks at them times 20.

# %%
tame, tame_scores = train(hidden=4, epochs=60, cap=1.0, sharpness=20.0)
tame_norms = [np.linalg.norm(p["weight"], 2) for p in tame.values() if p]
assert np.prod(tame_norms) <= 1 + 1e-9
tame_proven, tame_survived = between(tame, tame_scores)
tame_clean = np.mean(tame_scores(x).argmax(1) == y)

assert tame_proven[at] > proven[at] + 0.3
assert 0.8 < tame_clean < clean  # and this is the price
print(f"right without attack {clean:.2f} before, {tame_clean:.2f} now; proven at 0.1: {tame_proven[at]:.2f}")

figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.4), sharey=True, layout="constrained")
told = (("as usual", clean, proven, survived), ("norms at most 1", tame_clean, tame_proven, tame_survived))
for place, (title, start, low, high) in zip(axes, told):
    r = np.concatenate([[0], lengths])
    low, high = np.concatenate([[start], low]), np.concatenate([[start], high])
    place.fill_between(r, low, high, color="0.9", label="nobody knows")
    place.plot(r, high, "o-", color="tab:red", markersize=4, label="survived the attack")
    place.plot(r, low, "s-", color="tab:green", markersize=4, label="proven")
    place.set(title=title, xlabel="length of the change", ylim=(-0.03, 1.03))
axes[0].set_ylabel("fraction of the test images")
axes[1].legend(fontsize=8)
figure

# %% [markdown]
# ## Exercises
#
# **1.** To punish large norms in the loss one needs their gradient. Show that the derivative of $\sigma_1(W)$ by $W$ is
# $u v^{\mathsf T}$, with the first pair of singular vectors, and that $u$ and $v$ may be held fixed meanwhile.

# %% tags=["solution"]
W = rng.normal(size=(5, 4))
G = dl.grad(lambda W: np.linalg.norm(W, 2))(W)
left, _, right = np.linalg.svd(W)
assert np.allclose(G, np.outer(left[:, 0], right[0]))

v = dl.lab.lipschitz(lambda x: W @ x, np.zeros(4), tolerance=1e-9).direction
u = W @ v / np.linalg.norm(W @ v)
cheap = lambda W: u @ W @ v  # linear in W, equal to the norm here, and no singular value decomposition
assert np.isclose(cheap(W), np.linalg.norm(W, 2))
assert np.allclose(dl.grad(cheap)(W), G, atol=1e-6)

# %% [markdown]
# **2.** Lesson 20 measured changes by their largest pixel. Which norm of the Jacobian answers how much *one score* can
# change then? Check that for a linear score the sign attack reaches it.

# %% tags=["solution"]
w = rng.normal(size=64)
score = lambda x: w @ x
bound = np.abs(dl.grad(score)(np.zeros(64))).sum()  # the sum of absolute values, |g|_1
step = 0.1 * np.sign(w)
assert np.isclose(score(flat[0] + step) - score(flat[0]), 0.1 * bound)
random = rng.uniform(-0.1, 0.1, (2000, 64))
assert np.all(np.abs(random @ w) <= 0.1 * bound)

# %% [markdown]
# **3.** A residual layer is $g(x) = x + f(x)$. Show that it is invertible if $f$ has a constant below 1, by finding $x$
# from $g(x)$ with the iteration $x \leftarrow y - f(x)$. How fast does the error fall?

# %% tags=["solution"]
M = rng.normal(size=(6, 6))
M = 0.7 * M / np.linalg.norm(M, 2)
f = lambda x: np.tanh(M @ x)  # tanh has the constant 1
there = rng.normal(size=6)
target = there + f(there)
guess, errors = target.copy(), []
for _ in range(60):
    errors.append(np.linalg.norm(guess - there))
    guess = target - f(guess)
errors = np.array(errors)
assert errors[-1] < 1e-8
assert np.all(errors[1:30] <= 0.7 * errors[:29] + 1e-14)  # by 0.7 or more in each step, down to rounding

# %% [markdown]
# ## What to read next
#
# - Szegedy et al., *Intriguing properties of neural networks* (2014), section 4.3: the product bound.
# - Virmaux and Scaman, *Lipschitz regularity of deep neural networks* (2018): power iteration on derivatives, and
#   better bounds; Sedghi, Gupta and Long, *The singular values of convolutional layers* (2019).
# - Tsuzuku, Sato and Sugiyama, *Lipschitz-margin training* (2018), on certified radii; Miyato et al., *Spectral
#   normalization for generative adversarial networks* (2018).
# - Lesson 27 lets two networks play against each other.
