# %% [markdown]
# # 22. Convexity and convergence
#
# After this lesson you can
#
# - say what convexity is in three ways, and have a function's convexity proven or refuted;
# - predict how fast gradient descent converges from two numbers of the function, and check the theorem at work;
# - say what noise does to it: a floor under a constant step, a rate of $1/k$ under a falling one.

# %% [markdown]
# ## Below the chord
#
# A function is *convex* if between any two points its graph lies below the chord:
#
# $$f(t a + (1 - t) b) \le t f(a) + (1 - t) f(b), \qquad 0 \le t \le 1 .$$
#
# If it is differentiable, that is the same as lying above each of its tangents; if it is twice differentiable, the same
# as a Hessian without negative eigenvalues (Boyd and Vandenberghe, sections 3.1.3 and 3.1.4).

# %%
import numpy as np
from matplotlib import pyplot as plt

import difflab as dl

convexity = dl.lab.convexity
shapes = {
    "exp(x)": lambda x: np.exp(x),
    "abs(x)": lambda x: np.abs(x),
    "x**4 - x**2": lambda x: x**4 - x**2,
}
figure, axes = plt.subplots(1, 3, figsize=(8.4, 2.9), layout="constrained")
for place, (text, f) in zip(axes, shapes.items()):
    found = convexity(text, dict(x=(-1.0, 1.0)))
    a, b = (found.violation.a["x"], found.violation.b["x"]) if found.violation else (-0.8, 0.6)
    x = np.linspace(-1, 1, 201)
    place.plot(x, f(x), "C0")
    place.plot([a, b], [f(a), f(b)], "C1o-", markersize=5)
    place.plot((a + b) / 2, f((a + b) / 2), "C0s", markersize=5)
    place.set_title(f"{text}: {found.verdict}", fontsize=10)
    print(f"{text:12} {found}")

assert convexity("exp(x)", dict(x=(-1.0, 1.0))).verdict == "strongly convex"
assert convexity("abs(x)", dict(x=(-1.0, 1.0))).verdict == "convex"  # without a derivative at 0
assert convexity("x**4 - x**2", dict(x=(-1.0, 1.0))).convex is False

# %% [markdown]
# `convexity` tries no points and hopes. "Not convex" comes with two points whose middle is *proven* to lie above the
# chord. "Convex" comes with a proof for the whole box: the box is cut into parts until, on each of them, an enclosure
# of the Hessian at all of its points at once has no negative eigenvalue (or, at kinks, rules such as "a maximum of
# convex functions is convex"). Where neither can be had, it says "undecided".
#
# ## Which losses are convex?
#
# The losses of linear models are, in the weights:

# %%
rng = np.random.default_rng(0)
N = 24
features = rng.normal(size=(N, 2))
labels = np.sign(features @ np.array([1.5, -1.0]) + 0.6 * rng.normal(size=N))  # 1 or -1

softplus = dl.numpy.softplus  # log(1 + exp(z)), which neither overflows nor loses digits
squared = lambda w: 0.5 * np.mean((features @ w - labels) ** 2)
logistic = lambda w: np.mean(softplus(-labels * (features @ w)))
hinge = lambda w: np.mean(np.maximum(0.0, 1.0 - labels * (features @ w)))
box = dict(w=(-1.5 * np.ones(2), 1.5 * np.ones(2)))
verdicts = {name: convexity(f, box) for name, f in dict(squared=squared, logistic=logistic, hinge=hinge).items()}
for name, found in verdicts.items():
    print(f"{name:9} {found}")
assert all(found.convex for found in verdicts.values())

# %% [markdown]
# One hidden layer is enough to lose it. The reason is not the activation alone: exchange two hidden units and the
# network is the same function, so every minimum has a twin, and half way between the twins both units are equal and
# cannot fit what two different ones could. A convex function cannot have a hill between two minima.

# %%
targets = np.sin(3 * features[:, 0])


def network(w):
    return 0.5 * np.mean((w[2] * np.tanh(w[0] * features[:, 0]) + w[3] * np.tanh(w[1] * features[:, 0]) - targets) ** 2)


found = convexity(network, dict(w=(-4 * np.ones(4), 4 * np.ones(4))))
assert found.convex is False
print(found)

# %% [markdown]
# And what is convexity good for? In a convex function a point with gradient 0 is a minimum, of the whole function.
# Descent from anywhere arrives at the same value; in the network it depends on the start.


# %%
def descend(f, start, rate, steps):
    """All points that gradient descent visits, (steps + 1, n)."""
    gradient, points = dl.compile(dl.grad(f)), [np.asarray(start, float)]
    for k in range(steps):
        points.append(points[-1] - (rate(k) if callable(rate) else rate) * gradient(points[-1]))
    return np.array(points)


ends = np.array([logistic(descend(logistic, rng.normal(size=2) * 3, 4.0, 2000)[-1]) for _ in range(8)])
ends_of_network = np.array([network(descend(network, rng.normal(size=4) * 2, 0.5, 400)[-1]) for _ in range(8)])
assert np.ptp(ends) < 1e-6 < 1e-3 < np.ptp(ends_of_network)
w = descend(network, [3.0, -0.8, 0.9, 1.2], 0.5, 2000)[-1]
twin = w[[1, 0, 3, 2]]
assert np.isclose(network(w), network(twin)) and network((w + twin) / 2) > 3 * network(w)  # the hill between the twins
ends.round(4), ends_of_network.round(4)

# %% [markdown]
# ## Smooth: the error falls like 1/k
#
# Two numbers say how fast gradient descent is. $L$, the *smoothness*: no eigenvalue of the Hessian is larger. And
# $m$, the *strong convexity*: none is smaller. With only $L$ known, and the step $1/L$, the value after $k$ steps
# satisfies
#
# $$f(x_k) - f^* \;\le\; \frac{L \, \lVert x_0 - x^* \rVert^2}{2 k} \qquad \text{(Beck 2017, theorem 10.21),}$$
#
# and the best possible constant is known: $\frac{L R^2}{4k + 2}$ with $R = \lVert x_0 - x^* \rVert$ (Drori and
# Teboulle 2014, theorem 3.1). A quadratic with curvatures from 1 down to nearly 0 comes near to that law: each time,
# the next flatter direction is still on its way.

# %%
curvatures = 1.0 / np.arange(1, 61) ** 2
flat = lambda x: 0.5 * np.sum(curvatures * x**2)
L, start, steps = 1.0, np.ones(60), 400
R2 = np.sum(start**2)
k = np.arange(1, steps + 1)
gap = np.array([flat(x) for x in descend(flat, start, 1 / L, steps)])[1:]
bound, tight = L * R2 / (2 * k), L * R2 / (4 * k + 2)
assert np.all(gap <= tight) and np.all(tight < bound)

# %% [markdown]
# No function can do worse than the theorem allows, and one does exactly as badly: Huber's, quadratic near 0 and
# straight further out. For each $N$ there is one, with its corner at $R / (2N + 1)$, that gradient descent leaves at
# the bound after $N$ steps, to the last digit.

# %%
worst = []
for n in range(1, 31):
    corner = 1.0 / (2 * n + 1)
    huber = lambda x, c=corner: np.where(np.abs(x) < c, 0.5 * x**2, c * np.abs(x) - 0.5 * c**2)
    worst.append(float(huber(descend(huber, 1.0, 1.0, n)[-1])))
assert np.allclose(worst, 1.0 / (4 * np.arange(1, 31) + 2), rtol=1e-12)

figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.5), layout="constrained")
left.loglog(k, bound, "k:", label="theorem, $L R^2 / 2k$")
left.loglog(k, tight, "k--", label="theorem, $L R^2 / (4k + 2)$")
left.loglog(k, gap, "C0", label="measured: curvatures $1/i^2$")
left.set(xlabel="step", ylabel="value above the minimum", title="Smooth and convex: at most 1/k")
left.legend(fontsize=8)
n = np.arange(1, 31)
right.loglog(n, 1 / (4 * n + 2), "k--", label="theorem, $L R^2 / (4N + 2)$")
right.loglog(n, worst, "C3o", markersize=4, label="measured: Huber, made for N steps")
right.set(xlabel="steps N", title="The worst function meets the bound")
right.legend(fontsize=8)

# %% [markdown]
# ## Strongly convex: a constant factor in each step
#
# If no curvature is below $m > 0$, the distance itself shrinks by a factor in each step. With the step $2 / (L + m)$
#
# $$\lVert x_k - x^* \rVert \;\le\; \left( \frac{\kappa - 1}{\kappa + 1} \right)^{k} \lVert x_0 - x^* \rVert, \qquad
# \kappa = \frac{L}{m} \qquad \text{(Nesterov 2018, theorem 2.1.15).}$$
#
# For a loss that is no quadratic, where would $L$ and $m$ come from? From a proof: `convexity` gives bounds of the
# eigenvalues over the whole box. Weight decay makes the logistic loss strongly convex (its own curvature dies away
# for large weights), and the rate is then guaranteed before the first step is made.

# %%
decayed = lambda w: np.mean(softplus(-labels * (features @ w))) + 0.05 * np.sum(w**2)
proven = convexity(decayed, box)
m, L = proven.m, proven.smoothness
assert proven.verdict == "strongly convex" and m >= 0.1 - 1e-9
inside = np.linalg.eigvalsh(dl.hessian(decayed)(np.array([0.5, -0.5])))
assert m <= inside[0] and inside[-1] <= L  # as at any other point of the box
print(f"proven on the box: {m:.4f} <= curvature <= {L:.4f}, condition at most {proven.condition:.1f}")

path = descend(decayed, [-1.2, 1.2], 2 / (L + m), 2000)
best = path[-1]
assert np.all(np.abs(path) <= 1.5)  # it never left the box that the constants hold on
distance = np.linalg.norm(path[:120] - best, axis=1)
theorem = ((L - m) / (L + m)) ** np.arange(120) * distance[0]
assert np.all(distance <= theorem * (1 + 1e-9))

# %% [markdown]
# The theorem holds for the worst function with these constants, and ours is milder: near its minimum the curvature is
# larger than the bound for the box. The rate that is really seen follows from the Hessian *at* the minimum: the largest
# $|1 - \eta \lambda|$.

# %%
local = np.linalg.eigvalsh(dl.hessian(decayed)(best))
seen = float((distance[60] / distance[30]) ** (1 / 30))
assert np.isclose(seen, np.max(np.abs(1 - 2 / (L + m) * local)), rtol=1e-3)

narrow = lambda x: 0.5 * (x[0] ** 2 + 25 * x[1] ** 2)  # a quadratic meets the bound: kappa = 25
exactly = np.linalg.norm(descend(narrow, np.ones(2), 2 / 26, 120)[:120], axis=1)
assert np.allclose(exactly, (24 / 26) ** np.arange(120) * np.sqrt(2), rtol=1e-9)

figure, axes = plt.subplots(figsize=(7.2, 3.7), layout="constrained")
axes.semilogy(theorem, "k--", label=f"theorem, proven constants: {(L - m) / (L + m):.3f} a step")
axes.semilogy(distance, "C0", label=f"measured, logistic loss with decay: {seen:.3f} a step")
axes.semilogy((24 / 26) ** np.arange(120) * np.sqrt(2), "k:", label="theorem, quadratic with condition 25: 0.923")
axes.semilogy(exactly[::6], "C3o", markersize=4)
axes.lines[-1].set_xdata(np.arange(0, 120, 6))
axes.lines[-1].set_label("measured, quadratic with condition 25")
axes.set(xlabel="step", ylabel="distance to the minimum", title="Strongly convex: a straight line on this scale")
axes.set_ylim(1e-15, 10)
axes.legend(fontsize=8, loc="lower left")

# %% [markdown]
# ## With noise: a floor, or 1/k
#
# Stochastic gradient descent sees the gradient plus noise of variance $\sigma^2$ (lesson 8 shows where it comes
# from). A constant step $\eta$ then goes down as before until the noise of one step is as large as what the step
# gains:
#
# $$E[f(x_k)] - f^* \;\le\; \frac{\eta L \sigma^2}{2 m} + (1 - \eta m)^k \left( f(x_0) - f^* - \frac{\eta L
# \sigma^2}{2 m} \right), \qquad \eta \le \frac1L .$$
#
# Half the step is half the floor, reached in twice the steps. With steps that fall like
# $\eta_k = \beta / (\gamma + k)$, $\beta > 1/m$, the floor falls along:
#
# $$E[f(x_k)] - f^* \le \frac{\nu}{\gamma + k}, \qquad \nu = \max \left( \frac{\beta^2 L \sigma^2}{2 (\beta m - 1)}, \;
# (\gamma + 1)(f(x_1) - f^*) \right) .$$
#
# Both are in Bottou, Curtis and Nocedal 2018 (theorems 4.6 and 4.7, where the first point is $x_1$). The means below
# are over 500 runs.

# %%
curve, sigma, runs = np.array([1.0, 4.0]), 1.0, 500
m, L = curve.min(), curve.max()
f = lambda x: 0.5 * np.sum(curve * x**2, axis=-1)
assert np.allclose(dl.hessian(lambda x: 0.5 * np.sum(curve * x**2))(np.ones(2)), np.diag(curve))


def stochastic(rate, steps):
    """The mean of f over all runs after each step."""
    noise = np.random.default_rng(1)
    x, found = np.full((runs, 2), 3.0), [f(np.full(2, 3.0))]
    for k in range(steps):
        g = curve * x + noise.normal(size=x.shape) * sigma / np.sqrt(2)  # E |noise|^2 = sigma^2
        x = x - rate(k) * g
        found.append(f(x).mean())
    return np.array(found)


steps = 2000
k = np.arange(steps + 1)
constant = {eta: stochastic(lambda k, eta=eta: eta, steps) for eta in (0.2, 0.05)}
beta, gamma = 2.0 / m, 2.0 * L / m  # the first step is 1 / L
falling = stochastic(lambda k: beta / (gamma + k), steps)
floor = lambda eta: eta * L * sigma**2 / (2 * m)
bounds = {eta: floor(eta) + (1 - eta * m) ** k * (f(np.full(2, 3.0)) - floor(eta)) for eta in constant}
# Here k counts from 0, in the theorem from 1: gamma is the theorem's plus 1.
nu = max(beta**2 * L * sigma**2 / (2 * (beta * m - 1)), gamma * f(np.full(2, 3.0)))
bound = nu / (gamma + k)

figure, axes = plt.subplots(figsize=(7.4, 4.1), layout="constrained")
for (eta, mean), colour in zip(constant.items(), ("C0", "C2")):
    axes.loglog(k[1:], mean[1:], colour, linewidth=1, label=f"measured, step {eta:g}")
    axes.loglog(k[1:], bounds[eta][1:], colour + "--", label=f"theorem, floor {floor(eta):.2g}")
axes.loglog(k[1:], falling[1:], "C1", linewidth=1, label="measured, step 2 / (8 + k)")
axes.loglog(k[1:], bound[1:], "C1--", label="theorem, falls like 1/k")
axes.set(
    xlabel="step",
    ylabel="mean value above the minimum",
    title="Noise: a floor under constant steps, 1/k under falling ones",
)
axes.legend(fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.16))

assert all(np.all(mean <= bounds[eta] * 1.01) for eta, mean in constant.items())
assert np.all(falling <= bound)
tails = {eta: mean[-500:].mean() for eta, mean in constant.items()}
assert 3 < tails[0.2] / tails[0.05] < 6  # a quarter of the step, about a quarter of the floor
slope = np.polyfit(np.log(k[200:]), np.log(falling[200:]), 1)[0]
assert abs(slope + 1) < 0.15 and falling[-1] < tails[0.05] / 10
print(f"floors measured {tails[0.2]:.4f} and {tails[0.05]:.4f}; slope of the falling one {slope:.2f}")

# %% [markdown]
# The theorem's floors, 0.4 and 0.1, lie above the measured ones: it allows for any function with these two constants.
# For a quadratic the floor can be computed: per direction $\frac{\eta \sigma^2 / 2}{2 (2 - \eta \lambda)}$.

# %%
for eta, tail in tails.items():
    exact = np.sum(eta * (sigma**2 / 2) / (2 * (2 - eta * curve)))
    assert np.isclose(tail, exact, rtol=0.05)
    print(f"step {eta:g}: floor {exact:.4f} computed, {tail:.4f} measured")

# %% [markdown]
# ## Exercises
#
# **1.** Convex, not convex, or neither proven? Guess first: $x \log x$ on $(0.01, 1)$; $\sqrt{|x|}$ on $(-1, 1)$;
# $\log(e^x + e^y)$; $x^2 / y$ for $y > 0$; $x y$; $\max(x, y)^2$ on the box of both from $-1$ to 1.

# %% tags=["solution"]
unit, square = (-1.0, 1.0), dict(x=(-1.0, 1.0), y=(-1.0, 1.0))
questions = {
    "x*log(x)": (dict(x=(0.01, 1.0)), True),
    "sqrt(abs(x))": (dict(x=unit), False),
    "log(exp(x) + exp(y))": (square, True),
    "x**2 / y": (dict(x=unit, y=(0.1, 2.0)), True),
    "x*y": (square, False),  # convex along each axis, and not between them
    "maximum(x, y)**2": (square, False),  # where the maximum is negative, squaring turns its kink over
}
for text, (region, answer) in questions.items():
    found = convexity(text, region)
    assert found.convex is answer, (text, found)
    print(f"{text:22} {found}")

# %% [markdown]
# **2.** Where is Rosenbrock's valley, $(1 - x)^2 + 100 (y - x^2)^2$, convex? Work out the condition $\det H > 0$, and
# let boxes on either side be proven.

# %% tags=["solution"]
# H = [[2 - 400 (y - x^2) + 800 x^2, -400 x], [-400 x, 200]], and its determinant 400 + 80000 (x^2 - y) is positive
# exactly where y < x^2 + 1/200.
valley = "(1 - x)**2 + 100*(y - x**2)**2"
hessian = dl.hessian(lambda p: (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2)
for x, y in rng.normal(size=(20, 2)):
    assert np.isclose(np.linalg.det(hessian(np.array([x, y]))), 400 + 80000 * (x**2 - y))
assert convexity(valley, dict(x=(0.5, 0.6), y=(0.0, 0.2))).verdict == "strongly convex"
assert convexity(valley, dict(x=(0.5, 0.6), y=(0.3, 0.5))).verdict == "not convex"
assert convexity(valley, dict(x=(0.95, 1.05), y=(0.95, 1.05))).verdict == "not convex"  # a box around the minimum, even

# %% [markdown]
# **3.** You may choose $\eta$ once and make $K$ steps on the noisy quadratic above. Which $\eta$ does the bound
# recommend for $K = 100$ and $K = 1000$, and is it near the best one?

# %% tags=["solution"]
rates = np.geomspace(0.002, 1 / L, 25)
for K in (100, 1000):
    promised = floor(rates) + (1 - rates * m) ** K * (f(np.full(2, 3.0)) - floor(rates))
    measured = np.array([stochastic(lambda k, eta=eta: eta, K)[-1] for eta in rates])
    chosen, best_rate = rates[np.argmin(promised)], rates[np.argmin(measured)]
    assert measured[np.argmin(promised)] < 2 * measured.min()
    print(f"{K} steps: the bound says {chosen:.3f}, the best is {best_rate:.3f}")

# %% [markdown]
# ## What to read next
#
# - Boyd and Vandenberghe, *Convex Optimization* (2004), chapters 2, 3 and 9.
# - Nesterov, *Lectures on Convex Optimization* (2018), section 2.1; Beck, *First-Order Methods in Optimization* (2017).
# - Drori and Teboulle, "Performance of first-order methods for smooth convex minimization" (2014).
# - Bottou, Curtis and Nocedal, "Optimization methods for large-scale machine learning" (2018), section 4.
# - Lesson 23: methods that beat gradient descent, and where each of them fails.
