# %% [markdown]
# # 27. A GAN in one dimension
#
# After this lesson you can
#
# - write down the game of a generator against a discriminator, and say what each of them learns;
# - give two networks one program, with `stop_gradient` between them, and see why they circle and how to calm them;
# - measure with an honest distance whether the generator has learned the distribution, in a place where it can be seen.

# %% [markdown]
# ## Data without a formula
#
# We have samples of a distribution and want more of them. Ours has two humps of different width and weight. The
# networks see samples only; the density is drawn for us.

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np

import difflab as dl
from difflab import nn

F = nn.functional
grid = np.linspace(-4, 4.5, 851)
bell = lambda x, m, s: np.exp(-(((x - m) / s) ** 2) / 2) / (s * np.sqrt(2 * np.pi))
density = lambda x: 0.35 * bell(x, -1.5, 0.35) + 0.65 * bell(x, 1.2, 0.6)


def data(count, rng):
    left = rng.random(count) < 0.35
    return np.where(left, rng.normal(-1.5, 0.35, count), rng.normal(1.2, 0.6, count))[:, None]


area = np.sum(density(grid)) * (grid[1] - grid[0])
assert np.isclose(area, 1, atol=1e-6)


# %% [markdown]
# ## How far apart are two heaps of numbers?
#
# Before we train anything, how shall we measure success? Take as many samples of one kind as of the other, and move the
# one heap onto the other by the shortest total way. The mean way is the Wasserstein distance $W_1$. In one dimension
# the best plan is known: the smallest goes to the smallest, the second to the second, and so on. So we sort.


# %%
def distance(a, b):
    return np.mean(np.abs(np.sort(np.ravel(a)) - np.sort(np.ravel(b))))


rng = np.random.default_rng(0)
a, b = rng.normal(size=6), rng.normal(size=6)
plans = [np.mean(np.abs(a - b[list(order)])) for order in itertools.permutations(range(6))]
assert np.isclose(distance(a, b), min(plans))  # the best of all 720
assert np.isclose(distance(a + 0.3, a), 0.3)  # moved by 0.3: it says so

truth = data(4000, np.random.default_rng(77))
repeats = [distance(truth, data(4000, np.random.default_rng(k))) for k in range(10)]
floor = np.mean(repeats)  # what 4000 perfect samples get: nobody can do better than chance
print(f"distance of two samples of the data: {floor:.3f}")
assert floor < 0.06

# %% [markdown]
# ## The discriminator: real or not?
#
# A discriminator is a classifier. Half of what it sees comes from the data, half from somewhere else, and its score
# $D(x)$ is the log-odds that $x$ is real. With the cross-entropy loss of lesson 7,
#
# $$L_D = -\mathbb{E}_{x \sim p} \ln \sigma(D(x)) - \mathbb{E}_{x \sim q} \ln (1 - \sigma(D(x))),
# \qquad \text{the best answer is } \; \sigma(D^*(x)) = \frac{p(x)}{p(x) + q(x)} .$$
#
# It learns where there is too much and too little, without ever seeing a density. Let $q$ be a standard normal.

# %%
discriminator = nn.models.mlp((1, 32, 32, 1), activation=nn.Tanh())
no_state = discriminator.init(0)[1]


def score(d, x):
    return discriminator.apply(d, no_state, x, training=True)[0]


def loss_d(d, real, fake):
    return np.mean(F.softplus(-score(d, real))) + np.mean(F.softplus(score(d, fake)))


adam = nn.optim.Adam(lr=5e-3)


@dl.compile
def learn(d, memory, real, fake):
    return adam.update(d, dl.grad(loss_d)(d, real, fake), memory)


d = discriminator.init(0)[0]
memory = adam.init(d)
for _ in range(600):
    d, memory = learn(d, memory, data(256, rng), rng.normal(size=(256, 1)))

p, q = density(grid), bell(grid, 0, 1)
learned, best = F.sigmoid(score(d, grid[:, None])[:, 0]), p / (p + q)
wrong = np.sum(np.abs(learned - best) * (p + q)) / np.sum(p + q)
assert wrong < 0.06

jensen = lambda a, b: np.sum(np.where(a > 0, a * np.log(2 * a / (a + b)), 0)) * (grid[1] - grid[0]) / 2
js = jensen(p, q) + jensen(q, p)  # the Jensen-Shannon divergence of p and q
reached = loss_d(d, data(20_000, rng), rng.normal(size=(20_000, 1)))
assert np.isclose(reached, 2 * np.log(2) - 2 * js, atol=0.06)  # the least loss there is

figure, axes = plt.subplots(figsize=(6.5, 3.2))
axes.fill_between(grid, p, color="tab:green", alpha=0.3, label="density p of the data")
axes.fill_between(grid, q, color="tab:orange", alpha=0.3, label="density q")
axes.plot(grid, best, "k--", linewidth=1, label="p / (p + q)")
axes.plot(grid, learned, color="tab:purple", label="learned from samples")
axes.set(title="What the discriminator knows", xlabel="x")
axes.legend(fontsize=8)
figure

# %% [markdown]
# At the margins, where hardly any sample lies, it is wrong, and the loss hardly notices.
#
# ## The generator: please the discriminator
#
# The generator turns noise $z$ into $G(z)$. It never sees data. All it knows is the discriminator's slope: the chain
# rule carries $dL/dx$, where $x = G(z)$ is the sample, on into its weights. Its aim is to be called real,
#
# $$L_G = -\mathbb{E}_z \ln \sigma(D(G(z))) .$$
#
# Why not simply $-L_D$, with $+\ln(1 - \sigma(D))$? Because a bad generator is recognised with certainty. Then the
# slope of the second form by the score is $-\sigma(D) \approx 0$ and nothing is learned; that of the first is
# $-(1 - \sigma(D)) \approx -1$.

# %%
generator = nn.models.mlp((1, 32, 32, 1), activation=nn.Tanh())


def samples(g, z):
    return generator.apply(g, no_state, z, training=True)[0]


def loss_g(d, fake):
    return np.mean(F.softplus(-score(d, fake)))


s = -6.0  # certainly not real
assert np.isclose(dl.grad(lambda s: F.softplus(-s))(s), -1, atol=0.01)
assert np.isclose(dl.grad(lambda s: -F.softplus(s))(s), 0, atol=0.01)

g = generator.init(1)[0]
z = rng.normal(size=(256, 1))
fake, pullback = dl.vjp(lambda g: samples(g, z), g)
by_hand = pullback(dl.grad(lambda x: loss_g(d, x))(fake))[0]
engine = dl.grad(lambda g: loss_g(d, samples(g, z)))(g)
assert all(np.allclose(by_hand[k]["weight"], engine[k]["weight"]) for k in ("linear1", "linear2", "linear3"))

# %% [markdown]
# ## Two players, one gradient
#
# Each player has a loss and weights, and must not touch the other's weights. We could ask for two gradients. Or we add
# the losses, and say with `stop_gradient` what each player takes as given: the discriminator the samples, the generator
# the discriminator. Then *one* gradient has both.


# %%
def both(players, real, z, calm=0.0):
    fake = samples(players["g"], z)
    judge = dl.stop_gradient(players["d"])
    total = loss_d(players["d"], real, dl.stop_gradient(fake)) + loss_g(judge, fake)
    if calm:
        slope = dl.grad(lambda x: np.sum(score(players["d"], x)))(real)
        total = total + calm / 2 * np.mean(slope**2)
    return total


real = data(256, rng)
together = dl.grad(both)({"g": g, "d": d}, real, z)
alone = {"g": engine, "d": dl.grad(loss_d)(d, real, fake)}
for player in ("g", "d"):
    for k in ("linear1", "linear2", "linear3"):
        assert np.allclose(together[player][k]["weight"], alone[player][k]["weight"], atol=1e-12)

# %% [markdown]
# ## Why they circle
#
# A gradient of a single loss goes downhill and arrives. Two players chase each other. The smallest such game is $a b$:
# $a$ wants it small, $b$ wants it large. The peace is at $(0, 0)$. A step of size $h$ for both turns the pair by an
# angle and moves it *outwards*, by exactly $\sqrt{1 + h^2}$: no small rate saves us. If $b$ pays a price
# $\frac{r}{2} b^2$ for being far out, the circle becomes a spiral inwards. And even without that, the *mean* of the
# path is close to the peace.

# %%
h = 0.1


def play(price, rounds=200):
    game = lambda pair: pair[0] * pair[1] - price / 2 * pair[1] ** 2
    pair, path = np.array([1.0, 0.0]), []
    for _ in range(rounds):
        path.append(pair)
        pair = pair + h * np.array([-1.0, 1.0]) * dl.grad(game)(pair)
    return np.array(path)


free, priced = play(0.0), play(0.5)
radius = np.linalg.norm(free, axis=1)
assert np.allclose(radius[1:] / radius[:-1], np.sqrt(1 + h**2))
assert np.linalg.norm(priced[-1]) < 0.05
turn = 63  # one round trip: 2 pi / 0.1 steps
assert np.linalg.norm(free[:turn].mean(0)) < 0.2 * radius[:turn].mean()

# %% [markdown]
# The price for our discriminator is the square of its slope at the data, `calm` above: where real samples are, it shall
# not be steep. (A gradient inside a loss that is differentiated: a second derivative, lesson 14.) And beside the
# generator we keep the running mean of its weights.

# %% [markdown]
# ## The game
#
# Two Adams, one for each player, in one compiled program. The discriminator may learn faster than the generator.

# %%
adams = {"g": nn.optim.Adam(lr=1e-3, betas=(0.0, 0.9)), "d": nn.optim.Adam(lr=3e-3, betas=(0.0, 0.9))}


@dl.compile
def one_round(players, memories, mean, real, z):
    gradients = dl.grad(both)(players, real, z, 0.3)
    moved = {k: adams[k].update(players[k], gradients[k], memories[k]) for k in players}
    players, memories = ({k: pair[i] for k, pair in moved.items()} for i in (0, 1))
    blend = {k: {n: 0.995 * mean[k][n] + 0.005 * w for n, w in p.items()} for k, p in players["g"].items()}
    return players, memories, blend


noise = np.random.default_rng(5).normal(size=(4000, 1))


def game(seed, rounds, show=()):
    rng = np.random.default_rng(seed)
    players = {"g": generator.init(seed)[0], "d": discriminator.init(seed + 100)[0]}
    memories = {k: adams[k].init(players[k]) for k in players}
    mean, history, shown = players["g"], [], []
    for k in range(rounds + 1):
        if k % 50 == 0:
            history.append([distance(samples(w, noise), truth) for w in (players["g"], mean)])
        if k in show:
            shown.append((k, samples(players["g"], noise), F.sigmoid(score(players["d"], grid[:, None]))))
        players, memories, mean = one_round(players, memories, mean, data(256, rng), rng.normal(size=(256, 1)))
    return players, mean, np.array(history), shown


players, mean, history, shown = game(0, 2000, show=(0, 50, 150, 400, 2000))

# %%
figure, axes = plt.subplots(1, 5, figsize=(13, 2.7), sharey=True, layout="constrained")
for place, (k, x, judged) in zip(axes, shown):
    place.fill_between(grid, density(grid), color="tab:green", alpha=0.3, label="data")
    place.hist(x[:, 0], bins=60, range=(-4, 4.5), density=True, histtype="step", color="tab:orange", label="generator")
    place.plot(grid, judged, color="tab:purple", linewidth=1, label="discriminator")
    place.set(title=f"round {k}", ylim=(0, 1.3), xlim=(-4, 4.5))
axes[4].legend(fontsize=7, loc="upper right")
figure

# %% [markdown]
# At first all samples lie in one narrow heap. It spreads until it covers everything, gathers in two heaps that are too
# narrow, and then takes their shapes. In the end the discriminator says one half wherever there are data: it cannot
# tell any more.

# %%
live, averaged = history.T
figure, axes = plt.subplots(figsize=(6.5, 3.2))
rounds = 50 * np.arange(len(history))
axes.semilogy(rounds, live, color="tab:orange", label="the generator")
axes.semilogy(rounds, averaged, color="tab:blue", label="the mean of its weights")
axes.axhline(floor, color="0.5", linestyle="--", label="samples of the data themselves")
axes.set(xlabel="round", ylabel="distance to the data", title="How far from the data")
axes.legend(fontsize=8)

assert live[0] > 1  # before
assert live[-10:].mean() < 0.25  # after: it follows, and still circles
assert averaged[-1] < 0.12 and averaged[-1] < live[-10:].mean()  # the mean is nearly as good as data
half = np.abs(shown[-1][2] - 0.5)[:, 0]
assert np.sum(half * density(grid)) / np.sum(density(grid)) < 0.15
figure

# %% [markdown]
# ## What did it learn?
#
# In one dimension we can look at $G$ itself. The map that makes our data of a normal $z$ in order, the smallest of the
# smallest, is $x = P^{-1}(\Phi(z))$, with the two distribution functions. The generator was told nothing of order. Ours
# has turned it round, and another seed has found a map that folds the line. Both draw from the same distribution: the
# game fixes *what* is drawn, not how.

# %%
z = np.linspace(-2.5, 2.5, 401)
turned = np.quantile(truth, np.mean(noise[:, 0] > z[:, None], axis=1))  # the map in order, with z turned round
_, other, other_history, _ = game(6, 2000)
assert other_history[-1, 1] < 0.12

figure, axes = plt.subplots(figsize=(6, 3.4))
axes.plot(z, turned, "k--", linewidth=1, label="in order, turned round")
for weights, colour, name in ((mean, "tab:blue", "seed 0"), (other, "tab:red", "seed 6")):
    draw = lambda z, weights=weights: samples(weights, z[:, None])[:, 0]
    curve, slope = draw(z), dl.elementwise_grad(draw)(z)
    axes.plot(z, curve, color=colour, label=name)
    assert -1.2 < curve[np.abs(slope).argmax()] < 0.6  # steepest in the gap between the humps
    if name == "seed 0":
        assert np.mean(np.abs(curve - turned)) < 0.25 and np.all(slope < 0)
    else:
        assert slope.min() < -1 < 0.1 < slope.max()  # up, steeply down, and up again
axes.axhspan(-0.6, 0.0, color="0.9", label="hardly any data")
axes.set(xlabel="noise z", ylabel="G(z)", title="A network that draws")
axes.legend(fontsize=8)
figure

# %% [markdown]
# A continuous $G$ cannot jump over the gap between the humps. It has to be steep there, and a few samples fall between.
# How steep it can get is its Lipschitz constant, of lesson 26.

# %% [markdown]
# ## Exercises
#
# **1.** Is it luck? Play with other seeds.

# %% tags=["solution"]
for seed in (1, 2):
    final = game(seed, 1500)[2][-1, 1]
    assert final < 0.2 * history[0, 1]

# %% [markdown]
# **2.** $W_1$ is a mean of absolute values behind a sort, and the engine differentiates both. Train the generator on it
# directly, without any discriminator. Why does nobody do that with images?

# %% tags=["solution"]
adam = nn.optim.Adam(lr=3e-3)


@dl.compile
def directly(g, memory, real, z):
    return adam.update(g, dl.grad(lambda g: distance(samples(g, z), real))(g), memory)


g = generator.init(0)[0]
memory = adam.init(g)
for _ in range(600):
    g, memory = directly(g, memory, data(256, rng), rng.normal(size=(256, 1)))
assert distance(samples(g, noise), truth) < 0.15
# Only numbers have an order. In two dimensions the best plan is an assignment problem, and in 784 any two samples are
# far from each other: a learned discriminator finds the few directions that matter.

# %% [markdown]
# **3.** In the game $a b$ with the price $r$, one round is a linear map. Find it with the engine, and show that the
# largest absolute value of its eigenvalues is below 1 for $r = 0.5$ and above 1 for $r = 0$.


# %% tags=["solution"]
def one_step(pair, price):
    slope = dl.grad(lambda pair: pair[0] * pair[1] - price / 2 * pair[1] ** 2)(pair)
    return pair + h * np.array([-1.0, 1.0]) * slope


largest = [np.abs(np.linalg.eigvals(dl.jacobian(one_step)(np.zeros(2), price))).max() for price in (0.0, 0.5)]
assert np.isclose(largest[0], np.sqrt(1 + h**2))
assert largest[1] < 1

# %% [markdown]
# ## What to read next
#
# - Goodfellow et al., *Generative adversarial nets* (2014): the game, and $p / (p + q)$.
# - Mescheder, Geiger and Nowozin, *Which training methods for GANs do actually converge?* (2018), on circles and the
#   price on slopes; Yazıcı et al., *The unusual effectiveness of averaging in GAN training* (2019).
# - Arjovsky, Chintala and Bottou, *Wasserstein GAN* (2017).
