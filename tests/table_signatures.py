"""The signatures of rows against those of the NumPy and SciPy functions that they read: names, places, defaults."""

from __future__ import annotations

import inspect
from inspect import Parameter

import numpy as np

from difflab.primitives import TABLE
from difflab.primitives.found import ROOTS, find
from difflab.primitives.primitive import positional

POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
TELLS = tuple(map(int, np.__version__.split(".")[:2])) >= (2, 4)  # the NumPy whose compiled functions have signatures
UNSET = (Parameter.empty, np._NoValue, None)
# What NumPy's functions of one call offer and traced values do without: readers refuse them, or they mean memory.
ABOUT_MEMORY = {"out", "casting", "order", "subok", "signature", "copy", "device"}

# (row, parameter): why it is not as in NumPy.
GENERALISED = "a keyword of generalised ufuncs, which the reader refuses: move the axes with np.moveaxis"
DIFFERENCES = {
    **{(name, p): GENERALISED for name in ("vecdot", "vecmat", "matvec") for p in ("axes", "keepdims", "dtype")},
    **{(name, "axis"): GENERALISED for name in ("vecmat", "matvec")},
}


def functions(row):
    """The functions that mean the row, with a signature that can be compared."""
    if not TELLS:
        return
    for path in (row.name,) if row.reads is None else row.reads:
        head, _, method = path.partition(".")
        if method in ("reduce", "accumulate", "outer") and head not in ROOTS:
            continue  # NumPy documents these once, for all ufuncs
        function = find(path)
        if function is not None:
            yield path, function


def signatures(name):
    """How many parameters were compared; a difference that is not listed fails."""
    row, count = TABLE[name], 0
    for path, function in functions(row):
        found = list(differences(row, path, function))
        told = [f"{path}: {text}" for parameter, text in found if (name, parameter) not in DIFFERENCES]
        assert not told, "; ".join(told)
        count += 1
    return count


def differences(row, path, function):
    """(parameter, what differs) for each."""
    if isinstance(function, np.ufunc):
        takes = len(row.partials) if row.kind == "elementwise" else function.nin
        if takes != function.nin:
            yield "operands", f"{takes} operands, not {function.nin}"
        if function.signature is None:
            return  # the keywords that all ufuncs have, `positional` reads
    wanted = inspect.signature(function).parameters
    if row.arguments is positional:
        operands = [p for p in wanted.values() if p.name not in ABOUT_MEMORY]
        if len(operands) != (len(row.partials) if row.kind == "elementwise" else 1):
            yield "operands", f"the row is read by position, {path} has {[p.name for p in operands]}"
        for p in operands:
            if p.kind is not Parameter.POSITIONAL_ONLY:
                yield p.name, f"{p.name}= is a keyword of {path}, and no reader knows it"
        return
    have = inspect.signature(row.arguments).parameters
    places = [p.name for p in have.values() if p.kind in POSITIONAL]
    stars = any(p.kind is Parameter.VAR_POSITIONAL for p in have.values())
    rest = any(p.kind is Parameter.VAR_KEYWORD for p in have.values())
    for k, p in enumerate(wanted.values()):
        if p.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            continue
        mine = have.get(p.name)
        if p.kind is not Parameter.POSITIONAL_ONLY and mine is None and not rest and p.name not in ABOUT_MEMORY:
            yield p.name, f"{p.name}= is missing"
        if p.kind in POSITIONAL and not stars and p.name not in ABOUT_MEMORY and p.default is not np._NoValue:
            if k >= len(places):
                yield p.name, f"{p.name} cannot be given by position"
            elif p.kind is Parameter.POSITIONAL_OR_KEYWORD and places[k] != p.name:
                yield p.name, f"at place {k} stands {places[k]}, not {p.name}"
        if mine is not None and not any(d is u for d in (p.default, mine.default) for u in UNSET):
            if not np.all(mine.default == p.default):
                yield p.name, f"{p.name}={mine.default!r} by default, not {p.default!r}"
