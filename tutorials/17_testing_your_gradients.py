# %% [markdown]
# # 17. Testing your gradients
#
# After this lesson you can
#
# - say why a wrong gradient is hard to notice, and at which points a test cannot see it;
# - write a test in pytest that fails with the method, the entry and the digits that are wrong;
# - test what is too large to compare entry by entry, second derivatives, and functions with kinks.

# %% [markdown]
# ## A wrong gradient that learns
#
# Logistic regression gives each point $x_i$ with label $y_i = \pm 1$ a loss, and adds a penalty on large weights:
#
# $$L(w) = \frac1n \sum_i \ln\left(1 + e^{-y_i \, x_i \cdot w}\right) + \frac{\lambda}{2} \|w\|^2 .$$
#
# Somebody differentiated it by hand and forgot something. Can you see what?

# %%
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import difflab as dl
from difflab.testing import DisagreementError, assert_gradients_agree, check_grads

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
y = np.sign(X @ np.array([1.0, -2.0, 0.5]) + 0.8 * rng.normal(size=40))


def loss(w):
    return np.mean(np.logaddexp(0.0, -y * (X @ w))) + 0.05 * np.sum(w**2)


def by_hand(w):
    p = 1 / (1 + np.exp(y * (X @ w)))  # how wrong the answer is, between 0 and 1
    return -X.T @ (y * p) / len(y)


# %% [markdown]
# The gradient of the penalty is missing, $\lambda w$ with $\lambda = 0.1$. Does gradient descent stop working? It
# does not. That is the trouble.

# %%
w_wrong = w_right = np.zeros(3)
for _ in range(40):
    w_wrong = w_wrong - 0.5 * by_hand(w_wrong)
    w_right = w_right - 0.5 * dl.grad(loss)(w_right)

print(f"start {loss(np.zeros(3)):.3f}, after wrong steps {loss(w_wrong):.3f}, after right ones {loss(w_right):.3f}")
assert loss(w_wrong) < loss(np.zeros(3))  # it learns ...
assert loss(w_wrong) > loss(w_right) + 0.05  # ... but ends at another place, and nothing says so
assert np.linalg.norm(w_wrong) > 1.5 * np.linalg.norm(w_right)

# %% [markdown]
# A falling loss proves little: any direction within 90 degrees of the gradient makes the loss fall. A gradient has to
# be *compared* with something that was computed in another way.

# %% [markdown]
# ## A test, and where it is blind
#
# `assert_gradients_agree` evaluates the derivative by methods that share no rule with each other, and your own
# gradient beside them. It is silent when they agree. We try it at $w = 0$, where training starts.

# %%
assert_gradients_agree(loss, np.zeros(3), gradient=by_hand)

# %% [markdown]
# Silence. Is the gradient right after all? No: at $w = 0$ the missing term $\lambda w$ is zero. Zeros, ones and
# symmetric points are where mistakes hide. A generic point shows it at once.

# %%
w = np.array([0.3, -1.2, 0.7])
try:
    assert_gradients_agree(loss, w, gradient=by_hand)
    message = ""
except DisagreementError as error:
    message = str(error)

assert message.count("\n  gradient=") == 3  # all three entries are wrong
print(message.partition("  again:")[0])

# %% [markdown]
# The table has the worst entry first, and the line below it names the judge: here the certificate, which uses no
# derivative rule. (A further line, left out here, is one to paste: it checks the worst entry again.) The difference is
# the clue: divide it by $w$ and it says what was forgotten.

# %%
difference = dl.grad(loss)(w) - by_hand(w)
assert np.allclose(difference / w, 0.1)
difference / w

# %% [markdown]
# ## How close is close enough?
#
# Compared with finite differences, a right gradient is off by $10^{-7}$ or so, and a tolerance must forgive that.
# A mistake below the tolerance is then forgiven too. Take a gradient that was computed through 32-bit floats:


# %%
def careless(w):
    return (by_hand(w) + 0.1 * w).astype(np.float32)


h, e = 1e-5, np.eye(3)
differences = np.array([(loss(w + h * d) - loss(w - h * d)) / (2 * h) for d in e])
assert np.allclose(careless(w), differences, rtol=1e-5)  # the usual check is content

caught = False
try:
    assert_gradients_agree(loss, w, gradient=careless)
except DisagreementError:
    caught = True
assert caught
assert_gradients_agree(loss, w, gradient=lambda w: by_hand(w) + 0.1 * w, rtol=1e-13)

# %% [markdown]
# The sharper judge is the certified method: it encloses the derivative in intervals and raises the precision until
# one double is left, so the tolerance can be as small as rounding itself. What is accepted is in your hands: `rtol`,
# or `ulps` (units in the last place).

# %%
x = np.array([0.5, 2.0])
assert_gradients_agree(lambda x: np.sum(np.sin(x) * x), x, ulps=4)
c = dl.compare(lambda x: np.sum(np.sin(x) * x), at=(x,))
assert c.agree and c.max_ulps < 4
c

# %% [markdown]
# ## In pytest
#
# Here is a file of tests, one of which fails. We write it to a temporary folder and run pytest on it; you would keep it
# in `tests/`. (Installing difflab also adds a fixture of the same name: give a test the argument
# `assert_gradients_agree`, and it needs no import.)

# %%
TESTS = """
import numpy as np
import pytest
from difflab.testing import assert_gradients_agree, check_grads

def softplus(x):
    return np.sum(np.logaddexp(0.0, x))

@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_right(scale):
    x = scale * np.array([0.5, -1.3])
    assert_gradients_agree(softplus, x, gradient=lambda x: 1 / (1 + np.exp(-x)))

def test_wrong():
    assert_gradients_agree(softplus, np.array([0.5, -1.3]), gradient=np.tanh)

def test_second_derivatives():
    check_grads(softplus, (np.array([0.5, -1.3]),), order=3)
"""

with tempfile.TemporaryDirectory() as folder:
    Path(folder, "test_softplus.py").write_text(TESTS)
    paths = os.pathsep.join([str(Path(dl.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=120
    )

report = done.stdout.splitlines()
assert done.returncode == 1  # one failed
assert any("4 passed" in line and "1 failed" in line for line in report)
assert any("FAILED test_softplus.py::test_wrong" in line for line in report)
errors = [line for line in report if line.startswith("E  ")]
assert "DisagreementError" in errors[0] and "gradient=" in errors[2]
print("\n".join([*errors, report[-1].split(" in ")[0]]))

# %% [markdown]
# Three scales in one test are not a luxury. The derivative of `softplus` is easy near 0 and easy to get wrong at 30 or
# 700, where an `exp` overflows.

# %% [markdown]
# ## Too many entries: directions
#
# A gradient with a million entries cannot be checked one entry at a time. But along a direction $v$,
#
# $$\nabla f(x) \cdot v = \frac{d}{dt} f(x + t v) \Big|_{t=0}$$
#
# is one number on each side. If an error $\varepsilon$ is in the gradient, a random $v$ misses it only when
# $\varepsilon \cdot v$ happens to be almost zero. Above 64 entries `assert_gradients_agree` does this for you, and
# where a direction fails, its halves, and halves of these, lead to the entry.

# %%
A = rng.normal(size=(30, 30))


def energy(A):
    return np.sum(np.tanh(A @ A.T)) / 30


def broken(A):
    g = np.array(dl.grad(energy)(A))
    g[17, 4] += 0.01  # one entry of 900
    return g


assert_gradients_agree(energy, A, gradient=dl.grad(energy))
found = False
try:
    assert_gradients_agree(energy, A, gradient=broken)
except DisagreementError as error:
    found = "A[17, 4]" in str(error)
assert found

# %% [markdown]
# The same idea tests a pair of vjp and jvp without any limit: they are transposes of each other, so for all $u$, $v$
#
# $$\langle u, J v \rangle = \langle J^{\mathsf T} u, v \rangle .$$

# %%
v, u = rng.normal(size=A.shape), rng.normal(size=A.shape)
value, Jv = dl.jvp(lambda A: np.tanh(A @ A.T), (A,), (v,))
_, pullback = dl.vjp(lambda A: np.tanh(A @ A.T), A)
assert np.isclose(np.sum(u * Jv), np.sum(pullback(u)[0] * v), rtol=1e-11)

# %% [markdown]
# ## Right once, wrong twice
#
# `custom_gradient` lets you write a pullback yourself. The first derivative below is right. It was made with
# `stop_gradient`, as if $x$ were a constant there, and so the second derivative is lost.


# %%
@dl.custom_gradient
def cube(x):
    return x**3, lambda g: g * 3 * dl.stop_gradient(x) ** 2


assert np.isclose(dl.grad(cube)(2.0), 12.0)
assert dl.grad(dl.grad(cube))(2.0) == 0.0  # should be 6 x = 12
check_grads(cube, (2.0,), order=1)
told = ""
try:
    check_grads(cube, (2.0,), order=2)
except DisagreementError as error:
    told = str(error)
assert "order 2" in told
print(told)

# %% [markdown]
# `check_grads` goes order by order: each derivative is compared with differences of the one below. What will be used
# in a Newton step or a Hessian product deserves `order=2`.

# %% [markdown]
# ## Kinks
#
# At a kink there is no derivative to agree on. A test whose point sits on one, by accident, must neither pass nor
# fail at random; it is refused, with the reason. Move the point.

# %%
refused = ""
try:
    assert_gradients_agree(lambda x: np.sum(np.abs(x)), np.array([1.0, 0.0]))
except dl.errors.InputError as error:
    refused = str(error)
assert "kink" in refused
assert_gradients_agree(lambda x: np.sum(np.abs(x)), np.array([1.0, 0.25]))
refused

# %% [markdown]
# ## Exercises
#
# **1.** The pullback of a layer that standardises, $z = (x - \mu) / \sigma$ with the mean $\mu$ and the standard
# deviation $\sigma$ of $x$, has a famous bug: $\mu$ and $\sigma$ are treated as constants, which gives
# $\bar x = \bar z / \sigma$. Show that a test finds it, and find a pullback that passes.


# %% tags=["solution"]
def standardise(x):
    return (x - np.mean(x)) / np.std(x)


c = np.array([1.0, -2.0, 0.5, 3.0])  # the upstream gradient
naive = lambda x: c / np.std(x)
full = lambda x: (c - np.mean(c) - standardise(x) * np.mean(c * standardise(x))) / np.std(x)
f = lambda x: np.sum(c * standardise(x))

x = np.array([0.2, 1.4, -0.9, 0.3])
found = False
try:
    assert_gradients_agree(f, x, gradient=naive)
except DisagreementError:
    found = True
assert found
assert_gradients_agree(f, x, gradient=full)

# %% [markdown]
# **2.** Let $\varepsilon$ be an error of 0.01 in one entry of a gradient with $n$ entries. By how much does the
# derivative along a random direction (standard normal entries) change, on average over directions? Does it depend on
# $n$?

# %% tags=["solution"]
sizes = {}
for n in (10, 1000):
    error = np.zeros(n)
    error[3] = 0.01
    sizes[n] = np.sqrt(np.mean([(error @ rng.normal(size=n)) ** 2 for _ in range(4000)]))
assert np.allclose(list(sizes.values()), 0.01, rtol=0.1)  # the root mean square is |error|, whatever n is
sizes

# %% [markdown]
# **3.** `np.sqrt(np.sum(x**2))` and `np.linalg.norm(x)` are the same norm. Test the gradient of the first at
# $(3, -4)$. Then compare what the engine gives for both at the origin.

# %% tags=["solution"]
norm = lambda x: np.sqrt(np.sum(x**2))
assert_gradients_agree(norm, np.array([3.0, -4.0]), gradient=lambda x: x / norm(x))
with np.errstate(all="ignore"):
    at_zero = dl.grad(norm)(np.zeros(2))
assert np.all(np.isnan(at_zero))  # 0 times infinity: the formula has no derivative at the origin
assert np.all(dl.grad(np.linalg.norm)(np.zeros(2)) == 0.0)  # the row for the norm states a convention
at_zero

# %% [markdown]
# ## What to read next
#
# - Baydin, Pearlmutter, Radul and Siskind, *Automatic differentiation in machine learning: a survey*: which method can
#   judge which.
# - The documentation of pytest, on fixtures and parameters.
# - Lesson 2 for the step size of a difference, lesson 14 for second derivatives. Lesson 18 differentiates through time.
