"""How programs run: regions in blocks on threads, buffers, donated arrays, short ways, what they say of themselves."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import optree
import pytest

import difflab as dl
import difflab.numpy as dnp
from difflab.compile.passes.assembly import ASSEMBLE
from difflab.compile.passes.pipeline import PASSES, optimise
from difflab.compile.plan.memory import Memory
from difflab.compile.run.blas import one_thread, product
from difflab.compile.write.numpy_source import NumpySource
from difflab.errors import InputError
from difflab.graph.node import Node

RNG = np.random.default_rng(0)
N = 20_000


def normal(*shape):
    return RNG.normal(size=shape)


# Functions whose values are large enough for regions, and points for them.
LARGE = {
    "flat": (lambda x: np.sum(dnp.sigmoid(x) * np.sin(x) + np.maximum(x, 0.2)), (normal(3, 3 * N),)),
    "rows": (lambda c, x: np.sum(np.sqrt(np.sum((x - c) ** 2, axis=1) + 1)), (normal(3), normal(N, 3))),
    "softmax": (lambda x: np.sum(dnp.softmax(x, axis=1) * dnp.log_softmax(2 * x, axis=1)), (normal(N, 5),)),
    "small products": (
        lambda w, x: np.mean(dnp.logsumexp(x @ w, axis=1) - np.sum(x[:, :2], 1)),
        (normal(5, 4), normal(N, 5)),
    ),
    "float32": (lambda x: np.sum(np.tanh(x) * x**2 / (1 + x**2)), (normal(N, 5).astype(np.float32),)),
    "transposed": (lambda x: np.sum(np.tanh(x.T) * 2 * x.T), (normal(N, 5),)),
    "slices": (lambda x: np.sum(np.where(x > 0, x**3, np.exp(x))[1:] * x[:-1]), (normal(3 * N),)),
    "statistics": (lambda x: np.sum(np.sin((x - x.mean(0)) / x.std(0)) * np.arange(5.0)), (normal(N, 5),)),
    "stacked": (
        lambda c, x: np.sum(np.stack([x[:, 0] * c[0] / x[:, 2], x[:, 1] * c[1]], -1) ** 2),
        (normal(3), normal(N, 3) + 5),
    ),
    "scans": (lambda x: np.sum(np.cumsum(np.exp(x), axis=1)[:, ::-1] ** 2), (normal(N, 5),)),
    "unpacked": (lambda x: np.sum(np.sin(x[0] * x[1]) + x[1] * np.cos(x[2])), (normal(3, N),)),
    "gathered": (lambda x: np.sum(x[:, np.array([[0, 1], [1, 3]])] ** 2), (normal(N, 5),)),
}


@pytest.mark.parametrize("threads", ["1", "2", "3"])
@pytest.mark.parametrize("name", LARGE)
def test_large_programs_equal_the_engine(name, threads, monkeypatch):
    monkeypatch.setenv("DIFFLAB_THREADS", threads)
    f, point = LARGE[name]
    g = dl.value_and_grad(f, argnums=tuple(range(len(point))))
    program = dl.compile(g)
    want = optree.tree_leaves(g(*point))
    program(*point)
    found, again = optree.tree_leaves(program(*point)), optree.tree_leaves(program(*point))
    tolerance = 1e-4 if name == "float32" else 1e-10
    for a, b, c in zip(found, want, again, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.max(np.abs(b)))
        np.testing.assert_array_equal(a, c)  # bit for bit on repeat
        assert a.dtype == b.dtype
    if name in ("flat", "softmax", "small products", "float32", "unpacked", "scans"):
        assert program.program.last.source.plan.regions


@pytest.mark.parametrize("name", ["flat", "rows", "softmax"])
def test_results_do_not_depend_on_the_number_of_threads(name, monkeypatch):
    f, point = LARGE[name]
    found = []
    for threads in ("1", "2", "4"):
        monkeypatch.setenv("DIFFLAB_THREADS", threads)
        program = dl.compile(dl.grad(f))
        program(*point)
        found.append(program(*point))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_the_text_does_not_depend_on_addresses(monkeypatch):
    """Sets of nodes come in the order of their hashes: here that of three buffers that are given back at once."""

    def f(x):
        all_three = np.concatenate([np.exp(x), np.sin(x), np.cos(x)])
        return np.sum(np.sum(all_three) * x + np.tanh(np.sum(all_three) - x) @ np.diag(x))

    texts = set()
    for factor in range(1, 40, 2):
        monkeypatch.setattr(Node, "__hash__", lambda node, factor=factor: (id(node) >> 4) * factor % 1009)
        texts.add(NumpySource(optimise(dl.trace(f, normal(600)))[0]).text)
    assert len(texts) == 1


@pytest.mark.parametrize("subscripts", ["ij->ji", "ii->i", "ij->ij", "ij,j->ji", "ij,ij->ji"])
def test_contractions_that_only_look_at_their_operand_are_copied(subscripts):
    """np.einsum of one array may be a view: of an argument, or of a buffer that the next call writes into."""
    x, more = normal(100, 100), [normal(100), normal(100, 100)]
    f = lambda x: np.einsum(subscripts, x, *[y for y in more if y.ndim == len(subscripts.split("->")[0]) - 3])
    for g in (f, lambda x: f(np.exp(x)), lambda x: np.sin(f(np.exp(x))) @ np.exp(x + 1)):
        program = dl.compile(g)
        program(x)
        found = program(x)
        assert not np.shares_memory(found, x)
        kept = found.copy()
        program(2 * x)
        np.testing.assert_array_equal(found, kept)
        np.testing.assert_allclose(found, g(x), rtol=1e-9, atol=1e-9)


def test_programs_run_side_by_side():
    f, point = LARGE["flat"]
    program = dl.compile(dl.grad(f))
    want = program(*point), program(2 * point[0])
    program(*point)
    wrong = []

    def work(k):
        for _ in range(5):
            found = program((1 + k % 2) * point[0])
            if not np.allclose(found, want[k % 2], rtol=1e-12, atol=1e-12):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_errstate_holds_on_all_threads():
    program = dl.compile(lambda x: np.sum(np.log(x) / x))
    with np.errstate(all="ignore"):
        for _ in range(3):
            assert np.isnan(program(np.zeros(1_000_000) - 1.0))
    program(np.ones(1_000_000))


def test_the_plan_uses_buffers_again():
    plan = Memory()
    a, b = plan.take((10,), float), plan.take((10,), float)
    plan.give_back(a)
    c = plan.take((5, 2), float)
    assert plan.places[c].slot == plan.places[a].slot != plan.places[b].slot
    assert plan.bytes == 160
    arrays = plan.arrays()
    assert arrays[c].shape == (5, 2)
    assert np.shares_memory(arrays[a], arrays[c])
    program = dl.compile(lambda x: np.sum(np.sin(np.cos(np.sin(np.cos(x @ x) @ x) @ x)) @ x))
    program(np.ones((64, 64)))
    source = program.program.last.build().source
    assert isinstance(source, NumpySource)
    assert source.owner.memory.bytes < source.owner.memory.asked


def test_donated_arrays_are_written_to():
    def step(p, g):
        return [w - 0.1 * v for w, v in zip(p, g)]

    program = dl.compile(step, donate_argnums=0)
    sizes = ((50, 40), (300_000,), (3,))
    g = [np.ones(s) for s in sizes]
    p = program([np.zeros(s) for s in sizes], g)
    for _ in range(3):
        before = p
        p = program(p, g)
        assert p[0] is before[0]
        assert p[1] is before[1]
    for x in p:
        np.testing.assert_allclose(x, -0.4)
    undonated = dl.compile(step)
    undonated(p, g)
    undonated(p, g)
    np.testing.assert_allclose(p[0], -0.4)


def test_a_donated_array_that_is_read_later_stays_whole():
    program = dl.compile(lambda p, x: (p - x, p.T @ p, np.sum(p)), donate_argnums=0)
    p, x = normal(60, 60), normal(60, 60)
    want = p - x, p.T @ p, np.sum(p)
    for _ in range(3):
        for a, b in zip(program(p.copy(), x), want):
            np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("donated", [0, 1, 2, (0, 2), (1, 2)], ids=str)
def test_a_donated_array_must_be_writable(donated):
    """Whichever it is, behind others that are not donated; its columns may lie anywhere."""
    f = lambda a, b, c: (a * 2, b * 3, c - 1)
    program = dl.compile(f, donate_argnums=donated)
    xs = [np.arange(6.0).reshape(3, 2).T + k for k in range(3)]
    want = f(*xs)
    for _ in range(3):
        for x, y in zip(program(*[x.copy("K") for x in xs]), want):
            np.testing.assert_array_equal(x, y)
    for k in (donated,) if isinstance(donated, int) else donated:
        frozen = [x.copy() for x in xs]
        frozen[k].flags.writeable = False
        with pytest.raises(InputError, match="read-only"):
            program(*frozen)


def test_python_floats_in_python_floats_out():
    program = dl.compile(dl.value_and_grad(lambda x, y: np.sin(x) * y, argnums=(0, 1)))
    for _ in range(3):
        value, gradient = program(0.5, 2.0)
        assert type(value) is type(gradient[0]) is float
    value, gradient = program(np.float64(0.5), 2.0)
    assert type(value) is type(gradient[0]) is np.float64
    assert program(np.float32(0.5), np.float32(2.0))[0].dtype == np.float32
    with np.errstate(all="ignore"):
        assert np.isinf(dl.compile(lambda x: 1 / x)(0.0))
    assert dl.compile(lambda x: {"a": [x, (x * 2,)]})(1.5) == {"a": [1.5, (3.0,)]}


SCALE = 2.0


def test_the_short_way_sees_changes(monkeypatch):
    program = dl.compile(lambda x: x * SCALE)
    assert [program(3.0), program(3.0)] == [6.0, 6.0]
    monkeypatch.setitem(globals(), "SCALE", 5.0)
    assert [program(3.0), program(3.0)] == [15.0, 15.0]
    inner = 1.0

    def f(x):
        return x + inner

    program = dl.compile(f)
    assert [program(1.0), program(1.0)] == [2.0, 2.0]
    inner = 10.0
    assert [program(1.0), program(1.0)] == [11.0, 11.0]


@pytest.mark.parametrize("names", ["exp, general", "t1, t2", "x3, x1", "entry, float", "k0, b1"])
def test_parameters_may_have_any_name(names):
    space = {"np": np}
    exec(f"def f({names}):\n    return np.exp({names.split(', ')[0]}) * {names.split(', ')[1]}", space)
    program = dl.compile(dl.value_and_grad(space["f"], argnums=(0, 1)))
    for _ in range(3):
        value, (a, b) = program(0.5, 3.0)
        assert (value, a, b) == pytest.approx((3 * np.exp(0.5), 3 * np.exp(0.5), np.exp(0.5)))


def test_large_graphs_are_written_late():
    def chain(x):
        for _ in range(200):
            x = np.sin(x) * 1.01
        return x

    program = dl.compile(dl.grad(chain))
    assert "call the program once" in program.source
    first = program(0.5)
    assert program.program.last.run is None
    assert "def program" in program.source
    assert program(0.5) == pytest.approx(first, rel=1e-13)
    assert "nodes" in program.explain()


def test_explain_says_what_was_done():
    program = dl.compile(dl.grad(LARGE["flat"][0]))
    program(*LARGE["flat"][1])
    told = program.explain()
    for word in ("flops", "buffers", "peak", "blocks", "threads", *PASSES):
        assert word in told


def test_factors_keep_single_precision():
    x = np.ones(3, np.float32)
    for f in (lambda x: -1.5 * x + -1.5 * x, lambda x: -(3.0 * x), lambda x: np.cos(0.1 * x * 0.5)):
        program = dl.compile(dl.elementwise_grad(f))
        program(x)
        assert program(x).dtype == np.float32, program.source


def test_an_unpacked_argument_is_assembled_once():
    f, point = LARGE["unpacked"]
    graph = optimise(dl.trace(dl.grad(f), *point))[0]
    rows = [n.primitive for n in graph.order]
    assert rows.count(ASSEMBLE) == 1
    assert not any(r.name == "scatter" for r in rows)


def test_signs_and_powers_of_two_meet():
    graph = dl.trace(lambda x, w: -(0.5 * w[:, None] * x) * 2.0, np.ones((5, 4)), np.ones(5))
    after = optimise(graph)[0]
    names = [n.primitive.name for n in after.operations]
    assert names.count("multiply") == 1
    assert after.order[-1].primitive.name == "multiply"
    np.testing.assert_array_equal(after(np.ones((5, 4)), np.arange(5.0)), graph(np.ones((5, 4)), np.arange(5.0)))


@pytest.mark.parametrize(
    "shapes", [((300, 200), (200, 150)), ((40, 300), (300, 400)), ((4, 60, 50), (4, 50, 70)), ((4, 60, 50), (50, 70))]
)
def test_products_in_halves(shapes):
    a, b = normal(*shapes[0]), normal(*shapes[1])
    out = np.empty(np.matmul(a, b).shape)
    with one_thread():
        assert product(a, b, out) is out
    np.testing.assert_allclose(out, a @ b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("options", [{"donate_argnums": 1.5}, {"static_argnums": ("n",)}])
def test_bad_options(options):
    with pytest.raises((InputError, TypeError)):
        dl.compile(lambda x: x, **options)


def test_checkpoint_trades_memory_for_time():
    weight, x = normal(32, 32) * 0.1, normal(400, 32)

    def block(x):
        for _ in range(8):
            x = np.tanh(x @ weight)
        return x

    def peak(wrap):
        def loss(x):
            for _ in range(6):
                x = wrap(block)(x)
            return np.sum(x)

        gradient = dl.grad(loss)
        found = gradient(x)
        tracemalloc.start()
        gradient(x)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most, found

    plain, want = peak(lambda f: f)
    saved, found = peak(dl.checkpoint)
    np.testing.assert_allclose(found, want, rtol=1e-12)
    assert saved < plain / 2


def test_a_reshaped_part_of_an_assembly_is_not_lost():
    def f(x):  # the parts' inner axes cannot be merged in a view
        a, b, c = x[:, :, 0], x[:, :, 1], x[:, :, 2]
        return np.sum(np.sin(a.reshape(N, 4)) * np.cos(b.reshape(N, 4))) + np.sum(c**3)

    x = normal(N, 2, 3, 2)
    program, want = dl.compile(dl.grad(f)), dl.grad(f)(x)
    program(x)
    np.testing.assert_allclose(program(x), want, rtol=1e-12, atol=1e-12)
