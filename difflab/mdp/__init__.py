"""Markov decision processes: solved with a proven bound, and differentiated."""

from .episodes import discounted_return
from .grids import Grid, gridworld, teleport_gridworld
from .process import MDP
from .solution import Solution
from .solve import METHODS, residual_of

__all__ = ["METHODS", "MDP", "Grid", "Solution", "discounted_return", "gridworld", "residual_of", "teleport_gridworld"]
