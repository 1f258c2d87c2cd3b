"""Learning from experience: Q-learning and SARSA with a table, and Q-learning with a network."""

from .deep import deep_q_learning
from .learned import Learned
from .schedules import constant, exponential, harmonic, linear
from .tabular import q_learning, sarsa

__all__ = ["Learned", "constant", "deep_q_learning", "exponential", "harmonic", "linear", "q_learning", "sarsa"]
