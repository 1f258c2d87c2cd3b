# %% [markdown]
# # 23. Optimisers and their landscapes
#
# After this lesson you can
#
# - write momentum, Nesterov's method, AdaGrad, RMSprop and Adam, each in two or three lines;
# - say of each for which landscape it was made, and show one on which it fails;
# - choose among them by what you know of your loss, and not by fashion.
#
# Lesson 8 introduced momentum and Adam; lesson 22 said how fast plain gradient descent is. Here are the five together:
#
# | method | memory | step | source |
# |---|---|---|---|
# | momentum | $v \leftarrow \beta v + g$ | $p - \eta v$ | Polyak 1964 |
# | Nesterov | $v \leftarrow \beta v + g$ | $p - \eta (g + \beta v)$ | Nesterov 1983 |
# | AdaGrad | $s \leftarrow s + g^2$ | $p - \eta\, g / \sqrt{s}$ | Duchi, Hazan and Singer 2011 |
# | RMSprop | $s \leftarrow \alpha s + (1 - \alpha) g^2$ | $p - \eta\, g / \sqrt{s}$ | Hinton 2012 |
# | Adam | both averages, freed of their start at 0 | $p - \eta\, \hat v / \sqrt{\hat s}$ | Kingma and Ba 2015 |
#
# The first two remember *where they were going*, the next two *how large each coordinate's gradients are*, Adam both.
# Squares and roots are taken of each coordinate.

# %%
import matplotlib.pyplot as plt
import numpy as np

import difflab as dl
from difflab import nn

O = nn.optim


def follow(gradient, start, optimiser, steps, box=None):
    """All points that an optimiser visits; the gradient is a function of the point and the number of the step."""
    p = np.array(start, float)
    memory, points = optimiser.init(p), [p]
    for k in range(steps):
        p, memory = optimiser.update(p, gradient(p, k), memory)
        p = p if box is None else np.clip(p, *box)
        points.append(p)
    return np.array(points)


def slope(f):
    """The gradient of a function as `follow` wants it."""
    g = dl.compile(dl.grad(f))
    return lambda p, k: g(p)


test = lambda p: np.sum(np.cosh(p) * np.array([1.0, 3.0]))
p, g = np.array([1.0, -0.5]), dl.grad(test)
optimisers = [
    O.SGD(lr=0.1, momentum=0.9),
    O.SGD(lr=0.1, momentum=0.9, nesterov=True),
    O.Adagrad(lr=0.1),
    O.RMSprop(lr=0.1, alpha=0.9),
]
rules = {o: [p] for o in optimisers}
polyak, nesterov, adagrad, rmsprop = rules.values()
v1 = v2 = s3 = s4 = 0.0
for _ in range(20):
    v1 = 0.9 * v1 + g(polyak[-1])
    polyak.append(polyak[-1] - 0.1 * v1)
    g2 = g(nesterov[-1])
    v2 = 0.9 * v2 + g2
    nesterov.append(nesterov[-1] - 0.1 * (g2 + 0.9 * v2))
    s3 = s3 + g(adagrad[-1]) ** 2
    adagrad.append(adagrad[-1] - 0.1 * g(adagrad[-1]) / np.sqrt(s3))
    s4 = 0.9 * s4 + 0.1 * g(rmsprop[-1]) ** 2
    rmsprop.append(rmsprop[-1] - 0.1 * g(rmsprop[-1]) / np.sqrt(s4))
assert all(np.allclose(follow(slope(test), p, o, 20), points, rtol=1e-5) for o, points in rules.items())


def paths(place, f, runs, box, levels=14):
    """Contours of a function with the points that some runs visited."""
    x, y = np.meshgrid(np.linspace(*box[:2], 121), np.linspace(*box[2:], 121))
    z = f(np.stack([x, y]))
    z = z - z.min()
    place.contour(x, y, z, levels=z.max() * np.linspace(0.005, 1, levels) ** 2, colors="lightgray", linewidths=0.7)
    for (name, points), mark in zip(runs.items(), ("C0o-", "C1s-", "C2^-")):
        place.plot(*points.T, mark, markersize=2.5, linewidth=1, label=name)
    place.plot(*next(iter(runs.values()))[0], "ko", markersize=6, zorder=5)
    place.plot(0, 0, "k*", markersize=10, zorder=5)
    place.set(xlim=box[:2], ylim=box[2:])
    place.legend(fontsize=8, loc="upper right")


# %% [markdown]
# ## Momentum: wins in ravines, rings in bowls, and may never arrive
#
# A ravine of condition 400, turned by 45 degrees. Gradient descent must keep its step below what the walls allow and
# creeps along the floor. Velocity averages the walls away.

# %%
turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
along = np.array([1.0, 400.0])


def ravine(p):
    u = (turn[0, 0] * p[0] + turn[0, 1] * p[1], turn[1, 0] * p[0] + turn[1, 1] * p[1])
    return 0.5 * (along[0] * u[0] ** 2 + along[1] * u[1] ** 2)


bowl = lambda p: 0.5 * (p[0] ** 2 + p[1] ** 2)
start = (-2.0, 2.2)
plain = follow(slope(ravine), start, O.SGD(lr=2 / 401), 80)
heavy = follow(slope(ravine), start, O.SGD(lr=4 / 21**2, momentum=(19 / 21) ** 2), 80)
ringing = follow(slope(bowl), (-2.0, 1.0), O.SGD(lr=1.0, momentum=0.95), 80)
straight = follow(slope(bowl), (-2.0, 1.0), O.SGD(lr=1.0), 80)
figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.9), layout="constrained")
paths(left, ravine, {"gradient descent": plain, "momentum": heavy}, (-2.6, 1.0, -1.0, 2.8))
left.set_title("It wins: a ravine, 80 steps", fontsize=10)
right.semilogy(np.linalg.norm(ringing, axis=1), "C1", label="momentum 0.95")
right.semilogy(np.maximum(np.linalg.norm(straight, axis=1), 1e-3), "C0o-", markersize=2.5, label="gradient descent")
right.set(xlabel="step", ylabel="distance to the minimum", ylim=(1e-3, 10))
right.set_title("It loses: a round bowl", fontsize=10)
right.legend(fontsize=8)

assert np.linalg.norm(heavy[-1]) < 0.05 < 0.5 * np.linalg.norm(start) < np.linalg.norm(plain[-1])
assert np.allclose(straight[1], 0) and np.linalg.norm(ringing[40:60], axis=1).max() > 0.5  # one step, or many rounds

# %% [markdown]
# Its rate is proven for quadratics only. On a strongly convex function whose slope merely bends twice
# ($1 \le f'' \le 25$, where it exists), with the very constants that are best for quadratics, the heavy ball runs in
# a circle for ever (Lessard, Recht and Packard 2016, section 4.6). Nesterov's method, which looks at the gradient a
# little ahead, arrives.


# %%
def bent(x):
    """A convex function with the slope 25 x, then x + 24, then 25 x - 24."""
    middle = 12.5 + (x**2 - 1) / 2 + 24 * (x - 1)
    last = 38.0 + 12.5 * (x**2 - 4) - 24 * (x - 2)
    return np.where(x < 1, 12.5 * x**2, np.where(x < 2, middle, last))


m, L, k = 1.0, 25.0, np.sqrt(25.0)
slopes = [float(dl.grad(bent)(x)) for x in (0.5, 1.5, 3.0)]
assert np.allclose(slopes, [12.5, 25.5, 51.0])
circling = follow(slope(bent), 3.3, O.SGD(lr=4 / (1 + k) ** 2, momentum=((k - 1) / (k + 1)) ** 2), 300)
arriving = follow(slope(bent), 3.3, O.SGD(lr=1 / L, momentum=(k - 1) / (k + 1), nesterov=True), 300)
assert np.allclose(circling[-3:], circling[-6:-3], atol=1e-9) and np.ptp(circling[-3:]) > 3  # three points, for ever
assert abs(arriving[-1]) < 1e-12
figure, axes = plt.subplots(figsize=(7.4, 3), layout="constrained")
axes.plot(circling[:60], "C1o-", markersize=3, linewidth=1, label="momentum (heavy ball)")
axes.plot(arriving[:60], "C2^-", markersize=3, linewidth=1, label="Nesterov")
axes.axhline(0, color="gray", linewidth=0.8)
axes.set(xlabel="step", ylabel="x", title="A convex function on which the heavy ball runs in a circle")
axes.legend(fontsize=8)
circling[-3:].round(4)

# %% [markdown]
# ## Nesterov: wins where only smoothness is known, pays for it under noise
#
# With momentum that grows like $\frac{k - 1}{k + 2}$ the error falls like $1/k^2$, where gradient descent has $1/k$:
#
# $$f(x_k) - f^* \le \frac{2 L \lVert x_0 - x^* \rVert^2}{(k + 1)^2} \qquad
# \text{(Beck and Teboulle 2009, theorem 4.4).}$$
#
# But a method that trusts its velocity trusts its errors as well: with a noisy gradient it stays further from the
# minimum than gradient descent of the same step.

# %%
curvatures = 1.0 / np.arange(1, 201) ** 2
flat = lambda x: 0.5 * np.sum(curvatures * x**2)
steps, R2 = 300, 200.0
gd = [flat(x) for x in follow(slope(flat), np.ones(200), O.SGD(lr=1.0), steps)]
x = y = np.ones(200)
fast = [flat(x)]
for k in range(1, steps + 1):
    before, x = x, y - curvatures * y
    y = x + (k - 1) / (k + 2) * (x - before)
    fast.append(flat(x))
k = np.arange(1, steps + 1)
promise = 2 * R2 / (k + 1) ** 2
assert np.all(np.array(fast)[1:] <= promise) and fast[-1] < gd[-1] / 20

noise = np.random.default_rng(0).normal(size=(4000, 2))
curve = np.array([1.0, 4.0])
noisy = lambda p, k: curve * p + noise[k]
spread = {
    name: float(np.mean(np.sum(follow(noisy, (3.0, 3.0), o, 4000)[500:] ** 2, axis=1)))
    for name, o in {"gradient descent": O.SGD(lr=0.05), "Nesterov": O.SGD(lr=0.05, momentum=0.9, nesterov=True)}.items()
}
assert spread["Nesterov"] > 4 * spread["gradient descent"]

figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.5), layout="constrained")
left.loglog(k, promise, "k--", label="theorem, $2 L R^2 / (k + 1)^2$")
left.loglog(k, gd[1:], "C0", label="gradient descent")
left.loglog(k, fast[1:], "C2", label="Nesterov")
left.set(xlabel="step", ylabel="value above the minimum", title="It wins: smooth and flat")
left.legend(fontsize=8)
wander = {"Nesterov": O.SGD(lr=0.05, momentum=0.9, nesterov=True), "gradient descent": O.SGD(lr=0.05)}
for (name, o), colour in zip(wander.items(), ("C2", "C0")):
    points = follow(noisy, (3.0, 3.0), o, 400)
    right.plot(*points.T, colour, linewidth=0.8, label=f"{name}: mean square {spread[name]:.2f}")
right.plot(0, 0, "k*", markersize=10)
right.set_title("It loses: a noisy gradient", fontsize=12)
right.legend(fontsize=8)
spread

# %% [markdown]
# ## AdaGrad: wins for rare features, never forgets
#
# Most words are rare. A feature that appears in one sample of a hundred gets a gradient in one step of a hundred; a
# rate that falls for all alike has fallen too early for it, and one that does not fall keeps the noise of the
# frequent ones. AdaGrad's rate falls for each coordinate with *its own* gradients. Twenty features, the $i$-th in one
# of $i^2$ samples, one pass over 3,000 samples, each method with the best of nine rates:

# %%
rng = np.random.default_rng(0)
present = rng.random((3000, 20)) < 1 / np.arange(1, 21) ** 2
samples = present * rng.normal(size=(3000, 20))
truth = rng.choice([-2.0, 2.0], 20)
answers = samples @ truth + 0.5 * rng.normal(size=3000)
one = lambda w, k: (samples[k] @ w - answers[k]) * samples[k]
assert np.allclose(one(truth / 2, 5), dl.grad(lambda w: 0.5 * (samples[5] @ w - answers[5]) ** 2)(truth / 2))


def best_of(make, rates):
    """The path of the best rate: the one that ends nearest to the true weights."""
    with np.errstate(all="ignore"):
        runs = [follow(one, np.zeros(20), make(r), 3000) for r in rates]
        return min(runs, key=lambda points: np.nan_to_num(np.linalg.norm(points[-1] - truth), nan=np.inf))


rates = np.geomspace(0.02, 4, 9)
passes = {
    "rate that falls like $1/\\sqrt{k}$": best_of(lambda r: O.SGD(lr=lambda k, r=r: r / np.sqrt(1 + k)), rates),
    "constant rate": best_of(lambda r: O.SGD(lr=r), rates),
    "AdaGrad": best_of(lambda r: O.Adagrad(lr=r), rates),
}
error = {name: round(float(np.linalg.norm(points[-1] - truth)), 2) for name, points in passes.items()}
assert error["AdaGrad"] < 0.8 * min(list(error.values())[:2])
error

# %% [markdown]
# What it has added up it keeps. A steep wall at the start, then a plain of slope 1: the wall's gradients stay in the
# sum, and on the plain each step is a hundredth of what it could be. A larger rate would help, if somebody had known.
# RMSprop's memory of the wall falls to a third in some $1 / (1 - \alpha)$ steps.

# %%
wall = lambda p: np.sqrt(1 + p[0] ** 2) + 50 * np.maximum(p[0] - 9, 0.0) ** 2 + 0.5 * p[1] ** 2
found = {
    "AdaGrad": follow(slope(wall), (10.0, 1.0), O.Adagrad(lr=0.1), 400),
    "RMSprop": follow(slope(wall), (10.0, 1.0), O.RMSprop(lr=0.1, alpha=0.9), 400),
}
assert found["AdaGrad"][-1, 0] > 8.5 and np.linalg.norm(found["RMSprop"][-1]) < 0.2
figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.6), layout="constrained")
for (name, points), colour in zip(passes.items(), ("C0", "C1", "C3")):
    left.plot(points[:, 1], points[:, 9], colour, linewidth=1, label=name)
left.plot(truth[1], truth[9], "k*", markersize=11)
left.set(xlabel="weight of a frequent feature (1 in 4)", ylabel="of a rare one (1 in 100)")
left.set_title("AdaGrad wins: rare features", fontsize=10)
left.legend(fontsize=8)
paths(right, wall, found, (-1, 10.5, -1.6, 1.6), 18)
right.set_title("It loses: a wall, then a plain (400 steps)", fontsize=10)

# %% [markdown]
# ## RMSprop: wins on plains, never comes to rest
#
# Dividing by the size of the gradient makes the step's length the rate, on a wall as on a plain. At a minimum that is
# a fault: however small the gradient, the step keeps its length, and the point chatters about the minimum at a
# distance that is the rate's. It even drives the point out of a minimum that it has passed within a rounding error. A
# rate that falls ends that.

# %%
chatter = {r: follow(slope(bowl), (-2.0, 1.0), O.RMSprop(lr=r, alpha=0.9), 600) for r in (0.1, 0.01)}
rest = {r: float(np.linalg.norm(points[-50:], axis=1).mean()) for r, points in chatter.items()}
settled = follow(slope(bowl), (-2.0, 1.0), O.RMSprop(lr=lambda k: 0.1 * 0.99**k, alpha=0.9), 1200)
assert 0.3 < rest[0.1] / 0.1 < 1.5 and np.isclose(rest[0.1] / rest[0.01], 10, rtol=0.1)  # proportional to the rate
assert np.linalg.norm(settled[-1]) < 1e-3 * rest[0.1]
figure, axes = plt.subplots(figsize=(7.4, 3.1), layout="constrained")
for (r, points), colour in zip(chatter.items(), ("C4", "C5")):
    axes.semilogy(np.linalg.norm(points, axis=1), colour, linewidth=1, label=f"RMSprop, rate {r:g}")
axes.semilogy(
    np.linalg.norm(settled[:601], axis=1), "C6", linewidth=1, label="RMSprop, rate 0.1 that falls by 1 % a step"
)
axes.set(
    xlabel="step", ylabel="distance to the minimum", title="A round bowl: steps of constant length do not come to rest"
)
axes.set_ylim(1e-5, 10)
axes.legend(fontsize=8)
rest

# %% [markdown]
# ## Adam: wins untuned, and can walk to the wrong end
#
# Adam has no units: multiply a coordinate by a million, and its path is the same (lesson 8). On a function whose
# coordinates have curvatures from 1 to $10^6$, the rate 0.05 does well at once, where no rate serves plain gradient
# descent.

# %%
scales = np.array([1.0, 1e3, 1e6])
stretched = lambda p: 0.5 * np.sum(scales * p**2)
untuned = follow(slope(stretched), np.ones(3), O.Adam(lr=0.05), 400)
tuned = follow(slope(stretched), np.ones(3), O.SGD(lr=2 / (1 + 1e6)), 400)
assert np.linalg.norm(untuned[-1]) < 0.01 and np.linalg.norm(tuned[-1]) > 0.99

# %% [markdown]
# Where the large gradients are rare and the small ones frequent, its memory is too short. The slope of a linear
# function on $[-1, 1]$ is 3 in one step of three and -1 in the others: on the average $+\frac13$, so $x$ should go to
# -1. Dividing by the recent size makes the 3 count little more than a -1, and the two others win (Reddi, Kale and
# Kumar 2018, theorem 1: $\beta_1 = 0$, $\beta_2 = 1 / (1 + 3^2)$, rate $\propto 1/\sqrt k$). Their repair keeps the
# largest size seen: `amsgrad=True`.

# %%
slopes = lambda x, k: np.full_like(x, 3.0 if k % 3 == 0 else -1.0)
setting = dict(lr=lambda k: 0.5 / np.sqrt(k + 1), betas=(0.0, 1 / (1 + 3.0**2)))
astray = follow(slopes, np.zeros(1), O.Adam(**setting), 1500, box=(-1, 1))
mended = follow(slopes, np.zeros(1), O.Adam(**setting, amsgrad=True), 1500, box=(-1, 1))
descent = follow(slopes, np.zeros(1), O.SGD(lr=setting["lr"]), 1500, box=(-1, 1))
assert astray[-3:].min() > 0.9 and mended[-3:].max() < -0.9 and descent[-3:].max() < -0.9

figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.5), layout="constrained")
left.semilogy(np.linalg.norm(tuned, axis=1), "C0", label="gradient descent, its best rate")
left.semilogy(np.linalg.norm(untuned, axis=1), "C3", label="Adam, rate 0.05")
left.set(xlabel="step", ylabel="distance to the minimum", title="It wins: curvatures 1, 1e3, 1e6")
left.legend(fontsize=8)
for name, points, colour in (
    ("Adam", astray, "C3"),
    ("Adam, amsgrad", mended, "C2"),
    ("gradient descent", descent, "C0"),
):
    right.plot(points[::3], colour, linewidth=1, label=name)
right.set(xlabel="rounds of three steps", ylabel="x, best at -1", title="It loses: rare large slopes")
right.legend(fontsize=8)

# %% [markdown]
# ## All of them everywhere
#
# Each method on each landscape, with the best of ten rates: after how many of 400 steps is the point within 0.1 of
# the minimum, and stays there? No row is the best in all columns. AdaGrad and RMSprop are at home where the ravine
# lies along the axes, and lost when the same ravine is turned; momentum does not care. (With a rate that was tried
# out, AdaGrad crosses even the wall and the plain in 3 steps: it is the rate chosen for the wall alone that fails on
# the plain.)

# %%
landscapes = {
    "ravine": (lambda p: 0.5 * (p[0] ** 2 + 400 * p[1] ** 2), (-3.0, 0.3), (0, 0)),
    "turned ravine": (ravine, (-2.0, 2.2), (0, 0)),
    "bent valley": (lambda p: 0.1 * (1 - p[0]) ** 2 + 2 * (p[1] - p[0] ** 2) ** 2, (-1.2, 1.0), (1, 1)),
    "plateau": (lambda p: -np.exp(-0.02 * (p[0] ** 2 + p[1] ** 2)), (-15.0, 4.0), (0, 0)),
    "wall, plain": (wall, (10.0, 1.0), (0, 0)),
}
methods = {
    "gradient descent": lambda r: O.SGD(lr=r),
    "momentum": lambda r: O.SGD(lr=r, momentum=0.9),
    "Nesterov": lambda r: O.SGD(lr=r, momentum=0.9, nesterov=True),
    "AdaGrad": lambda r: O.Adagrad(lr=r),
    "RMSprop": lambda r: O.RMSprop(lr=r, alpha=0.9),
    "Adam": lambda r: O.Adam(lr=r),
}
NEVER = 401


def needed(gradient, start, goal, optimiser):
    with np.errstate(all="ignore"):
        points = follow(gradient, start, optimiser, NEVER - 1)
        away = ~(np.linalg.norm(points - np.array(goal), axis=1) < 0.1)  # NaN is away
    return NEVER if away[-1] else int(np.flatnonzero(away)[-1]) + 1


table = np.array([
    [min(needed(g, begin, goal, make(r)) for r in 10 ** np.arange(-3.5, 1.1, 0.5)) for make in methods.values()]
    for g, begin, goal in [(slope(f), begin, goal) for f, begin, goal in landscapes.values()]
]).T  # fmt: skip

figure, axes = plt.subplots(figsize=(7.6, 3.4), layout="constrained")
axes.imshow(np.log(table), cmap="Blues", aspect="auto")
axes.set_xticks(range(len(landscapes)), landscapes)
axes.set_yticks(range(len(methods)), methods)
axes.set_title("Steps until it stays within 0.1 of the minimum, each with its best rate", fontsize=10)
for (i, j), count in np.ndenumerate(table):
    style = dict(color="white" if count > 60 else "black", weight="bold" if count == table[:, j].min() else "normal")
    axes.text(j, i, "never" if count == NEVER else count, ha="center", va="center", **style)

row = dict(zip(methods, table))
columns = list(landscapes)
assert row["AdaGrad"][0] < 20 and row["AdaGrad"][1] == row["RMSprop"][1] == NEVER > row["RMSprop"][0]
assert abs(row["momentum"][0] - row["momentum"][1]) < 10 and row["gradient descent"][1] == NEVER
assert all(np.count_nonzero(table[i] == table.min(axis=0)) < len(columns) for i in range(len(methods)))

# %% [markdown]
# ## Exercises
#
# **1.** Momentum of 0.9 makes the effective step ten times longer: $\frac{\eta}{1 - \beta}$. Show it on a plain of
# constant slope, and compare gradient descent with ten times the rate.

# %% tags=["solution"]
constant = lambda p, k: np.ones(1)
heavy = follow(constant, np.zeros(1), O.SGD(lr=0.01, momentum=0.9), 300).ravel()
light = follow(constant, np.zeros(1), O.SGD(lr=0.1), 300).ravel()
assert np.isclose(heavy[-1] - heavy[-2], light[-1] - light[-2])  # the same speed in the end
assert np.isclose(heavy[-1] - light[-1], 0.1 * 0.9 / (1 - 0.9))  # behind by what the start cost

# %% [markdown]
# **2.** With a constant gradient, how far have AdaGrad, RMSprop and Adam come after $k$ steps of rate $\eta$?

# %% tags=["solution"]
k = np.arange(1, 401)
three = dict(adagrad=O.Adagrad(lr=0.1), rmsprop=O.RMSprop(lr=0.1, alpha=0.9), adam=O.Adam(lr=0.1))
way = {name: -follow(constant, np.zeros(1), o, 400).ravel()[1:] for name, o in three.items()}
assert np.allclose(way["adagrad"], 0.1 * np.cumsum(1 / np.sqrt(k)))  # about 0.2 sqrt(k)
assert np.allclose(way["adam"], 0.1 * k)  # freed of the start, both averages are 1
assert np.allclose(way["rmsprop"], 0.1 * np.cumsum(1 / np.sqrt(1 - 0.9**k)), rtol=1e-6)  # its first steps are longer

# %% [markdown]
# **3.** RMSprop never gets through the turned ravine, Adam does. Which of Adam's two memories carries it? Take each
# away, and give every variant the best of seven rates.

# %% tags=["solution"]
variants = {
    "both": lambda r: O.Adam(lr=r, betas=(0.9, 0.9)),
    "without the velocity": lambda r: O.Adam(lr=r, betas=(0.0, 0.9)),
    "without the sizes": lambda r: O.SGD(lr=r, momentum=0.9),
    "RMSprop with momentum": lambda r: O.RMSprop(lr=r, alpha=0.99, momentum=0.9),
}
some = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
gradient = slope(ravine)
with np.errstate(all="ignore"):
    end = {
        name: np.nanmin([np.linalg.norm(follow(gradient, start, make(r), 400)[-1]) for r in some])
        for name, make in variants.items()
    }
# The velocity does it. Sizes by coordinate say nothing here: on the diagonal both coordinates have the same ones.
assert end["without the velocity"] > 0.3 and max(end["both"], end["without the sizes"]) < 1e-2
assert end["RMSprop with momentum"] < 1e-2
{name: f"{distance:.0e}" for name, distance in end.items()}

# %% [markdown]
# ## What to read next
#
# - Polyak, "Some methods of speeding up the convergence of iteration methods" (1964); Nesterov (1983).
# - Lessard, Recht and Packard, "Analysis and design of optimization algorithms via integral quadratic constraints"
#   (2016).
# - Duchi, Hazan and Singer, "Adaptive subgradient methods" (2011); Kingma and Ba, "Adam" (2015).
# - Reddi, Kale and Kumar, "On the convergence of Adam and beyond" (2018).
# - Wilson et al., "The marginal value of adaptive gradient methods in machine learning" (2017).
