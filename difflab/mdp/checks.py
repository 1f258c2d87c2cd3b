"""What a Markov decision process must fulfil, and messages that name the state, the action and the number."""

from __future__ import annotations

import math
import operator

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse import csgraph

from ..errors import InputError, ShapeError
from ..graph.kinds import unfit
from ..primitives import Carrier
from ..types import Shape, Value
from .process import MDP
from .types import Flags, Floats, Rows

ROW_SUM_ERROR = 1e-9  # how far a row of probabilities may sum from 1
LARGEST_VALUE = 1e290


def floats(value: Value, what: str, finite: bool = False) -> Floats:
    """The value as an array of doubles; `what` names it where it is none, or where it holds nan or inf (`finite`)."""
    objects = isinstance(value, np.ndarray) and value.dtype.kind == "O"  # fractions are read as floats
    if not objects and (odd := unfit(value)):
        raise InputError(f"{what} must be an array of real numbers; this is {odd}")
    try:
        found = np.asarray(value)
        if found.dtype.kind == "c":
            raise TypeError
        found = found.astype(float, copy=False)
    except (TypeError, ValueError):
        told = f"{type(value).__name__} {str(value)[:60]!r}"
        raise InputError(f"{what} must be an array of real numbers, all rows of one length; this is {told}") from None
    if finite and not np.isfinite(found).all():
        raise InputError(f"{what} must be finite numbers; there is {found[~np.isfinite(found)][0]:g} among them")
    return found


def whole(value: Value, what: str, least: int = 0) -> int:
    """The value as an int from `least` on; floats and texts are refused."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        found = operator.index(value)
    except TypeError:
        raise InputError(f"{what}={value!r}; it must be a whole number") from None
    if found < least:
        raise InputError(f"{what}={found}; it must be {least} or more")
    return found


def real(value: Value, what: str) -> float:
    """The value as a finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value < math.inf:
        raise InputError(f"{what}={value!r}; it must be a number, 0 or more")
    return float(value)


def discount_of(value: Value) -> float:
    try:
        gamma = float(value)
    except (TypeError, ValueError):
        raise InputError(f"mdp: discount={value!r} is not a number; it is a factor between 0 and 1") from None
    if not 0 <= gamma <= 1:
        raise InputError(f"mdp: discount={gamma:g} is outside [0, 1]; 0.9 to 0.999 is usual, 1 needs terminal states")
    return gamma


def tolerance_of(value: Value) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not 0 < found < math.inf:
        raise InputError(f"mdp: tolerance={value!r}; it must be a positive number, the largest error of a value")
    return found


def pair(process: MDP, k: int) -> str:
    """A pair of state and action, as the user calls them."""
    s, a = int(process.states[k]), int(process.actions[k])
    state = s if process.state_names is None else process.state_names[s]
    action = a if process.action_names is None else process.action_names[a]
    return f"state {state!r}, action {action!r}"


def check(process: MDP, slack: float = ROW_SUM_ERROR) -> MDP:
    """The process itself, if its probabilities, rewards and discount are sound."""
    P, owner = process.transitions, process.states
    if not process.n_states:
        raise InputError("mdp: there are no states; a process has at least one")
    nothing = np.flatnonzero((np.diff(process.starts) == 0) & ~process.terminal)
    if len(nothing):
        raise InputError(
            f"mdp: state {int(nothing[0])} has no action, and {len(nothing)} such states are not terminal; give each "
            "an action, or list it in terminals"
        )
    bad = np.flatnonzero(~(P.data >= 0))  # NaN too
    if len(bad):
        k = int(np.searchsorted(P.indptr, bad[0], side="right") - 1)
        raise InputError(
            f"mdp: {pair(process, k)} goes to state {int(P.indices[bad[0]])} with probability {P.data[bad[0]]:g}; "
            "probabilities are numbers from 0 to 1"
        )
    sums = process.row_sums
    bad = np.flatnonzero((np.abs(sums - 1) > slack) & ~process.terminal[owner])
    if len(bad):
        k = int(bad[0])
        more = f" ({len(bad)} such rows)" if len(bad) > 1 else ""
        raise InputError(
            f"mdp: the probabilities of {pair(process, k)} sum to {sums[k]:.12g}, they must sum to 1{more}"
        )
    bad = np.flatnonzero(~np.isfinite(process.rewards))
    if len(bad):
        k = int(bad[0])
        raise InputError(
            f"mdp: the reward of {pair(process, k)} is {process.rewards[k]:g}; rewards are finite (-inf in an "
            "array (S, A) forbids the action)"
        )
    if process.discount == 1:
        check_termination(process)
    check_size(process)
    return process


def check_size(process: MDP) -> None:
    """Values may be as large as the largest reward at every step: doubles must have room for that."""
    largest = float(np.abs(process.rewards).max(initial=0.0))
    steps = 1 / (1 - process.discount) if process.discount < 1 else process.n_states
    if largest * steps > LARGEST_VALUE:
        raise InputError(
            f"mdp: rewards up to {largest:g} with discount {process.discount:g} give values that overflow double "
            "precision; divide the rewards by a constant, and the values scale with them"
        )


def check_termination(process: MDP) -> None:
    """With discount 1 every state must be able to reach a terminal one, or its value is not finite."""
    if not process.terminal.any():
        raise InputError(
            "mdp: discount 1 without a terminal state: values would be infinite; name terminals, or take a discount "
            "below 1"
        )
    stuck = np.flatnonzero(~reaches(process, process.terminal))
    if len(stuck):
        raise InputError(
            f"mdp: discount 1, and no terminal state can be reached from state {int(stuck[0])} ({len(stuck)} such "
            "states): its value would be infinite; take a discount below 1"
        )


def reaches(process: MDP, targets: Flags) -> Flags:
    """Which states have a path to one of the targets, (S,) of bool."""
    backward = predecessors(process, targets)
    order = csgraph.breadth_first_order(backward, process.n_states, return_predecessors=False)
    found = np.zeros(process.n_states + 1, bool)
    found[order] = True
    return found[:-1]


def predecessors(process: MDP, targets: Flags) -> Rows:
    """The graph from each state to those that can step into it, with one more vertex before all targets."""
    P, S = process.transitions, process.n_states
    used = P.data > 0
    source = np.repeat(process.states, np.diff(P.indptr))[used]
    aims = np.flatnonzero(targets)
    rows = np.concatenate([P.indices[used], np.full(len(aims), S)])
    columns = np.concatenate([source, aims])
    found: Rows = sparse.csr_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(S + 1, S + 1), dtype=np.int8)
    found.data[:] = 1  # entries met twice were added
    return found


def values_of(process: MDP, values: ArrayLike) -> Floats:
    found = floats(values, "mdp: values")
    if found.shape != (process.n_states,):
        raise ShapeError(f"mdp: values of shape {found.shape} for {process.n_states} states; a vector (S,) is needed")
    return floats(found, "mdp: values", finite=True)


def rewards_of_pairs(process: MDP, R: Value, what: str) -> Value:
    """Rewards (K,) from (K,), (S, A) or (S,); where there are as many pairs as states, a vector is one a pair."""
    shape: Shape = Carrier.shape(R)
    if shape == (process.n_pairs,):
        return R
    if shape == (process.n_states, process.n_actions):
        return R[process.states, process.actions]
    if shape == (process.n_states,):
        return R[process.states]
    raise ShapeError(f"{what}: rewards of shape {shape} for {process!r}; give (S, A), (S,) or one a pair")


def policy_weights(process: MDP, policy: ArrayLike) -> Floats:
    """The probability of each pair (K,) under a policy of actions (S,) or of probabilities (S, A)."""
    try:
        found = np.asarray(policy)
    except ValueError:
        raise ShapeError(
            "mdp: the rows of the policy differ in length; give actions (S,) or probabilities (S, A)"
        ) from None
    S, A = process.n_states, process.n_actions
    if found.shape == (S,):
        if found.dtype.kind not in "iu":
            if found.dtype.kind != "f" or not np.isfinite(found).all() or np.any(found != np.rint(found)):
                raise InputError(f"mdp: a policy (S,) holds actions, whole numbers; this one has dtype {found.dtype}")
            found = found.astype(np.int64)
        weights: Floats = (process.actions == found[process.states]).astype(float)
        taken = np.bincount(process.states, weights, S)
        bad = np.flatnonzero((taken == 0) & ~process.terminal)
        if len(bad):
            raise InputError(
                f"mdp: the policy takes action {found[bad[0]]} in state {int(bad[0])}, which has no such action"
            )
        return weights
    if found.shape != (S, A):
        raise ShapeError(f"mdp: a policy of shape {found.shape}; give actions ({S},) or probabilities ({S}, {A})")
    found = floats(found, "mdp: the policy")
    weights = found[process.states, process.actions]
    sums = np.where(process.terminal, 1.0, np.bincount(process.states, weights, S))
    bad = np.flatnonzero(~(np.abs(sums - 1) <= 1e-8) | ~(found >= 0).all(axis=1) & ~process.terminal)
    if len(bad):
        s = int(bad[0])
        raise InputError(
            f"mdp: the policy's probabilities in state {s} are {found[s].tolist()}; they must be positive and sum to 1"
        )
    return weights
