"""Markov decision processes against the peers: `python -m benchmarks.planning [5x5 taxi random grid gradient]`.

Everyone is asked for values within 1e-6 at discount 0.99, in turns in one run. What is printed beside each time is how
far the values are from difflab's own at a proven 1e-10 (1e-8 on the large grid).
"""

from __future__ import annotations

import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

import difflab as dl
from difflab import mdp
from difflab.mdp.graphs import backup_function

from .measure import interleaved, machine

DISCOUNT, TOLERANCE = 0.99, 1e-6


def course_grid() -> Any:
    return mdp.gridworld((5, 5), terminals=[(0, 0), (4, 4)], slip=0.1, discount=DISCOUNT)


def taxi() -> Any:
    import gymnasium

    return mdp.MDP.from_gymnasium(gymnasium.make("Taxi-v4" if "Taxi-v4" in gymnasium.registry else "Taxi-v3"), DISCOUNT)


def random_process(S: int = 100_000, A: int = 4, B: int = 5) -> Any:
    rng = np.random.default_rng(0)
    columns, p = rng.integers(0, S, size=(S * A, B)), rng.dirichlet(np.ones(B), size=S * A)
    P = sparse.csr_matrix((p.ravel(), columns.ravel(), np.arange(0, S * A * B + 1, B)), shape=(S * A, S))
    P.sum_duplicates()
    states, actions = np.divmod(np.arange(S * A), A)
    return mdp.MDP.from_pairs(rng.normal(size=S * A), P, DISCOUNT, states, actions)


def large_grid() -> Any:
    return mdp.gridworld((1000, 1000), terminals=[(0, 0), (999, 999)], slip=0.1, discount=DISCOUNT)


CASES: dict[str, tuple[Callable[[], Any], int, float]] = {  # the process, rounds, the reference's tolerance
    "5x5": (course_grid, 15, 1e-10),
    "taxi": (taxi, 15, 1e-10),
    "random": (random_process, 9, 1e-10),
    "grid": (large_grid, 1, 1e-8),
}


def closed(process: Any) -> tuple[Any, Any]:
    """Transitions (S A, S) and rewards (S A,) as the peers want them: what ends leads to itself for nothing."""
    S, A, P = process.n_states, process.n_actions, process.transitions.tocoo()
    row = process.states * A + process.actions  # of each pair that exists
    ends = np.flatnonzero(np.repeat(process.terminal, A))
    rewards = np.zeros(S * A)
    rewards[row] = process.rewards
    rewards[ends] = 0.0
    rows, columns = np.concatenate([row[P.row], ends]), np.concatenate([P.col, ends // A])
    table = sparse.csr_matrix((np.concatenate([P.data, np.ones(len(ends))]), (rows, columns)), shape=(S * A, S))
    assert np.allclose(table.sum(axis=1), 1)
    return table, rewards


def by_quantecon(process: Any, method: str) -> Callable[[], Any]:
    from quantecon.markov import DiscreteDP

    P, R = closed(process)
    problem = DiscreteDP(R, P, DISCOUNT, *np.divmod(np.arange(len(R)), process.n_actions))
    return lambda: problem.solve(method=method, epsilon=2 * TOLERANCE, max_iter=100_000).v  # epsilon / 2 in the norm


def by_mdptoolbox(process: Any) -> Callable[[], Any]:
    from mdptoolbox.mdp import ValueIteration

    P, R = closed(process)
    A = process.n_actions
    tables = [sparse.csr_matrix(P[a::A]) for a in range(A)]

    def run() -> Any:
        problem = ValueIteration(tables, R.reshape(-1, A), DISCOUNT, epsilon=TOLERANCE)
        problem.run()
        return np.array(problem.V)

    return run


def by_scipy(process: Any) -> Callable[[], Any]:
    """Value iteration in 15 lines, with a span stop where nothing ends."""
    P, R = closed(process)
    S, A, g = process.n_states, process.n_actions, DISCOUNT
    ends = process.terminal.any()

    def run() -> Any:
        v = np.zeros(S)
        while True:
            w = (R + g * (P @ v)).reshape(S, A).max(axis=1)
            change = w - v
            lo, hi = change.min(), change.max()
            if ends:
                if g / (1 - g) * max(-lo, hi) <= TOLERANCE:
                    return w
            elif g / (1 - g) * (hi - lo) / 2 <= TOLERANCE:
                return w + g / (1 - g) * (hi + lo) / 2
            v = w

    return run


def by_numba(process: Any) -> Callable[[], Any]:
    """The same with the sweep in a loop that numba compiles for all cores."""
    import numba

    P, R = closed(process)
    S, A, g = process.n_states, process.n_actions, DISCOUNT
    ends = process.terminal.any()

    @numba.njit(parallel=True, fastmath=False)
    def sweep(indptr: Any, indices: Any, data: Any, R: Any, v: Any, w: Any) -> None:
        for s in numba.prange(S):
            top = -np.inf
            for k in range(s * A, s * A + A):
                total = 0.0
                for j in range(indptr[k], indptr[k + 1]):
                    total += data[j] * v[indices[j]]
                top = max(top, R[k] + g * total)
            w[s] = top

    def run() -> Any:
        v, w = np.zeros(S), np.empty(S)
        while True:
            sweep(P.indptr, P.indices, P.data, R, v, w)
            change = w - v
            lo, hi = change.min(), change.max()
            if ends:
                if g / (1 - g) * max(-lo, hi) <= TOLERANCE:
                    return w
            elif g / (1 - g) * (hi - lo) / 2 <= TOLERANCE:
                return w + g / (1 - g) * (hi + lo) / 2
            v, w = w, v

    return run


def candidates(process: Any) -> dict[str, Callable[[], Any]]:
    runs = {
        "difflab": lambda: process.solve(tolerance=TOLERANCE).values,
        "QuantEcon modified policy iteration": by_quantecon(process, "modified_policy_iteration"),
    }
    if process.n_states <= 100:  # 24 s for Taxi
        runs["QuantEcon policy iteration"] = by_quantecon(process, "policy_iteration")
    if process.n_states <= 5_000:  # its check of the input makes an array (S, S)
        runs["pymdptoolbox value iteration"] = by_mdptoolbox(process)
    return runs | {"scipy.sparse value iteration": by_scipy(process), "numba value iteration": by_numba(process)}


def compare(name: str) -> None:
    make, rounds, finest = CASES[name]
    process = make()
    runs = candidates(process)
    reference = process.solve(tolerance=finest).values
    times, off = {}, {}
    for who, run in runs.items():
        if who.startswith("numba"):
            run()  # compiles
        start = time.perf_counter()
        values = np.asarray(run())
        times[who], off[who] = [time.perf_counter() - start], float(np.abs(values - reference).max())
    if rounds > 1:
        times = interleaved(runs, rounds, 0.1)
    print(f"\n{name}: {process!r}")
    for who, row in times.items():
        ratio = statistics.median(a / b for a, b in zip(row, times["difflab"]))
        print(f"  {who:38s} {statistics.median(row):12.6f} s   {ratio:8.2f} x difflab   off by {off[who]:.1e}")


def timed(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def gradient() -> None:
    """d sum v*/d rewards: by the implicit rule and through unrolled value iteration, with the largest memory each."""
    print("\ngradient of sum v* by all rewards, 20,000 states x 4 x 5")
    process = random_process(20_000)
    steps = int(np.ceil(np.log(TOLERANCE * (1 - DISCOUNT) / 5) / np.log(DISCOUNT)))  # v0 = 0, rewards below 5

    def unrolled(rewards: Any) -> Any:
        backup = backup_function(process, P=process.transitions.data, R=rewards)
        v, _ = dl.scan(lambda v, _: (backup(v), 0.0), np.zeros(process.n_states), length=steps)
        return np.sum(v)

    runs = {
        "solve": lambda: process.solve(tolerance=TOLERANCE),
        "solve and implicit rule": lambda: dl.grad(lambda r: np.sum(process.optimal_values(rewards=r)))(
            process.rewards
        ),
        f"{steps} steps unrolled": lambda: dl.grad(unrolled)(process.rewards),
    }
    for name, run in runs.items():
        run()
        seconds = statistics.median(timed(run) for _ in range(1 if "unrolled" in name else 7))
        tracemalloc.start()
        run()
        memory = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        print(f"  {name:24s} {seconds:9.4f} s   {memory:9.1f} MB")
    derivatives(random_process(), 9)
    derivatives(large_grid(), 1)


def derivatives(process: Any, rounds: int) -> None:
    """The derivatives by all rewards and the discount, once the process is solved."""
    solve = statistics.median(timed(lambda: process.solve(tolerance=TOLERANCE)) for _ in range(rounds))
    solution = process.solve(tolerance=TOLERANCE)
    adjoint = statistics.median(timed(lambda: mdp.sensitivity(solution)) for _ in range(rounds))
    print(f"{process!r}: solve {solve:.3f} s, then the derivatives {adjoint:.3f} s: {adjoint / solve:.2f} x")


def main(arguments: list[str]) -> None:
    print(machine("numpy", "scipy", "quantecon", "pymdptoolbox", "numba", "gymnasium"))
    for name in arguments or [*CASES, "gradient"]:
        gradient() if name == "gradient" else compare(name)


if __name__ == "__main__":
    main(sys.argv[1:])
