"""Errors as a newcomer meets them: each names the thing, its value and the mend; status 2 and no traceback."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

import difflab as dl
from difflab import mdp, nn
from difflab.cli.app import run

X = np.array([1.0, 2.0])

SHELL = {
    "comparee x": "there is no command 'comparee'; did you mean compare?",
    "compare": "Missing argument 'EXPRESSION'",
    "compare x*y --at x=1": "the point gives no value for y; the names are x, y",
    "compare x*y --at x=1,y=": "'y=': write name=value, as in x=1,y=2",
    "compare x*y --at x=1,y=abc": "the value of y is not a number: 'abc' names abc; write a number, or a formula of",
    "compare x*y --at|x=1 y=2": "'x=1 y=2': put a comma between the values, as in x=1,y=2",
    "compare x*y --at x=1,y=2,z=3": "--at gives z; the expression names x, y",
    "compare x --at x=nan": "x holds nan: a derivative is taken at finite numbers",
    "compare x*y --at x=[1,2],y=[1,2,3]": "multiply: shapes (2,) of x and (3,) of y do not fit",
    "compare x[5] --at x=[1,2]": "index 5 is out of bounds for axis 0 with size 2",
    "compare A@x --at A=[[1,2],[3,4]],x=[1,2,3]": "matmul: shapes (2, 2) and (3,) do not fit",
    "compare x*(y+1 --at x=1,y=2": "this ( is not closed",
    "compare sinn(x) --at x=1": "there is no function sinn; did you mean sin?",
    "compare x^2 --at x=1": "^ is not a power here: write **",
    "compare 2x --at x=1": "a number and a name stand side by side; write a product as 2*x",
    "compare x --at x=1 -o out.txt": "No such option '-o'",
    "compare x*y --att x=1": "No such option '--att'. (Did you mean one of: '--at'",
    "compare x --at x=1 --method foo": "there is no method 'foo'; the methods are reverse, forward,",
    "draw x*y --at x=1 -o a.svg": "there is no value for y; give --at y=...",
    "draw x*y -o a.bmp": "a.bmp: the name has to end in one of .svg, .png, .pdf, .dot",
    "swell foo -o a.png": "family='foo'; the families are logistic,",
    "accuracy --rows sine": "there is no primitive named 'sine'; did you mean sin?",
    "train lenet6 --out run": "Invalid value for 'MODEL': 'lenet6' is not one of 'mlp', 'cnn', 'lenet5'",
    "train mlp --data fashon --out run": "there is no data set 'fashon'; give digits, fashion-mnist",
    "train mlp --epochs ten --out run": "'--epochs': 'ten' is not a valid integer",
    "train mlp --lr nan --out run": "'--lr': nan is no learning rate; give a number of at least 0",
    "train mlp --optimizer sgd --out run": "No such option '--optimizer'. Did you mean '--optimiser'?",
    "predict none.npz a.png": "none.npz does not exist; difflab train MODEL --out FOLDER writes best.npz there",
    "mdp griddworld": "there is no process 'griddworld'; did you mean gridworld?",
    "mdp none.npz": "none.npz cannot be read: No such file",
    "mdp gridworld --gamma 1.5": "discount=1.5 is outside [0, 1]",
    "mdp gridworld --slip 2": "slip=2.0 is a probability, from 0 to 1",
    "mdp gridworld --shape 5": "--shape '5': give rows x columns, as in 5x5",
    "mdp gridworld --method foo": "no method 'foo'; there are auto, value_iteration,",
    "descent rosenbrok -o a.png": "there is no surface or picture 'rosenbrok'; did you mean rosenbrock?",
    "descent nothing -o a.png": "'nothing'; they are ravine, rosenbrock, saddle, step-size, momentum, rates, kernels",
}


@pytest.mark.parametrize(("line", "saying"), SHELL.items(), ids=list(SHELL))
def test_shell(line, saying, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [w for k, part in enumerate(line.split("|")) for w in ([part] if k else part.split())]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        status = run(words)
    assert status == 2
    assert saying in said.getvalue()
    assert "Traceback" not in said.getvalue() and len(said.getvalue()) < 1500
    assert not list(tmp_path.iterdir())  # nothing was begun


MODEL = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
DATA = np.ones((4, 2)), np.array([0, 1, 0, 1])
PROCESS = mdp.MDP.from_arrays(np.array([[[0.5, 0.5], [0.0, 1.0]]]), [[1.0], [0.0]], discount=0.9)

PYTHON = {
    "an array added to a shorter one": (
        lambda: dl.grad(lambda x: np.sum(x + np.ones(3)))(X),
        "add: shapes (2,) and (3,) do not fit: counted from the last axis, lengths must be equal or 1",
    ),
    "the same by a ufunc": (lambda: dl.grad(lambda x: np.sum(np.add(np.ones(3), x)))(X), "add: shapes (3,) and (2,)"),
    "the same in two traces": (
        lambda: dl.grad(lambda x: dl.grad(lambda y: np.sum(x * y))(np.ones(3))[0])(X),
        "multiply: shapes (2,) and (3,)",
    ),
    "the same in a forward pass": (
        lambda: dl.parse("x*y").forward(x=X, y=np.ones(3)),
        "multiply: shapes (2,) of x and (3,) of y do not fit",
    ),
    "PyTorch's habits: backward": (
        lambda: dl.grad(lambda x: np.sum(x).backward())(X),
        "a traced value has no attribute 'backward'; gradients are taken of functions: dl.grad(f)(x)",
    ),
    "PyTorch's habits: detach": (lambda: dl.grad(lambda x: np.sum(x.detach()))(X), "dl.stop_gradient(x) makes it a"),
    "JAX's habits: at": (lambda: dl.grad(lambda x: x.at[0].set(1.0))(X), "'at'; build the new array with np.where"),
    "a misspelt attribute": (lambda: dl.grad(lambda x: x.shap)(X), "'shap'; did you mean 'shape'?"),
    "another library inside": (
        lambda: dl.grad(lambda x: np.random.default_rng(0).normal(x))(1.0),
        "normal takes plain numbers only and the value is traced: draw numbers that do not depend on it",
    ),
    "a name that is not public": (lambda: dl.gradient, "has no attribute 'gradient'; did you mean 'grad'?"),
    "a misspelt name": (lambda: dl.compair, "has no attribute 'compair'; did you mean 'compare'?"),
    "an operation that is not there": (
        lambda: dl.primitives.lookup("xyzzy"),
        "'xyzzy'; difflab.primitives.table() lists",
    ),
    "a point with another name": (
        lambda: dl.compare(lambda x: x**2, at=dict(y=1.0)),
        "the point names y, the function's arguments are x; taken as its one argument, the dict failed",
    ),
    "a tangent of another shape": (
        lambda: dl.jvp(np.sum, (X,), (np.ones(3),)),
        "jvp: the tangents: shape (3,), but the value it belongs to has shape (2,)",
    ),
    "no model": (lambda: nn.fit(None, DATA), "fit: model=None is not a layer; give one of nn"),
    "a class for an optimiser": (
        lambda: nn.fit(MODEL, DATA, optimiser=nn.optim.Adam),
        "such as nn.optim.Adam(lr=1e-3)",
    ),
    "a text for an optimiser": (
        lambda: nn.fit(MODEL, DATA, optimiser="adam"),
        "optimiser='adam'; give one of nn.optim",
    ),
    "a text for a number": (lambda: mdp.gridworld(slip="a"), "slip='a' is a probability, from 0 to 1"),
    "a text for a reward": (lambda: mdp.gridworld(step_reward="a"), "step_reward='a'; it must be a finite number"),
    "a process for a solution": (lambda: mdp.plot_solution(PROCESS), "is not a solution; give process.solve()"),
    "a process for a solution, again": (lambda: mdp.plot_q(PROCESS), "is not a solution; give process.solve()"),
    "a solution for a dict of them": (lambda: mdp.plot_convergence(PROCESS.solve()), "give a dict of name: solution"),
}


@pytest.mark.parametrize(("mistake", "saying"), PYTHON.values(), ids=list(PYTHON))
def test_python(mistake, saying):
    with pytest.raises((dl.DifflabError, AttributeError)) as refused:
        mistake()
    assert saying in str(refused.value)


def test_a_dict_may_still_be_the_argument():
    assert dl.compare(lambda p: p["a"] * p["b"], at=dict(a=2.0, b=3.0)).agree


def test_arrays_that_ask_a_traced_value_for_protocols_get_no():
    assert dl.trace(lambda x: x if hasattr(x, "__array_interface__") else 2 * x, 1.0).operations
