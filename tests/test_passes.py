"""Every pass on every short formula that can be written in rows of the table, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from passes import ONE, ROUNDING, THREE, TWO, equal_bits, formulas, outcome, recorded
from wrong_rewrites import WRONG, innermost, rewriting

from difflab.compile.passes.pipeline import PASSES


def check(run, exact, graph, values, texts):
    """The pass on one graph of all texts: the graph after it, with its values."""
    with np.errstate(all="ignore"):
        after, found = outcome(graph, run, values)
    numbers = np.all([np.abs(values[x]) < 100.0 for x in graph.inputs], axis=0)
    for text, y, z in zip(texts, graph.outputs, after.outputs, strict=True):
        if y is not z and exact:
            equal_bits(found[z], values[y], text)
        elif y is not z:
            close(found[z], values[y], numbers, text)
    return after, found


def close(found, want, where, text):
    """A few roundings; what is chosen by a rounded number, and numbers at the ends of the range, may differ."""
    assert (found.dtype, found.shape) == (want.dtype, want.shape), text
    if want.dtype.kind == "f":
        where = where & np.isfinite(want) & (np.abs(want) > 1e-290) & (np.abs(want) < 1e290)
        np.testing.assert_allclose(found[where], want[where], rtol=1e-12, err_msg=text)


@pytest.mark.parametrize("name", [*ONE, *TWO, *THREE])
def test_a_row_beside_every_other(name):
    """Each pass alone, and in its place behind the others."""
    for point, texts in formulas(name):
        graph, values, texts = recorded(texts, point)
        for run, key in {run: key for key, run in PASSES.items()}.items():
            check(run, key not in ROUNDING, graph, values, texts)
        for key, run in PASSES.items():
            graph, values = check(run, key not in ROUNDING, graph, values, texts)


@pytest.mark.parametrize("before, after", WRONG)
def test_a_wrong_pass_is_seen(before, after):
    """The test above can fail: it does for each of these mistakes."""
    with pytest.raises(AssertionError):
        for point, texts in formulas(innermost(before)):
            check(rewriting(before, after), True, *recorded(texts, point))
