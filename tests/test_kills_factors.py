"""Powers of two are moved to small operands only where that rounds nothing; names go to inputs past a named one."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import difflab as dl
from difflab.compile.native import forms as native_forms
from difflab.compile.program.remarks import annotated
from difflab.compile.run import sincos
from difflab.nn import functional as F
from difflab.primitives import TABLE
from difflab.primitives.kernels import convolution as kernels_convolution

W = np.array([np.pi, 1 / 3, 0.7])
FORMS = {"times": lambda w, x: w * x, "over": lambda w, x: w / (1 / x), "under": lambda w, x: x / w}


def chain(f, count):
    def run(w, x):
        y = w[:, None] * x
        for _ in range(count):
            y = y * f
        return y

    return run


@pytest.mark.parametrize("dtype, most", [(np.float64, 1022), (np.float32, 126)])
@pytest.mark.parametrize("count", [1, 2, 3, 20])
@pytest.mark.parametrize("share", [0.97, 0.5, 0.05, -0.05, -0.5, -0.97])
def test_factors_of_any_size_leave_the_result(dtype, most, count, share):
    """x * f**count is of size one; w * f**count, where the share is large, is out of the range of the dtype."""
    k = int(share * most)
    each = k // count or (1 if k > 0 else -1)
    x, w = np.full((3, 4), 2.0**-k, dtype), (W * 2.0 ** (most // 8 if k > 0 else -most // 8)).astype(dtype)
    f = chain(2.0**each, count)
    program = dl.compile(f)
    for _ in range(2):
        np.testing.assert_array_equal(program(w, x), f(w, x))


@pytest.mark.parametrize("k, dtype, sizes", [(59, np.float64, 1000), (15, np.float32, 120), (-59, np.float64, -1000)])
@pytest.mark.parametrize("form", FORMS)
def test_many_factors_that_fit_one_by_one(k, dtype, sizes, form):
    """Each could be moved; all together they would take w out of the range of its dtype before x brings it back."""
    f, x = 2.0**k, np.full((3, 4), 2.0**-sizes, dtype)

    def run(w, x):
        y = FORMS[form](w[:, None], x)
        for _ in range(20):
            y = y * f
        return y

    program, w = dl.compile(run), W.astype(dtype)
    with np.errstate(all="ignore"):
        want = run(w, x)
        for _ in range(2):
            np.testing.assert_array_equal(program(w, x), want)


@pytest.mark.parametrize("dtype, size, k", [(np.float64, 850, 59), (np.float32, 106, 15)])
@pytest.mark.parametrize("sign, inverse", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
@pytest.mark.parametrize("form", FORMS)
def test_one_factor_fits_into_a_large_or_small_operand_and_three_do_not(form, dtype, size, k, sign, inverse):
    f, size = inverse * 2.0 ** (inverse * k), sign * size

    def run(w, x):
        return FORMS[form](w[:, None], x) * f * f * f

    w, x = (W * 2.0**size).astype(dtype), np.full((3, 4), 2.0 ** (size if form == "under" else -size), dtype)
    program = dl.compile(run)
    for _ in range(2):
        np.testing.assert_array_equal(program(w, x), run(w, x))


@pytest.mark.parametrize("number, f", [(1e300, 2.0**59), (np.pi * 1e-307, 2.0**-59), (-1e300, -(2.0**50))])
def test_numbers_that_a_factor_would_spoil(number, f):
    x = np.full((3, 4), 1 / number)
    program = dl.compile(lambda x: x * number * f)
    for _ in range(2):
        np.testing.assert_array_equal(program(x), x * number * f)


NAMES = ("a", "b", "c")


@pytest.mark.parametrize("named", [(), ("a",), ("b",), ("c",), ("a", "c"), NAMES])
def test_inputs_have_their_names_beside_labelled_ones(named):
    def f(a, b, c):
        for name, x in (("a", a), ("b", b), ("c", c)):
            if name in named:
                dl.label(x, f"q_{name}")
        return np.tanh(a * b) + c

    program = dl.compile(f)
    program(np.ones(3), np.ones(3), np.ones(3))
    want = ", ".join(f"q_{name}" if name in named else name for name in NAMES)
    assert program.source.startswith(f"def program(work, {want}):")


@pytest.mark.parametrize("more", [2.0, -1.0, -0.5])
@pytest.mark.parametrize("form", FORMS)
def test_what_holds_a_factor_more_does_not_have_the_name_of_what_holds_it_not(form, more):
    """w * x is called q; a multiple of it, which the program computes in its place, is not."""

    def f(w, x):
        return np.tanh(dl.label(FORMS[form](w[:, None], x), "q") * more)

    program, w, x = dl.compile(f), W, np.full((3, 4), 0.25)
    np.testing.assert_allclose(program(w, x), f(w, x), rtol=1e-15)
    assert not re.search(r"\bq\b", program.source)


@pytest.mark.parametrize("f", [0.5, 4.0, -2.0])
def test_factors_that_cancel_are_gone(f):
    program = dl.compile(lambda x: np.tanh(np.sin(x) * f * (1 / f)))
    x = np.linspace(-1, 1, 12).reshape(3, 4)
    np.testing.assert_array_equal(program(x), np.tanh(np.sin(x)))
    assert "multiply" not in program.source and "*" not in program.source


def test_the_negative_of_a_value_does_not_have_its_name():
    def f(w, x):
        s = dl.label(np.tanh(w), "s")
        return np.cos(s * x * -1.0)

    program, w, x = dl.compile(f), np.array([0.5, 1.0, -0.3, 0.2]), np.full((3, 4), 0.25)
    np.testing.assert_allclose(program(w, x), f(w, x), rtol=1e-15)
    said = [line.split("# ")[1] for line in annotated(program.program.last).splitlines() if "# " in line]
    assert said[:3] == ["s = tanh(w)", "negative(s)", "t3 * x"]


@pytest.mark.parametrize("p", [np.float64, np.float32])
@pytest.mark.parametrize("g", [np.float64, np.float32, np.int64, np.bool_])
@pytest.mark.parametrize("sign", [1, -1])
def test_steps_of_mixed_dtypes(p, g, sign):
    x, y = np.linspace(-1, 1, 5000).astype(p), (np.arange(5000) % 3).astype(g)
    f = lambda x, y: x + sign * (0.1 * y)
    for program in (dl.compile(f), dl.compile(f, donate_argnums=0)):
        for _ in range(3):
            found = program(x.copy(), y)
            assert found.dtype == f(x, y).dtype
            np.testing.assert_allclose(found, f(x, y), rtol=1e-6 if p is np.float32 else 1e-15)


def test_angles_of_a_circle_are_two_short_numbers_and_a_rest():
    high, middle, low = sincos.tables()[3]
    for number in (high, middle):
        assert number and all(float(k * number) == k * Fraction(number) for k in (3, 2**23 - 1, 2**22 + 12345))
    assert abs(low) < 2.0**-67 < middle < 2.0**-37 < high
    with mpmath.workprec(300):
        assert abs(mpmath.mpf(high) + middle + low - 2 * mpmath.pi / 1024) < mpmath.mpf(2) ** -119


def test_tables_of_angles_are_the_same_from_threads_that_ask_at_once():
    with ThreadPoolExecutor(4) as pool:
        found = [job.result() for job in [pool.submit(sincos.tables.__wrapped__) for _ in range(4)]]
    for sines, cosines, *numbers in found:
        assert np.array_equal(sines, sincos.tables()[0]) and np.array_equal(cosines, sincos.tables()[1])
        assert tuple(numbers) == sincos.tables()[2:]


def test_a_row_of_ones_own_has_no_form_in_machine_code():
    graph = dl.trace(lambda x: dl.block(lambda t: np.sin(t), name="sin")(x) + np.sin(x), 0.5)
    for node in graph.order:
        own = TABLE.get(node.primitive.name) is not node.primitive
        assert not (own and native_forms.has_form(node))
    custom = dl.trace(lambda x: dl.while_loop(lambda y: y < 3, lambda y: y + 1, x), 0.5)
    assert not any(native_forms.has_form(n) for n in custom.order if n.primitive.name in ("while_loop", "input"))


@pytest.mark.parametrize("stride, kernel", [(1, 3), (2, 3), (1, 5)])
@pytest.mark.parametrize("size", [16, 33, 78, 110])
def test_convolutions_in_pieces_of_columns(monkeypatch, stride, kernel, size):
    """Whatever fits one thread: the same numbers."""
    rng = np.random.default_rng(size)
    x, w = rng.normal(size=(2, 3, size, 48)), rng.normal(size=(4, 3, kernel, kernel))
    f = lambda x, w: np.sum(np.sin(F.conv2d(x, w, stride=stride, padding=1)))
    want = f(x, w), *dl.grad(f, argnums=(0, 1))(x, w)
    monkeypatch.setattr(kernels_convolution, "ONE_THREAD", 16 * kernel * kernel * 3 * 4)
    monkeypatch.setattr(kernels_convolution, "pieces_of", kernels_convolution.pieces_of.__wrapped__)  # nothing known
    for a, b in zip(want, (f(x, w), *dl.grad(f, argnums=(0, 1))(x, w))):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "f, products",
    [
        (lambda x: 3.0 * (2.0 * x), 1),
        (lambda x: (x * 0.5) * 7.0, 1),
        (lambda x: 3.0 * (-x), 1),
        (lambda x: 3.0 * (0.3 * x), 2),  # rounds
        (lambda x: 3.0 * (2.0 * x) + np.sin(2.0 * x), 2),  # 2 x is needed too
    ],
)
def test_a_number_takes_in_a_power_of_two_that_stands_further_in(f, products):
    x = np.array([0.1, -1.7, 3.3e10, 5e-7])
    program = dl.compile(f)
    for _ in range(2):
        assert np.array_equal(program(x), f(x))
    rows = [n.primitive.name for n in program.program.graph.operations]
    assert rows.count("multiply") == products and "negative" not in rows
