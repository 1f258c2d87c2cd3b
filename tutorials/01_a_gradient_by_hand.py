# %% [markdown]
# # 1. A gradient by hand
#
# After this lesson you can
#
# - compute the gradient of a small neuron with pencil, paper and the chain rule;
# - get the same gradient in four other ways: numerical, symbolic, forward and reverse;
# - say which of the five to believe when they disagree, and why.

# %% [markdown]
# ## A neuron that should learn one thing
#
# A neuron multiplies its input $x$ by a weight $w$, adds a bias $b$ and squashes the sum:
# $\hat y = \tanh(wx + b)$. It is asked for the answer $y$. How wrong it is, is one number, the loss
#
# $$L(w, b) = (\tanh(wx + b) - y)^2 .$$
#
# To improve the neuron we have to know how $L$ changes when $w$ or $b$ moves a little. That is the
# gradient, $\left(\frac{\partial L}{\partial w}, \frac{\partial L}{\partial b}\right)$.

# %%
import numpy as np

import difflab as dl

w, b = 0.8, -0.4  # what the neuron may change
x, y = 1.5, 0.2  # what it is given, and what it should answer


def loss(w, b):
    return (np.tanh(w * x + b) - y) ** 2


loss(w, b)

# %% [markdown]
# ## By hand
#
# Give the inner values names: $z = wx + b$, $a = \tanh z$, $e = a - y$, $L = e^2$. Each step has a derivative that
# you know by heart:
#
# $$\frac{dL}{de} = 2e, \qquad \frac{de}{da} = 1, \qquad \frac{da}{dz} = 1 - a^2, \qquad
# \frac{\partial z}{\partial w} = x, \qquad \frac{\partial z}{\partial b} = 1 .$$
#
# The chain rule multiplies them along the path from $L$ to $w$, and along the path to $b$.

# %%
z = w * x + b
a = np.tanh(z)
e = a - y

dL_dz = 2 * e * 1 * (1 - a**2)  # the part that both paths share
by_hand = {"w": dL_dz * x, "b": dL_dz * 1}
by_hand

# %% [markdown]
# Two things to notice. The factor `dL_dz` was computed once and used twice: sharing it is what makes backpropagation
# cheap. And the derivatives by $w$ and $b$ differ only by the factor $x$.

# %%
assert np.isclose(by_hand["w"], x * by_hand["b"])
assert by_hand["w"] > 0  # so a smaller w gives a smaller loss
assert loss(w - 0.1, b) < loss(w, b)

# %% [markdown]
# ## First way: measure it
#
# A derivative is the limit of a quotient of differences. Take a small step $h$ and no limit:
#
# $$\frac{\partial L}{\partial w} \approx \frac{L(w + h, b) - L(w - h, b)}{2h} .$$
#
# This needs no calculus, and two runs of the function for each input.

# %%
h = 1e-5
measured = (loss(w + h, b) - loss(w - h, b)) / (2 * h)
print(f"measured {measured:.9f}, by hand {by_hand['w']:.9f}")
assert np.isclose(measured, by_hand["w"], rtol=1e-8)

# %% [markdown]
# Nine digits look the same, but not all sixteen that a float has. Lesson 2 is about where the others went.

# %%
smaller = (loss(w + 1e-13, b) - loss(w - 1e-13, b)) / 2e-13
assert abs(smaller - by_hand["w"]) > 100 * abs(measured - by_hand["w"])  # a smaller step made it worse

# %% [markdown]
# ## Second way: rewrite the formula
#
# A computer algebra system does what you did on paper, on formulas instead of numbers. `method="symbolic"` sends the
# function to sympy and keeps the formulas it finds.

# %%
point = dict(w=w, b=b)
text = f"(tanh(w*{x} + b) - {y})**2"
symbolic = dl.differentiate(text, point, method="symbolic")
assert np.isclose(symbolic.gradient["w"], by_hand["w"], rtol=1e-14)
symbolic.details["formulas"]["w"]

# %% [markdown]
# ## Third way: carry the derivative along
#
# Forward mode runs the function on pairs: a value, and how fast that value moves. Each operation knows how to move a
# pair. Let $w$ move with speed 1 and everything else stand still, and the speed of the result is
# $\partial L / \partial w$. The pairs fit into a class of a dozen lines:


# %%
class Dual:
    """A value and its speed."""

    def __init__(self, value, speed=0.0):
        self.value, self.speed = value, speed

    def __add__(self, c):
        return Dual(self.value + c, self.speed)

    def __sub__(self, c):
        return Dual(self.value - c, self.speed)

    def __mul__(self, c):
        return Dual(self.value * c, self.speed * c)

    def __pow__(self, n):
        return Dual(self.value**n, n * self.value ** (n - 1) * self.speed)

    def tanh(self):  # NumPy calls this method: np.tanh works on duals now
        t = np.tanh(self.value)
        return Dual(t, (1 - t**2) * self.speed)


along_w = loss(Dual(w, 1.0), b)  # the function itself does not notice what it is given
assert np.isclose(along_w.speed, by_hand["w"], rtol=1e-14)

value, speed = dl.jvp(loss, (w, b), (1.0, 0.0))
assert np.isclose(speed, by_hand["w"], rtol=1e-14)
speed

# %% [markdown]
# One run gives the derivative along one direction. For $b$ it has to run again.

# %%
assert np.isclose(dl.jvp(loss, (w, b), (0.0, 1.0))[1], by_hand["b"], rtol=1e-14)

# %% [markdown]
# ## Fourth way: walk back
#
# Reverse mode writes down what the function does, and then walks the record from the loss back to the inputs. One
# walk gives the derivative by every input, however many there are. This is what you did by hand, and what
# `dl.grad` does.

# %%
gradient = dl.grad(loss, argnums=(0, 1))(w, b)
assert np.allclose(gradient, (by_hand["w"], by_hand["b"]), rtol=1e-14)

passes = dl.parse("z = w*x + b; a = tanh(z); e = a - y; L = e**2").forward(w=w, x=x, b=b, y=y).backward()
assert np.isclose(passes.adjoint("z"), dL_dz, rtol=1e-14)  # the factor that both paths share
passes

# %% [markdown]
# Green is forward, from the inputs to the loss. Orange is backward: on each wire stands what arrives from the side of
# the loss (upstream), times the local derivative, equals what goes on to the inputs (downstream).
#
# In a notebook the cell shows more: the same passes one step at a time, each with its sentence, and sliders for the
# inputs. The [guide to the step-through page](../docs/step.md) has such pages to try, and the shell makes one:
# `difflab step "(tanh(w*x + b) - y)**2" --at w=0.8,x=1.5,b=-0.4,y=0.2 -o neuron.html`.

# %% [markdown]
# ### When forward mode wins
#
# A run of forward mode answers for one *input*, whatever the number of outputs; a walk back answers for one *output*,
# whatever the number of inputs. So count both: the smaller number wins. A loss is one output of many weights, and that
# is why networks learn by reverse mode. A curve in time is the other way round: one input, a thousand outputs.

# %%
frequencies = np.arange(1.0, 1001.0)
curve = lambda t: np.sin(frequencies * t)
truth = frequencies * np.cos(frequencies * 0.3)

_, velocity = dl.jvp(curve, (0.3,), (1.0,))
assert np.allclose(velocity, truth)  # one run: all thousand derivatives
_, walk_back = dl.vjp(curve, 0.3)
only_the_eighth = np.eye(1000)[7]
assert np.isclose(walk_back(only_the_eighth)[0], truth[7])  # one walk: one of the thousand

# %%
from matplotlib import pyplot as plt

figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
axes.fill_between([0.3, 1e7], [0.3, 1e7], 1e7, color="#7a4fbf", alpha=0.15, linewidth=0)
axes.fill_between([0.3, 1e7], 0.3, [0.3, 1e7], color="#0a5cb4", alpha=0.15, linewidth=0)
axes.text(10, 3e5, "forward mode wins", ha="center", fontsize=12)
axes.text(1e4, 12, "reverse mode wins", ha="center", fontsize=12)
for name, inputs, outputs, side in (
    ("this neuron's loss", 2, 1, "left"),
    ("a network's loss", 1e6, 1, "right"),
    ("a curve in time", 1, 1000, "left"),
):
    axes.plot(inputs, outputs, "ko")
    axes.annotate(
        name, (inputs, outputs), (8 if side == "left" else -8, 6), textcoords="offset points", ha=side, fontsize=10
    )
axes.set(xscale="log", yscale="log", xlim=(0.3, 1e7), ylim=(0.3, 1e7), xlabel="inputs", ylabel="outputs")
axes.set_title("Which needs fewer runs of the function")

# %% [markdown]
# Forward mode also wins where one *direction* is asked for, of however many inputs. And it needs no record: a pair is
# forgotten as soon as it is used, while a walk back needs what the forward run has computed.

# %% [markdown]
# ## And one certificate
#
# Four methods agree with you. Could all five of you be wrong? A certificate answers that. It computes with intervals
# that contain the true number for sure, and raises the precision until only one float is left. Its
# answer is not one more opinion; it is a proof about the formula. *Certified* means two things: the function is
# defined and differentiable in a whole neighbourhood of the point, and the derivative lies between two numbers.

# %%
proof = dl.certify(text, point)
low, high = proof.enclosure["w"]
assert proof.certified and low <= proof.gradient["w"] <= high
print(f"dL/dw lies between {low!r} and {high!r}; {proof.digits['w']} digits are proven")

# %% [markdown]
# Where there is no derivative, there is no certificate, however finite the number that the other methods give. At 0 the
# absolute value comes in with slope $-1$ and leaves with slope $1$; at $-1$ the logarithm has no value at all.
# The [guide to certificates](../docs/certificates.md) says how this is proven.

# %%
corner, outside = dl.certify("abs(t)", dict(t=0.0)), dl.certify("log(t)", dict(t=-1.0))
assert corner.verdict == "not differentiable" and outside.verdict == "undefined"
print("abs at 0:", corner.verdict, "- left and right", corner.one_sided["t"])
print("log at -1:", outside.verdict)

# %% [markdown]
# ### What a certificate does not prove
#
# - *That the formula is the one you meant.* With a wrong sign it is certified just the same.
# - *Anything about another point.* Next door there may be a kink.
# - *That a program which computes the formula in floats comes near it.* The next section has one that does not.
# - *By its absence, that there is no derivative.* "Not differentiable" is proven too; "undecided" only says that no
#   proof was found, as for a function that is $3x$ everywhere and hides it.

# %%
assert dl.certify(text.replace("+ b", "- b"), point).certified  # another neuron
assert dl.certify("abs(t)", dict(t=1e-300)).certified  # the corner is at 0, which is another point
hidden = dl.certify("where(t*t > 0, 3*t, t)", dict(t=0.0))
assert hidden.verdict == "undecided"  # and the derivative is 3
print(hidden.reason)

# %%
comparison = dl.compare(text, at=point)
assert comparison.agree and comparison.max_ulps < 8
comparison

# %% [markdown]
# An *ulp* (unit in the last place) is the gap between neighbouring floats. The exact methods are within a few
# ulps of the certified value, and the measured one is further away.

# %% [markdown]
# ## When the exact methods are wrong
#
# "Exact" means exact for the formula, computed with rounded numbers. Some formulas cannot stand rounding. Near zero,
#
# $$g(t) = \frac{1 - \cos t}{t^2} = \frac12 - \frac{t^2}{24} + \dots, \qquad g'(t) \approx -\frac{t}{12} .$$

# %%
doubtful = dl.compare("(1 - cos(t)) / t**2", at=dict(t=1e-8))
assert doubtful.verdict == "undecided" and doubtful.methods["reverse"].verdict == "no digits"
assert np.isclose(doubtful.methods["certified"].gradient["t"], -1e-8 / 12, atol=0)
assert abs(doubtful.methods["reverse"].gradient["t"]) > 1e6  # off by fifteen orders of magnitude
for name, method in doubtful.methods.items():
    print(f"{name:10} {method.gradient['t']: .4e}")

# %% [markdown]
# Reverse, forward and symbolic mode differentiate the formula correctly, and then lose every digit in `1 - cos(t)`,
# which is 0 in floats. That three of them fail in nearly the same way shows why agreement is no proof. `compare`
# adds up what rounding can do in every operation; here that is more than the derivative itself, so its verdict on
# them is *no digits*, and on the whole *undecided*.

# %% [markdown]
# ## Exercises
#
# **1.** Differentiate $f(u, v) = \ln(u) + uv$ by hand at $u = 2$, $v = 3$. Then let `dl.compare` judge you.

# %% tags=["solution"]
u, v = 2.0, 3.0
mine = {"u": 1 / u + v, "v": u}
judged = dl.compare("log(u) + u*v", at=dict(u=u, v=v))
assert judged.agree
assert all(mine[name] == judged.methods["certified"].gradient[name] for name in mine)
mine

# %% [markdown]
# **2.** Mend the formula of the last section. First try $1 - \cos t = 2 \sin^2(t/2)$. Then use the function
# `sinc`, $\operatorname{sinc}(s) = \sin(\pi s) / (\pi s)$. Which of them gives a right *derivative* in reverse mode?

# %% tags=["solution"]
first = dl.compare("2 * sin(t/2)**2 / t**2", at=dict(t=1e-8))
second = dl.compare("0.5 * sinc(t / (2*pi))**2", at=dict(t=1e-8))
truth = -1e-8 / 12
assert np.isclose(first.value, 0.5) and np.isclose(second.value, 0.5)  # both values are right
assert not np.isclose(first.methods["reverse"].gradient["t"], truth, atol=0)  # two large terms still cancel
assert np.isclose(second.methods["reverse"].gradient["t"], truth, atol=0)
assert not np.isclose(second.methods["symbolic"].gradient["t"], truth, atol=0)  # cancels once more
second

# %% [markdown] tags=["solution"]
# A good formula for a value need not have a good derivative. The engine's rule for `sinc` was written with
# small arguments in mind; the textbook formula was not.

# %% [markdown]
# **3.** The neuron takes a step against its gradient, $w \leftarrow w - 0.1 \frac{\partial L}{\partial w}$, and
# likewise for $b$. How many steps until the loss is below $10^{-6}$?

# %% tags=["solution"]
position, steps = np.array([w, b]), 0
while loss(*position) >= 1e-6:
    position = position - 0.1 * np.array(dl.grad(loss, argnums=(0, 1))(*position))
    steps += 1
assert loss(*position) < 1e-6 and steps < 20
steps

# %% [markdown]
# ## What to read next
#
# - Griewank and Walther, *Evaluating Derivatives*, chapters 1 to 3: the classic on forward and reverse mode.
# - Tucker, *Validated Numerics*: how enclosures prove things with floats.
# - Lesson 2, where the missing digits of the measured derivative are found.
