"""Markov decision processes: solved with a proven bound, and differentiated."""

from . import evaluation, learning, tables  # noqa: F401 - two of them to fill hooks of processes
from .diagrams import Diagram, draw_episode, draw_process
from .episodes import discounted_return
from .files import load, save
from .gradient import optimal_q, optimal_values, soft_policy, soft_values
from .graphs import backup_graph
from .grid_svg import draw_grid
from .grids import Grid, gridworld, teleport_gridworld
from .inverse import Recovered, inverse_rl, rewards_for, visit_counts
from .maps import taxi_map
from .pictures import plot_convergence, plot_episode, plot_q, plot_sensitivity, plot_solution
from .process import MDP, Solution
from .sensitivity import Sensitivity, compare_gradients, kinks, sensitivity, unrolled_values
from .solve import METHODS, residual_of

__all__ = [
    "MDP",
    "METHODS",
    "Diagram",
    "Grid",
    "Recovered",
    "Sensitivity",
    "Solution",
    "backup_graph",
    "compare_gradients",
    "discounted_return",
    "draw_episode",
    "draw_grid",
    "draw_process",
    "gridworld",
    "inverse_rl",
    "kinks",
    "learning",
    "load",
    "optimal_q",
    "optimal_values",
    "plot_convergence",
    "plot_episode",
    "plot_q",
    "plot_sensitivity",
    "plot_solution",
    "residual_of",
    "rewards_for",
    "save",
    "sensitivity",
    "soft_policy",
    "soft_values",
    "taxi_map",
    "teleport_gridworld",
    "unrolled_values",
    "visit_counts",
]
