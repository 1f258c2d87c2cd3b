"""find_nonfinite: the first operation, forward or backward, that makes a result NaN or infinite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from ...errors import InputError
from ...graph.graph import Graph
from ...graph.pytree import leaves_of
from ...progress import doing
from ...types import Function, Tree
from ..frameworks import candidates
from . import on_jax, on_numpy, on_torch
from .finding import NonFinite, finding
from .history import History
from .search import origin_of

READERS: dict[str, Callable[..., Iterator[tuple[str, History]]]] = {
    "numpy": on_numpy.records,
    "jax": on_jax.records,
    "torch": on_torch.records,
}


def find_nonfinite(f: Function | Graph, *args: Tree, framework: str = "auto") -> NonFinite | None:
    """The first operation whose NaN or infinity spoils f's value at these arguments, or else its gradient.

    Returns None where the value and the gradient of its sum are finite. `f` is a function of NumPy, JAX or PyTorch, a
    module of PyTorch, or a graph; arguments are numbers, arrays, tensors or trees of them, and a list of numbers is
    taken as an array. For JAX and PyTorch the backward pass is their own: the jaxpr of `jax.vjp`, and what autograd
    computes, parameters of modules included. `framework` says which of "numpy", "jax" and "torch" it is; "auto"
    asks the arguments and the function, then tries. What is masked away later, such as log(0) in the branch of a
    `where` that is not taken, is not reported where it spoils nothing.

    The result has `node`, `pass_` ("forward" where the value itself is spoilt, else "backward"), `operands`, `path`
    from the inputs, `value`, `index`, `source`, `mend`, and `draw()`. Raises InputError where f runs in no library.

    >>> import difflab as dl, numpy as np
    >>> f = lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0) + np.log(x - 1.0))
    >>> found = dl.find_nonfinite(f, np.array([4.0, 0.5]))
    >>> found.node.primitive.name, found.pass_, found.index, found.operands
    ('log', 'forward', (1,), (array([ 3. , -0.5]),))
    >>> dl.find_nonfinite(lambda x: np.sum(x * x), np.ones(3)) is None
    True
    """
    if framework not in ("auto", *READERS):
        raise InputError(f'find_nonfinite: framework={framework!r}; it is "auto", "numpy", "jax" or "torch"')
    if not callable(f):
        raise InputError(f"find_nonfinite: {f!r:.80} is not a function; dl.parse makes a graph of a text")
    args = tuple(map(as_array, args))
    names = [framework] if framework != "auto" else candidates(f, args)
    refused: dict[str, Exception] = {}
    for name in names:
        reader = READERS[name](f, args)
        try:
            with doing("running the function"):
                first = next(reader)
        except Exception as error:
            if len(names) == 1:
                raise
            refused[name] = error
            continue
        return searched(first, reader)
    told = "; ".join(f"in {name} {type(e).__name__}: {str(e)[:200]}" for name, e in refused.items())
    raise InputError(f"find_nonfinite: the function runs in no library at these arguments: {told}") from refused[
        names[0]
    ]


def searched(first: tuple[str, History], rest: Iterator[tuple[str, History]]) -> NonFinite | None:
    """The finding in the first pass whose results are not all finite."""
    for pass_, record in chain([first], rest):
        with doing(f"searching the {pass_} pass"), record.arrays.calm():
            origin = origin_of(record)
            if origin is not None:
                return finding(record, origin, pass_)
    return None


def as_array(x: Tree) -> Tree:
    """A list of numbers, or of such lists, as an array."""
    if not isinstance(x, list) or not x:
        return x
    numbers = all(isinstance(v, int | float) for v in leaves_of(x))
    return np.array(x, float) if numbers and all(isinstance(v, int | float | list) for v in x) else x


__all__ = ["find_nonfinite"]
