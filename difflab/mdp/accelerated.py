"""Two ways to make value iteration faster: extrapolate from its last steps, or back up where it matters most."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from .backup import Backup, best, pair_values
from .bounds import Bounds
from .checks import whole
from .iteration import first_proof, proven
from .run import Found, Run

if TYPE_CHECKING:
    from .process import MDP, Floats


def anderson(process: MDP, run: Run, start: Floats | None = None, memory: int = 5) -> Found:
    """Value iteration with Anderson acceleration: the combination of the last backups with the smallest residual.

    D. Anderson (1965); for Markov decision processes M. Geist and B. Scherrer (2018). A step whose residual is not
    smaller is taken back, so that it converges where value iteration does.
    """
    memory = whole(memory, "anderson: memory")
    backup, bounds = Backup(process), Bounds(process)
    v = np.zeros(process.n_states) if start is None else start.copy()
    w = np.empty_like(v)
    seen: list[tuple[Floats, Floats]] = []  # backups and their residuals
    plain, smallest = v, np.inf
    while True:
        lo, hi = backup(v, w)
        w[process.terminal] = 0.0
        size = max(-lo, hi, 0.0)
        bound = bounds.bound(lo, hi, v) if bounds.contracts else first_proof(process, w, lo, hi, run)
        if run.record(bound):
            return bounds.prove(v, w, backup.q, lo, hi) if bounds.contracts else Found(w, bound)
        if run.stalled(2000):
            raise run.refuse(bound)
        if size > smallest and v is not plain:  # extrapolation did not pay: on from the last plain backup
            v, seen = plain, []
            continue
        smallest = min(smallest, size)
        plain = w.copy()
        seen = [*(seen[-memory:] if memory else []), (plain, w - v)]
        v = combined(seen)


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
    S, g = process.n_states, process.discount
    v = np.zeros(S) if start is None else start.copy()
    v[process.terminal] = 0.0
    before = into(process)
    q = pair_values(process, v)
    queue = [(-float(x), s) for s, x in enumerate(np.abs(best(q, process.starts, process.n_actions) - v)) if x > 0]
    heapq.heapify(queue)
    waiting = {s: -p for p, s in queue}
    aim = 0.5 * run.tolerance * (1 - g if g < 1 else 0.01)
    while True:
        done = 0
        while queue and done < S:
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
        found = proven(process, v)
        if run.record(found.bound):
            return found
        if run.stalled(200):
            raise run.refuse(found.bound)
        if not queue:  # what each state leaves out has added up: once more with a finer sieve
            aim *= 0.1
            change_all = np.abs(found.values - v)
            queue = [(-float(x), s) for s, x in enumerate(change_all) if x > 0]
            heapq.heapify(queue)
            waiting = {s: -p for p, s in queue}


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
