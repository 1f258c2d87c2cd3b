"""The way back: rewards from behaviour, and rewards that make a wanted policy the best one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..cards.parts import Card, Chart, Row, Series, arrays
from ..cards.shown import Shown
from ..differentiate.transform import value_and_grad
from ..errors import InputError, ShapeError
from ..progress import doing, tell
from ..types import Value
from .backup import under
from .checks import floats, policy_weights, real, whole
from .gradient import soft_log_policy
from .linear import check_proper
from .process import MDP
from .types import Floats


@dataclass(frozen=True, eq=False, repr=False)
class Recovered(Shown):
    """Rewards (S,) of the states, the policy (S, A) they imply, and the log-likelihood after each step."""

    rewards: Floats
    policy: Floats
    log_likelihood: float
    history: list[float]
    iterations: int

    def __repr__(self) -> str:
        return f"Recovered(log-likelihood {self.log_likelihood:.6g} after {self.iterations} iterations)"

    def _card_(self) -> Card:
        about = f"rewards: log-likelihood {self.log_likelihood:.6g} after {self.iterations} iterations"
        steps = Series(range(len(self.history)), self.history)
        chart = Chart("log-likelihood", {"log-likelihood": steps}, "iteration")
        kept = arrays({"rewards": self.rewards, "policy": self.policy})
        return Card("Recovered", about).add(Row([chart, kept]))


def visit_counts(process: MDP, episodes: Iterable[Value]) -> Floats:
    """How often each action was taken in each state, (S, A), from episodes (states, actions, ...).

    >>> from difflab import mdp
    >>> grid = mdp.gridworld((1, 3), terminals=[(0, 2)])
    >>> visit_counts(grid, [grid.episode([1, 1, 1], start=0)]).sum(axis=1)
    array([1., 1., 0.])
    """
    counts = np.zeros((process.n_states, process.n_actions))
    if not isinstance(episodes, Iterable):
        raise InputError(f"visit_counts: episodes={episodes!r}; give a list of them, as MDP.episode returns each")
    for told in episodes:
        try:
            states, actions = (np.asarray(x).ravel() for x in told[:2])
        except (TypeError, ValueError):
            raise InputError("visit_counts: an episode is (states, actions, ...), as MDP.episode returns it") from None
        if len(states) < len(actions) or states.dtype.kind not in "iu" or actions.dtype.kind not in "iu":
            raise InputError("visit_counts: an episode is (states, actions, ...), as MDP.episode returns it")
        for name, x, n in (("state", states, process.n_states), ("action", actions, process.n_actions)):
            if len(x) and not 0 <= x.min() <= x.max() < n:
                raise InputError(f"visit_counts: {name} {x.min() if x.min() < 0 else x.max()}; there are {n}, from 0")
        np.add.at(counts, (states[: len(actions)], actions), 1.0)
    return counts


def inverse_rl(
    process: MDP,
    counts: ArrayLike,
    *,
    temperature: float = 1.0,
    penalty: float = 1e-2,
    features: ArrayLike | None = None,
    iterations: int = 200,
) -> Recovered:
    """Rewards of the states under which the shown behaviour is likely: the gradient goes through the soft solution.

    `counts` (S, A) says how often each action was seen in each state (`visit_counts`). The log-likelihood of the soft
    policy less penalty * |theta|^2 is maximised by L-BFGS, with rewards = features @ theta, features (S, F), one weight
    for each state if not given. Rewards are only determined up to what behaviour does not show, a constant for one.
    B. Ziebart et al. (2008), "Maximum entropy inverse reinforcement learning".

    >>> from difflab import mdp
    >>> grid = mdp.gridworld((1, 3), terminals=[], step_reward=0.0, discount=0.9)
    >>> found = inverse_rl(grid, [[0, 9, 0, 0], [0, 9, 0, 1], [0, 9, 0, 0]])
    >>> int(found.rewards.argmax())
    2
    """
    iterations = whole(iterations, "inverse_rl: iterations", 1)
    seen = floats(counts, "inverse_rl: counts")
    S, A = process.n_states, process.n_actions
    if seen.shape != (S, A):
        raise ShapeError(
            f"inverse_rl: counts of shape {seen.shape}; they are ({S}, {A}), how often each action was seen"
        )
    if not (np.isfinite(seen).all() and (seen >= 0).all() and seen.any()):
        raise InputError("inverse_rl: counts must be finite, none negative, and not all 0")
    penalty = real(penalty, "inverse_rl: penalty")
    if not process.regular:
        raise InputError("inverse_rl: every state needs every action")
    basis = np.eye(S) if features is None else floats(features, "inverse_rl: features", finite=True)
    if basis.ndim != 2 or len(basis) != S:
        raise ShapeError(f"inverse_rl: features of shape {basis.shape}; they are ({S}, F)")
    P, g = process.dense()[0], process.discount
    if g == 1:
        raise InputError("inverse_rl: discount 1; soft values need a discount below 1")
    total = seen.sum()

    def loss(theta: Value) -> Value:
        chosen = soft_log_policy(P, basis @ theta, g, temperature)
        return -np.sum(seen * chosen) / total + penalty * np.sum(theta**2)

    history: list[float] = []
    both = value_and_grad(loss)

    def objective(theta: Floats) -> tuple[float, Floats]:
        value, slope = both(theta)
        return float(value), np.asarray(slope)

    from scipy.optimize import minimize  # which loads for longer than most processes are solved

    start = np.zeros(basis.shape[1])

    def keep(theta: Floats) -> None:
        history.append(-total * float(loss(theta)))
        tell(f"iteration {len(history):,}: log-likelihood {history[-1]:.6g}", min(len(history) / iterations, 1.0))

    with doing("rewards from behaviour"):
        found = minimize(objective, start, jac=True, method="L-BFGS-B", callback=keep, options={"maxiter": iterations})
    rewards = basis @ found.x
    chosen = np.asarray(soft_log_policy(P, rewards, g, temperature))
    return Recovered(rewards, np.exp(chosen), float(np.sum(seen * chosen)), history, int(found.nit))


def rewards_for(process: MDP, policy: ArrayLike, margin: float = 0.1, iterations: int = 500) -> Floats:
    """The rewards (S, A) nearest to the process's own (in the sense of least squares) for which the policy is the best
    one, ahead of every other action by the margin in q.

    The gradient goes through the values of the policy, (I - discount P_pi)^-1 r_pi; what is short of the margin is
    punished harder and harder until nothing is. Raises InputError if no such rewards are found.

    >>> from difflab import mdp
    >>> grid = mdp.gridworld((1, 3), terminals=[(0, 2)], discount=0.9)
    >>> R = rewards_for(grid, [3, 3, 0])  # always to the left
    >>> grid.replace(rewards=R).solve().policy[:2]
    array([3, 3])
    """
    if not process.regular:
        raise InputError("rewards_for: every state needs every action")
    iterations = whole(iterations, "rewards_for: iterations", 1)
    weights = policy_weights(process, policy).reshape(process.n_states, process.n_actions)
    if ((weights > 0).sum(axis=1) != 1)[~process.terminal].any():
        raise InputError("rewards_for: the policy must choose one action in every state")
    if real(margin, "rewards_for: margin") == 0:
        raise InputError("rewards_for: margin=0; it must be above 0, or the policy would be one of several")
    check_proper(under(process, weights.ravel()), "rewards_for")
    P, R0 = process.dense()
    g, S = process.discount, process.n_states
    alive = ~process.terminal
    own = np.einsum("sa,asn->sn", weights, P) * alive[:, None]
    inverse = np.linalg.inv(np.eye(S) - g * own)
    others = (weights == 0) & alive[:, None]

    def shortfall(R: Value, ahead: float) -> Value:
        v = inverse @ np.sum(weights * R, axis=1)
        q = R + g * np.transpose(np.matmul(P, v * alive))
        return np.where(others, np.maximum(0.0, ahead - (np.reshape(v, (S, 1)) - q)), 0.0)

    from scipy.optimize import minimize

    R = R0
    for k in range(12):
        force = 10.0**k

        def loss(change: Value, force: float = force) -> Value:
            return np.sum(change**2) + force * np.sum(shortfall(R0 + change, 1.001 * margin) ** 2)

        both = value_and_grad(loss)
        objective = lambda x, both=both: [
            np.asarray(y).ravel() if np.ndim(y) else float(y) for y in both(x.reshape(R0.shape))
        ]
        found = minimize(objective, (R - R0).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": iterations})
        R = R0 + found.x.reshape(R0.shape) * alive[:, None]
        if float(np.max(shortfall(R, margin))) <= 0:
            return np.asarray(R)
    raise InputError(
        f"rewards_for: no rewards make this policy the best by {margin:g}; the nearest are "
        f"{np.max(shortfall(R, margin)):.3g} short; try a smaller margin"
    )
