"""What an optimiser is: settings, a first memory, and an update; and the checks that all of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import optree

from ...errors import DtypeError, InputError, ShapeError
from ...graph.kinds import check_fit, unfit
from ...graph.pytree import paths

Schedule = Callable[[Any], Any]


class Optimiser:
    """Pure functions over any container of arrays (pytree): nothing is kept but what `update` returns.

    `init(params)` gives the memory, arrays alone, so that it can be saved, compiled and donated; `update(params,
    gradients, memory)` gives the new parameters and the new memory. `lr` is a number or a schedule: a function of the
    number of updates that were made before. Formulas, names and defaults are PyTorch's.
    """

    lr: Any
    slots: ClassVar[tuple[str, ...]] = ()  # arrays kept for each parameter

    def init(self, params: Any) -> dict[str, Any]:
        """The memory before the first update."""
        check_params(type(self).__name__, params)
        memory: dict[str, Any] = {"step": np.zeros((), np.int64)}
        for name in self.kept():
            memory[name] = optree.tree_map(
                lambda p, name=name: self.start(name, p if hasattr(p, "dtype") else np.float64(p)), params
            )
        return memory

    def kept(self) -> tuple[str, ...]:
        """The slots that these settings need."""
        return self.slots

    def start(self, name: str, p: Any) -> Any:
        return np.zeros_like(p)

    def update(self, params: Any, gradients: Any, memory: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The parameters after one step against the gradients, and the memory after it."""
        check_gradients(type(self).__name__, params, gradients)
        given, structure = optree.tree_flatten(params)
        leaves = [np.float64(p) if p.__class__ is float else p for p in given]
        found = optree.tree_leaves(gradients)
        slots = {name: optree.tree_leaves(memory[name]) for name in self.kept()}
        step = memory["step"]
        rate = self.lr(step) if callable(self.lr) else self.lr
        numbers = self.numbers(step + 1, rate)
        results = []
        for k, (p, g) in enumerate(zip(leaves, found)):
            own = {name: values[k] for name, values in slots.items()}
            here = {key: as_dtype(x, p.dtype) for key, x in numbers.items()}
            results.append(self.one(p, as_dtype(g, p.dtype), own, here))
        new = {"step": step + 1}
        for name in self.kept():
            new[name] = optree.tree_unflatten(structure, [own[name] for _, own in results])
        after = [as_given(p, before) for (p, _), before in zip(results, given)]
        return optree.tree_unflatten(structure, after), new

    def numbers(self, step: Any, rate: Any) -> dict[str, Any]:
        """What is the same for all parameters, from the number of this update (1 for the first) and the rate."""
        return {"lr": rate}

    def one(self, p: Any, g: Any, own: dict[str, Any], n: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """One parameter after the step, and its slots."""
        raise NotImplementedError


def as_given(x: Any, before: Any) -> Any:
    """A new parameter as the old one was given: Python's float, or NumPy's number or array."""
    return float(x) if before.__class__ is float and isinstance(x, float) else x


def as_dtype(x: Any, dtype: Any) -> Any:
    """A number of the parameters' kind: NumPy's own float64 numbers would make float32 parameters wide."""
    if x.__class__ in (float, int):
        return x
    return x if x.dtype == dtype else x.astype(dtype)


def check_params(where: str, params: Any) -> None:
    leaves = optree.tree_leaves(params)
    if not leaves:
        raise InputError(f"{where}: there are no parameters")
    if not all(map(of_floats, leaves)):
        k = [of_floats(x) for x in leaves].index(False)
        path, x = f"params{paths(params)[k]}", leaves[k]
        check_fit(x, f"{where}: {path}")
        kind = f"of dtype {x.dtype}; give x.astype(float)" if hasattr(x, "dtype") else f"{x!r:.60}; give a float"
        raise DtypeError(f"{where}: the parameter {path} is not of floats, it is {kind}")


def of_floats(x: Any) -> bool:
    if x.__class__ is float:
        return True
    return hasattr(x, "dtype") and getattr(x.dtype, "kind", "") == "f" and not unfit(x)


def check_gradients(where: str, params: Any, gradients: Any) -> None:
    """The gradients have the structure and the shapes of the parameters."""
    if optree.tree_structure(params) != optree.tree_structure(gradients):
        ours, theirs = set(paths(params)), set(paths(gradients))
        odd = sorted(ours ^ theirs)
        which = (
            f"{odd[0]} is in {'the parameters' if odd[0] in ours else 'the gradients'} alone"
            if odd
            else (f"{optree.tree_structure(params)} and {optree.tree_structure(gradients)}")
        )
        raise InputError(f"{where}: parameters and gradients differ in structure: {which}")
    check_params(where, params)
    for path, p, g in zip(paths(params), optree.tree_leaves(params), optree.tree_leaves(gradients)):
        check_fit(g, f"{where}: gradients{path}")
        if np.iscomplexobj(g):
            raise DtypeError(f"{where}: gradients{path} is complex and params{path} is real; give its .real")
        if np.shape(p) != np.shape(g):
            raise ShapeError(f"{where}: {path or 'the parameter'} has shape {np.shape(p)}, its gradient {np.shape(g)}")


def check_settings(optimiser: Any, *, least: dict[str, float] | None = None, unit: tuple[str, ...] = ()) -> None:
    """Checks the rate, settings that have a least value, and those (or pairs of them) that lie in [0, 1)."""
    name = type(optimiser).__name__
    if not callable(optimiser.lr) and not (number(optimiser.lr) and 0 <= optimiser.lr < float("inf")):
        raise InputError(f"{name}: lr={optimiser.lr!r}; give a rate of at least 0, or a schedule")
    for key, bound in {"eps": 0.0, "weight_decay": 0.0, **(least or {})}.items():
        value = getattr(optimiser, key, bound)
        if not number(value) or not bound <= value < float("inf"):
            raise InputError(f"{name}: {key}={value!r}; give a number of at least {bound:g}")
    for key in unit:
        value = getattr(optimiser, key)
        pair = key == "betas"
        both = value if isinstance(value, tuple) else (value,)
        if len(both) != 1 + pair or not all(number(v) and 0 <= v < 1 for v in both):
            raise InputError(f"{name}: {key}={value!r}; {'give two numbers' if pair else 'it lies'} in [0, 1)")


def number(x: Any) -> bool:
    return isinstance(x, int | float | np.integer | np.floating) and not isinstance(x, bool)
