# %% [markdown]
# # 7. Losses and what they assume
#
# After this lesson you can
#
# - derive squared error, absolute error and cross-entropy from an assumption about the noise;
# - read a loss by its gradient: what it does with large errors, and with certainty;
# - compute a loss so that it neither overflows nor loses its gradient.

# %% [markdown]
# ## A loss is a likelihood
#
# A model predicts $\hat y$, the world answers $y$. Assume that the answers scatter about the prediction with density
# $p(y \mid \hat y)$. The parameters that make the data most likely maximise $\prod_i p(y_i \mid \hat y_i)$, so they
# minimise the sum of
#
# $$\ell(\hat y, y) = -\log p(y \mid \hat y) .$$
#
# | assumption about the noise | loss, up to constants | best constant prediction |
# |---|---|---|
# | normal (Gauss) | squared error $\frac12 (\hat y - y)^2$ | mean |
# | Laplace | absolute error $\lvert \hat y - y \rvert$ | median |
# | normal in the middle, Laplace outside | Huber | between the two |
# | a biased coin | binary cross-entropy | frequency |
# | a biased die | cross-entropy | frequencies |

# %%
import numpy as np
from matplotlib import pyplot as plt
from scipy import stats

import difflab as dl

F = dl.nn.functional

error = np.linspace(-3, 3, 13)
assert np.allclose(np.diff(-stats.norm.logpdf(error)), np.diff(error**2 / 2))  # equal up to a constant
assert np.allclose(np.diff(-stats.laplace.logpdf(error)), np.diff(np.abs(error)))

# %% [markdown]
# ## Mean or median
#
# Which single number predicts a list best? Follow the gradient and see. With squares it is zero where
# $\sum (\hat y - y_i) = 0$: the mean. With absolute values each point pulls with the same force, and they balance where
# as many pull up as down: the median. One outlier shows the difference.

# %%
y = np.array([1.0, 1.2, 0.9, 1.1, 10.0])


def best_constant(loss, steps=4000, rate=0.01):
    """Gradient descent on one number, with shrinking steps."""
    prediction = 5.0
    slope = dl.grad(lambda c: np.mean(loss(c - y)))
    for k in range(steps):
        prediction = prediction - rate / (1 + k / 400) * slope(prediction)
    return float(prediction)


def huber(r, delta=0.5):
    return np.where(np.abs(r) <= delta, r**2 / 2, delta * (np.abs(r) - delta / 2))


found = {
    "squared": best_constant(lambda r: r**2),
    "absolute": best_constant(np.abs, rate=0.05),
    "huber": best_constant(huber, rate=0.05),
}
assert np.isclose(found["squared"], np.mean(y), atol=1e-3)
assert np.isclose(found["absolute"], np.median(y), atol=0.01)
assert np.median(y) < found["huber"] < 1.3 < np.mean(y)
{name: round(c, 2) for name, c in found.items()}

# %% [markdown]
# ## Read a loss by its gradient
#
# The gradient is the force with which a sample pulls. Squared error pulls in proportion to the error: an outlier ten
# times as far pulls ten times as hard. Absolute error pulls with a constant force, down to zero, where it has a kink.
# Huber is the compromise: proportional in the middle, constant outside.

# %%
r = np.linspace(-3, 3, 241)
losses = {"squared / 2": lambda r: r**2 / 2, "absolute": np.abs, "Huber, delta = 0.5": huber}
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
for (name, loss), style in zip(losses.items(), ("-", "--", "-.")):
    left.plot(r, loss(r), style, label=name)
    right.plot(r, dl.elementwise_grad(loss)(r), style)
left.set(title="loss", xlabel="error", ylim=(0, 3))
right.set(title="its derivative: the pull", xlabel="error")
left.legend()

# %%
pull = {name: float(dl.grad(loss)(100.0)) for name, loss in losses.items()}
assert pull == {"squared / 2": 100.0, "absolute": 1.0, "Huber, delta = 0.5": 0.5}
assert np.isclose(F.huber_loss(np.array([3.0]), np.array([0.0]), delta=0.5), huber(3.0))
assert dl.compare("abs(r)", at=dict(r=0.0)).kinks  # a kink: the pull jumps from -1 to 1
pull

# %% [markdown]
# ## Yes or no: the logistic loss
#
# A coin with probability $p$ of heads gives $-\log p$ for heads and $-\log(1-p)$ for tails. Let the model
# say a score $z$ and $p = \sigma(z)$. Then, for a target $t$ of 0 or 1, a small miracle happens:
#
# $$\frac{d}{dz} \bigl[-t \log \sigma(z) - (1-t) \log(1 - \sigma(z))\bigr] = \sigma(z) - t .$$
#
# The gradient is prediction minus truth. The factor $\sigma' = \sigma(1-\sigma)$, which vanishes where the model is
# sure, cancels.


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def logistic_loss(z, t):
    return -t * np.log(sigmoid(z)) - (1 - t) * np.log(1 - sigmoid(z))


for z, t in ((0.3, 1.0), (-2.0, 1.0), (1.5, 0.0)):
    assert np.isclose(dl.grad(logistic_loss)(z, t), sigmoid(z) - t)

# %% [markdown]
# Compare with the squared error of the same probability, $(\sigma(z) - t)^2$. Where the model is sure and *wrong*, the
# logistic loss pulls with nearly full force. The squared error hardly pulls at all: a model that is badly wrong stays
# wrong.

# %%
squared = lambda z, t: (sigmoid(z) - t) ** 2
wrong_and_sure = -8.0
pulls = dl.grad(logistic_loss)(wrong_and_sure, 1.0), dl.grad(squared)(wrong_and_sure, 1.0)
assert pulls[0] < -0.99 and abs(pulls[1]) < 1e-3
[round(float(p), 5) for p in pulls]

# %% [markdown]
# ## The same loss, computed badly and well
#
# On paper `logistic_loss` is right. In floats, $\sigma(40)$ rounds to 1, $1 - 1 = 0$, and $\log 0$ is infinite.
# The formula $\log(1 + e^{z}) - tz$ is the same function, and `logaddexp` computes its first part without overflow.


# %%
def stable_loss(z, t):
    return np.logaddexp(0.0, z) - t * z


with np.errstate(all="ignore"):
    naive = logistic_loss(40.0, 0.0), dl.grad(logistic_loss)(40.0, 0.0)
good = stable_loss(40.0, 0.0), dl.grad(stable_loss)(40.0, 0.0)
assert not np.isfinite(naive[0]) and not np.isclose(naive[1], 1.0)
assert good[0] == 40.0 and good[1] == 1.0
assert np.isclose(stable_loss(0.3, 1.0), logistic_loss(0.3, 1.0))
print("naive: ", *map(float, naive))
print("stable:", *map(float, good))

# %% [markdown]
# `F.binary_cross_entropy_with_logits` takes scores, not probabilities, for this reason.

# %%
scores, targets = np.array([40.0, -800.0, 0.3]), np.array([0.0, 0.0, 1.0])
mean = F.binary_cross_entropy_with_logits(scores, targets)
assert np.isclose(mean, np.mean(stable_loss(scores, targets)))
assert np.all(np.isfinite(dl.grad(F.binary_cross_entropy_with_logits)(scores, targets)))

# %% [markdown]
# ## One of many: cross-entropy
#
# A die with $K$ sides. The model says a score for each side, softmax turns scores into probabilities, and the loss is
# $-\log p_c$ of the side $c$ that came up. The gradient by the scores is again prediction minus truth, $p - e_c$.

# %%
z = np.array([[2.0, 1.0, -1.0], [0.0, 0.0, 0.0]])
classes = np.array([0, 2])
loss, gradient = dl.value_and_grad(lambda z: F.cross_entropy(z, classes))(z)
p = F.softmax(z, dim=1)
assert np.isclose(loss, -np.mean(np.log(p[[0, 1], classes])))
assert np.allclose(gradient, (p - np.eye(3)[classes]) / 2)  # the mean over two samples
assert np.allclose(gradient.sum(axis=1), 0)  # what one class gains the others lose
assert np.isclose(F.cross_entropy(z[1:], classes[1:]), np.log(3))  # knowing nothing costs log K
gradient.round(3)

# %% [markdown]
# Knowing nothing costs $\log K$: that is worth remembering. Before training, a classifier with ten classes should show
# a loss of about $\log 10 \approx 2.3$. If it does not, something is wrong already.

# %%
huge = np.array([[1000.0, 0.0, -1000.0]])
assert F.cross_entropy(huge, np.array([1])) == 1000.0  # softmax alone would have overflowed
assert np.all(np.isfinite(dl.grad(lambda z: F.cross_entropy(z, np.array([1])))(huge)))

# %% [markdown]
# ## Margins instead of likelihoods
#
# Not every loss comes from noise. The hinge loss $\max(0, 1 - sz)$, $s = \pm 1$, asks only for a margin: once $sz > 1$
# the pull is exactly zero, and the sample is left alone. The logistic loss never quite stops.

# %%
hinge = lambda z: np.maximum(0.0, 1 - z)
assert dl.grad(hinge)(1.5) == 0.0 and dl.grad(hinge)(0.5) == -1.0
assert -0.2 < dl.grad(lambda z: stable_loss(z, 1.0))(1.5) < 0

# %% [markdown]
# ## Exercises
#
# **1.** Counts (of clicks, of photons) are often Poisson: $P(k) = \lambda^k e^{-\lambda} / k!$. The model says
# $z = \log \lambda$. Derive the loss and its gradient by $z$. Does the gradient look familiar?

# %% tags=["solution"]
poisson = lambda z, k: np.exp(z) - k * z  # -log P(k), up to log k!
z, k = 0.7, 3.0
assert np.isclose(poisson(z, k) - poisson(z, 1.0), np.diff(-stats.poisson.logpmf([1, 3], np.exp(z)))[0] - np.log(6))
assert np.isclose(dl.grad(poisson)(z, k), np.exp(z) - k)  # prediction minus truth, once more
assert np.isclose(F.poisson_nll_loss(np.array([z]), np.array([k])), poisson(z, k))

# %% [markdown]
# **2.** Let the model also say how unsure it is: $\ell = \log \sigma + \frac{(\hat y - y)^2}{2 \sigma^2}$. For a fixed
# error $r = \hat y - y$, which $\sigma$ is best? What does it do to the pull of an outlier?

# %% tags=["solution"]
gaussian = lambda r, sigma: np.log(sigma) + r**2 / (2 * sigma**2)
for r in (0.1, 1.0, 10.0):
    assert np.isclose(dl.grad(gaussian, argnums=1)(r, r), 0, atol=1e-12)  # sigma = |r| is best
    assert np.isclose(dl.grad(gaussian)(r, r), 1 / r)  # the pull falls with the error: the outlier is explained away
    assert dl.grad(dl.grad(gaussian, argnums=1), argnums=1)(r, r) > 0  # and it is a minimum

# %% [markdown]
# **3.** Write $\log \sum_i e^{z_i}$ so that it never overflows, and show that its gradient is the softmax.


# %% tags=["solution"]
def log_sum_exp(z):
    top = dl.stop_gradient(np.max(z))  # any constant would do: it cancels
    return top + np.log(np.sum(np.exp(z - top)))


for z in (np.array([1.0, 2.0, 3.0]), np.array([1000.0, 1001.0, 0.0])):
    assert np.isclose(log_sum_exp(z), dl.numpy.logsumexp(z))
    assert np.allclose(dl.grad(log_sum_exp)(z), F.softmax(z, dim=0))
assert dl.compare(log_sum_exp, (np.array([1.0, 2.0, 3.0]),)).agree

# %% [markdown]
# ## What to read next
#
# - Bishop, *Pattern Recognition and Machine Learning*, sections 1.2.5 and 4.3: losses as likelihoods.
# - Huber, "Robust estimation of a location parameter" (1964).
# - Blanchard, Higham and Higham, "Accurately computing the log-sum-exp and softmax functions" (2021).
# - Lesson 8: how to walk down a loss.
