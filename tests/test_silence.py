"""What would give a wrong answer without a word is refused by name, warned of, or computed with its right meaning."""

from __future__ import annotations

import datetime
import itertools
import math
import os
import random
import time
import uuid
import warnings
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import scipy
from scipy import integrate, optimize, sparse

import difflab as dl
from difflab import mdp, nn
from difflab.compile.program.draws import Draws
from difflab.errors import DtypeError, FrozenWarning, InputError, TraceError
from difflab.graph import leaks

X = np.array([1.0, 2.0, 3.0])
F = nn.functional


# Arrays that are more than arrays.
class Units(np.ndarray):
    """An array with arithmetic of its own."""

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        raise AssertionError("the arithmetic of another library was run")


class Frame:
    """What a data frame offers."""

    def to_numpy(self):
        return X


class Tensor:
    """What a tensor of PyTorch offers."""

    requires_grad = False

    def detach(self):
        return self


ODD = {
    "masked": (np.ma.array(X, mask=[False, True, False]), "masked array, whose mask would be ignored: give x.filled"),
    "masked, without a mask": (np.ma.array(X), "masked array"),
    "matrix": (np.asarray(X[None]).view(np.matrix), "np.matrix, for which * is the matrix product: give np.asarray"),
    "units": (X.view(Units), "Units, whose own arithmetic would be ignored"),
    "objects": (X.astype(object), "Python objects, which has no derivative: give x.astype(float)"),
    "fields": (np.zeros(3, dtype=[("a", float)]), "structured array: give its fields"),
    "bytes of no type": (np.zeros(3, "V2"), "which is none of NumPy's numbers: give x.astype(np.float32)"),
    "dates": (np.array(["2020-01-01"] * 3, "M8[D]"), "array of dates: give numbers, as in (x - x[0]) / np.timedelta64"),
    "spans": (np.array([1, 2, 3], "m8[s]"), "time spans: give numbers, as in x / np.timedelta64(1, 's')"),
    "strings": (np.array(["1", "2", "3"]), "array of strings: give numbers, as in x.astype(float)"),
    "sparse": (sparse.csr_array(np.eye(3)), "sparse csr_array: give x.toarray()"),
    "frame": (Frame(), "Frame of test_silence: give x.to_numpy()"),
    "tensor": (Tensor(), "Tensor of test_silence: give x.detach().numpy()"),
}


def square(x):
    return np.sum(x * x)


PLACES = {
    "grad: argument 0": lambda v: dl.grad(square)(v),
    "grad: argument 1": lambda v: dl.grad(lambda x, y: square(y), argnums=1)(X, v),
    "grad: argument 0['w'][1]": lambda v: dl.grad(lambda p: square(p["w"][1]))({"w": [1.0, v]}),
    "jvp: the tangents": lambda v: dl.jvp(square, (X,), (v,)),
    "vjp: the cotangent": lambda v: dl.vjp(lambda x: x, X)[1](v),
    "jacobian: argument 0": lambda v: dl.hessian(square)(v),
    "trace: argument x": lambda v: dl.trace(square, v),
    "compile: argument x": lambda v: dl.compile(square)(v),
    "compile: argument x[0]['b']": lambda v: dl.compile(lambda x: square(x[0]["b"]))([{"b": v}]),
    "vmap: an argument": lambda v: dl.vmap(square)(v),
    "scan: xs": lambda v: dl.scan(lambda c, x: (c + x, c), 0.0, v),
    "x is": lambda v: dl.parse("sum(x)")(x=v),
    "x is ": lambda v: dl.compare("sum(x)", at={"x": v}),
    "x is  ": lambda v: dl.differentiate(square, v, method="numerical"),
    "x is   ": lambda v: dl.certify(square, v),
    "x is    ": lambda v: dl.parse("sum(x)").forward(x=v),
    "SGD: params": lambda v: nn.optim.SGD(lr=0.1).init(v),
    "Adam: params['a']": lambda v: nn.optim.Adam().update({"a": v}, {"a": v}, {"step": np.int64(0)}),
    "SGD: gradients": lambda v: nn.optim.SGD(lr=0.1).update(X.reshape(np.shape(v)), v, {"step": np.int64(0)}),
    "relu: input": lambda v: F.relu(v),
    "mse_loss: target": lambda v: F.mse_loss(X, v),
    "linear: input": lambda v: nn.Linear(3, 2).apply(*nn.Linear(3, 2).init(0), v, training=False),
    "fit: x": lambda v: nn.fit(nn.Linear(3, 2), (v, np.zeros(3, int))),
    "mdp: R": lambda v: mdp.MDP.from_arrays(np.ones((1, 3, 3)) / 3, v, discount=0.5),
    "multiply: operand 1": lambda v: dl.grad(lambda x: np.sum(np.multiply(x, v)))(X),
    "add: operand 1": lambda v: dl.grad(lambda x: np.sum(x + v))(X),
}
ALLOWED = {  # values that have a right meaning there
    ("objects", "mdp: R"),  # fractions are read as the floats next to them
    ("sparse", "mdp: R"),
    ("matrix", "SGD: gradients"),
}
BY_THEMSELVES = {  # where the other library is asked first, or its shape
    ("units", "multiply: operand 1"),
    ("frame", "add: operand 1"),
    ("frame", "linear: input"),
    ("tensor", "linear: input"),
}


@pytest.mark.parametrize(("kind", "place"), list(itertools.product(ODD, PLACES)), ids=lambda x: x.strip())
def test_odd_arrays_are_refused_by_name(kind, place):
    if (kind, place) in ALLOWED | BY_THEMSELVES:
        return
    if place.startswith("SGD: grad") and kind in ("sparse", "frame", "tensor"):
        return  # their shape is told first
    value, saying = ODD[kind]
    with pytest.raises(dl.DifflabError) as refused:
        PLACES[place](value)
    said = str(refused.value)
    assert saying in said
    assert said.startswith(place.rstrip())  # spaces keep the names of places apart


def test_ordinary_arrays_pass(tmp_path):
    mapped = np.memmap(tmp_path / "x", float, "w+", shape=(3,))
    mapped[:] = X
    big = X.astype(">f8")
    for x in (X, X[::-1][::-1], mapped, big, np.broadcast_to(2.0, 3)):
        assert np.array_equal(dl.grad(square)(x), 2 * x)
        assert float(dl.grad(lambda s, x=x: np.sum(s * x))(1.0)) == np.sum(x)
        for place, run in PLACES.items():
            if place.startswith(("grad", "x is", "relu", "mse", "linear", "multiply", "add", "SGD", "compile", "scan")):
                run(x)


@pytest.mark.parametrize("where", [lambda m, x: m * x, lambda m, x: x * m, lambda m, x: m @ x, lambda m, x: m - x])
def test_a_masked_constant_meets_a_traced_value(where):
    masked = np.ma.array(X, mask=[False, True, False])
    with pytest.raises(dl.DifflabError, match="masked array"):
        dl.grad(lambda x: np.sum(where(masked, x)))(X)


# Traced values that are asked for their number: the message quotes the instruction and says the mend.
def assigned(x):
    y = np.zeros(3); y[0] = x[0]  # fmt: skip # noqa: E702
    return y.sum()


def sliced(x):
    y = np.zeros(3)
    y[:] = x
    return y.sum()


def accumulated(x):
    y = np.zeros(3)
    for k in range(3):
        y[k] += x[k] ** 2
    return y.sum()


def filled(x):
    y = np.zeros((3, 3))
    np.fill_diagonal(y, x)
    return y.sum()


def added(x):
    y = np.zeros(3)
    y += x
    return y.sum()


PLAIN = "cannot be written into a plain array"
LEAKS = {
    "y[0] = x[0] behind another statement": (assigned, f"{PLAIN} (y = np.zeros(3); y[0] = x[0]", "np.stack"),
    "y[:] = x": (sliced, f"{PLAIN} (y[:] = x)", "dl.scan"),
    "y[k] += x[k]": (accumulated, PLAIN, "array([x[0], 0.0])"),
    "fill_diagonal": (filled, f"{PLAIN} (np.fill_diagonal(y, x))", "np.where"),
    "fill": (lambda x: np.zeros(3).fill(x[0]), PLAIN, "np.stack"),
    "y += x": (added, "changes an array in place", "write x = x + y instead of x += y"),
    "out=": (lambda x: np.add(x, x, out=np.zeros(3)), "out=", "x = x + y"),
    "math on a line with other functions of math": (
        lambda x: np.sqrt(math.pi) * math.erf(x[0]),
        "math.erf(x[0]): math takes plain floats only",
        "use scipy.special.erf",
    ),
    "float": (lambda x: float(x[0]), "float(x[0]): float() of a traced value", "Leave it as it is"),
    "int": (lambda x: int(x[0]) * x[0], "int(x[0])", "np.floor and np.trunc keep it traced"),
    "range": (lambda x: sum(x[0] for _ in range(x[1])), "cannot be used as an integer index or a count", "astype(int)"),
    "np.array": (lambda x: np.array([x[0], 1.0], dtype=float).sum(), "np.array([x[0], 1.0], dtype=float)", "np.stack"),
    "np.asarray": (lambda x: np.asarray(x).sum(), "np.asarray(x): ", "array/asarray of difflab.numpy"),
    "y[i] of a plain y": (
        lambda x: np.sum(np.ones(5)[np.argsort(x)] * x),
        "np.ones(5)[np.argsort(x)]: a traced value says which elements",
        "take(array, index, axis=0) with the take of difflab.numpy",
    ),
    "np.take of a plain y": (
        lambda x: np.sum(np.take(np.ones(5), np.argsort(x)) * x),
        "np.take(np.ones(5), np.argsort(x)): a traced value says which elements",
        "the take of difflab.numpy",
    ),
    "formatting": (lambda x: "%f" % x[0], "x[0]: float()", "print it without formatting"),  # noqa: UP031
    "normal": (lambda x: np.random.default_rng(0).normal(x).sum(), "normal takes plain numbers", "standard_normal"),
    "uniform": (lambda x: np.random.uniform(0, x[0]), "np.random.uniform takes plain numbers", "standard_normal"),
    "quad": (lambda x: integrate.quad(lambda t: t * x[0], 0, 1)[0], "integrate.quad takes plain", "leggauss"),
    "quad's limit": (lambda x: integrate.quad(math.sin, 0, x[0])[0], "integrate.quad takes plain", "custom_gradient"),
    "minimize": (lambda x: optimize.minimize(lambda t: (t[0] - x[0]) ** 2, [1.0]).x[0], "minimize", "dl.fixed_point"),
    "another function of SciPy": (
        lambda x: scipy.signal.medfilt(x).sum(),
        "scipy.signal.medfilt",
        "its function has no derivative here",
    ),
    "vectorize": (lambda x: np.vectorize(lambda t: t * t)(x).sum(), "np.vectorize", "dl.vmap(f)(x)"),
    "frompyfunc": (lambda x: np.frompyfunc(abs, 1, 1)(x).sum(), "abs (vectorized)", "dl.vmap(f)(x)"),
    "in an array": (lambda x: (x[0] in np.ones(2)) * x[0], "x[0] in np.ones(2)", "np.array/np.asarray"),
}


@pytest.mark.parametrize(("f", "saying", "mend"), LEAKS.values(), ids=list(LEAKS))
def test_a_leak_quotes_the_instruction_and_says_the_mend(f, saying, mend):
    with pytest.raises(TraceError) as refused:
        dl.grad(f)(X)
    assert saying in str(refused.value)
    assert mend in str(refused.value)
    assert len(str(refused.value)) < 600


def test_a_refusal_behind_a_system_error_is_found():
    """SciPy's C code may go on after a refusal; Python then says that a result came with an exception."""
    refusal = TraceError("the reason")
    outer, other = SystemError("a result with an exception set"), SystemError("again")
    outer.__cause__, other.__context__ = refusal, outer

    def fails(error):
        def f(x):
            raise error

        return f

    for take in (dl.grad, dl.compile, dl.vmap):
        for error in (outer, other):
            with pytest.raises(TraceError, match="the reason"):
                take(fails(error))(X)
        with pytest.raises(SystemError, match="alone"):
            take(fails(SystemError("alone")))(X)


def test_without_source_the_instruction_is_known_all_the_same():
    space = {"np": np}
    exec("def f(x):\n y = np.zeros(3)\n y[0] = x[0]\n return y.sum()", space)
    with pytest.raises(TraceError, match=r"cannot be written into a plain array: build"):
        dl.grad(space["f"])(X)


WORKS = {  # what Python itself does with the operators of a number
    "sorted": (lambda x: sorted(x)[-1], [0, 0, 1]),
    "sum": (lambda x: sum(x), [1, 1, 1]),
    "max": (lambda x: max(x), [0, 0, 1]),
    "math.prod": (lambda x: math.prod(x), [6, 3, 2]),
    "index": (lambda x: [1.0, 2.0].index(x[1]) * x[0], [1, 0, 0]),
    "in": (lambda x: (x[1] in [1.0, 2.0]) * x[0], [1, 0, 0]),
    "floor": (lambda x: (x[0] - math.floor(x[0])) * x[1] + math.trunc(x[1]) * x[2] + math.ceil(x[2]), [2, 0, 2]),
    "round": (lambda x: round(x[2]) * x[0], [3, 0, 0]),
    "text": (lambda x: len(f"{x[0]:.3f}") * x[0], [5, 0, 0]),
    "list of floats": (lambda x: np.sum([1.0, 2.0, 3.0] * x), [1, 2, 3]),
}


@pytest.mark.parametrize(("f", "gradient"), WORKS.values(), ids=list(WORKS))
def test_what_python_does_with_numbers_works(f, gradient):
    assert np.array_equal(dl.grad(f)(X), gradient)


def test_each_function_of_math_has_a_mend():
    names = [n for n in dir(math) if callable(getattr(math, n)) and not n.startswith("_")]
    assert len(names) > 40
    without = {n for n in names if "a NumPy or SciPy function" in leaks.spelled(n)}
    assert without <= {"factorial", "fma", "isqrt", "perm", "prod", "ulp"}
    for name in set(names) - without:
        spelled = leaks.spelled(name).partition("(")[0]
        if spelled.startswith("np."):
            assert callable(eval(spelled))


# Random numbers and clocks that a program would keep.
RNG = np.random.default_rng(0)
PYTHON = random.Random(0)


class Noisy:
    def __init__(self):
        self.rng = np.random.default_rng(1)

    def __call__(self, x):
        return x + self.rng.normal()


def helper(x):
    return x + RNG.normal()


def unseeded(x):
    rng = np.random.default_rng()
    return x + rng.normal()


def closed_over():
    generator = np.random.default_rng(0)
    return lambda x: x * generator.standard_normal()


def passed_on(x, rng):
    return x * rng.random()


DRAWS = {
    "np.random": (lambda x: x + np.random.normal(), "np.random.normal() drew random numbers"),
    "random": (lambda x: x + random.random(), "random.random() drew random numbers"),
    "a generator of the module": (lambda x: x + RNG.uniform(), "RNG.uniform() drew"),
    "Python's generator": (lambda x: x + PYTHON.gauss(0, 1), "PYTHON.gauss() drew"),
    "a function that is called": (lambda x: 2 * helper(x), "RNG.normal() drew"),
    "a closure": (closed_over(), "generator.standard_normal() drew"),
    "an object": (Noisy(), "self.rng.normal() drew"),
    "a method": (Noisy().__call__, "self.rng.normal() drew"),
    "a generator that is passed on": (lambda x: passed_on(x, RNG), "the generator RNG moved on"),
    "without a seed": (unseeded, "np.random.default_rng() is made without a seed"),
    "time": (lambda x: x + time.process_time(), "time.process_time() is read"),
    "now": (lambda x: x + datetime.datetime.now().microsecond, "datetime.datetime.now() is read"),
    "urandom": (lambda x: x + os.urandom(1)[0], "os.urandom() is read"),
    "uuid": (lambda x: x + uuid.uuid4().int % 7, "uuid.uuid4() is read"),
    "another library": (lambda x: x + scipy.stats.norm.rvs(), "the state of np.random moved on"),
    "a gradient": (dl.grad(lambda x: x * np.random.rand()), "np.random.rand() drew"),
}


@pytest.mark.parametrize(("f", "saying"), DRAWS.values(), ids=list(DRAWS))
def test_compile_warns_once_of_what_it_freezes(f, saying):
    program = dl.compile(f)
    with pytest.warns(FrozenWarning) as told:
        program(1.0)
        program(1.0)
        if not saying.startswith("np.random.rand"):
            program(X), program(X[:2])  # other traces, no other warning
    assert len(told) == 1
    said = str(told[0].message)
    assert said.startswith(f"compile: {saying}") and "give them to the function as an argument" in said
    assert f"{os.path.basename(__file__)}:" in said
    assert told[0].filename == __file__


def drawn_by_default(x, rng=RNG):
    return x * rng.normal()


def drawn_by_keyword(x, *, rng=RNG):
    return x * rng.normal()


HANDED = {
    "a default": drawn_by_default,
    "a default of a keyword": drawn_by_keyword,
    "a partial": partial(passed_on, rng=RNG),
    "a gradient of a partial": dl.grad(partial(drawn_by_keyword, rng=np.random.default_rng(1))),
    "a gradient of a method": dl.grad(Noisy().__call__),
}


@pytest.mark.parametrize("f", HANDED.values(), ids=list(HANDED))
def test_generators_that_are_handed_to_the_function(f):
    with pytest.warns(FrozenWarning):
        dl.compile(f)(1.0)


def test_the_normal_number_that_numpy_keeps_for_the_next_call():
    np.random.normal()
    for _ in range(2):
        with pytest.warns(FrozenWarning, match="np.random.normal"):
            dl.compile(lambda x: x * np.random.normal())(1.0)


STATES = {
    "np.random's": np.random.mtrand._rand,
    "a RandomState": np.random.RandomState(3),
    "a RandomState on another generator": np.random.RandomState(np.random.PCG64(3)),
    "a twister": np.random.Generator(np.random.MT19937(3)),
    "a Generator": np.random.default_rng(3),
    "Python's": random._inst,
    "a Random": random.Random(3),
}


@pytest.mark.parametrize("normal", [False, True], ids=["uniform", "normal"])
@pytest.mark.parametrize("rng", STATES.values(), ids=list(STATES))
def test_whether_a_generator_has_moved(rng, normal):
    """Each draw is seen, also one that is answered from what an earlier one has left; and nothing else is."""
    draw = (rng.gauss if isinstance(rng, random.Random) else rng.normal) if normal else rng.uniform
    for _ in range(4):
        draws = Draws(len, [], [rng], [])
        with warnings.catch_warnings():
            warnings.simplefilter("error", FrozenWarning)
            assert not draws.warn()
        draw(0.0, 1.0)
        with pytest.warns(FrozenWarning):
            assert draws.warn()


def test_a_generator_among_the_static_arguments():
    with pytest.warns(FrozenWarning, match="Generator"):
        dl.compile(passed_on, static_argnums=1)(1.0, np.random.default_rng(0))


def seeded(x):
    return x * np.random.default_rng(7).normal()


QUIET = {
    "nothing": lambda x: np.sin(x),
    "a seed": seeded,
    "a branch that is not taken": lambda x: x if x is not None else x + RNG.normal(),
    "a name that only looks like it": lambda x: dl.label(x, "random") * 2,
}


@pytest.mark.parametrize("f", QUIET.values(), ids=list(QUIET))
def test_compile_is_silent_where_nothing_is_frozen(f):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dl.compile(f)(1.0) == f(1.0)


def test_a_product_that_numpy_makes_of_python_objects():
    for f in (lambda x: np.sum(x * Fraction(1, 2)), lambda x: np.sum(Fraction(1, 2) + x)):
        with pytest.raises(DtypeError, match="Fraction NumPy makes an array of Python objects.*give float"):
            dl.grad(f)(X)
    assert dl.grad(lambda x: x * Fraction(1, 2))(2.0) == 0.5


@pytest.mark.parametrize("transform", [dl.compile, dl.trace], ids=["compile", "trace"])
def test_arrays_whose_dtype_is_not_numpys(transform):
    tensor = type("Tensor", (Tensor,), {"dtype": "torch.float32"})()
    with pytest.raises(DtypeError, match="Tensor of .*give x.detach"):
        transform(np.sum, tensor) if transform is dl.trace else transform(np.sum)(tensor)


# Optimisers on numbers.
OPTIMISERS = [o for o in vars(nn.optim).values() if isinstance(o, type) and issubclass(o, nn.optim.SGD.__mro__[1])]


def loss(p):
    return (p["a"] - 1.0) ** 2 + p["b"][0] ** 4 + p["b"][1]["c"] ** 2


@pytest.mark.parametrize("kind", [o for o in OPTIMISERS if o is not nn.optim.SGD.__mro__[1]], ids=lambda o: o.__name__)
def test_optimisers_take_python_floats(kind):
    optimiser = kind(lr=0.1)
    floats = {"a": 0.5, "b": (2.0, {"c": -1.0})}
    arrays = {"a": np.array(0.5)[()], "b": (np.array([2.0])[0], {"c": np.float64(-1.0)})}
    results = []
    for p in (floats, arrays):
        memory = optimiser.init(p)
        for _ in range(3):
            p, memory = optimiser.update(p, dl.grad(loss)(p), memory)
        results.append((p["a"], p["b"][0], p["b"][1]["c"]))
        assert type(p["b"]) is tuple
    assert results[0] == results[1] and all(type(x) is float for x in results[0])
    assert all(type(x) is np.float64 for x in results[1])
    assert results[0] != (0.5, 2.0, -1.0)


@pytest.mark.parametrize("call", ["init", "update"])
@pytest.mark.parametrize(
    ("params", "saying"),
    [
        (3, "SGD: the parameter params is not of floats, it is 3; give a float"),
        ([1.0, {"k": True}], "SGD: the parameter params[1]['k'] is not of floats, it is True"),
        ({"a": np.array([1, 2])}, "SGD: the parameter params['a'] is not of floats, it is of dtype int64"),
        ([1j], "SGD: the parameter params[0] is not of floats, it is 1j"),
    ],
)
def test_optimisers_refuse_what_is_no_float(call, params, saying):
    sgd = nn.optim.SGD(lr=0.1)
    with pytest.raises(DtypeError) as refused:
        sgd.init(params) if call == "init" else sgd.update(params, params, {"step": np.int64(0)})
    assert saying in str(refused.value)


def test_a_complex_gradient_is_not_cut_down():
    with pytest.raises(DtypeError, match=r"gradients\[0\] is complex and params\[0\] is real"):
        nn.optim.SGD(lr=0.1).update([1.0], [1j], {"step": np.int64(0)})


def test_clipping_takes_floats():
    clipped, norm = nn.optim.clip_grad_norm({"a": 3.0, "b": [4.0]}, 1.0)
    assert norm == 5.0 and clipped["a"] == pytest.approx(0.6) and clipped["b"][0] == pytest.approx(0.8)


# Names in errors.
@pytest.mark.parametrize(
    ("call", "saying"),
    [
        (lambda f: f(1.0, True), "compile: argument flag: True"),
        (lambda f: f(1.0, flag="a"), "compile: argument flag: 'a'"),
        (lambda f: f({"w": [1.0, True]}), "compile: argument x['w'][1]: True"),
        (lambda f: f(10**400), "compile: argument x: the integer has"),
    ],
)
def test_compile_names_the_argument_that_it_refuses(call, saying):
    with pytest.raises((DtypeError, InputError)) as refused:
        call(dl.compile(lambda x, flag=1.0: x))
    assert saying in str(refused.value)


def test_other_traps():
    with pytest.raises(dl.errors.ShapeError, match=r"input has shape \(3,\) and target has shape \(3, 1\)"):
        F.mse_loss(X, X[:, None])  # would be a matrix of differences
    assert dl.grad(lambda x: np.sum(x.astype(np.float32)))(X).dtype == np.float64
    assert dl.grad(lambda x: np.sum(x * 2))(X.astype(np.float32)).dtype == np.float32
    assert dl.compile(lambda p: p["b"] - p["a"])({"b": 3.0, "a": 1.0}) == 2.0
