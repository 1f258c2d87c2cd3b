"""The values of a policy."""

from __future__ import annotations

from typing import Any

import numpy as np

from .backup import under
from .checks import policy_weights, tolerance_of
from .linear import check_proper, solve_chain
from .process import EVALUATE, MDP, Floats


def evaluate(process: MDP, policy: Any, tolerance: float = 1e-10) -> Floats:
    """v_pi (S,) of a policy of actions (S,) or of probabilities (S, A)."""
    tolerance = tolerance_of(tolerance)
    chain = under(process, policy_weights(process, policy))
    check_proper(chain)
    values = solve_chain(chain, tolerance)
    return np.where(process.terminal, 0.0, values)


EVALUATE.fill(evaluate)
