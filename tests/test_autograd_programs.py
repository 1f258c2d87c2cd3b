"""Programs as people write them for HIPS/autograd, run unchanged on it and on difflab.autograd: the same numbers."""

from __future__ import annotations

import runpy
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import difflab.autograd as ag

PROGRAMS = sorted((Path(__file__).parent / "autograd_programs").glob("*.py"))


def modules():
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "autograd"}


@contextmanager
def installed():
    """`import autograd` means difflab.autograd here."""
    before = modules()
    for name in before:
        del sys.modules[name]
    try:
        ag.install()
        yield
    finally:
        for name in modules():
            del sys.modules[name]
        sys.modules.update(before)


def numbers(path):
    """What the program found, and how much of it both packages decide."""
    names = runpy.run_path(str(path))
    return np.array(names["found"], float), names.get("tolerance", 1e-8)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_finds_the_same(path):
    pytest.importorskip("autograd", reason="the peers' lane compares with HIPS/autograd")
    with installed():
        found, _ = numbers(path)
    expected, tolerance = numbers(path)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.max(np.abs(expected)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_finds_the_same_where_its_gradients_are_compiled(path):
    with installed():
        expected, tolerance = numbers(path)
        ag.compile_gradients()
        try:
            found, _ = numbers(path)
        finally:
            ag.compile_gradients(on=False)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.max(np.abs(expected)))
