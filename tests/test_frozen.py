"""Which classes of data are frozen, and which compare by identity: those that hold arrays, layers, programs."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil

import pytest

ROOMS = ("primitives", "graph", "differentiate", "compile", "nn", "mdp")
# What changes while work goes on, or is filled in piece by piece.
MUTABLE = set(
    "Certificate Entry Derivative Tableau Problem Rounding Run Found Result Checkpoint Trained Outcome Sweep "
    "Term Decay Rectified".split()  # steps of an optimiser, made for each array in each step
)
# Their fields are arrays or functions, so == of the fields has no truth value or none that matters.
BY_IDENTITY = set(
    "ForwardPass BackwardPass Recovered Learned MDP Sensitivity Solution Dataset Call "
    "Sweep Term Decay Rectified".split()
)
ALL_BY_IDENTITY = ("difflab.primitives.primitive", "difflab.primitives.deferred", "difflab.nn.criteria")  # modules


def classes():
    for room in ROOMS:
        package = importlib.import_module(f"difflab.{room}")
        for found in pkgutil.walk_packages(package.__path__, f"difflab.{room}."):
            module = importlib.import_module(found.name)
            for value in vars(module).values():
                if inspect.isclass(value) and dataclasses.is_dataclass(value) and value.__module__ == found.name:
                    yield value


@pytest.mark.parametrize("cls", [pytest.param(c, id=f"{c.__module__}.{c.__name__}") for c in classes()])
def test_data_that_is_frozen(cls):
    assert cls.__dataclass_params__.frozen == (cls.__name__ not in MUTABLE)
    assert cls.__dataclass_params__.eq == (cls.__name__ not in BY_IDENTITY and cls.__module__ not in ALL_BY_IDENTITY)
