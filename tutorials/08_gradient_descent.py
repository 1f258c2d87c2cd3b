# %% [markdown]
# # 8. Gradient descent and its variants
#
# After this lesson you can
#
# - say for which step sizes gradient descent converges, how fast, and what a ravine does to it;
# - choose between batch, stochastic and mini-batch, and say what the noise costs;
# - write momentum, Adam and Newton's method in a few lines each, and know what each one repairs.

# %% [markdown]
# ## One step
#
# The gradient points uphill. So go the other way, with a step size $\eta$ (the *learning rate*):
#
# $$p \leftarrow p - \eta \, \nabla f(p) .$$
#
# All that can be learned about $\eta$ is visible on a parabola $f(p) = \frac{\lambda}{2} p^2$. Its gradient is
# $\lambda p$, so each step multiplies $p$ by $1 - \eta\lambda$. It converges if $|1 - \eta\lambda| < 1$, that is
#
# $$0 < \eta < \frac{2}{\lambda} .$$
#
# The bound depends on the curvature $\lambda$, and on nothing else.

# %%
import numpy as np
from matplotlib import pyplot as plt

import difflab as dl
from difflab import nn

SGD, Adam, Newton, minimize = nn.optim.SGD, nn.optim.Adam, nn.optim.Newton, nn.optim.minimize


def descend(f, p, rate, steps):
    """All points that gradient descent visits."""
    gradient, points = dl.grad(f), [p]
    for _ in range(steps):
        points.append(points[-1] - rate * gradient(points[-1]))
    return np.array(points)


parabola = lambda p: 0.5 * 4.0 * p**2  # curvature 4: the bound is 0.5
for rate in (0.1, 0.25, 0.4, 0.6):
    assert np.allclose(descend(parabola, 1.0, rate, 8), (1 - 4 * rate) ** np.arange(9.0))
assert descend(parabola, 1.0, 0.25, 1)[-1] == 0  # rate 1 / curvature: there in one step
[round(float(abs(descend(parabola, 1.0, rate, 20)[-1])), 6) for rate in (0.1, 0.4, 0.49, 0.51)]

# %% [markdown]
# ## A ravine
#
# Two directions, two curvatures: $f(x, y) = \frac12 (x^2 + 20\,y^2)$. The steep direction sets the bound,
# $\eta < 2/20$. The flat one has to live with it, and shrinks by $1 - \eta$ a step. The best compromise makes both
# factors equal:
#
# $$\eta = \frac{2}{\lambda_1 + \lambda_2}, \qquad \text{factor} = \frac{\kappa - 1}{\kappa + 1}, \qquad
# \kappa = \frac{\lambda_{\max}}{\lambda_{\min}} .$$

# %%
curvatures = np.array([1.0, 20.0])
ravine = lambda p: 0.5 * np.sum(curvatures * p**2)
start = np.array([-4.0, 1.2])

figure, axes = plt.subplots(2, 2, figsize=(8, 4.8), sharex=True, sharey=True, layout="constrained")
x, y = np.meshgrid(np.linspace(-4.8, 2.4, 121), np.linspace(-2.9, 2.9, 121))
for place, (rate, told) in zip(
    axes.flat, {0.01: "too small", 2 / 21: "the best", 0.0995: "nearly too large", 0.101: "too large"}.items()
):
    path = descend(ravine, start, rate, 40)
    place.contour(x, y, 0.5 * (x**2 + 20 * y**2), levels=np.linspace(0.5, 9, 10) ** 2, colors="lightgray")
    place.plot(*path.T, "o-", markersize=3, linewidth=1)
    place.plot(0, 0, "k*", markersize=10)
    place.set_title(f"rate {rate:.4f}: {told}", fontsize=10)
figure.supxlabel("x, curvature 1")
figure.supylabel("y, curvature 20")
figure.suptitle("40 steps in a ravine")

assert ravine(descend(ravine, start, 0.0995, 40)[-1]) < ravine(start) < ravine(descend(ravine, start, 0.101, 40)[-1])
best = np.linalg.norm(descend(ravine, np.ones(2), 2 / 21, 40), axis=1)
assert np.allclose(best[1:] / best[:-1], 19 / 21)  # (20 - 1) / (20 + 1)

# %% [markdown]
# With $\kappa = 20$ the error loses 10 % a step. Losses of networks have a $\kappa$ of thousands and more. Everything
# below is an answer to one of two questions: what if the gradient is too *expensive*, and what if the ravine is too
# *narrow*?

# %% [markdown]
# ## Too expensive: batch, stochastic, mini-batch
#
# The loss of a data set is a mean of the losses of its $n$ samples, and so is its gradient. Must all of them be looked
# at before the first step?
#
# | name | samples for one step | steps in one epoch (all samples seen once) |
# |---|---|---|
# | batch | $n$ | 1 |
# | mini-batch | $B$ | $n / B$ |
# | stochastic | 1 | $n$ |
#
# A line through 1,024 points. The gradient of a few samples is a noisy version of the true one, with the right mean.

# %%
rng = np.random.default_rng(0)
n = 1024
xs = rng.normal(size=n)
ys = 2 * xs - 1 + 0.5 * rng.normal(size=n)


def loss(p, x, y):
    return 0.5 * np.mean((p[0] * x + p[1] - y) ** 2)


gradient = dl.compile(dl.grad(loss))
p = np.array([0.5, 0.5])
full = gradient(p, xs, ys)
deviation = {}
for B in (1, 16, 64):
    parts = np.array([gradient(p, x, y) for x, y in zip(xs.reshape(-1, B), ys.reshape(-1, B))])
    assert np.allclose(parts.mean(0), full)  # one epoch together is exactly the full gradient
    deviation[B] = np.linalg.norm(parts - full) / np.sqrt(len(parts))
assert np.isclose(deviation[1] / deviation[16], 4, rtol=0.3)  # 16 times the work, a quarter of the noise
assert np.isclose(deviation[1] / deviation[64], 8, rtol=0.3)
{B: round(float(d), 2) for B, d in deviation.items()}

# %% [markdown]
# Noise falls with $\sqrt B$ and work grows with $B$. So the first steps should be cheap ones. Let all of them see the
# same number of samples, four epochs, and measure how far the loss is above its minimum.


# %%
def epochs(B, rate, count=4):
    """The excess loss at 32 moments of each epoch (or at each step, if there are fewer)."""
    p, step, found = np.zeros(2), 0, [(0.0, excess(np.zeros(2)))]
    for epoch in range(count):
        for batch in nn.data.batches(n, B, epoch=epoch):
            p = p - rate(step) * gradient(p, xs[batch], ys[batch])
            step += 1
            if step % max(1, n // B // 32) == 0:
                found.append((step * B / n, excess(p)))
    return np.array(found)


lowest = np.array(np.polyfit(xs, ys, 1))
excess = lambda p: loss(p, xs, ys) - loss(lowest, xs, ys)
assert np.linalg.norm(gradient(lowest, xs, ys)) < 1e-12

runs = {
    "batch, rate 0.5": epochs(n, lambda k: 0.5),
    "mini-batch of 32, rate 0.1": epochs(32, lambda k: 0.1),
    "stochastic, rate 0.05": epochs(1, lambda k: 0.05),
    "stochastic, rate 1 / (step + 10)": epochs(1, lambda k: 1 / (k + 10)),
}
figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
for (name, run), mark in zip(runs.items(), ("o-", "-", "-", "--")):
    axes.semilogy(*run.T, mark, markersize=4, linewidth=1, label=name)
axes.set(xlabel="epochs: how often each sample was seen", ylabel="loss above its minimum")
axes.set_title("The same samples, cut into steps in different ways")
axes.legend(fontsize=8, loc="lower left")

batch, mini, noisy, falling = runs.values()
assert mini[mini[:, 0] <= 1][-1, 1] < 0.01 * batch[1, 1]  # after one epoch
assert np.median(mini[-64:, 1]) < 0.5 * np.median(noisy[-64:, 1])  # a constant rate keeps its noise
assert np.median(falling[-64:, 1]) < 0.2 * np.median(noisy[-64:, 1])  # a falling one gets rid of it

# %% [markdown]
# Batch descent is the straightest and the slowest. Stochastic descent is near the minimum before the first epoch is
# over, and then it dances around it: with a constant rate the noise never ends, and with a rate that falls like $1/k$
# it does (Robbins and Monro, 1951). A mini-batch is the compromise everybody uses: little noise, and products of
# matrices, which computers do well.

# %% [markdown]
# ## Too narrow: momentum
#
# Give the point a velocity. Components of the gradient that change sign from step to step cancel, the others add up:
#
# $$v \leftarrow \beta v + \nabla f(p), \qquad p \leftarrow p - \eta v .$$
#
# With the best constants a step shrinks the error by $\frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}$ instead of
# $\frac{\kappa - 1}{\kappa + 1}$. A square root looks like little. For $\kappa = 400$ it is twenty times fewer steps.

# %%
steep = np.array([1.0, 400.0])
narrow = lambda p: 0.5 * np.sum(steep * p**2)
beta, rate = (19 / 21) ** 2, 4 / (1 + 20) ** 2

p, v, gradient_of = np.ones(2), np.zeros(2), dl.grad(narrow)
for _ in range(300):
    v = beta * v + gradient_of(p)
    p = p - rate * v
library = minimize(narrow, np.ones(2), SGD(lr=rate, momentum=beta), 300)
assert np.allclose(p, library.params, rtol=1e-9)  # two lines are all there is

plain = minimize(narrow, np.ones(2), SGD(lr=2 / 401), 300)
distance = lambda run: np.linalg.norm(run.trajectory, axis=1)
assert np.isclose((distance(plain)[300] / distance(plain)[200]) ** 0.01, 399 / 401, rtol=1e-3)
assert np.isclose((distance(library)[200] / distance(library)[100]) ** 0.01, 19 / 21, rtol=0.02)
assert np.isclose(np.log(19 / 21) / np.log(399 / 401), 20, rtol=0.01)  # so many times fewer steps
print(f"after 300 steps: plain {distance(plain)[-1]:.2f}, with momentum {distance(library)[-1]:.0e}")

# %% [markdown]
# ## Too different: Adam
#
# Some parameters always get large gradients, others tiny ones. Adam divides each by its own typical size, the root of
# a moving mean of squares. Both means start at 0, so they are too small at first, by exactly $1 - \beta^k$:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad s \leftarrow \beta_2 s + (1 - \beta_2) g^2, \quad
# p \leftarrow p - \eta \, \frac{m / (1 - \beta_1^k)}{\sqrt{s / (1 - \beta_2^k)} + \varepsilon} .$$


# %%
def adam(f, p, rate, steps, b1=0.9, b2=0.999, eps=1e-8):
    gradient, m, s = dl.grad(f), np.zeros_like(p), np.zeros_like(p)
    for k in range(1, steps + 1):
        g = gradient(p)
        m = b1 * m + (1 - b1) * g
        s = b2 * s + (1 - b2) * g**2
        p = p - rate * (m / (1 - b1**k)) / (np.sqrt(s / (1 - b2**k)) + eps)
    return p


assert np.allclose(adam(narrow, np.ones(2), 0.05, 50), minimize(narrow, np.ones(2), Adam(lr=0.05), 50).params)
first = adam(narrow, np.ones(2), 0.05, 1)
assert np.allclose(first, 1 - 0.05)  # the first step is the rate, in every direction, whatever the gradient
million = lambda p: 1e6 * narrow(p)
assert np.allclose(adam(million, np.ones(2), 0.05, 50), adam(narrow, np.ones(2), 0.05, 50))  # nor do units matter

# %% [markdown]
# That is why a rate of 0.001 works so often: it is a length in the space of *parameters*, not a factor of gradients.
# Adam cannot see a ravine that runs diagonally, though. It scales axes; it does not turn them.

# %% [markdown]
# ## Too blind: Newton
#
# The gradient says which way, not how far. The Hessian $H$ does: near $p$ the function looks like a parabola, and the
# minimum of that is at
#
# $$p - H^{-1} \nabla f(p) .$$
#
# On a quadratic that is the end, whatever $\kappa$. Elsewhere the number of right digits doubles with each step.


# %%
def newton(f, p, steps):
    gradient, hessian, points = dl.grad(f), dl.hessian(f), [p]
    for _ in range(steps):
        points.append(points[-1] - np.linalg.solve(hessian(points[-1]), gradient(points[-1])))
    return np.array(points)


assert np.allclose(newton(narrow, np.ones(2), 1)[-1], 0, atol=1e-14)  # one step
valley = lambda p: 0.1 * (1 - p[0]) ** 2 + 2 * (p[1] - p[0] ** 2) ** 2  # Rosenbrock's, with smaller numbers
errors = np.linalg.norm(newton(valley, np.array([1.2, 1.0]), 5) - 1, axis=1)
assert np.all(errors[2:5] < 3 * errors[1:4] ** 2) and errors[-1] < 1e-12
print("errors:", ", ".join(f"{e:.0e}" for e in errors[:-1]))

# %% [markdown]
# A price stands behind it: $n^2$ second derivatives and a system of equations in every step. Ten million parameters
# do not allow that. (Lesson 14 shows how far one gets without building $H$.)

# %% [markdown]
# ## All of them in a bent valley
#
# A valley that bends: its floor is flat, its walls are steep, and no fixed axes fit. Each
# method has a rate that suits it.

# %%
begin = np.array([-1.2, 1.0])
settings = {
    "gradient descent": SGD(lr=0.05),
    "momentum": SGD(lr=0.02, momentum=0.9),
    "Adam": Adam(lr=0.15),
    "Newton": Newton(),  # the library's halves a step that does not go down
}
found = {name: minimize(valley, begin, optimiser, 3000) for name, optimiser in settings.items()}
needed = {name: int(np.argmax(np.array(run.history) < 1e-6)) for name, run in found.items()}
assert all(run.history[-1] < 1e-6 for run in found.values())
assert needed["Newton"] < needed["Adam"] < needed["gradient descent"]
assert needed["momentum"] < needed["gradient descent"] / 3

figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
x, y = np.meshgrid(np.linspace(-1.9, 1.6, 161), np.linspace(-0.7, 2.3, 161))
axes.contour(x, y, valley(np.stack([x, y])), levels=np.linspace(0.1, 3.5, 12) ** 2, colors="lightgray")
for (name, run), colour in zip(found.items(), ("tab:blue", "tab:orange", "tab:green", "tab:red")):
    axes.plot(*np.array(run.trajectory[:150]).T, "o-", markersize=3, linewidth=1, color=colour, label=name)
axes.plot(1, 1, "k*", markersize=12, zorder=5)
axes.set(xlabel="x", ylabel="y", title="The first 150 steps to the star, of four methods")
axes.legend(fontsize=8, loc="upper center")
needed

# %% [markdown]
# ## Exercises
#
# **1.** At which rate does gradient descent on $f(x, y) = 3x^2 + 2xy + 3y^2$ begin to diverge? Find it from the
# Hessian and try rates 1 % to either side.

# %% tags=["solution"]
tilted = lambda p: 3 * p[0] ** 2 + 2 * p[0] * p[1] + 3 * p[1] ** 2
top = np.linalg.eigvalsh(dl.hessian(tilted)(np.zeros(2)))[-1]
assert np.isclose(top, 8)  # the bound is 2 / 8
ends = [np.linalg.norm(descend(tilted, np.array([1.0, 0.5]), share * 2 / top, 1000)[-1]) for share in (0.99, 1.01)]
assert ends[0] < 1e-6 and ends[1] > 1e6

# %% [markdown]
# **2.** Newton's method looks for a point where the gradient is 0. On $f(x, y) = x^2 - y^2 + y^4$, start near the
# saddle at the origin: where do the plain Newton step, gradient descent, and the library's Newton go?

# %% tags=["solution"]
saddle = lambda p: p[0] ** 2 - p[1] ** 2 + p[1] ** 4
near = np.array([0.5, 0.1])
assert np.allclose(newton(saddle, near, 6)[-1], 0, atol=1e-12)  # it climbs onto the saddle
assert np.allclose(descend(saddle, near, 0.1, 200)[-1], [0, np.sqrt(0.5)])  # downhill only
careful = minimize(saddle, near, Newton(), 30)  # where H bends down, it takes |eigenvalues|
assert careful.converged and np.isclose(careful.value, -0.25)

# %% [markdown]
# **3.** Turn the narrow ravine by 45 degrees. Which of gradient descent, Adam and Newton notice?

# %% tags=["solution"]
turn = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
turned = lambda q: narrow(turn @ q)
same = turn.T @ np.ones(2)  # the same starting point, in the turned coordinates
value = lambda f, p, optimiser: minimize(f, p, optimiser, 100).history[:100][-1]
assert np.isclose(value(narrow, np.ones(2), SGD(lr=0.004)), value(turned, same, SGD(lr=0.004)))
assert np.allclose(turn @ newton(turned, same, 1)[-1], 0, atol=1e-12)
assert not np.isclose(value(narrow, np.ones(2), Adam(lr=0.05)), value(turned, same, Adam(lr=0.05)), rtol=0.1)

# %% [markdown]
# ## What to read next
#
# - Nocedal and Wright, *Numerical Optimization*, chapters 2, 3 and 7.
# - Polyak, "Some methods of speeding up the convergence of iteration methods" (1964); Kingma and Ba, "Adam" (2015).
# - Bottou, Curtis and Nocedal, "Optimization methods for large-scale machine learning" (2018), sections 3 and 4.
# - Lesson 9: something worth descending, a network.
