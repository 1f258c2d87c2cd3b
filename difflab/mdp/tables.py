"""Processes from gymnasium's environments, read off their tables of transitions."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..errors import InputError
from ..types import Value
from .build import from_triples
from .maps import layout_of
from .process import FROM_GYMNASIUM, MDP
from .start import starting_in
from .types import Start


def from_gymnasium(env: Value, discount: float, start: Start = None) -> MDP:
    env = environment_named(env, "mdp") if isinstance(env, str) else env
    table = env if isinstance(env, dict) else getattr(getattr(env, "unwrapped", env), "P", None)
    if not isinstance(table, dict):
        raise InputError(
            f"mdp: {type(env).__name__} has no table of transitions env.unwrapped.P; learn on it by mdp.learning"
        )
    steps = table_steps(table)
    S, A = len(table), 1 + max((a for _, a, *_ in steps), default=0)
    ending = {n for _, _, _, n, _, done in steps if done}
    passing = {n for s, _, _, n, _, done in steps if not done and s != n}
    entries = [(s, a, p, -1 if done and n in passing else n, r) for s, a, p, n, r, done in steps]
    made = from_triples(entries, S, A, discount, sorted(ending - passing))
    if start is None:
        start = getattr(getattr(env, "unwrapped", env), "initial_state_distrib", None)
    made = dataclasses.replace(made, layout=layout_of(env, made))
    if isinstance(start, np.ndarray) and start.shape == (S,):
        start = np.pad(start, (0, made.n_states - S))  # the end behind the others
    return starting_in(made, start)


def table_steps(table: dict[Value, Value]) -> list[tuple[Value, ...]]:
    """(state, action, probability, next state, reward, done) for all entries of a gymnasium table."""
    try:
        steps = [
            (s, a, p, n, r, done)
            for s, by_action in table.items()
            for a, found in (by_action.items() if isinstance(by_action, dict) else enumerate(by_action))
            for p, n, r, done in found
        ]
    except (TypeError, ValueError):
        raise InputError(
            "mdp: the table is not as gymnasium's: {state: {action: [(probability, next state, reward, done), ...]}}"
        ) from None
    for s, a, _, n, _, _ in steps:
        if any(isinstance(x, bool) or not hasattr(x, "__index__") for x in (s, a, n)):
            raise InputError(
                f"mdp: the table goes from state {s!r} by action {a!r} to state {n!r}; they are whole numbers from 0"
            )
    return steps


def environment_named(name: str, what: str) -> Value:
    """The environment of gymnasium's with this name."""
    try:
        import gymnasium
    except ImportError:
        raise InputError(f"{what}: the environment {name!r} needs gymnasium: pip install gymnasium") from None
    try:
        return gymnasium.make(name)
    except Exception as error:  # whatever the environment's own code raises
        raise InputError(f"{what}: gymnasium knows no environment {name!r}: {str(error)[:400]}") from None


FROM_GYMNASIUM.fill(from_gymnasium)
