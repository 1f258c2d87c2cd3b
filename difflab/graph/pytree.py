"""Nested containers of arrays, through `optree`, with the common case of a single array first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import optree

from .traced import Traced

LEAVES = (float, int, np.ndarray, Traced)


def flatten(tree: Any) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The leaves of a tree, and the function that puts leaves back into its structure."""
    if tree.__class__ in LEAVES or isinstance(tree, np.generic):
        return [tree], first
    leaves, structure = optree.tree_flatten(tree)
    return leaves, partial(optree.tree_unflatten, structure)


def first(leaves: list[Any]) -> Any:
    return leaves[0]


def structure(tree: Any) -> Any:
    return optree.tree_structure(tree)


def paths(tree: Any) -> list[str]:
    """A readable name for each leaf: `['w'][0]`."""
    return ["".join(f"[{p!r}]" for p in path) for path in optree.tree_paths(tree)]


def leaves_of(tree: Any) -> list[Any]:
    return flatten(tree)[0]


def map_leaves(function: Callable[..., Any], tree: Any) -> Any:
    leaves, rebuild = flatten(tree)
    return rebuild([function(x) for x in leaves])
