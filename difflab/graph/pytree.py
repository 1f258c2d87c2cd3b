"""Nested containers of arrays, through `optree`, with the common case of a single array first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import optree

from ..types import Function, Tree, Value
from .traced import Traced

KEY = re.compile(r"\['([^\W\d]\w*)'\]")
LEAF = re.compile(r"[^\W\d]\w*(\[('[^\W\d]\w*'|\d+)\])+")
LEAVES = (float, int, np.ndarray, Traced)


def flatten(tree: Tree) -> tuple[list[Value], Callable[[list[Value]], Tree]]:
    """The leaves of a tree, and the function that puts leaves back into its structure."""
    if tree.__class__ in LEAVES or isinstance(tree, np.generic):
        return [tree], first
    leaves, structure = optree.tree_flatten(tree)
    return leaves, partial(optree.tree_unflatten, structure)


def first(leaves: list[Value]) -> Tree:
    return leaves[0]


def structure(tree: Tree) -> Tree:
    return optree.tree_structure(tree)


def paths(tree: Tree) -> list[str]:
    """A readable name for each leaf: `['w'][0]`."""
    return ["".join(f"[{p!r}]" for p in path) for path in optree.tree_paths(tree)]


def spoken(names: Iterable[str]) -> dict[str, str]:
    """What drawings and sentences call the leaves of trees, for each of the names of a graph: as short as is unique.

    >>> spoken(["params['conv1']['bias']", "params['layers'][0]", "images"])["params['conv1']['bias']"]
    'conv1.bias'
    >>> spoken(["a['w']", "b['w']"])
    {"a['w']": 'a.w', "b['w']": 'b.w'}
    """
    names = list(dict.fromkeys(names))
    dotted = {name: KEY.sub(r".\1", name) if LEAF.fullmatch(name) else name for name in names}
    tails = {name: re.sub(r"^\w+\.", "", told) if told != name else name for name, told in dotted.items()}
    of_tails, of_dotted = Counter(tails.values()), Counter(dotted.values())
    return {
        name: tails[name] if of_tails[tails[name]] == 1 else dotted[name] if of_dotted[dotted[name]] == 1 else name
        for name in names
    }


def named_leaves(tree: Tree, alone: str = "value") -> dict[str, Value]:
    """The leaves under short names, `conv1.weight`; a tree that is one leaf has the name `alone`.

    >>> named_leaves({"conv1": {"weight": 2.0}}), named_leaves(3.0)
    ({'conv1.weight': 2.0}, {'value': 3.0})
    """
    names = [".".join(map(str, path)) or alone for path in optree.tree_paths(tree)]
    return dict(zip(names, optree.tree_leaves(tree)))


def leaves_of(tree: Tree) -> list[Value]:
    return flatten(tree)[0]


def map_leaves(function: Function, tree: Tree) -> Tree:
    leaves, rebuild = flatten(tree)
    return rebuild([function(x) for x in leaves])
