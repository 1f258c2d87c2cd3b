"""Optimal values as a differentiable function of probabilities, rewards and discount.

v* = max over actions of (r + discount P v*) is a fixed point. Where the best action is unique, the policy does not
move with a small change of the data, so dv* = (I - discount P_pi)^-1 (dr + discount dP v* + d discount P v*)_pi: one
linear solve, whatever the number of iterations that found v*. Tied actions share equally; that is one element of the
generalised derivative, and `mdp.kinks` has the one-sided ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..differentiate.closed import control_row, plain
from ..errors import DomainError, InputError, ShapeError, UnsupportedError
from ..graph.traced import apply
from ..primitives import NUMPY, Carrier
from ..types import Function, Shape, Value
from .bounds import attainable
from .build import from_arrays
from .checks import floats, tolerance_of
from .implicit import recorded
from .process import MDP, Solution
from .run import closest
from .ties import tie_width

OFF_SIMPLEX = 0.1  # how far rows of P may sum from 1


def optimal_values(P: Value, R: Value, discount: Value, method: str = "auto", tolerance: float = 1e-12) -> Value:
    """v* (S,) for probabilities P (A, S, S), rewards R (S, A), (S,) or (A, S, S), and a discount.

    Differentiable in all three, in forward and reverse mode and to any order. Derivatives by P are those of a matrix
    with free entries; only directions that keep its rows summing to 1 mean anything for a process. `method` and
    `tolerance` are those of `MDP.solve`, the tolerance in units of the largest reward where that is below 1; where
    rounding allows no such tolerance, the best that it allows is taken.
    Raises InputError or ShapeError, as `MDP.from_arrays` does.

    >>> import difflab as dl, numpy as np
    >>> P = np.array([[[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])
    >>> R = np.array([[0.0, 1.0], [5.0, 0.0]])
    >>> optimal_values(P, R, 0.5).round(6), dl.grad(lambda R: optimal_values(P, R, 0.5)[1])(R).round(6).tolist()
    (array([3.333333, 6.666667]), [[0.666667, 0.0], [1.333333, 0.0]])
    """
    P, R, discount = (floats_or_node(x, name) for x, name in ((P, "P"), (R, "R"), (discount, "discount")))
    A, S = sizes("optimal_values", P)
    tolerance = tolerance_of(tolerance)
    if Carrier.shape(discount) != ():
        raise ShapeError(f"optimal_values: discount has shape {Carrier.shape(discount)}; it is one number")
    R = per_pair(P, R, S, A)
    value = dense_value(method, tolerance)
    if not recorded(P, R, discount):
        return value(NUMPY, P, R, discount)
    row = control_row("optimal_values", value, dense_pull, dense_push)
    row = replace(row, kinks=ties, non_differentiable="tied actions share equally")
    return apply(row, (P, R, discount))


def sizes(what: str, P: Value) -> tuple[int, int]:
    """How many actions and states there are probabilities (A, S, S) for."""
    shape: Shape = Carrier.shape(P)
    if len(shape) != 3 or shape[1] != shape[2] or 0 in shape:
        raise ShapeError(f"{what}: P has shape {shape}; it must be (A, S, S)")
    return shape[0], shape[1]


def optimal_q(P: Value, R: Value, discount: Value, method: str = "auto", tolerance: float = 1e-12) -> Value:
    """q* (S, A) = r + discount P v*, differentiable like `optimal_values`.

    >>> import numpy as np
    >>> optimal_q(np.ones((2, 1, 1)), np.array([[1.0, 0.0]]), 0.5)
    array([[2., 1.]])
    """
    P, R = floats_or_node(P, "P"), floats_or_node(R, "R")
    v = optimal_values(P, R, discount, method, tolerance)
    A, S, _ = Carrier.shape(P)
    return per_pair(P, R, S, A) + discount * np.transpose(np.matmul(P, v))


def floats_or_node(x: Value, name: str) -> Value:
    return x if recorded(x) else floats(x, f"mdp: {name}")


def per_pair(P: Value, R: Value, S: int, A: int) -> Value:
    """Rewards as (S, A)."""
    shape = Carrier.shape(R)
    if shape == (A, S, S):
        return np.transpose(np.sum(P * R, axis=2))
    if shape == (S,):
        return np.reshape(R, (S, 1)) + np.zeros((S, A))
    if shape != (S, A):
        raise ShapeError(f"optimal_values: R has shape {shape}; it must be ({S}, {A}), ({S},) or ({A}, {S}, {S})")
    return R


def dense_value(method: str, tolerance: float) -> Callable[..., Value]:
    def value(m: Carrier, P: Value, R: Value, g: Value) -> Value:
        if m is NUMPY and all(np.asarray(x).dtype.kind != "c" for x in (P, R, g)):
            return solved(nearby(P, R, g), method, tolerance).values
        return by_policy(P, R, g)

    return value


def nearby(P: Value, R: Value, g: Value) -> MDP:
    """The process, whose rows may sum to a little more or less than 1: finite differences step off the simplex."""
    if not 0 <= float(g) <= 1:
        raise DomainError(f"optimal_values: discount={float(g):g} is outside [0, 1]")
    return from_arrays(P, R, float(g), slack=OFF_SIMPLEX)


def solved(process: MDP, method: str, tolerance: float) -> Solution:
    """The solution within the tolerance, or within what rounding allows."""
    rough = closest(process, method, attainable(process, max(tolerance, 1e-6)))
    if rough.gain is not None:
        raise InputError(f"optimal_values: method={method!r} finds a bias, not discounted values; take another one")
    finest = attainable(process, tolerance, float(np.max(np.abs(rough.values), initial=0.0)))
    return rough if rough.error_bound <= finest else closest(process, method, finest)


def ties(m: Carrier, P: Value, R: Value, g: Value) -> Value:
    """Pairs (S, A) that are best together with another action of their state: a kink in their rewards."""
    P, R, g = np.asarray(P), np.asarray(R), float(g)
    v = solved(nearby(P, R, g), "auto", 1e-12).values
    q = R + g * np.transpose(P @ v)
    best = q >= q.max(axis=1, keepdims=True) - tie_width(q)
    stays = (np.einsum("ass->as", P) == 1).all(axis=0)[:, None] & (R == 0)
    return best & (best.sum(axis=1, keepdims=True) > 1) & ~stays


def midpoint(x: Value) -> float:
    middle: Value = x.real if isinstance(x, complex) else getattr(x, "midpoint", x)
    return float(middle)


midpoints: Function = np.vectorize(midpoint, otypes=[float])


def by_policy(P: Value, R: Value, g: Value) -> Value:
    """On elements that are balls, series or complex numbers: the system of the policy that is best at the midpoint.

    That no other action is better is decided on the elements themselves; a tie cannot be, and is refused there.
    """
    try:
        near: list[Value] = [np.asarray(midpoints(np.asarray(x)), float) for x in (P, R, g)]
    except (TypeError, AttributeError):
        raise UnsupportedError("optimal_values: the best policy has no formula; it is found in numbers") from None
    policy = solved(nearby(near[0], near[1], near[2]), "policy_iteration", 1e-9).policy
    P, R = np.asarray(P), np.asarray(R)
    S = len(policy)
    rows = P[policy, np.arange(S)]
    if near[2] == 1:  # an absorbing state has the value 0, and no equation but that
        open_states = absorbing(near[0], near[1])
        if not all(x == 0 for x in R[open_states == 0].flat):  # also nearby, or the values there are infinite
            raise UnsupportedError("optimal_values: with discount 1 an absorbing state has rewards that may not be 0")
        rows = rows * open_states[:, None]
    matrix = np.eye(S).astype(rows.dtype) - np.asarray(g)[()] * rows
    right = R[np.arange(S), policy]
    if matrix.dtype != object and right.dtype != object:
        return np.linalg.solve(matrix, right)
    from ..primitives.kernels.linear_algebra import solve_elements

    v = solve_elements(matrix.astype(object), right.astype(object))
    open_states = absorbing(near[0], near[1])
    for a in range(P.shape[0]):
        other = R[:, a] + np.asarray(g)[()] * np.array([sum(p * x for p, x in zip(row, v)) for row in P[a]])
        for s in range(S):
            if policy[s] != a and open_states[s] and not other[s] < v[s]:
                raise UnsupportedError(f"optimal_values: actions {policy[s]} and {a} are tied in state {s}")
    return v


def shares(P: Value, R: Value, g: Value, y: Value) -> tuple[Value, Value, Value]:
    """The policy (S, A) at the solution y, in which tied actions share; its P (S, S); P y for all pairs (S, A)."""
    expected = np.transpose(np.matmul(P, y))
    q = R + g * expected
    near = np.max(q, axis=1, keepdims=True) - tie_width(q)
    best = np.where(q >= near, 1.0, 0.0)
    policy = best / np.sum(best, axis=1, keepdims=True)
    return policy, np.einsum("sa,asn->sn", policy, P), expected


def absorbing(P: Value, R: Value) -> Value:
    """0.0 for states that nothing leaves and nothing rewards, 1.0 for the others, (S,)."""
    stays = (np.einsum("ass->as", P) == 1).all(axis=0) & (R == 0).all(axis=1)
    return np.where(stays, 0.0, 1.0)


def system(P: Value, R: Value, g: Value, own: Value) -> Value:
    """I - discount P_pi; with discount 1 an absorbing state has the value 0 and no equation but that."""
    S = Carrier.shape(own)[0]
    numbers = [np.asarray(plain(x)) for x in (P, R, g)]
    if numbers[2] == 1:
        own = own * absorbing(numbers[0], numbers[1])[:, None]
    return np.eye(S) - g * own


def dense_pull(m: Carrier, ct: Value, y: Value, P: Value, R: Value, g: Value) -> Value:
    policy, own, expected = shares(P, R, g, y)
    adjoint = np.linalg.solve(np.transpose(system(P, R, g, own)), ct)
    on_rewards = np.reshape(adjoint, (-1, 1)) * policy
    on_P = g * np.reshape(np.transpose(on_rewards), (*Carrier.shape(P)[:2], 1)) * y
    return on_P, on_rewards, np.sum(on_rewards * expected)


def dense_push(m: Carrier, ts: list[Value | None], y: Value, P: Value, R: Value, g: Value) -> Value:
    policy, own, expected = shares(P, R, g, y)
    dP, dR, dg = ts
    moved = np.zeros(Carrier.shape(R))
    if dR is not None:
        moved = moved + dR
    if dP is not None:
        moved = moved + g * np.transpose(np.matmul(dP, y))
    if dg is not None:
        moved = moved + dg * expected
    return np.linalg.solve(system(P, R, g, own), np.sum(policy * moved, axis=1))


def soft_values(P: Value, R: Value, discount: Value, temperature: Value = 1.0) -> Value:
    """Values (S,) of the best policy when its entropy is rewarded: v = temperature * logsumexp(q / temperature).

    Smooth in all arguments, so that gradients exist everywhere; goes to v* as the temperature goes to 0. The policy is
    `soft_policy`. Shapes as in `optimal_values`; the temperature is above 0 and the discount below 1.
    B. Ziebart (2010), "Modeling purposeful adaptive behavior with the principle of maximum causal entropy".

    >>> import numpy as np
    >>> soft_values(np.ones((2, 1, 1)), np.zeros((1, 2)), 0.5, 1.0)  # 2 log 2
    array([1.38629436])
    """
    from ..differentiate.fixed_point import fixed_point

    P, R, discount, temperature = (
        floats_or_node(x, name)
        for x, name in ((P, "P"), (R, "R"), (discount, "discount"), (temperature, "temperature"))
    )
    A, S = sizes("soft_values", P)
    if float(plain(discount)) == 1:
        raise InputError("soft_values: discount=1; the entropy of the choices would add up for ever: take one below 1")
    if not np.all(np.asarray(plain(temperature)) > 0):
        raise InputError(f"soft_values: temperature={plain(temperature)} must be above 0; optimal_values is the limit")
    R = per_pair(P, R, S, A)
    backup = lambda v: soft_best(R + discount * np.transpose(np.matmul(P, v)), temperature)
    start = solved(from_arrays(plain(P), plain(R), float(plain(discount))), "auto", 1e-6).values
    return fixed_point(backup, start, newton=True, max_steps=200)


def soft_best(q: Value, temperature: Value) -> Value:
    top = np.max(q, axis=1, keepdims=True)
    return top[:, 0] + temperature * np.log(np.sum(np.exp((q - top) / temperature), axis=1))


def soft_policy(P: Value, R: Value, discount: Value, temperature: Value = 1.0) -> Value:
    """Probabilities (S, A) proportional to exp(q / temperature) at the soft values; differentiable.

    >>> import numpy as np
    >>> soft_policy(np.ones((2, 1, 1)), np.array([[0.0, np.log(3.0)]]), 0.0)
    array([[0.25, 0.75]])
    """
    return np.exp(soft_log_policy(P, R, discount, temperature))


def soft_log_policy(P: Value, R: Value, discount: Value, temperature: Value) -> Value:
    """The logarithms (S, A) of `soft_policy`, finite where its probabilities are too small for a double."""
    P, R = floats_or_node(P, "P"), floats_or_node(R, "R")
    A, S = sizes("soft_policy", P)
    R = per_pair(P, R, S, A)
    v = soft_values(P, R, discount, temperature)
    q = R + discount * np.transpose(np.matmul(P, v))
    return (q - np.reshape(soft_best(q, temperature), (S, 1))) / temperature
