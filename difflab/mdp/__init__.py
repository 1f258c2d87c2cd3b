"""Markov decision processes: solved with a proven bound, and differentiated."""

from .episodes import discounted_return
from .gradient import optimal_q, optimal_values, soft_policy, soft_values
from .grids import Grid, gridworld, teleport_gridworld
from .inverse import Recovered, inverse_rl, rewards_for, visit_counts
from .process import MDP
from .sensitivity import Sensitivity, compare_gradients, kinks, sensitivity, unrolled_values
from .solution import Solution
from .solve import METHODS, residual_of

__all__ = [
    "MDP",
    "METHODS",
    "Grid",
    "Recovered",
    "Sensitivity",
    "Solution",
    "compare_gradients",
    "discounted_return",
    "gridworld",
    "inverse_rl",
    "kinks",
    "optimal_q",
    "optimal_values",
    "residual_of",
    "rewards_for",
    "sensitivity",
    "soft_policy",
    "soft_values",
    "teleport_gridworld",
    "unrolled_values",
    "visit_counts",
]
