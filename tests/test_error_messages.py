"""Errors as a newcomer meets them: each names the thing, its value and the mend; status 2 and no traceback."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

import difflab as dl
from difflab import mdp, nn
from difflab.cli.app import run
from difflab.testing import assert_gradients_agree

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
    "compare|sin x|--at|x=1": "a product as a*b, and what a function gives as f(a)\n  sin x\n      ^",
    "compare|f(x) = x**2|--at|x=1": "left of = stands a name alone, as in f = x**2\n  f(x) = x**2\n  ^",
    "compare x --at x=1 -o out.txt": "No such option '-o'",
    "compare x*y --att x=1": "No such option '--att'. (Did you mean one of: '--at'",
    "compare x --at x=1 --method foo": "there is no method 'foo'; the methods are reverse, forward,",
    "draw x*y --at x=1 -o a.svg": "there is no value for y; give --at y=...",
    "compare x --at x=1 --wrt|": "wrt='': there is no such input",
    "compare x --at x=1 --seconds nan": "'--seconds': nan is not in the range x>0",
    "check f.py:f --rtol nan": "'--rtol': nan is not in the range x>=0",
    "judge f.py:f --seconds nan": "'--seconds': nan is not in the range x>=0.1",
    "judge f.py:f --torch --jax": "--torch and --jax are both given",
    "step x --at x=1 -o a.svg": "a.svg: the name has to end in .html",
    "export x": "Choose from:\n  numpy,\n  c,\n  latex,\n  onnx\n",
    "summary vgg16 --shape|": "--shape ''; give channels, height and width",
    "draw x*y -o a.bmp": "a.bmp: the name has to end in one of .svg, .png, .pdf, .dot",
    "swell foo -o a.png": "family='foo'; the families are logistic,",
    "accuracy --rows sine": "there is no primitive named 'sine'; did you mean sin?",
    "train lenet6 --out run": "Invalid value for 'MODEL': 'lenet6' is not one of 'mlp', 'cnn', 'lenet5'",
    "train mlp --data fashon --out run": "there is no data set 'fashon'; did you mean fashion-mnist? give digits,",
    "train mlp --out run --data|": "there is no data set ''; give digits, fashion-mnist",
    "train mlp --noise nan --out run": "'--noise': nan is not in the range x>=0",
    "train mlp --epochs ten --out run": "'--epochs': 'ten' is not a valid integer",
    "train mlp --lr nan --out run": "'--lr': nan is no learning rate; give a number of at least 0",
    "train mlp --optimizer sgd --out run": "No such option '--optimizer'. Did you mean '--optimiser'?",
    "predict none.npz a.png": "none.npz does not exist; difflab train MODEL --out FOLDER writes best.npz there",
    "mdp griddworld": "there is no process 'griddworld'; did you mean gridworld?",
    "mdp none.npz": "none.npz cannot be read: No such file",
    "mdp gridworld --gamma 1.5": "discount=1.5 is outside [0, 1]",
    "mdp gridworld --slip 2": "slip=2.0 is a probability, from 0 to 1",
    "mdp gridworld --shape 5": "--shape '5': give rows x columns, as in 5x5",
    "mdp gridworld --wait nan": "'--wait': nan is not in the range",
    "mdp gridworld --wait inf": "'--wait': inf is not in the range",
    "mdp gridworld --method finite": "or --horizon 10",
    "mdp gridworld --method foo": "no method 'foo'; there are auto, value_iteration,",
    "descent rosenbrok -o a.png": "there is no surface or picture 'rosenbrok'; did you mean rosenbrock?",
    "descent nothing -o a.png": "'nothing'; they are ravine, rosenbrock, saddle, step-size, momentum, rates, kernels",
}


@pytest.mark.parametrize(("line", "saying"), SHELL.items(), ids=list(SHELL))
def test_mistakes_at_the_shell_are_named(line, saying, tmp_path, monkeypatch):
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
    "a point without an argument": (
        lambda: dl.compare(lambda x, y: x * y, at=dict(x=1.0)),
        "the point does not fit: missing a required argument: 'y'; the function takes x, y",
    ),
    "a point with an argument more": (
        lambda: dl.certify(lambda x: x, at=(1.0, 2.0)),
        "the point does not fit: too many positional arguments; the function takes x",
    ),
    "a gradient that takes less": (
        lambda: assert_gradients_agree(lambda x, y: x * y, 1.0, 2.0, gradient=lambda x: x),
        "the point does not fit: too many positional arguments; gradient= takes x",
    ),
    "a number for a gradient": (
        lambda: assert_gradients_agree(lambda x: x, 1.0, gradient=2.0),
        "gradient= is 2.0: 2.0 is not a callable object",
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
def test_mistakes_in_python_are_named(mistake, saying):
    with pytest.raises((dl.DifflabError, AttributeError)) as refused:
        mistake()
    assert saying in str(refused.value)


def test_a_dict_may_still_be_the_argument():
    assert dl.compare(lambda p: p["a"] * p["b"], at=dict(a=2.0, b=3.0)).agree


def test_arrays_that_ask_a_traced_value_for_protocols_get_no():
    assert dl.trace(lambda x: x if hasattr(x, "__array_interface__") else 2 * x, 1.0).operations


# Every argument that is checked: the error has its name, and the value (or what kind of value it is).
ONE = {"x": 1.0}
IMAGE = np.ones((1, 1, 3, 3))
P = np.array([[[0.5, 0.5], [0.0, 1.0]]])


def sum_of_squares(x):
    return np.sum(x * x)


ARGUMENTS = {
    "argnums='a'": lambda: dl.grad(sum_of_squares, argnums="a")(X),
    "argnums=5": lambda: dl.grad(sum_of_squares, argnums=5)(X),
    "argnums=1.5": lambda: dl.grad(sum_of_squares, argnums=1.5)(X),
    "jacobian: mode='x'": lambda: dl.jacobian(sum_of_squares, mode="x")(X),
    "hessian: sparse='no'": lambda: dl.hessian(sum_of_squares, sparse="no"),
    "checkpoint: f=3 ": lambda: dl.checkpoint(3),
    "custom_gradient: f=3 ": lambda: dl.custom_gradient(3),
    "in_axes='a'": lambda: dl.vmap(sum_of_squares, in_axes="a")(X),
    "out_axes=7": lambda: dl.vmap(sum_of_squares, out_axes=7)(X[None]),
    "scan: f=3 ": lambda: dl.scan(3, 0.0, X),
    "scan: length=1.5": lambda: dl.scan(lambda c, x: (c, x), 0.0, None, length=1.5),
    "scan: length=5": lambda: dl.scan(lambda c, x: (c, x), 0.0, X, length=5),
    "scan: init: 'a'": lambda: dl.scan(lambda c, x: (c, x), "a", X),
    "cond: true_fun=3 ": lambda: dl.cond(True, 3, sum_of_squares, X),
    "while_loop: cond_fun=3 ": lambda: dl.while_loop(3, sum_of_squares, 0.0),
    "while_loop: body_fun=3 ": lambda: dl.while_loop(sum_of_squares, 3, 0.0),
    "fixed_point: step=3 ": lambda: dl.fixed_point(3, 1.0),
    "grad: the output is a truth value": lambda: dl.grad(lambda x: x > 1)(2.0),
    "value_and_grad: the output is a truth value": lambda: dl.value_and_grad(lambda x: bool(x > 1))(2.0),
    "grad: the function returned a truth value": lambda: dl.autograd.grad(lambda x: np.isnan(x))(2.0),
    "static_argnums='a'": lambda: dl.compile(sum_of_squares, static_argnums="a"),
    "donate_argnums=1.5": lambda: dl.compile(sum_of_squares, donate_argnums=1.5),
    "backend='gpu'": lambda: dl.compile(sum_of_squares, backend="gpu"),
    "no method 'foo'": lambda: dl.differentiate("x", ONE, method="foo"),
    "scheme='foo'": lambda: dl.differentiate("x", ONE, method="numerical", scheme="foo"),
    "the point is 3.0": lambda: dl.differentiate("x", 3.0),
    "seconds=-1": lambda: dl.certify("x", ONE, seconds=-1),
    "seconds='a'": lambda: dl.certify("x", ONE, seconds="a"),
    "order=3": lambda: dl.certify("x", ONE, order=3),
    "wrt=z": lambda: dl.certify("x", ONE, wrt="z"),
    "wrt=3": lambda: dl.certify("x", ONE, wrt=3),
    "methods='foo'": lambda: dl.compare("x", ONE, methods="foo"),
    "methods=3": lambda: dl.compare("x", ONE, methods=3),
    "methods: 3 ": lambda: dl.compare("x", ONE, methods=[3]),
    "x=None": lambda: dl.compare("x", {"x": None}),
    "x=True": lambda: dl.compare("x", {"x": True}),
    "x=[[1.0], [1.0, 2.0]]": lambda: dl.compare("x", {"x": [[1.0], [1.0, 2.0]]}),
    "y='a'": lambda: dl.parse("x * y")(x=1.0, y="a"),
    "no value for x; there is no input named z": lambda: dl.parse("x")(z=1.0),
    "no node named 'q'": lambda: dl.parse("x").node("q"),
    "draw: path=3": lambda: dl.draw(dl.parse("x"), 3),
    "to_sympy: 3 is not a graph": lambda: dl.to_sympy(3),
    "backward_graph: 3 is not a graph": lambda: dl.backward_graph(3),
    "wrt='q'": lambda: dl.step_size_study("x", ONE, wrt="q"),
    "steps=['a']": lambda: dl.step_size_study("x", ONE, steps=["a"]),
    "family='foo'": lambda: dl.expression_swell("foo"),
    "in_features=0": lambda: nn.Linear(0, 2),
    "in_features=2.5": lambda: nn.Linear(2.5, 2),
    "Dropout: p=2": lambda: nn.Dropout(2),
    "kernel_size='a'": lambda: nn.Conv2d(1, 1, "a"),
    "eps='a'": lambda: nn.BatchNorm1d(2, eps="a"),
    "momentum='a'": lambda: nn.BatchNorm1d(2, momentum="a"),
    "num_embeddings=-1": lambda: nn.Embedding(-1, 2),
    "rng='a'": lambda: MODEL.init("a"),
    "dtype=<class 'int'>": lambda: MODEL.init(0, int),
    "SGD: lr='a'": lambda: nn.optim.SGD(lr="a"),
    "SGD: lr=True": lambda: nn.optim.SGD(lr=True),
    "SGD: momentum='a'": lambda: nn.optim.SGD(lr=0.1, momentum="a"),
    "Adam: betas=(1, 2)": lambda: nn.optim.Adam(betas=(1, 2)),
    "Adam: betas=3": lambda: nn.optim.Adam(betas=3),
    "Adam: betas=(0.9,)": lambda: nn.optim.Adam(betas=(0.9,)),
    "Adam: eps=None": lambda: nn.optim.Adam(eps=None),
    "max_norm='a'": lambda: nn.optim.clip_grad_norm([X], "a"),
    "norm_type='a'": lambda: nn.optim.clip_grad_norm([X], 1.0, norm_type="a"),
    "clip_value='a'": lambda: nn.optim.clip_grad_value([X], "a"),
    "minimize: steps=1.5": lambda: nn.optim.minimize(sum_of_squares, X, nn.optim.SGD(lr=0.1), steps=1.5),
    "minimize: tolerance='a'": lambda: nn.optim.minimize(sum_of_squares, X, nn.optim.SGD(lr=0.1), tolerance="a"),
    "minimize: f=3 ": lambda: nn.optim.minimize(3, X, nn.optim.SGD(lr=0.1)),
    "fit: epochs='a'": lambda: nn.fit(MODEL, DATA, epochs="a"),
    "fit: batch_size=0": lambda: nn.fit(MODEL, DATA, batch_size=0),
    "fit: loss='foo'": lambda: nn.fit(MODEL, DATA, loss="foo"),
    "reduction='foo'": lambda: nn.functional.mse_loss(X, X, reduction="foo"),
    "label_smoothing=2": lambda: nn.functional.cross_entropy(np.ones((2, 2)), np.array([0, 1]), label_smoothing=2),
    "cross_entropy: target": lambda: nn.functional.cross_entropy(np.ones((2, 2)), ["a", "b"]),
    "dropout: p=2.0": lambda: nn.functional.dropout(X, p=2.0),
    "softmax: dim='a'": lambda: nn.functional.softmax(X, dim="a"),
    "softmax: dim=7": lambda: nn.functional.softmax(X, dim=7),
    "stride=0": lambda: nn.functional.conv2d(IMAGE, np.ones((1, 1, 2, 2)), stride=0),
    "kernel_size=0": lambda: nn.functional.max_pool2d(IMAGE, 0),
    "pad='a'": lambda: nn.functional.pad(X, "a"),
    "num_classes='a'": lambda: nn.functional.one_hot(np.array([1, 2]), num_classes="a"),
    "size='a'": lambda: nn.functional.interpolate(IMAGE, size="a"),
    "approximate='foo'": lambda: nn.functional.gelu(X, approximate="foo"),
    "delta=-1": lambda: nn.functional.huber_loss(X, X, delta=-1),
    "discount='a'": lambda: mdp.MDP.from_arrays(P, [1.0, 1.0], discount="a"),
    "P must be an array of real numbers": lambda: mdp.MDP.from_arrays("a", [1.0, 1.0], discount=0.9),
    "tolerance='a'": lambda: PROCESS.solve(tolerance="a"),
    "tolerance=-1": lambda: PROCESS.solve(tolerance=-1),
    "shape='a'": lambda: mdp.gridworld(shape="a"),
    "axis=5": lambda: dl.grad(lambda x: np.sum(x, axis=5))(X),
    "ord='foo'": lambda: dl.grad(lambda x: np.linalg.norm(x, ord="foo"))(X),
    "pad_width=-1": lambda: dl.grad(lambda x: np.pad(x, -1).sum())(X),
}


@pytest.mark.parametrize(("saying", "call"), ARGUMENTS.items(), ids=list(ARGUMENTS))
def test_the_argument_and_its_value_are_named(saying, call):
    with pytest.raises(dl.DifflabError) as refused:
        call()
    said = str(refused.value)
    assert saying in said and len(said) < 600
    assert "argument :" not in said and "  " not in said
