"""The values of a policy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .backup import under
from .checks import policy_weights, tolerance_of
from .linear import check_proper, solve_chain
from .process import EVALUATE, MDP
from .types import Floats


def evaluate(process: MDP, policy: ArrayLike, tolerance: float = 1e-10) -> Floats:
    """v_pi (S,) of a policy of actions (S,) or of probabilities (S, A)."""
    tolerance = tolerance_of(tolerance)
    chain = under(process, policy_weights(process, policy))
    check_proper(chain)
    values = solve_chain(chain, tolerance)
    return np.where(process.terminal, 0.0, values)


EVALUATE.fill(evaluate)
