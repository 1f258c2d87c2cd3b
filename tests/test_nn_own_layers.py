"""Layers that PyTorch lacks, against references of their own."""

from __future__ import annotations

import numpy as np
import optree
import pytest
from layer_references import OURS
from table_references import independent

from difflab import nn
from difflab.errors import ShapeError
from difflab.testing import check_grads

IDS = [f"{k}-{case[0]}" for k, case in enumerate(OURS)]


@pytest.mark.parametrize("case", OURS, ids=IDS)
def test_the_output_is_the_references(case):
    """At parameters that are no layer's first ones, so that each of them counts."""
    assert len(case) == 5 and callable(case[4]), (
        f"OURS in tests/layer_references.py: {case[0]} needs, as its fifth, a function (params, x) in plain NumPy that "
        "computes its output a second time"
    )
    name, args, settings, shape, reference = case
    rng = np.random.default_rng(0)
    layer = getattr(nn, name)(*args, **settings)
    params, state = layer.init(0)
    params, x = optree.tree_map(lambda p: p + 0.1 * rng.normal(size=p.shape), params), rng.normal(size=shape)
    found = layer.apply(params, state, x, training=True)[0]
    with independent():  # no row of difflab's runs meanwhile
        want = reference(params, x)
    np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-12)
    check_grads(lambda p, x: np.sum(layer.apply(p, state, x, training=True)[0] ** 2), (params, x), order=1)


def test_the_code_of_a_place_further_on_is_a_rotation():
    code = nn.PositionalEncoding(6).apply({}, {}, np.zeros((9, 6)), training=False)[0]
    pairs = code[:, ::2] + 1j * code[:, 1::2]  # sin + i cos
    assert np.abs(pairs) == pytest.approx(1)
    steps = pairs[1:] / pairs[:-1]
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), rtol=1e-12)
    np.testing.assert_allclose(-np.angle(steps[0]), 10000.0 ** -np.array([0, 1 / 3, 2 / 3]), rtol=1e-12)


@pytest.mark.parametrize(("batch_first", "axis"), [(False, 0), (True, 1)])
def test_places_lie_along_the_sequence(batch_first, axis):
    code = nn.PositionalEncoding(6, batch_first).apply({}, {}, np.zeros((4, 5, 6)), training=False)[0]
    one = nn.PositionalEncoding(6).apply({}, {}, np.zeros((code.shape[axis], 6)), training=False)[0]
    np.testing.assert_array_equal(np.moveaxis(code, 1 - axis, 0), np.stack([one] * code.shape[1 - axis]))
    with pytest.raises(ShapeError, match=r"PositionalEncoding\(6\).*\(4, 5\)"):
        nn.PositionalEncoding(6).apply({}, {}, np.zeros((4, 5)), training=False)


@pytest.mark.parametrize("x", [np.zeros((3, 4), int), np.zeros((3, 4), bool), np.zeros((3, 4)).tolist()], ids=type)
def test_places_of_whole_numbers_have_codes_too(x):
    """The code was cut to whole numbers."""
    layer = nn.PositionalEncoding(4)
    code = layer.apply({}, {}, np.zeros((3, 4)), training=False)[0]
    np.testing.assert_array_equal(layer.apply({}, {}, x, training=False)[0], code)
