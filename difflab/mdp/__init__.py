"""Markov decision processes: solved with a proven bound, and differentiated."""

from .episodes import discounted_return
from .grids import Grid, gridworld, teleport_gridworld
from .process import MDP
from .solution import Solution

__all__ = ["MDP", "Grid", "Solution", "discounted_return", "gridworld", "teleport_gridworld"]
