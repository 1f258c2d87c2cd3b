# %% [markdown]
# # 16. Differentiating through a planner
#
# After this lesson you can
#
# - say how an optimal plan's worth changes with each reward and with the discount, from one linear solve;
# - tell where that worth has no derivative, and make it smooth;
# - run planning backwards: find the rewards that explain what somebody does.

# %% [markdown]
# ## A plan is a function
#
# Lesson 15 solved a gridworld: rewards go in, optimal values come out. Between them are a maximum in every state and
# dozens of iterations. Can that have a derivative? Here is a slippery grid: one step in five goes to one of the two
# sides. The corner at the top pays 10, the other end costs 10, and we begin at the bottom left.

# %%
import numpy as np
from matplotlib import pyplot as plt

import difflab as dl
from difflab import mdp

grid = mdp.gridworld(
    (5, 5),
    terminals={(0, 4): 10.0, (2, 3): -10.0},
    walls=[(1, 1), (1, 2), (3, 1)],
    slip=0.2,
    step_reward=-0.1,
    discount=0.9,
)
solution = grid.solve(tolerance=1e-10)
S, start, gamma = 25, 20, 0.9
alive = ~grid.terminal
assert np.array_equal(solution.ties().sum(axis=1)[alive], np.ones(alive.sum()))  # every best action is the only one
mdp.plot_solution(solution)

# %% [markdown]
# Let $x_s$ be a bonus (or a toll) for each step that begins in cell $s$, and $J(x)$ the optimal value of the start.
# `mdp.optimal_values` is a function like any other here, and `dl.grad` goes through it.

# %%
P, R = grid.dense()  # probabilities (action, state, next state) and rewards (state, action)


def values(x, discount=gamma):
    return mdp.optimal_values(P, R + np.reshape(alive * x, (S, 1)), discount)


def J(x):
    return values(x)[start]


gradient = dl.grad(J)(np.zeros(S))
assert np.isclose(J(np.zeros(S)), solution.values[start])
mdp.plot_sensitivity(grid, gradient, title="d J / d bonus: which cell's reward matters to the start")

# %% [markdown]
# The numbers have a meaning. A bonus in a cell is earned at every visit, and a visit after $t$ steps counts
# $\gamma^t$. So the derivative should be the discounted number of visits. Let us count: 1,500 walks under the best
# policy.

# %%
rng = np.random.default_rng(0)
visits = np.zeros(S)
for _ in range(1500):
    states = grid.episode(solution.policy, rng, start=start)[0][:-1]  # the last one is an end
    np.add.at(visits, states, gamma ** np.arange(len(states)) / 1500)
assert np.allclose(visits, gradient, atol=0.05)
print(f"largest difference {np.abs(visits - gradient).max():.3f}")

# %% [markdown]
# ## Why it is one linear solve
#
# The optimal values obey $v = r_\pi + \gamma P_\pi v$, where $\pi$ is the best policy. Change the rewards a little.
# Where the best action is the only one, the *policy does not move*, so differentiate the equation as it stands:
#
# $$dv = dr_\pi + \gamma P_\pi \, dv \quad\Longrightarrow\quad \frac{\partial v}{\partial r_\pi} =
# (I - \gamma P_\pi)^{-1} .$$
#
# This is the implicit function theorem. For one value $J = v_{\text{start}}$ we need one row of the inverse, which is
# one solve with the *transposed* matrix: the adjoint, as in every backward pass.

# %%
P_pi = P[solution.policy, np.arange(S)] * alive[:, None]
system = np.eye(S) - gamma * P_pi
adjoint = np.linalg.solve(system.T, np.eye(S)[start])
assert np.allclose(adjoint * alive, gradient, atol=1e-12)
assert np.allclose(mdp.sensitivity(solution, of=start).visits, gradient, atol=1e-12)  # difflab's name for it

# %% [markdown]
# The discount works the same way. It stands in front of $P_\pi v$, so
# $dv = (I - \gamma P_\pi)^{-1} P_\pi v \, d\gamma$. Here are five roads to that number. The certified one uses none of
# the rules of the others.

# %%
by_hand = np.linalg.solve(system, P_pi @ solution.values)[start]
table = mdp.compare_gradients(grid, of=start, wrt="discount")
assert table.agree and np.isclose(table.methods["certified"].gradient["discount"], by_hand)
table

# %% [markdown]
# ## Three roads compared
#
# *Unrolled*: record $k$ steps of value iteration from $v = 0$, and go back through all of them. It works, and takes
# $k$ steps both ways. *Implicit*: once the policy is right, the answer is exact, however rough the values still are.
# *Finite differences*: solve again beside the point. A rough solver shows up in the difference, divided by $h$.


# %%
def unrolled(x, steps):
    return mdp.unrolled_values(P, R + np.reshape(alive * x, (S, 1)), gamma, steps)[start]


zero, steps = np.zeros(S), (4, 8, 12, 16, 20, 30, 40)
value_error = [abs(unrolled(zero, k) - J(zero)) for k in steps]
slope_error = [np.abs(dl.grad(unrolled)(zero, k) - gradient).max() for k in steps]
assert slope_error[-1] < 1e-5 and value_error[-1] < 1e-6
assert slope_error[0] > 0.1 and slope_error[1] > 0.1  # before the news of the 10 has arrived, it follows other plans

figure, axes = plt.subplots(figsize=(6.2, 3.4))
axes.semilogy(steps, value_error, "o-", label="value")
axes.semilogy(steps, slope_error, "s-", label="gradient, unrolled")
axes.set(xlabel="steps of value iteration", ylabel="error", title="Unrolled value iteration")
axes.legend()
figure


# %%
def rough_J(x):
    """The start's value from a solver that stops when it is within 0.01."""
    rewards = R + (alive * x)[:, None]
    return (
        grid.replace(rewards=rewards).solve("value_iteration", tolerance=1e-2, start=rng.normal(size=S)).values[start]
    )


toward = np.eye(S)[21]
differences = {h: (rough_J(h * toward) - rough_J(-h * toward)) / (2 * h) for h in (1e-1, 1e-3, 1e-5)}
rough = grid.solve("value_iteration", tolerance=1e-2, start=rng.normal(size=S))
assert 1e-5 < np.abs(rough.values - solution.values).max() < 1e-2  # rough values
assert np.allclose(mdp.sensitivity(rough, of=start).visits, gradient, atol=1e-12)  # all digits of the derivative
assert abs(differences[1e-5] - gradient[21]) > 1
print({h: round(float(d), 3) for h, d in differences.items()}, "but", round(float(gradient[21]), 3))

# %% [markdown]
# The unrolled iteration is a graph like any other, and on a small process all methods of this course can be tried on
# it. Six states, three actions, four backups of $q$:

# %%
dice = np.random.default_rng(0)
small = mdp.MDP.from_arrays(dice.dirichlet(np.ones(6), size=(3, 6)), dice.normal(size=(6, 3)), gamma)
four = small.graph(steps=4, state=0)
at = {"R": small.table(small.rewards), "gamma": gamma}
five = dl.compare(four, at, seconds=6)
assert five.agree and all(m.verdict == "agrees" for m in five.methods.values())
by_rewards = five.methods["reverse"].gradient["R"]
assert np.isclose(by_rewards.sum(), 1 + gamma + gamma**2 + gamma**3)  # four steps, each visits one pair
assert (
    np.abs(dl.grad(small.graph(120, state=0))(at["R"], gamma) - mdp.sensitivity(small.solve(), of=0).rewards).max()
    < 1e-5
)
five

# %% [markdown]
# Look at the symbolic row. Written out with every maximum, four backups are a formula that sympy does not finish. But
# near the point the function is one of its pieces: the actions taken there. difflab decides each maximum by an
# enclosure of its operands, gives the formula of that piece, and says so. Where two actions are tied there is no such
# piece, and that is said too.

# %%
symbolic = five.methods["symbolic"]
assert symbolic.label == "exact formula of the branch taken here" and "maximum" in symbolic.notes[0]
tied = dl.compare(four, {"R": np.ones((6, 3)), "gamma": gamma}, methods=["symbolic:branch", "certified"])
assert "a tie at the point" in tied.methods["symbolic:branch"].failure
assert tied.verdict == "undecided" and "kink" in tied.reason
dl.grad(four)(at["R"], gamma)

# %% [markdown]
# ## Where the plan changes
#
# Put a toll on cell (3, 0), on the way up the left side. At first every unit of toll costs its discounted visits. At
# some toll the way round is as good, and beyond it the toll matters less. For a fixed policy $J$ is a straight line,
# and the optimum is the best of all policies: a maximum of straight lines. Such a function is convex, and its corners
# are the tolls at which the plan changes.


# %%
def by_toll(t, temperature=None):
    bonus = -t * np.eye(S)[15]
    if temperature is None:
        return J(bonus)
    return mdp.soft_values(P, R + np.reshape(alive * bonus, (S, 1)), gamma, temperature)[start]


tolls = np.linspace(-0.5, 2.0, 126)
curve = np.array([by_toll(t) for t in tolls])
slopes = np.array([dl.grad(by_toll)(t) for t in tolls])
assert np.all(curve[:-2] + curve[2:] - 2 * curve[1:-1] >= -1e-10)  # convex
assert np.isclose(dl.grad(by_toll)(0.0), -gradient[15])
plans = np.unique(slopes.round(6))
assert len(plans) == 3  # a staircase: as many slopes as plans
plans

# %% [markdown]
# One of the corners lies very near to a toll of 0. A central difference with a comfortable step jumps over it, and
# returns a mixture of two plans that no derivative knows. Bisection finds the corner.

# %%
stepped_over = (by_toll(0.05) - by_toll(-0.05)) / 0.1
assert plans[0] + 0.01 < stepped_over < plans[1] - 0.01

low, high = -0.5, 0.0
while high - low > 1e-9:
    middle = (low + high) / 2
    low, high = (middle, high) if np.isclose(dl.grad(by_toll)(middle), plans[0], atol=1e-4) else (low, middle)
assert -0.05 < low < 0
print(
    f"corner at a toll of {low:.5f}; slopes {plans[0]:.4f} and {plans[1]:.4f}, the difference says {stepped_over:.4f}"
)

# %% [markdown]
# ## Smooth on purpose
#
# At a corner there is no derivative, and a derivative does not tell that a corner is near. Replace the maximum by a
# soft one with temperature $\tau$:
#
# $$v(s) = \tau \log \sum_a e^{q(s, a)/\tau}, \qquad \pi(a \mid s) = e^{(q(s, a) - v(s))/\tau} .$$
#
# This rewards entropy: somebody who acts at random, but seldom badly. It is a fixed point, smooth in everything, and
# `dl.fixed_point` differentiates any of those by the implicit function theorem.


# %%
def soft(R, temperature):
    def backup(v):
        q = R + gamma * np.transpose(P @ v)
        return temperature * dl.numpy.logsumexp(q / temperature, axis=1)

    return dl.fixed_point(backup, np.zeros(S))


hard = mdp.optimal_values(P, R, gamma)
for tau in (1.0, 0.1, 0.01):
    smooth = soft(R, tau)
    assert np.allclose(smooth, mdp.soft_values(P, R, gamma, tau), atol=1e-9)
    assert np.all(smooth >= hard - 1e-9) and np.all(smooth <= hard + tau * np.log(4) / (1 - gamma) + 1e-9)

# %%
figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained")
axes[0].plot(tolls, curve)
axes[0].set(xlabel="toll on (3, 0)", ylabel="J", title="The optimal value: convex, with corners")
axes[1].plot(tolls, slopes, label="optimal", linewidth=2)
for tau in (0.02, 0.1):
    few = tolls[::3]
    axes[1].plot(few, [dl.grad(by_toll)(t, tau) for t in few], "--", label=f"temperature {tau:g}")
axes[1].set(xlabel="toll on (3, 0)", ylabel="dJ / d toll", title="Its slope: a staircase")
axes[1].legend()
figure

# %% [markdown]
# ## Planning backwards
#
# Somebody walks about in a grid. Which rewards would explain the walks? Say that the walker follows the soft policy
# of unknown rewards $\theta$. Then the observed steps have a likelihood, and its gradient goes *through the planner*:
#
# $$\max_\theta \; \sum_{\text{steps}} \log \pi_\theta(a \mid s) .$$

# %%
town = mdp.gridworld((5, 5), terminals=[], step_reward=0.0, slip=0.1, discount=0.9)
truth = np.zeros(S)
truth[[4, 11]] = 1.0, -2.0  # a café in the corner, a barking dog on the left
T = town.dense()[0]
walker = mdp.soft_policy(T, truth, 0.9, 0.3)
counts = mdp.visit_counts(town, [town.episode(walker, rng, steps=12) for _ in range(500)])


def surprise(theta):
    return -np.sum(counts * np.log(mdp.soft_policy(T, theta, 0.9, 0.3))) / counts.sum()


downhill = -dl.grad(surprise)(np.zeros(S))  # knowing nothing: one backward pass through planning
assert downhill.argmax() == 4
found = mdp.inverse_rl(town, counts, temperature=0.3, penalty=2e-4)
assert found.rewards.argmax() == 4 and found.rewards.argmin() == 11
assert surprise(found.rewards) < surprise(np.zeros(S)) and np.isclose(surprise(np.zeros(S)), np.log(4))
assert np.abs(found.policy - walker).mean() < 0.03
print(f"café {found.rewards[4]:.2f}, dog {found.rewards[11]:.2f}, elsewhere {np.median(found.rewards):.2f}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(8.4, 3.0), layout="constrained")
found_rewards = found.rewards - np.median(found.rewards)  # behaviour does not show a constant
pictures = {"the truth": truth, "the first gradient": downhill, "found": found_rewards}
for axis, (title, numbers) in zip(axes, pictures.items()):
    limit = np.abs(numbers).max()
    axis.imshow(numbers.reshape(5, 5), cmap="PuOr", vmin=-limit, vmax=limit)
    axis.set(title=title, xticks=[], yticks=[])
figure.suptitle("Rewards of the cells")
figure

# %% [markdown]
# ## Exercises
#
# **1.** What is a steadier hand worth? Probabilities and expected rewards are linear in the slip: build them from two
# grids, and differentiate $J$ by the slip at 0.2. Check with a central difference.


# %% tags=["solution"]
def slippery(slip):
    places = dict(terminals={(0, 4): 10.0, (2, 3): -10.0}, walls=[(1, 1), (1, 2), (3, 1)])
    return mdp.gridworld((5, 5), slip=slip, step_reward=-0.1, discount=gamma, **places)


(P0, R0), (P1, R1) = slippery(0.0).dense(), slippery(1.0).dense()


def by_slip(slip):
    return mdp.optimal_values(P0 + slip * (P1 - P0), R0 + slip * (R1 - R0), gamma)[start]


assert np.isclose(by_slip(0.2), solution.values[start])
slope = dl.grad(by_slip)(0.2)
solved = [slippery(slip).solve(tolerance=1e-11).values[start] for slip in (0.2 + 1e-5, 0.2 - 1e-5)]
assert slope < 0 and np.isclose(slope, (solved[0] - solved[1]) / 2e-5, rtol=1e-5)
float(slope)

# %% [markdown]
# **2.** One state, two actions that both stay and both pay 1, discount 0.5. What is the derivative of the value by
# the first reward from the left, from the right, and what does difflab return? Work it out, then check.

# %% tags=["solution"]
twins = mdp.MDP.from_arrays(np.ones((2, 1, 1)), [[1.0, 1.0]], 0.5)
(kink,) = mdp.kinks(twins.solve())
assert kink.right[0] == 1 / (1 - 0.5)  # paid more, it is taken for ever
assert kink.left[0] == 0  # paid less, the other one is taken
middle = dl.grad(lambda R: mdp.optimal_values(np.ones((2, 1, 1)), R, 0.5)[0])(np.ones((1, 2)))
assert np.allclose(middle, 1.0)  # tied actions share: between the two sides
print(kink)

# %% [markdown]
# **3.** Somebody would just pay 3.5 to be at the start. With which discount do they plan? Solve $v_\gamma = 3.5$ by
# Newton's method, with the derivative from the engine.

# %% tags=["solution"]
patience, track = 0.9, []
for _ in range(6):
    value, slope = dl.value_and_grad(lambda discount: values(zero, discount)[start])(patience)
    track.append(abs(value - 3.5))
    patience -= (value - 3.5) / slope
assert track[-1] < 1e-12 and track[2] < track[1] ** 1.5  # quadratic: the digits double
assert 0.9 < patience < 1
float(patience)

# %% [markdown]
# ## What to read next
#
# - Griewank and Walther, *Evaluating Derivatives*, chapter 15: implicit and iterative differentiation.
# - Blondel et al., "Efficient and modular implicit differentiation" (2022).
# - Puterman, *Markov Decision Processes*, chapter 6: the policy as the linear piece you are on.
# - Ziebart et al., "Maximum entropy inverse reinforcement learning" (2008).
# - Lesson 17 tests gradients like these in your own code.
