"""Two ways to make value iteration faster: extrapolate from its last steps, or back up where it matters most."""

from __future__ import annotations

import heapq

import numpy as np

from .backup import best, pair_values
from .checks import whole
from .iteration import beginning
from .process import MDP
from .run import Run
from .solution import Found
from .types import Floats


def anderson(process: MDP, run: Run, start: Floats | None = None, memory: int = 5) -> Found:
    """Value iteration with Anderson acceleration: the combination of the last backups with the smallest residual.

    D. Anderson (1965); for Markov decision processes M. Geist and B. Scherrer (2018). A step whose residual is not
    smaller is taken back, so that it converges where value iteration does.
    """
    memory = whole(memory, "anderson: memory")
    plain, smallest = beginning(process, start), np.inf
    seen: list[tuple[Floats, Floats]] = []  # backups and their residuals
    for step in run.sweeps(process, plain):
        if step.change > smallest and step.v is not plain:  # it did not pay: on from the last plain backup
            step.next, seen = plain, []
            continue
        smallest = min(smallest, step.change)
        plain = step.w.copy()
        seen = [*(seen[-memory:] if memory else []), (plain, step.w - step.v)]
        step.next = combined(seen)
    return run.found


def combined(seen: list[tuple[Floats, Floats]]) -> Floats:
    """The affine combination of backups whose residuals cancel best, in the sense of least squares."""
    last, residual = seen[-1]
    if len(seen) == 1:
        return last
    differences = np.stack([residual - f for _, f in seen[:-1]], axis=1)
    weights = np.linalg.lstsq(differences, residual, rcond=1e-10)[0]
    out = last.copy()
    for c, (w, _) in zip(weights, seen[:-1]):
        out -= c * (last - w)
    return out if np.isfinite(out).all() else last


def prioritised_sweeping(process: MDP, run: Run, start: Floats | None = None) -> Found:
    """Backs up the state whose value is furthest off, then tells the states that can step into it.

    A. Moore and C. Atkeson (1993). A loop over single states in Python: for processes of some thousand states, and to
    be watched. An iteration of the record is as many backups as there are states.
    """
    g, before = process.discount, into(process)
    v = beginning(process, start)
    v[process.terminal] = 0.0
    queue, waiting = queued(best(pair_values(process, v), process.starts, process.n_actions) - v)
    aim = 0.5 * run.tolerance * (1 - g if g < 1 else 0.01)
    for k, step in enumerate(run.sweeps(process, patience=200, thorough=True)):
        if k and not queue:  # what each state leaves out has added up: once more with a finer sieve
            aim *= 0.1
            queue, waiting = queued(step.w - v)
        done = 0
        while queue and done < process.n_states:
            priority, s = heapq.heappop(queue)
            if waiting.get(s) != -priority:
                continue
            del waiting[s]
            new = state_backup(process, v, s)
            change, v[s] = abs(new - v[s]), new
            done += 1
            for p, weight in before[s]:
                urgency = g * weight * change
                if urgency > aim and urgency > waiting.get(p, 0.0):
                    waiting[p] = urgency
                    heapq.heappush(queue, (-urgency, p))
        step.next = v
    return run.found


def queued(change: Floats) -> tuple[list[tuple[float, int]], dict[int, float]]:
    """States in the order of how far their values are off: a heap of (-urgency, state), and the urgency of each."""
    queue = [(-float(x), s) for s, x in enumerate(np.abs(change)) if x > 0]
    heapq.heapify(queue)
    return queue, {s: -p for p, s in queue}


def into(process: MDP) -> list[list[tuple[int, float]]]:
    """For each state, the states that can step into it, with the largest probability of doing so."""
    P = process.transitions
    owner = np.repeat(process.states, np.diff(P.indptr))
    found: list[dict[int, float]] = [{} for _ in range(process.n_states)]
    for s, to, p in zip(owner.tolist(), P.indices.tolist(), P.data.tolist()):
        if p > found[to].get(s, 0.0):
            found[to][s] = p
    return [list(d.items()) for d in found]


def state_backup(process: MDP, v: Floats, s: int) -> float:
    P = process.transitions
    top = -np.inf
    for k in range(process.starts[s], process.starts[s + 1]):
        a, b = P.indptr[k], P.indptr[k + 1]
        x = process.rewards[k] + process.discount * float(P.data[a:b] @ v[P.indices[a:b]])
        top = max(top, x)
    return 0.0 if process.terminal[s] or top == -np.inf else float(top)
