# %% [markdown]
# # 24. Overfitting
#
# After this lesson you can
#
# - say what risk training makes small, what risk you care about, and how well a test set tells the second;
# - draw training and test curves against capacity, data and time, and read from them what is wrong;
# - use early stopping, weight decay and dropout, and say exactly what each does to a linear model.

# %% [markdown]
# ## Two risks
#
# Training makes the mean loss on the samples at hand small, the *empirical risk*
#
# $$\hat R(f) = \frac1n \sum_{i=1}^n \ell(f(x_i), y_i) . $$
#
# What we care about is the mean over everything that may come, the *population risk*
# $R(f) = \mathbb{E} \, \ell(f(x), y)$. Usually nobody knows it. So let us begin in a world that we made, where we do:
# $x$ is uniform in $[-1, 1]$, and $y = \sin(\pi x)$ plus noise with standard deviation 0.3. With the squared loss,
#
# $$R(f) = 0.3^2 + \tfrac12 \int_{-1}^1 (f(x) - \sin \pi x)^2 \, dx .$$

# %%
import matplotlib.pyplot as plt
import numpy as np

import difflab as dl
from difflab import nn

F = nn.functional
NOISE = 0.3
truth = lambda x: np.sin(np.pi * x)
nodes, weights = np.polynomial.legendre.leggauss(60)  # integrates polynomials up to degree 119 exactly
weights = weights / 2


def features(x, degree):
    """The Legendre polynomials up to this degree, a column for each, of mean square 1."""
    return np.polynomial.legendre.legvander(x, degree) * np.sqrt(2 * np.arange(degree + 1) + 1)


def world(count, rng):
    x = rng.uniform(-1, 1, count)
    return x, truth(x) + NOISE * rng.normal(size=count)


def fit(x, y, degree):
    return np.linalg.lstsq(features(x, degree), y, rcond=None)[0]


def population(w):
    return NOISE**2 + np.sum(weights * (features(nodes, len(w) - 1) @ w - truth(nodes)) ** 2)


def empirical(w, x, y):
    return np.mean((features(x, len(w) - 1) @ w - y) ** 2)


# %% [markdown]
# ## Capacity
#
# Twenty samples, and polynomials of growing degree. A model's *capacity* is what it could fit; here the degree says it.

# %%
x, y = world(20, np.random.default_rng(6))
line = np.linspace(-1, 1, 400)
figure, axes = plt.subplots(1, 3, figsize=(9.5, 3), sharey=True, layout="constrained")
for place, degree in zip(axes, (1, 5, 15)):
    place.plot(line, truth(line), "--", color="0.6")
    place.plot(x, y, "o", color="tab:green", markersize=4)
    place.plot(line, features(line, degree) @ fit(x, y, degree), color="tab:blue")
    place.set(title=f"degree {degree}", ylim=(-2.2, 2.2))
figure

# %% [markdown]
# The line is too simple. Degree 15 goes through nearly every sample and is wrong everywhere else: it has learned the
# noise. One data set may be lucky, so we draw 300 and take means (of the population risk the median, because the worst
# fits are wild).

# %%
degrees = np.arange(16)
rng = np.random.default_rng(0)
train_risk, risk = np.zeros((300, 16)), np.zeros((300, 16))
for k in range(300):
    x, y = world(20, rng)
    for degree in degrees:
        w = fit(x, y, degree)
        train_risk[k, degree], risk[k, degree] = empirical(w, x, y), population(w)

assert np.all(np.diff(train_risk, axis=1) < 1e-9)  # more capacity never fits worse: the smaller model is inside
typical = np.median(risk, axis=0)
best = int(typical.argmin())
assert 3 <= best <= 6
assert typical[15] > 3 * typical[best] and typical[1] > 1.5 * typical[best]
assert np.all(risk >= NOISE**2)  # nobody predicts noise

figure, axes = plt.subplots(figsize=(6.5, 3.4))
axes.semilogy(degrees, train_risk.mean(0), "o-", color="tab:blue", label="empirical risk")
axes.semilogy(degrees, typical, "s-", color="tab:red", label="population risk")
axes.axhline(NOISE**2, color="0.5", linestyle="--", label="noise alone")
axes.set(xlabel="degree", title="Twenty samples, growing capacity", ylim=(0.01, 20))
axes.legend(fontsize=8)
figure

# %% [markdown]
# Left of the valley the model *underfits*: both risks are high. Right of it it *overfits*: they part. The empirical
# risk goes below the noise, which nobody can do honestly. How far below is known: where the model contains the truth,
# its mean is $\sigma^2 (1 - p/n)$ with $p$ parameters and $n$ samples. Each parameter eats one sample's share of noise.

# %%
for degree in (9, 11, 13):
    assert np.isclose(train_risk[:, degree].mean(), NOISE**2 * (1 - (degree + 1) / 20), rtol=0.1)

# %% [markdown]
# ## Bias and variance
#
# Why a valley? Take the mean of the fits to many data sets. What the *mean* fit gets wrong is bias: the model cannot do
# better. How much the single fits differ from their mean is variance: what depends on the samples that happened to
# come. Together with the noise that is all,
#
# $$\mathbb{E} \, R = \sigma^2 + \text{bias}^2 + \text{variance} .$$

# %%
rng = np.random.default_rng(1)
sets = [world(60, rng) for _ in range(400)]
parts = []
for degree in range(10):
    fits = np.array([features(nodes, degree) @ fit(x, y, degree) for x, y in sets])
    mean = fits.mean(0)
    bias, variance = np.sum(weights * (mean - truth(nodes)) ** 2), np.mean((fits - mean) ** 2 @ weights)
    whole = np.mean([population(fit(x, y, degree)) for x, y in sets])
    assert np.isclose(whole, NOISE**2 + bias + variance, rtol=1e-9)
    parts.append((bias, variance))
bias, variance = np.array(parts).T
assert bias[1] > 10 * bias[3] > 10 * bias[5] and variance[9] > 2 * variance[5] > 2 * variance[3]

figure, axes = plt.subplots(figsize=(6.5, 3.2))
axes.stackplot(range(10), np.full(10, NOISE**2), bias, variance, labels=["noise", "bias²", "variance"],
               colors=["0.85", "#f4b183", "#9dc3e6"])  # fmt: skip
axes.set(xlabel="degree", ylabel="population risk", title="Sixty samples: what the risk is made of", ylim=(0, 0.4))
axes.legend(fontsize=8, loc="upper right")
figure

# %% [markdown]
# ## More data
#
# The best cure is more data. For a model that contains the truth the excess over the noise falls like $\sigma^2 p / n$.

# %%
rng = np.random.default_rng(2)
counts = np.array([50, 100, 200, 400, 800])
excess = np.array([np.mean([population(fit(*world(n, rng), 7)) for _ in range(200)]) for n in counts]) - NOISE**2
assert np.allclose(excess[2:], NOISE**2 * 8 / counts[2:], rtol=0.3)
rate = np.polyfit(np.log(counts), np.log(excess), 1)[0]
assert -1.4 < rate < -0.8
(excess * counts / NOISE**2).round(0).astype(int).tolist()  # about p = 8

# %% [markdown]
# ## What a test set is worth
#
# In the real world the integral is replaced by a mean over samples that training has not seen. How far is it from the
# truth? For losses between 0 and 1, such as the error rate, Hoeffding's inequality answers for every distribution:
#
# $$P\left(|\hat R_{\text{test}} - R| > \varepsilon\right) \le 2 e^{-2 n \varepsilon^2} .$$
#
# For 359 test images and 95 % certainty that is $\varepsilon = 0.07$. Two numbers that differ by less than that may be
# of equally good models. And it holds for *one* model that was chosen without looking. Choose the best of a thousand
# coins, and see.

# %%
epsilon = np.sqrt(np.log(2 / 0.05) / (2 * 359))
rng = np.random.default_rng(3)
measured = rng.binomial(359, 0.1, 100_000) / 359  # a model whose true error is 0.1, tested again and again
assert np.mean(np.abs(measured - 0.1) > epsilon) < 0.05

coins = rng.integers(0, 2, (1000, 200))  # a thousand "models" that answer 200 questions by chance
answers = rng.integers(0, 2, 200)
right = np.mean(coins[:, :100] == answers[:100], axis=1)
winner = right.argmax()
again = np.mean(coins[winner, 100:] == answers[100:])
print(f"epsilon {epsilon:.2f}; the best coin of 1000 is right on {right[winner]:.2f}, on fresh questions {again:.2f}")
assert right[winner] > 0.6
assert abs(again - 0.5) < 0.2

# %% [markdown]
# So one cuts data in three: to *train*, to choose by (*validation*), and to *test*, once, at the end.
#
# ## A network with too much room
#
# 200 digits to learn from. As in life, some labels are wrong: each is replaced by a random one with probability 0.2.

# %%
digits = nn.data.digits()
rng = np.random.default_rng(0)
order = rng.permutation(len(digits.x_train))
images, labels = digits.x_train[order].astype(float), digits.y_train[order]
labels = np.where(rng.random(len(labels)) < 0.2, rng.integers(0, 10, len(labels)), labels)
train, validation = (images[:200], labels[:200]), (images[200:700], labels[200:700])
x_test, y_test = digits.x_test.astype(float), digits.y_test  # these labels are right


def run(width=256, epochs=120, decay=0.0, dropout=0.0, seed=0, **more):
    model = nn.models.mlp((64, width, 10), dropout=dropout)
    optimiser = nn.optim.AdamW(lr=3e-3, weight_decay=decay)
    data = (*train, *validation)
    return nn.fit(model, data, optimiser=optimiser, epochs=epochs, batch_size=50, seed=seed, dtype=float,
                  progress=False, **more)  # fmt: skip


def curve(run, name):
    return np.array([epoch[name] for epoch in run.history])


def right_on_test(run):
    return float(np.mean(run.predict(x_test).argmax(1) == y_test))


plain = run()
learned, held = curve(plain, "train_loss"), curve(plain, "test_loss")  # fit calls "test" what it does not train on
stop = int(held.argmin()) + 1
assert curve(plain, "train_accuracy")[-1] > 0.98  # wrong labels and all, learned by heart
assert stop < 40 and held[-1] > 1.5 * held.min()

figure, axes = plt.subplots(figsize=(6.5, 3.2))
axes.plot(np.arange(1, 121), learned, color="tab:blue", label="training")
axes.plot(np.arange(1, 121), held, color="tab:red", label="validation")
axes.axvline(stop, color="0.5", linestyle="--", label="stop here")
axes.set(xlabel="epoch", ylabel="cross-entropy", title="Time is capacity too", ylim=(0, 2.5))
axes.legend(fontsize=8)
figure

# %% [markdown]
# In the beginning the network learns what digits have in common, later what is peculiar to these 200. *Early stopping*
# ends when the validation loss has not become better for a while. `nn.EarlyStopping` is a callback that does it. As the
# order of the batches depends on the seed alone, the same run for fewer epochs is the run as it was then.

# %%
patient = run(callbacks=[nn.EarlyStopping(20, metric="test_loss")])
assert len(patient.history) == stop + 20
stopped = run(epochs=stop)
assert np.isclose(curve(stopped, "test_loss")[-1], held.min(), rtol=1e-6)
assert right_on_test(stopped) > right_on_test(plain) + 0.03

# %% [markdown]
# Capacity once more, now the width of the hidden layer. A narrow network cannot learn by heart, a wide one does. But
# look at the dashed curve: stopped in time, the widest network is no worse than the others. Counting weights is not the
# whole story. What gradient descent reaches in a few steps is simple, however many weights there are.

# %%
widths = [2, 4, 8, 16, 64, 256]
runs = [run(width) for width in widths]
at_end = {name: np.array([curve(r, name)[-1] for r in runs]) for name in ("train_loss", "test_loss")}
least = np.array([curve(r, "test_loss").min() for r in runs])
assert at_end["train_loss"][-1] < 0.1 < 1 < at_end["train_loss"][0]
assert np.all(np.diff(at_end["train_loss"][2:]) < 0)
gap = at_end["test_loss"] - at_end["train_loss"]
assert gap[-1] > 3 * gap[0] and at_end["test_loss"][-1] > 1.3 * at_end["test_loss"].min()
assert least[-1] < 1.05 * least.min()  # stopped in time, width does no harm

figure, axes = plt.subplots(figsize=(6.5, 3.2))
axes.semilogx(widths, at_end["train_loss"], "o-", base=2, color="tab:blue", label="training, at the end")
axes.semilogx(widths, at_end["test_loss"], "s-", base=2, color="tab:red", label="validation, at the end")
axes.semilogx(widths, least, "s--", base=2, color="tab:orange", label="validation, stopped in time")
axes.set(xlabel="width", ylabel="cross-entropy", title="A hidden layer of growing width", xticks=widths, ylim=(0, None))
axes.set_xticklabels(widths)
axes.legend(fontsize=8)
figure

# %% [markdown]
# ## Weight decay
#
# Make large weights expensive: add $\frac{\lambda}{2} \|w\|^2$ to the loss. Its gradient is $\lambda w$, so in every
# step of gradient descent each weight shrinks by the factor $1 - \eta\lambda$; hence the name.

# %%
w, slope = np.array([1.0, -2.0, 0.5]), np.array([0.3, 0.1, -0.2])
sgd = nn.optim.SGD(lr=0.1, weight_decay=0.4)
penalised = dl.grad(lambda w: slope @ w + 0.4 / 2 * np.sum(w**2))(w)
assert np.allclose(sgd.update(w, slope, sgd.init(w))[0], w - 0.1 * penalised)
assert np.allclose(w - 0.1 * penalised, (1 - 0.1 * 0.4) * w - 0.1 * slope)

# %% [markdown]
# For the polynomials the best $w$ is known in closed form (ridge regression). In the basis of singular vectors of the
# feature matrix, what least squares finds is multiplied by $s^2 / (s^2 + n \lambda)$: directions in which the data say
# much stay, those with a small singular value $s$ fade. So $\lambda$ is a capacity that can be turned smoothly.


# %%
def ridge(x, y, degree, decay):
    A = features(x, degree)
    return np.linalg.solve(A.T @ A + len(x) * decay * np.eye(degree + 1), A.T @ y)


x, y = world(20, np.random.default_rng(6))
A, w = features(x, 15), ridge(x, y, 15, 0.01)
slope = dl.grad(lambda w: np.mean((A @ w - y) ** 2) / 2 + 0.01 / 2 * np.sum(w**2))(w)
assert np.abs(slope).max() < 1e-12  # it is the minimum
U, s, V = np.linalg.svd(A, full_matrices=False)
assert np.allclose(V @ w, s**2 / (s**2 + 20 * 0.01) * (U.T @ y) / s)

decays = 10.0 ** np.arange(-8, 2)
rng = np.random.default_rng(4)
ridged = np.array([[population(ridge(x, y, 15, c)) for c in decays] for x, y in (world(20, rng) for _ in range(200))])
typical = np.median(ridged, axis=0)
assert 0 < typical.argmin() < len(decays) - 1
assert typical.min() < 0.5 * typical[0] and typical.min() < 0.5 * typical[-1]
f"best decay {decays[typical.argmin()]:.0e}"

# %% [markdown]
# ## Dropout
#
# Dropout sets each input of a layer to zero with probability $p$, and divides the others by $1 - p$, anew in every
# step. No unit can rely on another one being there. What does that do to a linear model? The mean over all masks can be
# computed: it is least squares with a price on each weight, in proportion to how large its feature is,
#
# $$\mathbb{E}_{\text{masks}} \, (y - w \cdot \tilde x)^2 = (y - w \cdot x)^2 + \frac{p}{1 - p} \sum_j w_j^2 x_j^2 .$$

# %%
rng = np.random.default_rng(5)
w, x, y, p = rng.normal(size=6), rng.normal(size=6), 0.7, 0.3
masks = np.array([[(k >> j) & 1 for j in range(6)] for k in range(64)])  # all that there are
chance = np.prod(np.where(masks, 1 - p, p), axis=1)
mean = np.sum(chance * (y - (masks * x / (1 - p)) @ w) ** 2)
assert np.isclose(mean, (y - w @ x) ** 2 + p / (1 - p) * np.sum(w**2 * x**2))

many = F.dropout(np.ones((200, 500)), 0.3, training=True, key=np.array([1, 0]))
assert np.isclose(np.mean(many), 1, atol=0.01) and np.isclose(np.mean(many == 0), 0.3, atol=0.01)
assert np.array_equal(F.dropout(x, 0.3, training=False), x)  # in use nothing is dropped

# %% [markdown]
# ## All of them
#
# The same network, 256 units, trained to the end in four ways (stopped early in one), and now the test images, once.

# %%
ways = {"nothing": plain, "early stopping": stopped, "weight decay": run(decay=3.0), "dropout": run(dropout=0.7)}
right = {name: right_on_test(way) for name, way in ways.items()}
assert all(right[name] > right["nothing"] + 0.02 for name in list(ways)[1:])
assert all(curve(ways[name], "train_loss")[-1] > 3 * learned[-1] for name in list(ways)[1:])  # all fit less

figure, axes = plt.subplots(figsize=(6.5, 2.6))
bars = axes.barh(list(right), list(right.values()), color=["tab:red", "tab:green", "tab:green", "tab:green"])
axes.bar_label(bars, fmt="%.2f", padding=3)
axes.invert_yaxis()
axes.set(xlabel="test images recognised", title="What helps against wrong labels", xlim=(0, 1.05))
figure

# %% [markdown]
# ## Exercises
#
# **1.** Early stopping is weight decay in disguise. Run gradient descent with rate $\eta$ for $t$ steps from zero on
# linear least squares, and show that in the singular basis it multiplies by $1 - (1 - \eta s^2 / n)^t$.

# %% tags=["solution"]
x, y = world(20, np.random.default_rng(6))
A = features(x, 8)
U, s, V = np.linalg.svd(A, full_matrices=False)
w, rate = np.zeros(9), 0.05
descend = dl.compile(dl.grad(lambda w: np.mean((A @ w - y) ** 2) / 2))
for _ in range(300):
    w = w - rate * descend(w)
kept = 1 - (1 - rate * s**2 / 20) ** 300
assert np.allclose(V @ w, kept * (U.T @ y) / s)
like = s**2 / (s**2 + 20 / (rate * 300))  # weight decay 1 / (rate t)
assert np.all(np.abs(kept - like) < 0.31)  # the same shape, from 0 to 1

# %% [markdown]
# **2.** Choose the degree by five-fold cross-validation with twenty samples, for 60 data sets. How good is the choice?


# %% tags=["solution"]
def chosen(x, y):
    folds = np.arange(20) % 5
    errors = [
        sum(empirical(fit(x[folds != k], y[folds != k], d), x[folds == k], y[folds == k]) for k in range(5))
        for d in range(10)
    ]
    return int(np.argmin(errors))


rng = np.random.default_rng(7)
sets = [world(20, rng) for _ in range(60)]
by_choice = np.median([population(fit(x, y, chosen(x, y))) for x, y in sets])
best = min(np.median([population(fit(x, y, d)) for x, y in sets]) for d in range(10))
assert best * 0.95 < by_choice < 1.5 * best  # nearly as good as somebody who knows the truth

# %% [markdown]
# **3.** Could a network learn pure nonsense? Give *all* images random labels. What do training and test say?

# %% tags=["solution"]
nonsense = np.random.default_rng(8).integers(0, 10, 200)
model = nn.models.mlp((64, 256, 10))
data, adam = (train[0], nonsense, x_test, y_test), nn.optim.Adam(lr=3e-3)
heart = nn.fit(model, data, optimiser=adam, epochs=250, batch_size=50, progress=False)
assert heart.history[-1]["train_accuracy"] > 0.95  # all by heart
assert heart.history[-1]["test_accuracy"] < 0.25  # and nothing learned

# %% [markdown]
# ## What to read next
#
# - Hastie, Tibshirani and Friedman, *The elements of statistical learning*, chapter 7: bias, variance, validation.
# - Shalev-Shwartz and Ben-David, *Understanding machine learning*, chapters 2 to 5: what can be proven.
# - Srivastava et al., *Dropout* (2014); Loshchilov and Hutter, *Decoupled weight decay regularization* (2019).
# - Zhang et al., *Understanding deep learning requires rethinking generalization* (2017), on exercise 3; Belkin et al.,
#   *Reconciling modern machine learning practice and the bias-variance trade-off* (2019), on wide networks.
# - Lesson 25 builds a transformer.
