"""Learning from experience: Q-learning and SARSA with a table, and Q-learning with a network."""

from importlib import import_module
from typing import TYPE_CHECKING

from ...types import Value
from .learned import Learned
from .schedules import constant, exponential, harmonic, linear
from .tabular import q_learning, sarsa

if TYPE_CHECKING:
    from .deep import deep_q_learning

__all__ = ["Learned", "constant", "deep_q_learning", "exponential", "harmonic", "linear", "q_learning", "sarsa"]


def __getattr__(name: str) -> Value:
    """What needs networks is loaded when it is asked for: who solves a process waits for none."""
    if name == "deep_q_learning":
        globals()[name] = value = import_module("difflab.mdp.learning.deep").deep_q_learning
        return value
    raise AttributeError(f"module 'difflab.mdp.learning' has no attribute {name!r}; it has {', '.join(__all__)}")
