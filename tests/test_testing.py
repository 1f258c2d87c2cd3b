"""difflab.testing: wrong gradients are found and shown, right ones pass."""

from __future__ import annotations

import math
import os
import pathlib
import shlex
import subprocess
import sys
import zlib

import numpy as np
import pytest
from patience import HANGS

import difflab as dl
from difflab.graph.pytree import flatten
from difflab.testing import DisagreementError, assert_gradients_agree, check_grads
from difflab.testing.agreement import examine


@dl.custom_gradient
def wrong_square(x):
    return x * x, lambda g: g * x


def test_right_gradients_pass():
    assert_gradients_agree(lambda x: np.sum(np.tanh(x) ** 2), np.array([0.5, -1.0]))
    assert_gradients_agree("x * y + sin(x)", dict(x=1.0, y=2.0))


def test_pytrees_and_several_arguments():
    params = {"w": np.array([[0.1, 0.2], [0.3, -0.4]]), "b": [np.array([0.5, 0.6])]}
    assert_gradients_agree(lambda p, x: np.sum(np.tanh(p["w"] @ x + p["b"][0])), params, np.array([1.0, 2.0]))


def test_outputs_that_are_not_scalars():
    assert_gradients_agree(lambda x: (np.sin(x), {"twice": 2 * x}), np.array([0.3, 0.4]))


def test_wrong_rule_is_an_assertion_error_with_a_table():
    with pytest.raises(AssertionError) as caught:
        assert_gradients_agree(lambda x: np.sum(wrong_square(x)), np.array([3.0, 4.0]))
    told = str(caught.value)
    assert isinstance(caught.value, DisagreementError)
    assert "reverse" in told and "x[0]" in told and "ulps" in told and "6" in told


def test_many_entries_are_checked_along_directions():
    x = np.linspace(0.1, 2, 500)
    assert_gradients_agree(lambda x: np.sum(np.exp(-x) * x), x)
    with pytest.raises(DisagreementError, match="direction"):
        assert_gradients_agree(lambda x: np.sum(wrong_square(x)), x)


def test_own_gradient_is_judged():
    f = lambda x, y: np.sum(x**2) * y
    x, y = np.array([1.0, 2.0]), 3.0
    assert_gradients_agree(f, x, y, gradient=lambda x, y: (2 * x * y, np.sum(x**2)))
    with pytest.raises(DisagreementError, match="gradient="):
        assert_gradients_agree(f, x, y, gradient=lambda x, y: (2 * x * y, np.sum(x)))
    with pytest.raises(DisagreementError, match="arrays"):
        assert_gradients_agree(f, x, y, gradient=lambda x, y: 2 * x * y)
    big = np.linspace(1, 2, 100)
    with pytest.raises(DisagreementError, match="gradient="):
        assert_gradients_agree(lambda x: np.sum(x**2), big, gradient=lambda x: x)


def test_tolerance_in_ulps():
    f = lambda x: np.exp(x) / (np.sin(x) ** 3 + np.cos(x) ** 3)
    assert_gradients_agree(f, 1.5, ulps=1000)
    with pytest.raises(DisagreementError):
        assert_gradients_agree(lambda x: (1 - np.cos(x)) / x**2, 1e-4, ulps=1)


def test_kinks_are_refused():
    with pytest.raises(dl.DifflabError, match="kink"):
        assert_gradients_agree(lambda x: np.sum(np.abs(x)), np.array([0.0, 1.0]))
    assert_gradients_agree(lambda x: np.sum(np.abs(x)), np.array([0.0, 1.0]), allow_kinks=True)


def test_check_grads():
    check_grads(lambda x, y: np.sum(np.sin(x) * y), (np.array([0.3, 1.0]), np.array([2.0, 0.5])), order=3)
    check_grads(lambda p: np.exp(p["a"]), ({"a": np.array([0.1, 0.2])},), order=2, modes="rev")
    check_grads(lambda x: np.sum(x**3), (np.ones(3, np.float32),), order=1)
    with pytest.raises(DisagreementError, match="order 1"):
        check_grads(lambda x: np.sum(wrong_square(x)), (np.array([3.0]),), order=1, modes=["reverse"])


@pytest.mark.parametrize("options", [dict(modes="sideways"), dict(order=0), dict(modes=[])])
def test_check_grads_bad_options(options):
    with pytest.raises(dl.DifflabError):
        check_grads(np.sin, (1.0,), **options)
    with pytest.raises(dl.DifflabError):
        check_grads(np.sin, 1.0)


# Somebody else's gradient: f, the right gradient, the point. Of each kind of f that difflab meets.


def simulator(x):
    """Python floats, a file's worth of state and a loop: nothing that can be recorded."""
    position, speed = 0.0, float(x[0])
    for _ in range(20):
        position += 0.05 * speed
        speed -= 0.05 * float(x[1]) * math.sin(position)
    return position


def writes_into_its_argument(x):
    x[0] = x[0] ** 2
    return float(x[0] + x[1])


class Library:
    """Numbers of another library: no NumPy function takes them."""

    def __init__(self, values):
        self.values = [float(v) for v in values]

    def norm(self):
        return math.sqrt(sum(v * v for v in self.values))


def several(p, y):
    return np.sum(p["w"] ** 2) * y + p["b"][0]


FLOATS = np.array([0.3, -1.2, 0.7])
GIVEN = {
    "recorded": (lambda x: np.sum(np.sin(x) * x), lambda x: np.cos(x) * x + np.sin(x), (FLOATS,), "certificate"),
    "a number": (lambda x: x**3, lambda x: 3 * x**2, (2.0,), "certificate"),
    "a text": ("x * y + sin(x)", lambda x, y: dict(x=y + np.cos(x), y=x), (dict(x=1.0, y=2.0),), "certificate"),
    "a tree and a number": (
        several,
        lambda p, y: ({"w": 2 * p["w"] * y, "b": [np.ones(())]}, np.sum(p["w"] ** 2)),
        ({"w": np.array([1.0, 2.0]), "b": [0.5]}, 3.0),
        "certificate",
    ),
    "math": (lambda x: math.exp(x) * x, lambda x: math.exp(x) * (1 + x), (0.7,), "differences"),
    "another library": (lambda x: Library(x).norm(), lambda x: x / np.sqrt(np.sum(x**2)), (FLOATS,), "differences"),
    "writes": (writes_into_its_argument, lambda x: np.array([2 * x[0], 1.0]), (np.array([3.0, 1.0]),), "differences"),
    "many": (
        lambda x: np.sum(np.exp(-x) * x),
        lambda x: np.exp(-x) * (1 - x),
        (np.linspace(0.1, 2, 1000),),
        "certificate",
    ),
    "many, not recorded": (
        lambda x: float(np.sum([math.exp(-v) * v for v in x])),
        lambda x: np.exp(-x) * (1 - x),
        (np.linspace(0.1, 2, 300),),
        "differences",
    ),
    "float32": (
        lambda x: np.sum(np.sin(x) * x),
        lambda x: np.cos(x) * x + np.sin(x),
        (FLOATS.astype(np.float32),),
        "certificate",
    ),
}


def damaged(gradient, damage):
    """A gradient whose first array is damaged."""

    def wrong(*args, **kwargs):
        leaves, rebuild = flatten(gradient(*args, **kwargs))
        leaves[0] = damage(np.array(leaves[0]))[()]
        return rebuild(leaves)

    return wrong


def one_entry(change):
    def damage(g):
        g.reshape(-1)[g.size // 2] = change(g.reshape(-1)[g.size // 2])
        return g

    return damage


DAMAGES = {
    "3 %": one_entry(lambda v: 1.03 * v),
    "sign": one_entry(lambda v: -v),
    "lost": one_entry(lambda v: 0.0 * v),
    "nan": one_entry(lambda v: v * np.nan),
    "inf": one_entry(lambda v: v / 0.0 if v else np.inf),
    "all twice": lambda g: 2 * g,
}


@pytest.mark.parametrize("name", GIVEN)
def test_right_gradients_of_others_pass(name):
    f, gradient, at, judge = GIVEN[name]
    report = examine(f, at, gradient)
    assert report.agree and all(judge in told for told in report.judges)
    assert judge in str(report)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", GIVEN)
def test_wrong_gradients_of_others_are_found(name, damage):
    f, gradient, at, judge = GIVEN[name]
    with np.errstate(all="ignore"), pytest.raises(DisagreementError, match=r"gradient=.*\n.*the judge: .*") as caught:
        assert_gradients_agree(f, *at, gradient=damaged(gradient, DAMAGES[damage]))
    assert judge in str(caught.value) and "again: " in str(caught.value)


@pytest.mark.parametrize("name", ["recorded", "many"])
def test_one_entry_that_is_off_by_a_millionth_is_named(name):
    f, gradient, at, _ = GIVEN[name]
    with pytest.raises(DisagreementError) as caught:
        assert_gradients_agree(f, *at, gradient=damaged(gradient, one_entry(lambda v: v * (1 + 1e-6))))
    assert f"x[{np.size(at[0]) // 2}]" in str(caught.value) and str(caught.value).count("gradient=  ") == 1


def test_one_wrong_entry_of_a_thousand_that_cannot_be_recorded_is_named():
    f = lambda x: float(np.sum([v * v for v in np.asarray(x).tolist()]))
    x = np.linspace(0.1, 2, 1000)
    with pytest.raises(DisagreementError, match=r"x\[500\]"):
        assert_gradients_agree(f, x, gradient=damaged(lambda x: 2 * x, one_entry(lambda v: 1.5 * v)))


STRUCTURES = {
    "one array for two": (lambda p, y: np.zeros(2), "gives 1 arrays for 3"),
    "another key": (lambda p, y: ({"w": np.ones(2), "c": [1.0]}, 1.0), "structure"),
    "another shape": (lambda p, y: ({"w": np.ones(3), "b": [1.0]}, 1.0), "shape"),
    "complex": (lambda p, y: ({"w": np.ones(2) * 1j, "b": [1.0]}, 1.0), "complex"),
    "text": (lambda p, y: ({"w": np.array(["a", "b"]), "b": [1.0]}, 1.0), "dtype"),
    "a missing leaf": (lambda p, y: ({"w": np.ones(2), "b": [None]}, 1.0), "gives 2 arrays for 3"),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_gradient_of_another_structure_is_a_disagreement(name):
    gradient, told = STRUCTURES[name]
    with pytest.raises(DisagreementError, match=told):
        assert_gradients_agree(several, {"w": np.array([1.0, 2.0]), "b": [0.5]}, 3.0, gradient=gradient)


def test_a_gradient_with_its_own_random_numbers_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(DisagreementError, match="two values at the same point"):
        assert_gradients_agree(lambda x: x * x, 1.0, gradient=lambda x: 2 * x + rng.normal())


def test_a_narrow_gradient_of_a_wide_point_is_told():
    f, gradient, at, _ = GIVEN["recorded"]
    narrow = lambda x: gradient(x).astype(np.float32)
    with pytest.raises(DisagreementError, match="gradient= is float32 for x, which is float64"):
        assert_gradients_agree(f, *at, gradient=narrow)
    assert_gradients_agree(f, *at, gradient=narrow, rtol=1e-4)
    assert_gradients_agree(f, at[0].astype(np.float32), gradient=narrow)
    with pytest.raises(DisagreementError, match=r"0\.0001 \(float32\)"):
        assert_gradients_agree(f, at[0].astype(np.float32), gradient=lambda x: 1.001 * narrow(x))


def test_rounding_that_the_formula_cannot_help_is_accepted_and_no_more():
    f = lambda x: np.cos(x) - 1
    cancels = lambda x: -(np.sin(x + 1e4) * np.cos(1e4) - np.cos(x + 1e4) * np.sin(1e4))  # sin(x), with 12 digits
    assert_gradients_agree(f, 1e-3, gradient=cancels)
    with pytest.raises(DisagreementError):
        assert_gradients_agree(f, 1e-3, gradient=cancels, rtol=1e-14)
    with pytest.raises(DisagreementError):
        assert_gradients_agree(f, 1e-3, gradient=lambda x: 1.0001 * cancels(x))


def test_a_record_that_computes_something_else_is_not_used():
    """A function may look at what it is given."""
    f = lambda x: float(x) ** 2 if isinstance(x, float) else 7 * x
    report = examine(f, (3.0,), lambda x: 2 * x)
    assert report.agree and "finite differences" in report.judges
    assert any("the record" in note for note in report.notes)


def test_nobody_to_judge_is_an_error():
    rng = np.random.default_rng(0)
    noise = lambda x: float(x) + rng.normal()
    with pytest.raises(dl.DifflabError):
        assert_gradients_agree(noise, 1.0, gradient=lambda x: 1.0)
    with pytest.raises(dl.DifflabError, match="not defined|undefined"):
        assert_gradients_agree(lambda x: np.log(x), -1.0, gradient=lambda x: 1 / x)


KINKS = {
    "abs": (lambda x: np.sum(np.abs(x)), np.array([0.0, 1.0]), np.array([0.3, 1.0]), np.array([1.2, 1.0])),
    "relu": (lambda x: np.sum(np.maximum(x, 0.0)), np.array([0.0, 2.0]), np.array([1.0, 1.0]), np.array([-0.1, 1.0])),
    "not recorded": (lambda x: float(sum(abs(float(v)) for v in x)), np.array([0.0, 1.0]), np.array([-1.0, 1.0]),
                     np.array([1.2, 1.0])),
}  # fmt: skip


@pytest.mark.parametrize("name", KINKS)
def test_at_a_kink_only_what_lies_between_the_slopes_is_accepted(name):
    f, x, between, beside = KINKS[name]
    with pytest.raises(dl.errors.InputError, match="kink"):
        assert_gradients_agree(f, x, gradient=lambda x: between)
    assert_gradients_agree(f, x, gradient=lambda x: between, allow_kinks=True)
    with pytest.raises(DisagreementError, match="left derivative .*, right derivative 1"):
        assert_gradients_agree(f, x, gradient=lambda x: beside, allow_kinks=True)
    with pytest.raises(DisagreementError):  # an entry beside the kink is judged all the same
        assert_gradients_agree(f, x, gradient=lambda x: between * [1, 1.1], allow_kinks=True)


def test_one_entry_alone():
    f, gradient, at, _ = GIVEN["recorded"]
    wrong = damaged(gradient, DAMAGES["3 %"])
    assert_gradients_agree(f, *at, gradient=wrong, entry="x[0]")
    with pytest.raises(DisagreementError, match=r"x\[1\]"):
        assert_gradients_agree(f, *at, gradient=wrong, entry="x[1]")
    for bad in ("x[9]", "y", "x", "x[-1]"):
        with pytest.raises(dl.errors.InputError, match="entry="):
            assert_gradients_agree(f, *at, gradient=wrong, entry=bad)


@pytest.mark.parametrize("options", [dict(rtol=-1.0), dict(ulps=float("nan")), dict(entry="x")])
def test_bad_options(options):
    with pytest.raises(dl.errors.InputError):
        assert_gradients_agree(lambda x: x * x, 1.0, **options)


def well_known(w):
    return np.sum(w**2)


def its_gradient(w):
    return 2 * w


def broken_gradient(w):
    return 2 * w * np.array([1.0, 1.0, 1.5])


LINES = {
    "shell": (well_known, broken_gradient, (FLOATS,), "difflab check "),
    "python": (well_known, broken_gradient, (FLOATS.astype(np.float32),), "import numpy"),
}


@pytest.mark.parametrize("name", LINES)
def test_the_line_to_paste_fails_on_that_entry_and_on_no_other(name, tmp_path):
    f, gradient, at, begins = LINES[name]
    with pytest.raises(DisagreementError) as caught:
        assert_gradients_agree(f, *at, gradient=gradient)
    line = str(caught.value).rpartition("again: ")[2]
    assert line.startswith(begins) and "w[2]" in line
    for wanted, entry in ((1, "w[2]"), (0, "w[1]")):
        words = shlex.split(line.replace("w[2]", entry))[2:]
        command = ["-m", "difflab", "check", *words] if name == "shell" else ["-c", line.replace("w[2]", entry)]
        folder = pathlib.Path(__file__).parent
        paths = os.pathsep.join([str(folder), str(folder.parent), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, *command],
            env=os.environ | {"PYTHONPATH": paths},
            capture_output=True,
            text=True,
            timeout=HANGS,
        )
        assert done.returncode == wanted, done.stdout + done.stderr


def test_a_text_has_a_line_too():
    with pytest.raises(DisagreementError) as caught:
        assert_gradients_agree("x * x", dict(x=3.0), gradient=lambda x: x)
    assert "assert_gradients_agree('x * x', {'x': 3.0}, gradient=gradient" in str(caught.value)


def test_a_function_that_cannot_be_recorded_needs_a_gradient_of_its_own():
    with pytest.raises(dl.errors.TraceError, match="gradient of your own"):
        assert_gradients_agree(simulator, np.array([1.0, 2.0]))


def test_check_grads_refuses_where_nobody_can_judge():
    with pytest.raises(dl.errors.InputError, match="kink"):
        check_grads(lambda x: np.sum(np.abs(x)), (np.array([0.0, 1.0]),), order=1)


def test_tiny_scales_are_no_excuse():
    assert_gradients_agree(lambda x: x * x, 1e-34, gradient=lambda x: 2 * x)
    with pytest.raises(DisagreementError):
        assert_gradients_agree(lambda x: x * x, 1e-34, gradient=lambda x: 2.02 * x)


def hashed_noise(x):
    """A solver that stops early: about 1e-9 of noise."""
    return math.sin(float(x)) + 1e-9 * (zlib.crc32(np.float64(x).tobytes()) / 2**32 - 0.5)


def in_float32(x):
    """What a library does that computes in float32, whatever it is given."""
    x = np.asarray(x, np.float32)
    return float(np.sum([np.float32(math.sin(v)) * v for v in x], dtype=np.float32))


ROUGH = {
    "noise": (hashed_noise, math.cos, 1.0),
    "float32 inside": (in_float32, lambda x: np.cos(x) * x + np.sin(x), FLOATS),
    "float32 inside and outside": (
        in_float32,
        lambda x: np.cos(x) * x + np.sin(x),
        np.array([0.0, 0.3, -1.0, 2.7], np.float32),
    ),
}


@pytest.mark.parametrize("name", ROUGH)
def test_rough_functions_are_judged_as_far_as_they_go(name):
    f, gradient, x = ROUGH[name]
    told = [str(examine(f, (x,), gradient)) for _ in range(2)]
    assert told[0] == told[1] and "finite differences" in told[0]
    with pytest.raises(DisagreementError, match="finite differences"):
        assert_gradients_agree(f, x, gradient=lambda x: 1.03 * gradient(x))
