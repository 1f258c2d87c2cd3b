"""The linear system of a policy: (I - discount P) v = r, and its transpose."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg

from ..errors import InputError
from ..types import Array
from .backup import add_product
from .checks import reaches
from .ordering import LEAST_LEVELS, levels
from .process import MDP
from .sweeps import Sweeper
from .types import Floats, Rows

DENSE = 400  # states up to which a dense solve is the fastest
DIRECT = 3_000  # states up to which a sparse factorisation surely fits


def solve_chain(chain: MDP, tolerance: float = 1e-10, start: Floats | None = None) -> Floats:
    """The values (S,) of a process with one pair a state, each within the tolerance where doubles allow it."""
    return resolvent(chain, chain.rewards, tolerance, start)


def resolvent(chain: MDP, b: Floats, tolerance: float, start: Floats | None = None, transpose: bool = False) -> Floats:
    """The solution x of (I - discount P) x = b, or of the transposed system.

    Directly for a small process; for a large one by Gauss-Seidel sweeps away from the terminal states, or by stabilised
    bi-conjugate gradients.
    """
    S, g = chain.n_states, chain.discount
    b = np.asarray(b, float)
    if S <= DENSE:
        matrix = np.eye(S) - g * chain.transitions.toarray()
        return solve_dense(matrix.T if transpose else matrix, b, g)
    if S <= DIRECT:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", sparse_linalg.MatrixRankWarning)  # it is told below
            found = np.asarray(sparse_linalg.spsolve(system(chain, transpose).tocsc(), b))
        if not np.isfinite(found).all():
            raise endless(g)
        return found
    return iterate(chain, b, tolerance, start, transpose)


def solve_dense(matrix: Floats, b: Floats, g: float) -> Floats:
    """The solution of a policy's system that is at hand as a whole."""
    try:
        exact: Array = np.linalg.solve(matrix, b)
        return exact
    except np.linalg.LinAlgError:
        raise endless(g) from None


def endless(g: float) -> InputError:
    """The error for a system that is singular: a policy goes round for ever, and nothing shrinks on the way."""
    return InputError(
        f"mdp: discount {g:g}, and under a policy that is tried some states never come to an end: their values are not "
        "finite; take a discount below 1, or see that no round of steps pays"
    )


def system(chain: MDP, transpose: bool) -> Rows:
    """I - discount P, or its transpose."""
    P = chain.transitions.T if transpose else chain.transitions
    return Rows(sparse.eye_array(chain.n_states, format="csr") - chain.discount * P)


def iterate(chain: MDP, b: Floats, tolerance: float, start: Floats | None, transpose: bool) -> Floats:
    """Iterates until the residual proves the tolerance; a factorisation is the last resort."""
    g = chain.discount
    P = Rows(chain.transitions.T) if transpose else chain.transitions
    contraction = 1 - g if g < 1 else 1e-3  # of the residual to the error; with discount 1 a guess
    aim = max(tolerance * contraction, 1e-15 * float(np.abs(b).max(initial=0.0)))
    x = np.zeros_like(b) if start is None else start.copy()
    residual = b - x + g * (P @ x)
    sweeper = sweeper_of(chain, transpose) if chain.terminal.any() else None
    for attempt in range(8):
        size = float(np.abs(residual).max(initial=0.0))
        if size <= aim:
            return x
        if sweeper is not None and attempt < 3:
            new = swept(sweeper, b, x, 0.1 * aim)
        elif g < 1 and attempt == 0:
            new = x + geometric(P, g, residual, aim)
        else:
            new = x + krylov(system(chain, transpose), residual, 0.1 * aim / size, attempt)
        left = b - new + g * (P @ new)
        if not float(np.abs(left).max()) < size:
            break
        x, residual = new, left
    if float(np.abs(residual).max()) <= 10 * aim:
        return x
    return np.asarray(sparse_linalg.splu(system(chain, transpose).tocsc()).solve(b))


def geometric(P: Rows, g: float, b: Floats, aim: float, limit: int = 100) -> Floats:
    """b + (g P) b + (g P)^2 b + ..., the rest of the series added as soon as its terms shrink by g and nothing else.

    In a chain that mixes they soon do: what is left of b lies along the one direction that P does not shrink. The
    residual of the result is (g P r - g r) / (1 - g) where r is the last term.
    """
    x, r, s = np.zeros_like(b), b.copy(), np.empty_like(b)
    for _ in range(limit):
        s.fill(0.0)
        add_product(P.indptr, P.indices, P.data, r, s)
        s -= r
        if max(float(s.max()), -float(s.min())) * g <= aim * (1 - g):
            x += r / (1 - g)
            return x
        s += r
        s *= g
        x += r
        r, s = s, r
    return x


def krylov(matrix: Rows, b: Floats, rtol: float, attempt: int) -> Floats:
    """Minimal residuals over 40 directions; then what takes any number of steps in little memory, but breaks down where
    b is special, as a vector of ones is."""
    if attempt % 2:
        return np.asarray(sparse_linalg.gmres(matrix, b, rtol=rtol, atol=0, restart=40, maxiter=3)[0])
    return np.asarray(sparse_linalg.bicgstab(matrix, b, rtol=rtol, atol=0, maxiter=400)[0])


def sweeper_of(chain: MDP, transpose: bool) -> Sweeper | None:
    """Gauss-Seidel sweeps in the order in which values spread (for the transposed system, visits: against it); None
    where there is no such order."""
    order = levels(chain)
    if order is None or order.levels < LEAST_LEVELS:
        return None
    if transpose:
        turned = Rows(chain.transitions.T)
        turned.indices, turned.indptr = turned.indices.astype(np.int32), turned.indptr.astype(np.int32)
        chain, order = dataclasses.replace(chain, transitions=turned), order.reversed()
    return Sweeper(chain, order)


def swept(sweeper: Sweeper, b: Floats, x: Floats, aim: float) -> Floats:
    """x after sweeps for the right-hand side b."""
    states = sweeper.order.states
    sweeper.rewards = b[states] * sweeper.scale
    v = x[states]
    sweeper.settle(v, aim)
    return sweeper.order.by_state(v)


def check_proper(chain: MDP, what: str = "evaluate") -> None:
    """Where steps do not discount, a policy has values only if it reaches a terminal state from everywhere."""
    if chain.discount * chain.row_sum_range[1] < 1:  # rows that sum to a little more than 1 undo a discount next to it
        return
    stuck = np.flatnonzero(~reaches(chain, chain.terminal))
    if len(stuck):
        raise InputError(
            f"{what}: with discount {chain.discount:.12g}, the policy never reaches a terminal state from state "
            f"{int(stuck[0])} ({len(stuck)} such states); its value is not finite"
        )
