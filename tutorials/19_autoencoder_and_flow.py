# %% [markdown]
# # 19. Autoencoder and normalising flow
#
# After this lesson you can
#
# - train a network without labels, and say what a linear autoencoder finds;
# - turn a density into another one by a change of variables, and get its log-determinant from the engine;
# - train a normalising flow by maximum likelihood, check that its density is one, and draw samples.

# %% [markdown]
# ## Through the eye of a needle
#
# An autoencoder copies its input, but has to pass it through a code of few numbers:
#
# $$x \in \mathbb{R}^{64} \;\xrightarrow{\text{encoder}}\; c \in \mathbb{R}^2 \;\xrightarrow{\text{decoder}}\;
# \hat x \in \mathbb{R}^{64}, \qquad L = \frac1{64} \|\hat x - x\|^2 .$$
#
# The target is the input itself, so no labels are needed. Our inputs are handwritten digits of 8 by 8 pixels.

# %%
import matplotlib.pyplot as plt
import numpy as np

import difflab as dl
from difflab import nn

digits = nn.data.digits()
x = digits.x_train.reshape(-1, 64).astype(float)
x_test = digits.x_test.reshape(-1, 64).astype(float)
x.shape, x_test.shape

# %% [markdown]
# ## The linear case has a known answer
#
# Let encoder and decoder be matrices, $c = A(x - \mu)$ and $\hat x = Bc + \mu$ with the mean $\mu$. The best choice is
# known since long before neural networks: project onto the two directions in which the data vary most. That is
# principal component analysis (PCA), two rows of the matrix $V$ of a singular value decomposition.

# %%
mean = x.mean(0)
V = np.linalg.svd(x - mean, full_matrices=False)[2][:2]  # (2, 64)


def linear_loss(weights, x):
    code = (x - mean) @ weights["A"].T
    return np.mean((code @ weights["B"].T + mean - x) ** 2)


pca = {"A": V, "B": V.T}
best = linear_loss(pca, x)
nothing = np.mean((mean - x) ** 2)  # a code of no numbers: always answer the mean
print(f"mean alone {nothing:.4f}, two numbers more {best:.4f}")
assert best < 0.75 * nothing

# %% [markdown]
# Is it a minimum? The gradient must vanish there, and no step may go down. And what does an optimiser find, from a
# random start? We let LBFGS run, which knows nothing about eigenvectors.

# %%
gradient = dl.grad(linear_loss)(pca, x)
assert max(np.abs(g).max() for g in gradient.values()) < 1e-14

rng = np.random.default_rng(0)
for _ in range(20):
    moved = {name: w + 0.01 * rng.normal(size=w.shape) for name, w in pca.items()}
    assert linear_loss(moved, x) > best

random = {"A": 0.1 * rng.normal(size=(2, 64)), "B": 0.1 * rng.normal(size=(64, 2))}
found = nn.optim.minimize(lambda w: linear_loss(w, x), random, nn.optim.LBFGS(), 200)
assert np.isclose(linear_loss(found.params, x), best, rtol=1e-4)

# %% [markdown]
# The same loss. But not the same matrices: the learned code is a mixture of the two principal components. What is
# determined is the plane, which we see by projecting PCA's directions onto it.

# %%
plane = np.linalg.qr(found.params["B"])[0]  # an orthonormal basis of the decoder's columns
lengths = np.linalg.norm(V @ plane, axis=1)
assert np.allclose(lengths, 1, atol=1e-3)  # both principal directions lie in it
assert not np.allclose(
    np.abs(found.params["B"].T @ V.T / np.linalg.norm(found.params["B"], axis=0)[:, None]), np.eye(2)
)
lengths.round(4)

# %% [markdown]
# ## A curved sheet
#
# With an activation between two layers on each side, the plane may bend. The code has two numbers as before.

# %%
encoder = {"encode1": nn.Linear(64, 64), "tanh1": nn.Tanh(), "encode2": nn.Linear(64, 2)}
decoder = {"decode1": nn.Linear(2, 64), "tanh2": nn.Tanh(), "decode2": nn.Linear(64, 64)}
autoencoder = nn.Sequential(encoder | decoder)
data = (x, x, x_test, x_test)
run = nn.fit(autoencoder, data, "mse_loss", nn.optim.Adam(lr=3e-3), epochs=40, batch_size=64, progress=False)

bent = run.history[-1]["test_loss"]
flat = linear_loss(pca, x_test)
print(f"test loss: flat {flat:.3f}, bent {bent:.3f}")
assert bent < 0.85 * flat

# %%
copies = run.predict(x_test[:8].astype(np.float32))
rows = [x_test[:8], (x_test[:8] - mean) @ V.T @ V + mean, copies]
figure, axes = plt.subplots(3, 8, figsize=(7, 2.9))
for row, title, images in zip(axes, ("input", "flat", "bent"), rows):
    for place, image in zip(row, images):
        place.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        place.set(xticks=[], yticks=[])
    row[0].set_ylabel(title)
figure.suptitle("Eight digits, each told with two numbers")
figure

# %% [markdown]
# ## A density that can be bent
#
# An autoencoder says what is typical; it does not say how *likely* an input is. A normalising flow does. Take an
# invertible function $z = f(x)$ and say that $z$ is standard normal. Then $x$ has the density
#
# $$p(x) = \mathcal{N}(f(x)) \, \left| \det \frac{\partial f}{\partial x} \right| .$$
#
# The determinant says how much $f$ stretches space near $x$. Where it stretches, probability gets thin. In one
# dimension you can check it: $f(x) = \ln x$ gives the log-normal distribution.

# %%
normal = lambda z: np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
t = np.linspace(1e-4, 60, 600_001)
p = normal(np.log(t)) * np.abs(dl.elementwise_grad(np.log)(t))
area = np.sum(p) * (t[1] - t[0])
assert np.isclose(area, 1, atol=1e-4)
median = t[np.searchsorted(np.cumsum(p) * (t[1] - t[0]), 0.5)]
assert np.isclose(median, 1, atol=1e-3)  # half of a log-normal lies below exp(0)
area

# %% [markdown]
# ## Couplings
#
# For points in the plane we need an $f$ that is flexible, invertible, and has a cheap determinant. A coupling leaves
# one coordinate alone and moves the other by amounts that depend on the first:
#
# $$(a, b) \mapsto \left(b \, e^{s(a)} + t(a), \; a\right), \qquad
# \left|\det\right| = e^{s(a)} .$$
#
# The networks $s$ and $t$ are never inverted, so they may be anything. The coordinates change places, and the next
# coupling moves the other one.


# %%
def start(seed, couplings=6, hidden=32):
    rng = np.random.default_rng(seed)
    return [
        {
            "w1": rng.normal(size=(1, hidden)),
            "b1": rng.normal(size=hidden),
            "w2": 0.5 * rng.normal(size=(hidden, hidden)) / np.sqrt(hidden),
            "w3": 0.01 * rng.normal(size=(hidden, 2)),
            "b3": np.zeros(2),
        }
        for _ in range(couplings)
    ]


def amounts(p, a):
    """The logarithm of the scale, and the shift."""
    h = np.tanh(np.tanh(a @ p["w1"] + p["b1"]) @ p["w2"]) @ p["w3"] + p["b3"]
    return 2 * np.tanh(h[..., :1]), h[..., 1:]  # a scale of at most exp(2) keeps training calm


def flow(params, x):
    """z = f(x), and the logarithm of the determinant."""
    log_det = 0.0
    for p in params:
        a, b = x[..., :1], x[..., 1:]
        s, t = amounts(p, a)
        x = np.concatenate([b * np.exp(s) + t, a], -1)
        log_det = log_det + s[..., 0]
    return x, log_det


def back(params, z):
    for p in reversed(params):
        b, a = z[..., :1], z[..., 1:]
        s, t = amounts(p, a)
        z = np.concatenate([a, (b - t) * np.exp(-s)], -1)
    return z


# %% [markdown]
# Did we get the determinant right? A sign error would be easy to make and hard to see. The engine knows
# nothing of couplings: it differentiates $f$, and `slogdet` takes the determinant of the Jacobian.

# %%
points = rng.normal(size=(5, 2))
params = [{k: w + 0.3 * rng.normal(size=w.shape) for k, w in p.items()} for p in start(1)]  # far from trivial
z, log_det = flow(params, points)

jacobians = dl.vmap(dl.jacobian(lambda q: flow(params, q)[0]))(points)  # (5, 2, 2)
from_engine = np.linalg.slogdet(jacobians).logabsdet
assert np.allclose(from_engine, log_det, rtol=1e-9, atol=1e-12)
assert np.allclose(back(params, z), points, atol=1e-9)
log_det.round(4)

# %% [markdown]
# ## Maximum likelihood
#
# The loss is the mean of $-\ln p(x)$ over the data. Everything in it is differentiable, the determinant too.

# %%
moons, _ = nn.data.moons(1000)
moons = (moons - moons.mean(0)) / moons.std(0)


def log_density(params, x):
    z, log_det = flow(params, x)
    return -0.5 * np.sum(z**2, -1) - np.log(2 * np.pi) + log_det


def loss(params, x):
    return -np.mean(log_density(params, x))


adam = nn.optim.Adam(lr=5e-3)


@dl.compile
def update(params, memory, x):
    return adam.update(params, dl.grad(loss)(params, x), memory)


params = start(0)
memory = adam.init(params)
before = loss(params, moons)
for epoch in range(150):
    for batch in nn.data.batches(len(moons), 200, epoch=epoch):
        params, memory = update(params, memory, moons[batch])

after = loss(params, moons)
print(f"before {before:.1f}, after {after:.1f}")
assert np.isclose(before, 1 + np.log(2 * np.pi), atol=0.1)  # at the start f does little: a plain normal density
assert after < before - 0.7

# %% [markdown]
# A low loss must not come from a density that is too large everywhere. It must still have the integral 1, and it does,
# whatever the networks learn: that is what the determinant is for.

# %%
side = np.linspace(-4, 4, 301)
grid = np.stack(np.meshgrid(side, side), -1)  # (301, 301, 2)
density = np.exp(log_density(params, grid))
integral = np.sum(density) * (side[1] - side[0]) ** 2
assert np.isclose(integral, 1, atol=5e-3)

samples = back(params, np.random.default_rng(5).normal(size=(1000, 2)))
distance = lambda points: np.sqrt(np.min(np.sum((points[:, None] - moons[None]) ** 2, -1), 1))
assert np.median(distance(samples)) < 0.5 * np.median(distance(np.random.default_rng(5).normal(size=(1000, 2))))

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), sharex=True, sharey=True)
axes[0].scatter(*moons.T, s=3)
axes[1].imshow(density, extent=(-4, 4, -4, 4), origin="lower", cmap="viridis", vmax=np.quantile(density, 0.999))
axes[2].scatter(*samples.T, s=3, color="tab:orange")
for place, title in zip(axes, ("data", "density", "samples")):
    place.set(title=title, xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
figure

# %% [markdown]
# ## Exercises
#
# **1.** Train nothing: what is the best *linear* code of 10 numbers worth, and how many numbers does a linear code need
# for less than a tenth of the loss of `nothing`?

# %% tags=["solution"]
singular = np.linalg.svd(x - mean, compute_uv=False)
losses = np.array([np.sum(singular[k:] ** 2) for k in range(65)]) / x.size  # what the dropped directions held
assert np.isclose(losses[0], nothing) and np.isclose(losses[2], best)
needed = int(np.argmax(losses < nothing / 10))
assert losses[needed] < nothing / 10 <= losses[needed - 1]
round(losses[10], 4), needed

# %% [markdown]
# **2.** Let $f(x) = Mx$ with an invertible matrix $M$. Show with the engine that the derivative of
# $\ln |\det M|$ by $M$ is $M^{-\mathsf T}$.

# %% tags=["solution"]
M = rng.normal(size=(4, 4))
G = dl.grad(lambda M: np.linalg.slogdet(M).logabsdet)(M)
assert np.allclose(G, np.linalg.inv(M).T)

# %% [markdown]
# **3.** Somebody forgets the term `log_det` in the loss. Where does the optimum go, and what happens to the integral of
# the "density"? Train a hundred steps and see.

# %% tags=["solution"]
forgetful = start(0)
memory = adam.init(forgetful)
wrong = dl.compile(dl.grad(lambda p, x: np.mean(np.sum(flow(p, x)[0] ** 2, -1))))
for _ in range(100):
    forgetful, memory = adam.update(forgetful, wrong(forgetful, moons), memory)
stretch = np.exp(flow(forgetful, moons)[1])
assert np.median(stretch) < 1e-3  # all points are squeezed together at the origin, where the normal density is largest
claimed = np.sum(normal(flow(forgetful, grid)[0]).prod(-1)) * (side[1] - side[0]) ** 2
assert claimed > 3  # much more than 1: this is no density
round(claimed, 1)

# %% [markdown]
# ## What to read next
#
# - Baldi and Hornik, *Neural networks and principal component analysis* (1989): all minima of the linear autoencoder.
# - Dinh, Sohl-Dickstein and Bengio, *Density estimation using Real NVP* (2017): the couplings.
# - Papamakarios et al., *Normalizing flows for probabilistic modeling and inference* (2021).
# - Lesson 20 differentiates by the input instead of the weights.
