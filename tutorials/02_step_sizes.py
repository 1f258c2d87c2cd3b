# %% [markdown]
# # 2. Step sizes
#
# After this lesson you can
#
# - explain why a finite difference has a best step, and predict where it lies;
# - differentiate to the last digit with a complex step, and say when you may;
# - name three situations in which a finite difference lies, and how to notice;
# - say what a program returns at a kink, and when that matters.

# %% [markdown]
# ## A smaller step is better, until it is worse
#
# The forward difference $\frac{f(x+h) - f(x)}{h}$ tends to $f'(x)$ as $h \to 0$. So make $h$ tiny? Try it on
# $e^x$ at $x = 1$, where the derivative is $e$.

# %%
import numpy as np
from matplotlib import pyplot as plt

import difflab as dl


def forward(f, x, h):
    return (f(x + h) - f(x)) / h


def central(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


for h in (1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14, 1e-16):
    print(f"h = {h:.0e}   error = {abs(forward(np.exp, 1.0, h) - np.e):.0e}")

# %% [markdown]
# The error falls with $h$, turns round near $10^{-8}$, and rises. At $10^{-16}$ nothing is left: $1 + h$ rounds to 1.

# %%
assert 1.0 + 1e-16 == 1.0
assert forward(np.exp, 1.0, 1e-16) == 0.0

# %% [markdown]
# ## Two errors that pull in opposite directions
#
# *Truncation*: the formula stops the Taylor series. $\frac{f(x+h)-f(x)}{h} = f'(x) + \frac h2 f''(x) + \dots$, so
# this error shrinks like $h$.
#
# *Round-off*: $f(x+h)$ and $f(x)$ are known only to about $\varepsilon |f|$, where $\varepsilon = 2^{-52}$. Their
# difference keeps that error, and it is divided by $h$: it grows like $\varepsilon / h$.
#
# ### Which step is best
#
# The sum $\frac h2 |f''| + \frac{\varepsilon |f|}{h}$ is least where its derivative by $h$ is zero,
#
# $$h^* = \sqrt{2 \varepsilon \left| \frac{f}{f''} \right|} .$$
#
# There the two errors are equal, and half of the digits are left. The central difference cancels the term with $h$:
# its truncation is $\frac{h^2}{6} f'''$, and its best step is larger, about $\varepsilon^{1/3}$. The better the
# formula, the larger the step that it may take, and the less rounding is left:
#
# | formula | truncation | best step, about | error there, about |
# |---|---|---|---|
# | forward | $\frac h2 f''$ | $\varepsilon^{1/2} \approx 10^{-8}$ | $\varepsilon^{1/2} \approx 10^{-8}$ |
# | central | $\frac{h^2}{6} f'''$ | $\varepsilon^{1/3} \approx 10^{-5}$ | $\varepsilon^{2/3} \approx 10^{-11}$ |
# | five-point | $\frac{h^4}{30} f^{(5)}$ | $\varepsilon^{1/5} \approx 10^{-3}$ | $\varepsilon^{4/5} \approx 10^{-13}$ |

# %%
epsilon = np.finfo(float).eps
predicted = {"forward": np.sqrt(2 * epsilon), "central": np.cbrt(3 * epsilon)}  # for exp, f = f'' = f'''

study = dl.step_size_study("exp(x)", at=dict(x=1.0))
for formula, h in predicted.items():
    best, error = study.best["float64"][formula]
    print(f"{formula:8} predicted {h:.1e}, found {best:.1e}")
    assert h / 10 < best < h * 10  # the prediction is good to a factor of ten: round-off is erratic
for formula, left in {"forward": 1 / 2, "central": 2 / 3, "five-point": 4 / 5}.items():
    assert epsilon**left / 100 < study.best["float64"][formula][1] < epsilon**left * 10

# %% [markdown]
# The quotient $f / f''$ is the square of a length: the distance over which $f$ bends. So these steps are for functions
# that bend over a distance of about 1; for $e^{x/1000}$ the best step is a thousand times as large.

# %%
steps = 10.0 ** np.arange(-9, 3, 0.25)
slow = lambda x: np.exp(x / 1000)
best_slow = steps[np.argmin([abs(central(slow, 1000.0, h) - np.e / 1000) for h in steps])]
assert predicted["central"] * 1000 / 10 < best_slow < predicted["central"] * 1000 * 10
print(f"central, exp(x/1000): predicted {predicted['central'] * 1000:.1e}, found {best_slow:.1e}")

# %% [markdown]
# ## The V-curve
#
# Errors against steps on logarithmic axes make a V: truncation on the right, with a slope that is the order of the
# formula, and round-off on the left, with slope $-1$.

# %%
figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
for (formula, errors), mark in zip(study.errors["float64"].items(), "os^D"):
    axes.loglog(study.steps, np.maximum(errors, 1e-17), marker=mark, markersize=4, label=formula)
axes.axhline(epsilon / 2, color="gray", linewidth=0.8)
axes.text(study.steps[-1], epsilon / 2, "half an ulp", fontsize=8, va="bottom", color="gray")
axes.set(xlabel="step h", ylabel="relative error", title="Difference formulas for the derivative of exp at 1")
axes.legend(ncols=2, loc="upper center")


# %%
def slope(formula, large, small):
    """The slope of the curve between two steps."""
    at = dict(zip(study.steps, study.errors["float64"][formula]))
    return np.log(at[large] / at[small]) / np.log(large / small)


assert np.isclose(slope("forward", 1e-1, 1e-3), 1, atol=0.05)
assert np.isclose(slope("central", 1e-1, 1e-3), 2, atol=0.05)
assert np.isclose(slope("five-point", 1e-1, 1e-2), 4, atol=0.05)
assert slope("central", 1e-8, 1e-12) < -0.5  # round-off: erratic, but rising to the left

# %% [markdown]
# In float32 the V stands higher and further right: $\varepsilon$ is $10^{-7}$, and the best a forward difference can do
# is about three digits. `difflab step-size "exp(x)" --at x=1 -o v.png` draws both.

# %%
best32, error32 = study.best["float32"]["forward"]
assert best32 > 1e-5 and error32 > 1e-5

# %% [markdown]
# ## The complex step
#
# One curve has no left side. For a function that extends to complex numbers,
#
# $$f(x + ih) = f(x) + ih f'(x) - \frac{h^2}{2} f''(x) - \dots
# \quad\Rightarrow\quad f'(x) \approx \frac{\operatorname{Im} f(x + ih)}{h} .$$
#
# Nothing is subtracted, so nothing cancels, and $h$ may be as small as you like: truncation vanishes too. (For large
# steps its curve covers that of the central difference. Both leave out a term of the same size, $\frac{h^2}{6} f'''$.)


# %%
def complex_step(f, x, h=1e-200):
    return np.imag(f(x + 1j * h)) / h


assert np.isclose(complex_step(np.exp, 1.0), np.e, rtol=1e-15)
too_low, too_high = np.e - complex_step(np.exp, 1.0, 1e-2), central(np.exp, 1.0, 1e-2) - np.e
assert np.isclose(too_low, too_high, rtol=1e-4) and np.isclose(too_low, 1e-4 / 6 * np.e, rtol=1e-4)
complex_step(np.exp, 1.0), np.e

# %% [markdown]
# The price: every step of the program must be analytic, and must take complex numbers. The absolute value of a complex
# number, for one, is not an analytic function. The result is not inaccurate, it is nonsense:

# %%
assert complex_step(np.abs, -2.0) == 0.0  # should be -1
assert dl.differentiate("abs(x)", dict(x=-2.0), method="numerical", scheme="complex-step").gradient["x"] == -1.0

# %% [markdown]
# difflab evaluates its own record of the function, with a rule for `abs` on such numbers, so there it is right.

# %% [markdown]
# ## When finite differences lie
#
# **At a kink.** $|x|$ has no derivative at 0. The central difference does not mind: it answers 0, with complete
# confidence, for every step.

# %%
assert all(central(np.abs, 0.0, h) == 0.0 for h in (1e-1, 1e-4, 1e-8))
at_kink = dl.compare("abs(x) + x", at=dict(x=0.0))
kink = at_kink.kinks[0]
assert (kink.left, kink.right) == (-1.0, 1.0)
print(kink)

# %% [markdown]
# And *near* a kink the answer depends on whether the step reaches across it.

# %%
assert np.isclose(central(np.abs, 0.001, 1e-4), 1.0)  # does not reach it
assert np.isclose(central(np.abs, 0.001, 1e-2), 0.1)  # reaches across: a mean of both sides

# %% [markdown]
# **With cancellation.** A large constant drowns a small change: $10^8 + x^2$ has derivative $2x$, but the values
# are known only to about $10^{-8}$.

# %%
shifted = lambda x: 1e8 + x**2
assert abs(central(shifted, 1.0, 1e-5) - 2.0) > 1e-5  # the usual step
assert abs(central(shifted, 1.0, 1e-2) - 2.0) < 1e-5  # a larger step is better here
assert dl.grad(shifted)(1.0) == 2.0  # the constant never enters the derivative

# %% [markdown]
# ### A descent that does not move
#
# What such rounding does to learning is not "a little noise". Gradient descent on $f(p) = 10^8 + (p - 1)^2$ from
# $p = 0$ should walk to 1. Doubles near $10^8$ lie $2^{-26} \approx 1.5 \cdot 10^{-8}$ apart, so a change of $f$ below
# half of that is rounded away. With a step of $10^{-9}$ the change is $2 \cdot 10^{-9}$: the difference is exactly 0,
# and the point never leaves its place.

# %%
drowned = lambda p: 1e8 + (p - 1) ** 2
reverse = dl.grad(drowned)


def descend(slope, steps=60, rate=0.1):
    points = [0.0]
    for _ in range(steps):
        points.append(points[-1] - rate * slope(points[-1]))
    return np.array(points)


paths = {f"forward difference, h = {h:.0e}": descend(lambda p, h=h: forward(drowned, p, h)) for h in (1e-9, 1e-8, 1e-7)}
paths["reverse mode"] = descend(reverse)
figure, axes = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
for (name, path), style in zip(paths.items(), ("o-", "s-", "^-", "k--")):
    axes.plot(path, style, markersize=4, markevery=5, label=name)
axes.axhline(1, color="gray", linewidth=0.8)
axes.set(xlabel="step", ylabel="p", title="Gradient descent on 1e8 + (p - 1)**2, started at 0")
axes.legend(loc="center right", bbox_to_anchor=(1, 0.62))

never, stuck, short, exact = paths.values()
assert np.spacing(1e8) == 2.0**-26
assert np.all(never == 0.0)  # every difference is exactly 0
assert 0.2 < stuck[-1] == stuck[-20] < 0.5 and 0.9 < short[-1] == short[-20] < 0.99  # they stop before they are there
assert abs(exact[-1] - 1) < 1e-5 and abs(descend(reverse, 300)[-1] - 1) < 1e-15
{name: round(float(path[-1]), 4) for name, path in paths.items()}

# %% [markdown]
# A step of $10^{-8}$, the textbook's $\sqrt\varepsilon$ for a function whose values are near 1, gets stuck
# less than half way: where $2 |p - 1| h$ falls below half of $2^{-26}$, the difference is 0 again. Reverse mode
# never looks at the value: its $2 (p - 1)$ is exact at every step. The certified method agrees, and difflab's own
# differences choose a step that the rounding allows.

# %%
assert dl.certify("1e8 + (p - 1)**2", dict(p=0.0)).gradient["p"] == reverse(0.0) == -2.0
assert abs(dl.differentiate(drowned, 0.0, method="numerical").gradient + 2.0) < 1e-6

# %% [markdown]
# **On a wiggle.** A step that is larger than the detail of the function measures something else. On
# $f(x) = \sin(1000 x)$, whose slope at 0 is 1000, a step of a full half-period sees nothing at all.

# %%
wiggle = lambda x: np.sin(1000 * x)
h = np.pi / 1000
assert abs(central(wiggle, 0.0, h)) < 1e-9
assert np.isclose(dl.grad(wiggle)(0.0), 1000.0)

# %% [markdown]
# ## Why relu'(0) matters
#
# $\operatorname{relu}(x) = \max(x, 0)$ has the slope 0 to the left of 0, the slope 1 to the right, and at 0 itself no
# derivative. Code has to return something there; difflab and PyTorch return 0. That is a convention, and no number
# $c = \operatorname{relu}'(0)$ is right. For $\operatorname{relu}(x) - \operatorname{relu}(-x)$ is nothing but $x$, and
# its slope comes out as $2c$: so $c$ should be $\frac12$. But $\operatorname{relu}(\operatorname{relu}(x))$ is nothing
# but $\operatorname{relu}(x)$, and its slope comes out as $c^2$: so $c$ should be 0 or 1.

# %%
relu = dl.numpy.relu
half = lambda x: np.maximum(x, 0.0)  # the same function; at a tie np.maximum shares equally, so its c is 1/2
assert dl.grad(relu)(0.0) == 0.0 and dl.grad(half)(0.0) == 0.5
assert dl.grad(lambda x: relu(x) - relu(-x))(0.0) == 0.0  # should be 1
assert dl.grad(lambda x: half(x) - half(-x))(0.0) == 1.0
assert dl.grad(lambda x: half(half(x)))(0.0) == 0.25  # should be what half gives
judged = dl.compare("relu(x) - relu(-x)", at=dict(x=0.0))
assert not judged.agree and len(judged.kinks) == 2  # compare says so, and counts neither
print(judged.kinks[0])

# %% [markdown]
# Who cares about a single point? Exact zeros are common: pixels of padding, weights that start at 0. Here is a layer
# with relu whose weights start at 0, trained twice. With $c = 0$ no gradient ever arrives, and it never moves.

# %%
rng = np.random.default_rng(0)
X, outer = rng.normal(size=(20, 2)), np.array([1.0, -1.0, 0.5])
wanted = np.abs(X[:, 0])


def trained(activation, steps=60):
    loss = lambda W: np.mean((activation(X @ W) @ outer - wanted) ** 2)
    W, losses = np.zeros((2, 3)), []
    for _ in range(steps):
        losses.append(loss(W))
        W = W - 0.1 * dl.grad(loss)(W)
    return losses


flat, falling = trained(relu), trained(half)
assert flat[-1] == flat[0] and falling[-1] < falling[0] / 2
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
t = np.linspace(-1, 1, 3)
left.plot(t, np.maximum(t, 0), "k", linewidth=2.5)
for c, style in ((0, ":"), (0.5, "--"), (1, "-.")):
    left.plot(t, c * t, style, label=f"c = {c:g}")
right.plot(flat, ":", label="c = 0"), right.plot(falling, "--", label="c = 0.5")
left.set(title="relu, and three slopes at its kink", xlabel="x", ylim=(-0.6, 1))
right.set(title="The same layer, started at 0", xlabel="step", ylabel="loss", ylim=(0, None))
left.legend(), right.legend()

# %% [markdown]
# Conventions differ between libraries too: the [guide to conventions](../docs/conventions.md) lists them.

# %% [markdown]
# ## A difference that knows its error
#
# Quotients at several steps can be extrapolated to $h = 0$; Ridders' method does so until it no longer helps, and takes
# the spread of the last values for its error. What difflab calls "numerical" begins at the smallest step over which
# the value changes and rises from there, so that it steps over no pole, kink or wiggle. It measures the noise of the
# values, extrapolates over every window of steps, and claims the error of the best.

# %%
found = dl.differentiate("exp(x) * sin(3*x)", dict(x=1.0), method="numerical")
truth = np.e * (np.sin(3.0) + 3 * np.cos(3.0))
error, claimed = abs(found.gradient["x"] - truth), found.claimed_error["x"]
assert error < 1e-10 and claimed < 1e-9
print(f"{found.evaluations} evaluations, error below 1e-10: {error < 1e-10}")
assert np.isclose(dl.differentiate(wiggle, 0.0, method="numerical").gradient, 1000.0)

# %% [markdown]
# Where it has no number it says so, with its reason:

# %%
refused = dl.differentiate("abs(x) + x", dict(x=0.0), method="numerical")
assert np.isnan(refused.gradient["x"]) and refused.one_sided["x"] == (0.0, 2.0)
print(refused.refusals["x"])

# %% [markdown]
# An estimate is not a bound, though: only the certified method proves anything. But with $n$ inputs there is one more
# reason not to train networks with differences: each needs runs of its own.

# %%
point = np.linspace(-1, 1, 50)
numerical = dl.differentiate(lambda v: np.sum(np.tanh(v) ** 2), (point,), method="numerical", scheme="central")
reverse = dl.differentiate(lambda v: np.sum(np.tanh(v) ** 2), (point,), method="reverse")
assert numerical.evaluations >= 100 and reverse.evaluations == 1
numerical.evaluations, reverse.evaluations

# %% [markdown]
# ## Exercises
#
# **1.** Find weights $a, b, c$ so that $\frac{a f(x) + b f(x+h) + c f(x+2h)}{h}$ differentiates every parabola exactly.
# (It is the formula to use at the edge of a domain, where you cannot step to the left.)

# %% tags=["solution"]
# It has to be right for 1, t and t**2 at t = 0 with h = 1: three linear equations.
t = np.array([0.0, 1.0, 2.0])
weights = np.linalg.solve(np.stack([t**0, t, t**2]), [0.0, 1.0, 0.0])
assert np.allclose(weights, [-1.5, 2.0, -0.5])
one_sided = lambda f, x, h: weights @ [f(x), f(x + h), f(x + 2 * h)] / h
errors = [abs(one_sided(np.exp, 1.0, h) - np.e) for h in (1e-2, 1e-3)]
assert np.isclose(np.log10(errors[0] / errors[1]), 2, atol=0.02)  # second order, like the central difference
weights

# %% [markdown]
# **2.** Predict the best step of the central *second* difference $\frac{f(x-h) - 2f(x) + f(x+h)}{h^2}$, and check the
# prediction for $e^x$ at 1. Why is it so much larger?

# %% tags=["solution"]
# Truncation h**2/12 f'''', round-off about 4 eps f / h**2: the sum is least at (48 eps)**(1/4).
second = lambda f, x, h: (f(x - h) - 2 * f(x) + f(x + h)) / h**2
steps = 10.0 ** np.arange(-7, 0, 0.25)
best = steps[np.argmin([abs(second(np.exp, 1.0, h) - np.e) for h in steps])]
expected = (48 * epsilon) ** 0.25
assert expected / 10 < best < expected * 10
assert abs(second(np.exp, 1.0, 1e-7) - np.e) > 1e-3  # dividing by h**2 makes round-off far worse
print(f"predicted {expected:.1e}")

# %% [markdown]
# **3.** With a central difference at $x = 0$ somebody finds the slope 0 for $\max(x, 0)^2$, and $\frac12$ for
# $\max(x, 0)$. Which result is a derivative? Let `compare` tell.

# %% tags=["solution"]
smooth, kinked = "maximum(x, 0)**2", "maximum(x, 0)"
assert central(lambda x: max(x, 0.0), 0.0, 1e-6) == 0.5
report = dl.compare(kinked, at=dict(x=0.0)).kinks[0]
assert (report.left, report.right) == (0.0, 1.0)  # two slopes: there is no derivative
left, right = (forward(lambda x: max(x, 0.0) ** 2, 0.0, h) for h in (-1e-6, 1e-6))
assert abs(left) < 1e-5 and abs(right) < 1e-5  # squared, both slopes are 0: a derivative after all
assert dl.grad(dl.parse(smooth))(0.0) == 0.0
print(report)

# %% [markdown]
# ## What to read next
#
# - Higham, *Accuracy and Stability of Numerical Algorithms*, chapter 1: cancellation and what rounding really does.
# - Squire and Trapp, "Using complex variables to estimate derivatives of real functions" (1998): three pages.
# - Ridders, "Accurate computation of F'(x) and F'(x)F''(x)" (1982).
# - Lesson 3: formulas instead of differences, and why they grow.
