"""Training and planning over many devices: the same losses, proven bounds, the same bits when resumed, and refusals.

The processor counts as eight devices in a process of its own, `device_cases.py`: JAX reads how many when it starts.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from patience import HANGS

from difflab.primitives.kernels.networks import random_uniform

jax = pytest.importorskip("jax")
from difflab.compile.xla.carrier import CARRIER, x64  # noqa: E402
from difflab.compile.xla.mesh import largest_axis  # noqa: E402
from difflab.primitives import rows  # noqa: E402


@pytest.fixture(scope="module")
def found():
    script = Path(__file__).with_name("device_cases.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=4 * HANGS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def apart(a, b):
    """The largest relative difference of two curves."""
    a, b = np.array(a), np.array(b)
    assert a.shape == b.shape
    return float(np.max(np.abs(a - b) / np.abs(a)))


@pytest.mark.parametrize("model", ["batch norm", "dropout", "convolution"])
def test_every_step_has_the_loss_of_one_device(found, model):
    curves = found["curves"][model]
    assert len(curves["1"]["steps"]) == 12  # a batch of 10, which no eight devices share, ends each of two epochs
    assert set(curves) >= ({"1", "2", "8", "split", "numpy"} if model == "batch norm" else {"1", "8", "numpy"})
    for layout in curves.keys() - {"1", "numpy"}:
        assert apart(curves["1"]["steps"], curves[layout]["steps"]) < 2e-5, layout
        assert apart(curves["numpy"], curves[layout]["epochs"]) < 2e-5, layout


def test_a_resumed_run_comes_to_the_same_bits_on_the_same_devices(found):
    whole, same, other = (found["resumed"][k] for k in ("whole", "8 8", "8 2"))
    assert same[0] == whole[0] and same[1] == whole[1]
    assert apart(whole[1], other[1]) < 1e-5
    assert other[2] == 2  # what the checkpoint says of its layout is no setting of the run


def test_products_in_16_bits_and_weights_in_32(found):
    wide, narrow, dtypes, told = found["precision"]
    assert 1e-5 < apart(wide, narrow) < 2e-2
    assert dtypes == ["float32"] and told == "bfloat16"


def test_parameters_that_are_split_take_their_part_of_the_memory(found):
    memory = found["memory"]
    for n in (1, 2, 8):
        assert memory[f"whole {n}"] == memory["all"]
        small = 8 * (1024 + 512 + 512 * 3 + 3)  # biases and the last weights stay whole
        assert memory[f"split {n}"] == (memory["all"] - small) / n + small


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_losses_and_parameters_are_those_of_one_device_however_arrays_are_cut(found, precision):
    layouts = {k: v for k, v in found["layouts"].items() if k.endswith(precision)}
    assert len(layouts) == (6 if precision == "float32" else 3)
    one, near = layouts[f"1 whole {precision}"], 1e-5 if precision == "float32" else 5e-3
    for name, told in layouts.items():
        np.testing.assert_allclose(told, one, rtol=near, atol=0.2 * near, err_msg=name)
    assert precision == "float32" or 1e-5 < apart(found["layouts"]["1 whole float32"][:1], one[:1]) < near


def test_a_page_that_watches_is_shown_what_lies_on_devices(found):
    same, looks, sizes, counts, looked = found["watched"]
    assert same and looks == 6 and looked == 1.0
    assert len(sizes) == 2 and counts == [[n, n] for n in sizes]


def test_a_loss_that_is_no_number_is_told_as_without_devices(found):
    alone, many = found["no_number"]
    assert alone == many and alone[0] == "DomainError" and "first bad value" in alone[1]


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        ("more than there are", "InputError", "devices=9: JAX has 8"),
        ("a batch that does not divide", "InputError", "batch_size=60 does not divide over 8 devices; take 64"),
        ("no count", "InputError", "devices=True"),
        ("none", "InputError", "devices=0"),
        ("another backend", "InputError", "backend='numpy'"),
        ("precision alone", "InputError", "devices="),
        ("parameters", "InputError", "parameters='sharded'"),
        ("precision", "InputError", "precision='float16'"),
        ("planning: more", "InputError", "devices=9: JAX has 8"),
        ("planning: none", "InputError", "devices=0"),
        ("planning: another method", "InputError", "newton has no option 'devices'"),
        ("planning: discount 1", "UnsupportedError", "discount below 1"),
        ("an operation of the host", "UnsupportedError", "take one device"),
    ],
)
def test_what_cannot_be_is_refused(found, what, error, words):
    kind, text = found["refused"][what]
    assert kind == error and words in text


def test_bounds_hold_against_rational_solutions_on_every_layout(found):
    assert len(found["planning"]) == 9 * 2 * 2
    for kind, method, devices, off, bound, tolerance in found["planning"]:
        assert off <= bound <= tolerance, (kind, method, devices)


def test_bounds_hold_where_states_do_not_divide_and_at_the_ends_of_discounts(found):
    assert len(found["edges"]) == 8 * 2 * 3
    for name, method, devices, off, bound, tolerance in found["edges"]:
        assert off <= bound <= tolerance, (name, method, devices)


def test_what_a_device_may_flush_to_zero_is_in_the_bound(found):
    off, bound, rounding = found["tiny"]
    assert off <= bound and bound > 2.0**-1022 > rounding


def test_derivatives_of_optimal_values_are_those_without_devices(found):
    assert len(found["derivatives"]) == 12 and max(found["derivatives"]) < 1e-8


@given(
    key=st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 2),
    shape=st.lists(st.integers(0, 5), max_size=3).map(tuple),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=25, deadline=None)
def test_random_numbers_on_a_device_are_numpys_to_the_bit(key, shape, dtype):
    key = np.array(key)
    with x64():
        mine = np.asarray(CARRIER.of(rows.random_uniform)(key, shape=shape, dtype=np.dtype(dtype)))
    assert mine.dtype == dtype and np.array_equal(mine, random_uniform(key, shape=shape, dtype=dtype))


@pytest.mark.parametrize(
    ("count", "shape", "axis"),
    [
        (4, (784, 256), 0),
        (4, (256, 784), 1),
        (4, (3, 999), None),
        (3, (16384,), None),
        (2, (16384,), 0),
        (2, (8, 8), None),
    ],
)
def test_large_parameters_are_cut_along_the_longest_axis_that_divides(count, shape, axis):
    assert largest_axis(count)(shape) == axis


def test_every_case_is_looked_at(found):
    text = Path(__file__).read_text()
    assert all(re.search(rf'found\["{name}"\]', text) for name in found)
