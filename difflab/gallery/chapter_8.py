"""Chapter 8: planning. Processes, values and the Bellman equation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .registry import figure


@figure("8-1-agent-and-environment", number="8.1")
def agent_and_environment() -> object:
    """Section 8.1: an episode is a chain. The agent answers a state with an action, the process answers with a reward
    and the next state, and the return adds the rewards up, each later one counted less."""
    import difflab as dl

    grid = dl.mdp.gridworld((3, 3), terminals=[(0, 0)], slip=0.2, discount=0.9, start=(2, 2))
    best = grid.solve().ties()  # on every machine the first of equally good actions, whatever rounding prefers
    return dl.mdp.draw_episode(grid, *grid.episode(best.argmax(axis=1), rng=3))


@figure("8-2-1-process", number="8.2.1")
def a_process() -> object:
    """Section 8.2.1: a process as a graph of states, actions, probabilities and rewards. S₀ says where it begins; the
    best actions are in bold."""
    import difflab as dl

    def step(state: Any, action: Any) -> Any:
        if action == "rest":
            return [(0.5, "fresh", 0.0), (0.5, state, 0.0)]
        return [(0.7, state, 4.0), (0.3, "tired" if state == "fresh" else "asleep", 4.0)]

    states, start = ["fresh", "tired", "asleep"], {"fresh": 0.8, "tired": 0.2}
    process = dl.mdp.MDP.from_function(step, states, ["work", "rest"], 0.9, terminals=["asleep"], start=start)
    return dl.mdp.draw_process(process.solve(), title="A working day as a process")


@figure("8-2-1-gridworld", number="8.2.1")
def gridworld() -> object:
    """Section 8.2.1: the grid of 5 x 5 cells, a step costs 1 until a corner is reached. The optimal value of each
    cell, and every action that is best there."""
    import difflab as dl

    return dl.mdp.draw_grid(dl.mdp.gridworld((5, 5), terminals=[(0, 0), (4, 4)], step_reward=-1.0).solve())


@figure("8-2-2-bellman-backup", number="8.2.2", title="q(s, a) from the action values of the next states")
def bellman_backup() -> object:
    """Section 8.2.2: the Bellman equation as one step of computation. q of going up from the middle of the grid is the
    reward plus the discounted mean, over the next states, of the best q there: of the two sides, for going up reaches
    the end, which is worth 0."""
    import difflab as dl

    grid = dl.mdp.gridworld((3, 3), terminals=[(0, 1)], slip=0.2, discount=0.9)
    q = grid.solve().q
    graph = dl.mdp.backup_graph(grid, state=4, action=0)
    return graph.forward(**{node.name: q[tuple(map(int, node.name[2:-1].split(",")))] for node in graph.inputs})


@figure("8-2-2-value-iteration", number="8.2.2", direction="down", title="Three Bellman backups of q")
def value_iteration() -> object:
    """Section 8.2.2: value iteration is a graph, here of three backups from q = 0, each a maximum, an expectation, a
    discount and a reward. So its result has a derivative by every reward, every probability and the discount."""
    import difflab as dl

    rng = np.random.default_rng(0)
    P, R = rng.dirichlet(np.ones(6), size=(3, 6)), rng.normal(size=(6, 3))
    return dl.mdp.MDP.from_arrays(P, R, discount=0.9).graph(steps=3, state=0, probabilities=True)
