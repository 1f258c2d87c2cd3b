"""Programs on numbers as C: compiled by the machine's compiler, run, and compared; and formulas in LaTeX."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
from collections import Counter

import numpy as np
import pytest
from out_cases import FUNCTIONS, ROWS, counted, flat, tried
from table_arrays import agree

import difflab as dl
from difflab.bridges.out import to_c as writing
from difflab.errors import InputError, UnsupportedError

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
UNWRITTEN = {
    "sorted",
    "median",
    "determinant",
    "loop",
    "convolved",
    "convolution",
    "pooling",
    "gradient of convolution",
}
compiler = pytest.mark.skipif(CC is None, reason="a C compiler is not installed")


def compiled(texts, folder):
    """The functions of these texts, as one library."""
    (folder / "all.c").write_text("\n".join(texts))
    command = [
        CC,
        "-std=c99",
        "-O1",
        "-ffp-contract=off",
        "-Wall",
        "-Werror",
        "-Wno-parentheses",
        "-Wno-unused-variable",
    ]
    command += ["-shared", "-fPIC", "all.c", "-o", "all.so", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    return ctypes.CDLL(str(folder / "all.so"))


def called(function, xs, graph):
    """What a function of C gives at a point."""
    kept, arguments = [], []
    for x in map(np.asarray, xs):
        kept.append(np.ascontiguousarray(x, np.float64))
        arguments.append(kept[-1].ctypes.data_as(ctypes.c_void_p) if x.shape else ctypes.c_double(float(x)))
    kinds = {"f": np.float64, "b": np.int32, "i": np.int64}
    if len(graph.outputs) == 1 and not graph.outputs[0].shape:
        function.restype = {"f": ctypes.c_double, "b": ctypes.c_int, "i": ctypes.c_longlong}[
            graph.outputs[0].dtype.kind
        ]
        return [np.asarray(function(*arguments), graph.outputs[0].dtype)]
    found = [np.zeros(y.shape, kinds[y.dtype.kind]) for y in graph.outputs]
    function(*arguments, *[y.ctypes.data_as(ctypes.c_void_p) for y in found])
    return [y.astype(n.dtype) for y, n in zip(found, graph.outputs)]


@compiler
def test_functions_in_c_have_difflabs_values(tmp_path):
    texts, cases = [], []
    for k, (name, (f, xs)) in enumerate(FUNCTIONS.items()):
        try:
            texts.append(dl.to_c(f, *xs, name=f"f{k}"))
            cases.append((name, f"f{k}", f, xs))
        except UnsupportedError:
            assert name in UNWRITTEN
    library = compiled(texts, tmp_path)
    assert len(cases) >= 40
    for name, label, f, xs in cases:
        graph = dl.trace(f, *xs)
        agree(name, called(getattr(library, label), xs, graph), flat(f(*xs)), 1e-13)


WHOLE, REAL, TRUE = np.array([1, 2]), np.array([0.5, 1.75]), np.array([True, True])
MIXED = {
    "a product of matrices": (lambda i, x: i @ x, (WHOLE, REAL)),
    "einsum": (lambda i, x: np.einsum("i,i", i, x), (WHOLE, REAL)),
    "joined and added": (lambda i, x: np.sum(np.concatenate([i, x])), (WHOLE, REAL)),
    "stacked truth values": (lambda b, x: np.stack([b, x]).sum(axis=0), (TRUE, REAL)),
    "truth values added": (lambda b, x: (b + b) * x, (TRUE, REAL)),
    "truth values as a matrix": (lambda b, x: (b @ b) * x, (TRUE, REAL)),
    "truth values counted": (lambda b, x: np.sum(b) * x, (TRUE, REAL)),
    "NumPy's own zeros": (lambda x: np.triu(x) / np.triu(x + 1), (np.ones((2, 2)),)),
    "no sum over no sum": (lambda x: np.sum(x[2:]) / np.sum(x[2:]), (REAL,)),
    "remainder": (lambda x, y: x % y, (1.0, 0.1)),
    "remainder, other signs": (lambda x, y: x % y, (-5.5, 2.0)),
    "quotient rounded down": (lambda x, y: x // y, (1.0, 0.1)),
    "quotient by zero": (np.floor_divide, (1.0, 0.0)),
    "names of the library": (lambda exp, floor: np.exp(floor) * np.floor(exp), (1.5, 0.5)),
}  # fmt: skip


def called_in_kinds(function, xs, like):
    """As `called`, with whole numbers and truth values as they are."""
    of, number = {"f": np.float64, "b": np.int32, "i": np.int64}, {"f": ctypes.c_double, "b": ctypes.c_int}
    kept = [np.ascontiguousarray(x, of[np.asarray(x).dtype.kind]) for x in xs]
    given = [k.ctypes.data_as(ctypes.c_void_p) if np.ndim(x) else number[k.dtype.kind](x) for k, x in zip(kept, xs)]
    if not np.ndim(like):
        function.restype = ctypes.c_double
        return function(*given)
    found = np.zeros(np.shape(like))
    function(*given, found.ctypes.data_as(ctypes.c_void_p))
    return found


@compiler
def test_whole_numbers_and_truth_values_meet_real_ones_as_in_numpy(tmp_path):
    texts = [dl.to_c(f, *xs, name=f"f{k}") for k, (f, xs) in enumerate(MIXED.values())]
    library = compiled(texts, tmp_path)
    for k, (name, (f, xs)) in enumerate(MIXED.items()):
        with np.errstate(all="ignore"):
            want = f(*xs)
        np.testing.assert_allclose(called_in_kinds(library[f"f{k}"], xs, want), want, rtol=1e-15, err_msg=name)


def test_truth_values_that_a_program_cannot_take_are_refused_by_name():
    with pytest.raises(UnsupportedError, match="logaddexp"):
        dl.to_c(lambda b: np.logaddexp(b, b), TRUE)


def outcome(name):
    def run(graph, values):
        values = [np.asarray(v, float)[()] if np.asarray(v).dtype.kind == "f" else v for v in values]
        text = dl.to_c(graph, *values)
        return text, graph, values

    return tried(name, run, lambda name, got, want: WRITTEN.setdefault(name, []).append((*got, want)))


WRITTEN = {}


@compiler
def test_every_row_has_numpys_values_or_is_refused_by_name(tmp_path):
    WRITTEN.clear()
    assert Counter(map(outcome, ROWS)) == counted("C")
    cases = [(f"{name}_{k}", *case) for name, found in WRITTEN.items() for k, case in enumerate(found)]
    texts = [text.replace(" function(", f" f_{label}(", 1) for label, text, *_ in cases]
    library = compiled(texts, tmp_path)
    for label, _, graph, values, want in cases:
        agree(label, called(getattr(library, f"f_{label}"), values, graph), want, 1e-11)


def test_constants_are_exact():
    for x in (0.1, 1e300, 5e-324, -0.0, 3.0, 123456789.125):
        text = writing.literal(x)
        again = float.fromhex(text) if "0x" in text else float(text)
        assert again == x and math.copysign(1, again) == math.copysign(1, x)
    assert [writing.literal(x) for x in (math.inf, -math.inf, math.nan, True, 7)] == [
        "INFINITY", "-INFINITY", "NAN", "1", "7LL",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: dl.to_c(lambda x: np.linalg.inv(x) + np.sort(x), np.eye(2)), UnsupportedError, "argsort"),
        (lambda: dl.to_c(np.sin, np.float32(1.0)), UnsupportedError, "dtype float32"),
        (lambda: dl.to_c(np.sin, 1.0, name="double"), InputError, "no name of a function in C"),
        (lambda: dl.to_c(lambda x: x @ x, np.ones((50, 50))), UnsupportedError, "more than 20,000 operations"),
        (lambda: dl.to_c(lambda x: x if x > 0 else -x, 1.0), UnsupportedError, "looks at a value"),
    ],
)
def test_what_cannot_be_written_is_told(call, error, words):
    with pytest.raises(error, match=words):
        call()


LATEX = {
    "exp(-(x-1)**2/2)": r"e^{\frac{-\left(x - 1\right)^{2}}{2}}",
    "(x+y)*(x-y)": r"\left(x + y\right) \cdot \left(x - y\right)",
    "(x/y)**2": r"\left(\frac{x}{y}\right)^{2}",
    "(-x)**y": r"\left(-x\right)^{y}",
    "-x**2": "-x^{2}",
    "x - (y - z)": r"x - \left(y - z\right)",
    "2*(-x)": r"2 \cdot \left(-x\right)",
    "sum(x)*2": r"\left(\sum x\right) \cdot 2",
    "sqrt(x)**3": r"\sqrt{x}^{3}",
    "alpha + x_1 + rate": r"\alpha + x_{1} + \mathrm{rate}",
    "1e-30*x": r"1 \cdot 10^{-30} \cdot x",
}


@pytest.mark.parametrize("text", LATEX)
def test_formulas_in_latex(text):
    lines = dl.to_latex(dl.parse(f"f = {text}")).splitlines()
    assert lines[1:-1] == [f"f &= {LATEX[text]}"]


def test_what_is_read_twice_has_a_line_of_its_own():
    text = dl.to_latex(lambda x: np.sin(dl.label(x * x, "q")) + np.cos(x[0]) * 2, np.ones(2))
    assert text.splitlines()[1] == r"q &= x \cdot x \\"
    with pytest.raises(InputError, match="neither a function nor a graph"):
        dl.to_latex(3)


def test_every_rows_formula_has_its_braces():
    for name, (f, xs) in FUNCTIONS.items():
        text = dl.to_latex(f, *xs)
        assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}"), name
        assert text.count(r"\left(") == text.count(r"\right)"), name
