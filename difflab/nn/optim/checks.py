"""What optimisers ask of parameters, gradients and settings, and how they say what is wrong."""

from __future__ import annotations

from typing import ClassVar, TypeGuard

import numpy as np
import optree

from ...errors import DtypeError, InputError, ShapeError
from ...graph.kinds import check_fit, unfit
from ...graph.pytree import paths
from ...types import Tree, Value


def check_params(where: str, params: Tree) -> None:
    leaves = optree.tree_leaves(params)
    if not leaves:
        raise InputError(f"{where}: there are no parameters")
    if not all(map(of_floats, leaves)):
        k = [of_floats(x) for x in leaves].index(False)
        path, x = f"params{paths(params)[k]}", leaves[k]
        check_fit(x, f"{where}: {path}")
        kind = f"of dtype {x.dtype}; give x.astype(float)" if hasattr(x, "dtype") else f"{x!r:.60}; give a float"
        raise DtypeError(f"{where}: the parameter {path} is not of floats, it is {kind}")


def of_floats(x: Value) -> bool:
    if x.__class__ is float:
        return True
    return hasattr(x, "dtype") and getattr(x.dtype, "kind", "") == "f" and not unfit(x)


def flattened(where: str, params: Tree, gradients: Tree) -> tuple[list[Value], list[Value], optree.PyTreeSpec]:
    """The arrays of both and their structure, which has to be the same, as have the shapes."""
    ours, structure = optree.tree_flatten(params)
    theirs, other = optree.tree_flatten(gradients)
    if structure != other:
        odd = sorted(set(paths(params)) ^ set(paths(gradients)))
        which = f"{structure} and {other}"
        if odd:
            which = f"{odd[0]} is in {'the parameters' if odd[0] in paths(params) else 'the gradients'} alone"
        raise InputError(f"{where}: parameters and gradients differ in structure: {which}")
    check_params(where, params)
    for k, (p, g) in enumerate(zip(ours, theirs)):
        if unfit(g) or np.iscomplexobj(g) or np.shape(p) != np.shape(g):
            path = paths(params)[k]
            check_fit(g, f"{where}: gradients{path}")
            if np.iscomplexobj(g):
                raise DtypeError(f"{where}: gradients{path} is complex and params{path} is real; give its .real")
            raise ShapeError(f"{where}: {path or 'the parameter'} has shape {np.shape(p)}, its gradient {np.shape(g)}")
    return ours, theirs, structure


LEAST = (
    *("eps", "weight_decay", "momentum", "lr_decay", "momentum_decay"),
    *("initial_accumulator_value", "max_delta", "max_norm"),
)
SHARES = ("alpha", "rho", "b1", "b2")  # of the past in an average
NUMBERS = ("step_size", "dampening")
RATES = ("lr", "learning_rate")
FLAGS = ("nesterov", "maximize", "centered", "amsgrad")


class Settings:
    """What optimisers and transformations are: frozen dataclasses, whose settings are checked by their names."""

    _least: ClassVar[tuple[str, ...]] = LEAST
    _shares: ClassVar[tuple[str, ...]] = SHARES

    def __post_init__(self) -> None:
        for key, value in list(vars(self).items()):
            if key == "betas" and isinstance(value, list):
                object.__setattr__(self, key, value := tuple(value))
            if what := wanted(key, value, self._least, self._shares):
                raise InputError(f"{type(self).__name__}: {key}={value!r}; {what}")


def wanted(key: str, value: object, least: tuple[str, ...], shares: tuple[str, ...]) -> str:
    """What the setting should be, where it is not."""
    if key in RATES and not (callable(value) or at_least_zero(value)):
        return "give a rate of at least 0, or a schedule"
    if key in least and not at_least_zero(value):
        return "give a number of at least 0"
    if key in FLAGS and not (isinstance(value, int | np.bool_) and value in (0, 1)):
        return "give True or False"
    if key in NUMBERS and not number(value):
        return "give a number"
    if key == "betas" and not (isinstance(value, tuple) and len(value) == 2 and all(map(below_one, value))):
        return "give two numbers in [0, 1)"
    return "it lies in [0, 1)" if key in shares and not below_one(value) else ""


def at_least_zero(value: object) -> bool:
    return number(value) and 0 <= value < float("inf")


def below_one(value: object) -> bool:
    return number(value) and 0 <= value < 1


def number(x: object) -> TypeGuard[float]:
    return isinstance(x, int | float | np.integer | np.floating) and not isinstance(x, bool)


def whole(x: object) -> TypeGuard[int]:
    return isinstance(x, int | np.integer) and not isinstance(x, bool)
