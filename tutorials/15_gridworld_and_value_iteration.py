# %% [markdown]
# # 15. Gridworld and value iteration
#
# After this lesson you can
#
# - write a decision problem as states, actions, probabilities and rewards, and say what its values mean;
# - solve it with value iteration and policy iteration, in a few lines each;
# - prove how far from the optimum you still are, and see why "nothing changes any more" is no proof;
# - draw a process, an episode and the iteration itself.

# %% [markdown]
# ## A world of 25 cells
#
# The course's grid: 5 by 5 cells, four actions (0 up, 1 right, 2 down, 3 left), and two corners where it ends. Each
# step costs 1, and a step against the edge stays in place. A *Markov decision process* is just that: probabilities
# $P(s' \mid s, a)$, rewards $r(s, a)$, and a discount $\gamma$ for what comes later. Here $\gamma = 1$.

# %%
from itertools import pairwise

import numpy as np
from matplotlib import pyplot as plt

import difflab as dl
from difflab import mdp

grid = mdp.gridworld((5, 5), terminals=[(0, 0), (4, 4)], step_reward=-1.0, discount=1.0)
P, R = grid.dense()  # (action, state, next state) and (state, action)
assert P.shape == (4, 25, 25) and np.allclose(P.sum(axis=2), 1)
assert P[1, 7, 8] == 1 and P[0, 2, 2] == 1  # right of cell 7 is cell 8; up from cell 2 is the edge
grid

# %% [markdown]
# Walk at random first. What counts is the *return*, the sum of the rewards to come.

# %%
random = np.full((25, 4), 0.25)
states, actions, rewards = grid.episode(random, rng=3, start=12)
assert mdp.discounted_return(rewards, 1.0) == -len(actions) and grid.terminal[states[-1]]
mdp.plot_episode(grid, states)

# %% [markdown]
# An episode is a chain. The agent answers a state with an action; the world answers with a reward and the next state.

# %%
chain = mdp.draw_episode(grid, states, actions, rewards)
shown = [box.lines[0].text for box in chain.picture.boxes]
assert shown[0].startswith("G = R₁ + γ R₂") and shown[1:5] == ["S₀", "A₀", "R₁", "S₁"]
chain

# %% [markdown]
# A grid is one process among many. This one is a day at work: three states, two actions, and a picture of everything
# that can happen.


# %%
def hour(state, action):
    """(probability, next state, reward) of everything that may come of it."""
    if action == "rest":
        return [(0.5, "fresh", 0.0), (0.5, state, 0.0)]
    return [(0.7, state, 4.0), (0.3, "tired" if state == "fresh" else "asleep", 4.0)]


morning = {"fresh": 0.8, "tired": 0.2}
day = mdp.MDP.from_function(
    hour, ["fresh", "tired", "asleep"], ["work", "rest"], 0.9, terminals=["asleep"], start=morning
)
assert np.array_equal(day.start, [0.8, 0.2, 0.0]) and day.terminal[2]
mdp.draw_process(day)

# %% [markdown]
# ## What a policy is worth
#
# The *value* $v_\pi(s)$ is the expected return from $s$ under a policy. The first step and the rest give one equation
# for each state, and 25 linear equations are no trouble:
#
# $$v_\pi(s) = \sum_a \pi(a \mid s) \Big( r(s, a) + \gamma \sum_{s'} P(s' \mid s, a)\, v_\pi(s') \Big).$$

# %%
alive = ~grid.terminal
P_pi = np.einsum("sa,asn->sn", random, P) * alive[:, None]  # an end has no equation but v = 0
v_random = np.linalg.solve(np.eye(25) - P_pi, np.sum(random * R, axis=1))
assert np.allclose(v_random, grid.evaluate(random))
walks = [mdp.discounted_return(grid.episode(random, seed, start=12)[2], 1.0) for seed in range(2000)]
assert abs(np.mean(walks) - v_random[12]) < 4 * np.std(walks) / np.sqrt(2000)
print(f"from the middle {v_random[12]:.1f}, mean of 2000 walks {np.mean(walks):.1f}")

# %% [markdown]
# ## Where it begins
#
# The first state $S_0$ may be random too: it has a distribution $\mu$, and what a policy is worth as a whole is one
# number, its expected return $J(\pi) = \sum_s \mu(s)\, v_\pi(s)$. `start=` says $\mu$: a state, the probabilities of
# all states, or a dict. Every episode begins by it, and the mean of many returns estimates $J$: that is Monte Carlo.

# %%
always_work, always_rest = [0, 0, 0], [1, 1, 1]
J = day.expected_return(always_work)
assert np.isclose(J, 0.8 * day.evaluate(always_work)[0] + 0.2 * day.evaluate(always_work)[1])
returns = day.returns(always_work, episodes=2000, rng=0)
assert abs(returns.mean() - J) < 4 * returns.std() / np.sqrt(2000)
first = [day.episode(always_work, seed)[0][0] for seed in range(2000)]
assert abs(np.mean(np.equal(first, 1)) - 0.2) < 0.03  # tired in one morning of five
best_day = day.solve(tolerance=1e-10)
assert best_day.expected_return() > J > day.expected_return(always_rest) == 0
print(f"J = {J:.3f}, mean of 2000 days {returns.mean():.3f}, the best policy {best_day.expected_return():.3f}")

# %% [markdown]
# The best policy does not depend on $\mu$: it is best from every state at once. With the solution the picture shows
# values too, and the best actions in bold: work while fresh, rest when tired.

# %%
assert [day.action_names[a] for a in best_day.policy[:2]] == ["work", "rest"]
assert np.array_equal(best_day.policy, day.replace(start="tired").solve().policy)
mdp.draw_process(best_day)

# %% [markdown]
# ## Value iteration
#
# The best policy takes the best action in every state. Call $q(s, a)$ the return of taking $a$ first and acting as well
# as possible from then on. It refers to itself:
#
# $$q(s, a) = r(s, a) + \gamma \sum_{s'} P(s' \mid s, a) \max_{a'} q(s', a').$$
#
# Value iteration reads this equation as an instruction: start from $q = 0$, put $q$ in on the right, take what comes
# out on the left, and repeat. One sweep is one line.


# %%
def sweep(q, P, R, gamma):
    return R + gamma * np.transpose(P @ q.max(axis=1))


q, history = np.zeros((25, 4)), []
while True:
    history.append(q)
    q = sweep(q, P, R, 1.0)
    if np.array_equal(q, history[-1]):
        break

row, column = np.indices((5, 5))
distance = np.minimum(row + column, 8 - row - column)
assert np.array_equal(q.max(axis=1).reshape(5, 5), -distance)  # the way to the nearer corner, and it is exact
assert len(history) == 6  # after k sweeps it is right up to k steps away; the last one only confirms

# %%
figure, axes = plt.subplots(1, 4, figsize=(9, 2.8), layout="constrained")
for axis, k in zip(axes, (1, 2, 3, 4)):
    picture = history[k].max(axis=1).reshape(5, 5)
    axis.imshow(picture, cmap="viridis", vmin=-4, vmax=0)
    axis.set(title=f"after {k} sweep{'s' * (k > 1)}", xticks=[], yticks=[])
    for i, j in np.ndindex(5, 5):
        axis.text(
            j, i, f"{picture[i, j]:g}", ha="center", va="center", color="black" if picture[i, j] > -2 else "white"
        )
figure.suptitle("The news of the ends spreads one cell a sweep")
figure

# %% [markdown]
# From the values the policy follows: go where $q$ is largest. Where two actions are as good, both have an arrow.

# %%
solution = grid.solve()
assert np.allclose(solution.q[alive], q[alive]) and solution.error_bound <= 1e-6
assert solution.ties()[12].all()  # in the middle every direction is right
mdp.plot_solution(solution)

# %% [markdown]
# For one state the backup is a small graph: a maximum of expectations. The picture shows the cell (2, 1) when one
# step in five slips to the side. Lesson 16 differentiates it.

# %%
slippery = mdp.gridworld((5, 5), slip=0.2, discount=0.9)
backup = mdp.backup_graph(slippery, state=11)
start = slippery.solve(tolerance=1e-10).values
around = {node.name: start[int(node.name[1:])] for node in backup.inputs}
assert np.isclose(backup(**around), start[11])  # at the solution, a backup changes nothing
backup

# %% [markdown]
# And the whole of value iteration is a graph: sweep after sweep, with the rewards and the discount going in. Three
# sweeps on the working day:

# %%
iteration = day.graph(steps=3)
q = np.zeros((3, 2))
P, R = day.dense()
for _ in range(3):
    q = sweep(q, P, R, 0.9)
assert np.allclose(iteration(R=R, gamma=0.9), q)
iteration

# %% [markdown]
# ## Why it converges
#
# Let $T$ be one sweep, and measure distance by the largest difference, $\lVert v \rVert = \max_s |v(s)|$. A maximum of
# shifted numbers shifts by no more than they do, an average neither, and then comes the factor $\gamma$:
#
# $$\lVert T v - T w \rVert \le \gamma \lVert v - w \rVert .$$
#
# $T$ is a *contraction*. So there is exactly one fixed point, $v^*$, and each sweep brings us closer by $\gamma$ at
# least, from anywhere.

# %%
P, R = slippery.dense()
gamma = 0.9
T = lambda v: np.max(R + gamma * np.transpose(P @ v), axis=1)
rng = np.random.default_rng(0)
ratios = []
for _ in range(200):
    v, w = rng.normal(size=(2, 25)) * rng.choice([0.1, 1, 100])
    ratios.append(np.abs(T(v) - T(w)).max() / np.abs(v - w).max())
assert max(ratios) <= gamma + 1e-12
assert np.isclose(np.abs(T(v + 1) - T(v)).max(), gamma)  # a constant shift shrinks by exactly gamma: no better bound
print(f"shrunk by {min(ratios):.2f} to {max(ratios):.2f}")

# %% [markdown]
# ## When to stop
#
# The usual rule, "stop when a sweep changes nothing by more than $\varepsilon$", stops too early. From the contraction
# follows what is true:
#
# $$\lVert v_{k+1} - v^* \rVert \le \frac{\gamma}{1 - \gamma} \, \lVert v_{k+1} - v_k \rVert .$$
#
# With $\gamma = 0.99$ the error may be 99 times the last change. This is no pessimism. It happens:

# %%
endless = mdp.gridworld((5, 5), terminals=[], rewards={(0, 2): 1.0}, step_reward=0.0, slip=0.2, discount=0.99)
P, R = endless.dense()
truth = endless.solve(tolerance=1e-9).values
v, change = np.zeros(25), 1.0
while change > 1e-3:
    w = np.max(R + 0.99 * np.transpose(P @ v), axis=1)
    v, change = w, np.abs(w - v).max()
error = np.abs(v - truth).max()
assert 50 * change < error <= 99 * change + 1e-9
print(f"last change {change:.5f}, error {error:.4f}")

# %% [markdown]
# All values lag behind by nearly the same amount, and that can be used. If the last sweep raised each value by at least
# $m$ and at most $M$, then $v^*$ lies between $v + \frac{\gamma}{1 - \gamma} m$ and $v + \frac{\gamma}{1 - \gamma} M$
# (MacQueen, Porteus). The middle of that interval is the better answer, and half its width is proven.

# %%
w = np.max(R + 0.99 * np.transpose(P @ v), axis=1)
low, high = w + 99 * (w - v).min(), w + 99 * (w - v).max()
assert np.all(low - 1e-9 <= truth) and np.all(truth <= high + 1e-9)
assert np.abs((low + high) / 2 - truth).max() < 1e-6 * error
found = endless.solve("value_iteration", tolerance=1e-6)
assert np.abs(found.values - truth).max() <= found.error_bound <= 1e-6
found

# %% [markdown]
# ## Policy iteration
#
# There are only finitely many policies. Evaluate one (a linear solve), take the best action for these values, evaluate
# that one, and so on. No step makes any state worse, so it must end, and it ends soon. Four actions in 23 cells are
# $4^{23} \approx 7 \cdot 10^{13}$ policies.

# %%
P, R = slippery.dense()
ends = slippery.terminal


def evaluate(policy):
    rows = P[policy, np.arange(25)] * ~ends[:, None]
    return np.linalg.solve(np.eye(25) - gamma * rows, R[np.arange(25), policy])


policy, seen = np.zeros(25, int), []  # always up
while True:
    seen.append(evaluate(policy))
    best = (R + gamma * np.transpose(P @ seen[-1])).argmax(axis=1)
    if np.allclose(evaluate(best), seen[-1], atol=1e-12):
        break
    policy = best
assert all(np.all(later >= earlier - 1e-12) for earlier, later in pairwise(seen))  # never worse, anywhere
assert np.allclose(seen[-1], start, atol=1e-9)
assert len(seen) < 8
len(seen)

# %% [markdown]
# Why so few? Where the best action is the only one, the derivative of $F(v) = Tv - v$ is $\gamma P_\pi - I$, and
# Newton's step is exactly one evaluation of the greedy policy: policy iteration *is* Newton's method. Like
# Newton's method it gains speed and then ends at once, where value iteration shrinks the error by a factor per sweep.
# The dots in the picture are the guarantee $\gamma^k$; news that has arrived everywhere makes the rest faster.

# %%
free = mdp.MDP.from_arrays(rng.dirichlet(np.ones(12), size=(3, 12)), rng.normal(size=(12, 3)), 0.9)
PF, RF = free.dense()
F = lambda v: np.max(RF + 0.9 * np.transpose(PF @ v), axis=1) - v
v = free.evaluate(np.zeros(12, int))
newton = v - np.linalg.solve(dl.jacobian(F)(v), F(v))
assert np.allclose(newton, free.evaluate(free.action_values(v).argmax(axis=1)))

large = mdp.gridworld((20, 20), terminals=[(0, 0)], slip=0.2, discount=0.95)
methods = ("value_iteration", "gauss_seidel", "modified_policy_iteration", "policy_iteration")
solved = {name: large.solve(name, tolerance=1e-8) for name in methods}
for s in solved.values():
    assert np.abs(s.values - solved["policy_iteration"].values).max() <= 2e-8
assert solved["policy_iteration"].iterations < 30 < solved["value_iteration"].iterations
figure = mdp.plot_convergence(solved)
figure.axes[0].set_title("Four solvers on a grid of 400 cells")
figure

# %% [markdown]
# An iteration is not the same work in each: a solve costs more than a sweep. On large grids the methods in between win.
#
# ## Patience
#
# A small reward near by, or a large one far away? The discount decides.


# %%
def corridor(discount):
    return mdp.gridworld((3, 7), terminals={(1, 0): 1.0, (1, 6): 10.0}, step_reward=0.0, slip=0.1, discount=discount)


directions = {}
for discount in (0.4, 0.9):
    directions[discount] = "^>v<"[corridor(discount).solve().policy[8]]  # the cell beside the small reward
assert directions == {0.4: "<", 0.9: ">"}
mdp.plot_q(corridor(0.5).solve())

# %% [markdown]
# ## Exercises
#
# **1.** Sutton and Barto's grid: from (0, 1) every action leads to (4, 1) and pays 10, from (0, 3) to (2, 3) for 5,
# bumping into the edge costs 1, $\gamma = 0.9$. Solve `mdp.teleport_gridworld()` with your own value iteration.

# %% tags=["solution"]
teleports = mdp.teleport_gridworld()
P, R = teleports.dense()
q = np.zeros((25, 4))
for _ in range(200):
    q = sweep(q, P, R, 0.9)
assert np.allclose(q.max(axis=1)[:5].round(1), [22.0, 24.4, 22.0, 19.4, 17.5])  # their figure 3.5
assert np.isclose(q.max(axis=1)[1], 10 / (1 - 0.9**5))  # 10, and five steps later again
q.max(axis=1).reshape(5, 5).round(1)

# %% [markdown]
# **2.** Sweep in place: let each state see the new values of the states before it (Gauss-Seidel). How many sweeps
# does the slippery grid take to get within $10^{-6}$, against simultaneous sweeps?


# %% tags=["solution"]
def sweeps_needed(in_place):
    P, R = slippery.dense()
    v, count = np.zeros(25), 0
    while np.abs(v - start).max() > 1e-6:
        old = v if in_place else v.copy()
        for s in range(25):
            v[s] = np.max(R[s] + gamma * P[:, s] @ old)
        count += 1
    return count


assert sweeps_needed(in_place=True) < sweeps_needed(in_place=False)
sweeps_needed(in_place=True), sweeps_needed(in_place=False)

# %% [markdown]
# **3.** Add the same $c$ to every reward. Show that without terminal states each value grows by $c / (1 - \gamma)$ and
# no decision changes; and find a grid with a terminal state in which it turns the best policy around.

# %% tags=["solution"]
richer = endless.replace(rewards=endless.rewards + 3.0).solve(tolerance=1e-8)
assert np.allclose(richer.values, truth + 3.0 / (1 - 0.99), atol=1e-6)
assert np.array_equal(richer.ties(1e-6), endless.solve(tolerance=1e-8).ties(1e-6))

short = mdp.gridworld((1, 4), terminals=[(0, 3)], discount=0.9)  # each step costs 1: go to the end
assert np.array_equal(short.solve().policy[:3], [1, 1, 1])
pleasant = short.replace(rewards=short.rewards + 2.0).solve()  # each step pays 1: who would end it?
assert not np.any(pleasant.ties()[2, 1]) and np.allclose(pleasant.values[:3], 10)

# %% [markdown]
# ## What to read next
#
# - Sutton and Barto, *Reinforcement Learning*, chapters 3 and 4: values, and dynamic programming.
# - Puterman, *Markov Decision Processes*, sections 6.3 to 6.6: bounds, and the methods in between.
# - Bertsekas, *Dynamic Programming and Optimal Control*, volume 2, chapter 2.
# - Lesson 16 differentiates the solution by everything that it was made from.
