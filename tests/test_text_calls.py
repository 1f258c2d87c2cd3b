"""Every function that text can call, with arguments of every kind: it works, or a DifflabError says why not."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec

import numpy as np
import pytest

import difflab as dl
from difflab.compile.program.program import BACKENDS
from difflab.differentiate.problem import as_problem
from difflab.errors import DifflabError
from difflab.graph.function_names import functions
from difflab.lab.kinks import kinks

ARGUMENTS = """
x | 3 | -1 | 0.5 | [1,2] | [x,1] | x>0 | heaviside(x,2) | isnan(x) | [[x,1],[2,3]] | [[[x]]]
x,2 | 2,x | x,0.5 | x,x | 1,2 | x,-1 | x,None | x,1e300 | x,(0,1) | x>0,x | x,x>0 | [x>0,x<0],[x,2] | [x,x],[x>0,x<0]
[1,2],x | x,[1,2] | [[1,2],[3,4]],x | x,[[1,2],[3,4]] | [[x,1],[2,3]],1 | [[x,1],[2,3]],[[1,2],[2,3]] | [x,2],[1]
[x,1,2],0.3 | [x,2],0 | x,1,2 | x,x,x | 1,2,x | x,2,x | x,1.5,2.5 | x,x>0,x | x>0,x,x | x,x,x>0 | x,x,1,1
[x,2,1],[3,1,2],[1,1,2] | [x>0,x<0],[x,1] | [x>0,x<0],[x,1],2
[x,1],axis=0 | [[x,1],[2,3]],axis=1 | x,axis=0 | x,axis=5 | x,n=2
"""
TEXTS = [text.strip() for line in ARGUMENTS.splitlines() for text in line.split("|") if text.strip()]


def texts(name):
    for given in TEXTS:
        yield f"{name}({given})"
        yield f"sum({name}({given})*{'1.0' if 'x' in given else 'x'})"


def ask_everything(text):
    at = dict(x=0.5)
    with suppress(DifflabError):
        graph = dl.parse(text)
        problem = as_problem(graph, at)
        for method in ("reverse", "forward"):
            with suppress(DifflabError):
                dl.differentiate(problem, at, method=method)
        kinks(problem)
        graph.forward(**at).backward()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", functions())
def test_every_function_answers_or_refuses_each_call(name):
    for text in texts(name):
        try:
            with np.errstate(all="ignore"):
                ask_everything(text)
        except Exception as error:
            pytest.fail(f"{text}: {type(error).__name__}: {error}")


@pytest.mark.parametrize(
    "text, words",
    [
        ("polygamma([[1,2],[3,4]], x)", "polygamma: n=.*one whole number"),
        ("polygamma(1.5, x)", "polygamma: n=1.5.*one whole number"),
        ("polygamma(-1, x)", "polygamma: n=-1.*from 0"),
        ("round(x, [1, 2])", "round: decimals=.*one whole number"),
        ("round(x, 1e300)", "round: decimals=.*one whole number"),
        ("multigammaln(x, 1e9)", "multigammaln: d=.*from 1 to 1000"),
        ("sinc(x, n=2)", "sinc: .*n"),
        ("sinc_derivative(x)", "sinc_derivative: .*n"),
        ("conjugate(x, [1, 2])", "conjugate: too many"),
        ("isclose(x, 1, x)", "isclose: rtol must be a plain value"),
        ("delete([1, 2, 3], x)", "delete: obj must be a plain value"),
        ("insert([1, 2, 3], x, 1)", "insert: obj must be a plain value"),
        ("trim_zeros([x, 1], 3)", "trim_zeros: trim=3"),
        ("polyval([[1, 2], [3, 4]], x)", "polyval: coefficients of shape"),
        ("polyadd([[1, 2], [3, 4]], [x])", "polyadd: coefficients of shape"),
        ("vander([[1, 2], [3, x]])", "vander: an array of shape"),
        ("common_type(x)", "a gradient needs a"),
        ("result_type(x)", "a gradient needs a"),
    ],
)
def test_wrong_calls_name_the_argument(text, words):
    with pytest.raises(DifflabError, match=words):
        as_problem(text, dict(x=0.5))


@pytest.mark.parametrize(
    "text, slope",
    [
        ("isposinf(x)*x", 0.0),
        ("isneginf(-1/(x-x))*x", 1.0),
        ("median([x > 0, x > 1])*x", 0.5),
        ("rel_entr(x > 0, x)", -2.0),
        ("huber(x > 0, 3*x)", 3.0),
        ("silu(x > 0)*x", 0.7310585786300049),
        ("trapezoid([x, x*x], [x > 1, x > 0])", 1.0),
    ],
)
def test_truth_values_are_numbers(text, slope):
    for method in ("reverse", "forward"):
        assert np.isclose(dl.differentiate(text, dict(x=0.5), method=method).gradient["x"], slope)


def test_functions_that_return_no_numbers():
    for backend in [name for name in BACKENDS if name != "jax" or find_spec("jax")]:
        assert dl.compile(np.shape, backend=backend)(0.5) == ()
        assert dl.compile(lambda x: (np.shape(x), x), backend=backend)(0.5) == ((), 0.5)
    assert dl.compile(np.result_type)(0.5) == np.dtype(float)
    with pytest.raises(DifflabError, match="jacobian: the function returned dtype"):
        dl.jacobian(np.result_type)(0.5)
    with pytest.raises(DifflabError, match="a gradient needs a number"):
        as_problem(np.result_type, 0.5)
