"""What a compiled function reads besides its arguments is found whichever way its code gets hold of it.

A case yields its function, and again after each change: the program must give what the function gives then.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import itertools
import operator
import sys
import types

import numpy as np
import pytest

import difflab as dl
from difflab.compile.program.closure import MANY, Captured
from difflab.compile.program.content import content

SCALE = 2.0
CASES = {}


def case(make):
    CASES[make.__name__] = make
    return make


class Part:
    """An object with a number and a list."""

    def __init__(self, w=1.0):
        self.w, self.b = w, [0.5]

    def __call__(self, x):
        return x * self.w + self.b[0]


@case
def one_object_that_two_functions_read():
    cfg = types.SimpleNamespace(a=1.0, b=2.0, deep=types.SimpleNamespace(c=3.0))

    def inner(x):
        return x * cfg.b * cfg.deep.c

    yield lambda x: inner(x) * cfg.a
    cfg.b = 5.0
    yield
    cfg.deep.c = 7.0
    yield


@case
def an_object_that_is_called_and_has_methods():
    class Model(Part):
        def twice(self, x):
            return 2 * x

    model = Model()
    yield lambda x: model(x) + model.twice(x)
    model.b[0] = 3.0
    yield
    model.w = 5.0
    yield


@case
def what_a_partial_application_was_given():
    weights, items, options = np.ones(2), [1.0], {"k": 1.0}

    def g(weights, items, x, options):
        return x * weights.sum() + items[0] * options["k"]

    yield functools.partial(g, weights, items, options=options)
    weights[0] = 5.0
    yield
    items[0] = 7.0
    yield
    options["k"] = 9.0
    yield


@case
def a_partial_application_that_is_exchanged():
    g = functools.partial(operator.mul, 2.0)
    yield lambda x: g(x)
    g = functools.partial(operator.mul, 3.0)
    yield


@case
def defaults_that_change():
    def g(x, items=[1.0], *, table={"w": 2.0}, weights=np.ones(2)):  # noqa: B006, B008
        return x * items[0] * table["w"] * weights[0]

    yield lambda x: g(x)
    g.__defaults__[0][0] = 3.0
    yield
    g.__kwdefaults__["table"]["w"] = 5.0
    yield
    g.__kwdefaults__["weights"][0] = 7.0
    yield


@case
def objects_in_containers():
    parts, named = [Part(1.0), Part(2.0)], {"last": [Part(3.0)]}

    def f(x):
        for part in parts:
            x = part(x)
        return named["last"][0](x)

    yield f
    parts[0].w = 5.0
    yield
    parts[1].b[0] = 4.0
    yield
    named["last"][0].w = 8.0
    yield
    parts.append(Part(2.0))
    yield
    parts[2].w = 9.0
    yield


@case
def containers_of_all_kinds():
    kinds = {
        "set": {1.0, 2.0},
        "queue": collections.deque([1.0]),
        "ordered": collections.OrderedDict(a=1.0),
        "counted": collections.Counter("aab"),
        "objects": np.array([1.0, [2.0]], object),
    }
    one, two, three, four, five = kinds.values()
    yield lambda x: x * sum(one) + sum(two) + three["a"] + four["a"] + five[0] * five[1][0]
    one.add(5.0)
    yield
    two.append(3.0)
    yield
    three["a"] = 4.0
    yield
    four["a"] += 4
    yield
    five[0] = 7.0
    yield
    five[1][0] = 9.0
    yield


@case
def a_dict_with_attributes():
    class Bunch(dict):
        scale = 1.0

        def __getattr__(self, name):
            return self[name]

    bunch = Bunch(w=1.0)
    yield lambda x: x * bunch.w * bunch.scale
    bunch["w"] = 3.0
    yield
    bunch.scale = 4.0
    yield


@case
def many_objects_and_arrays_in_lists():
    parts, arrays = [Part() for _ in range(300)], [np.ones(2) for _ in range(300)]
    yield lambda x: sum(part.w for part in parts) * x + sum(a[0] for a in arrays)
    parts[250].w = 5.0
    yield
    arrays[250][0] = 7.0
    yield


@case
def lists_in_lists():
    deep, around = [[[[[[1.0]]]]]], [1.0]
    around.extend([around] * 150)
    yield lambda x: x * deep[0][0][0][0][0][0] + around[0]
    deep[0][0][0][0][0][0] = 5.0
    yield
    around[0] = 3.0
    yield


@case
def operators():
    class Box:
        def __init__(self, *items):
            self.items = list(items)

        def __getitem__(self, k):
            return self.items[k]

        def __len__(self):
            return len(self.items)

        def __iter__(self):
            return iter(self.items)

        def __contains__(self, x):
            return x in self.items

        def __bool__(self):
            return self.items[0] > 0

        def __matmul__(self, x):
            return x * self.items[0]

        def __enter__(self):
            return self.items[0]

        def __exit__(self, *error):
            return False

    boxes = [Box(1.0, 2.0) for _ in range(7)]

    def f(x):
        a, b, c, d, e, g, h = boxes
        with h as number:
            return (
                a[0] * x + len(b) * x + sum(x * v for v in c) + (7.0 in d) * x + (x if e else -x) + g @ x + x * number
            )

    yield f
    for box in boxes:
        box.items = [-5.0, 7.0, 1.0]
        yield


@case
def slots():
    class Slotted:
        __slots__ = ("inner", "w")

    one = Slotted()
    one.w, one.inner = 1.0, Part()
    yield lambda x: x * one.w * one.inner.w
    one.w = 3.0
    yield
    one.inner.w = 4.0
    yield


@case
def attributes_of_classes():
    class Base:
        w = 2.0

        def scaled(self, x):
            return x * self.w

    class Model(Base):
        def scaled(self, x):
            return super().scaled(x) + self.w

    model = Model()
    yield model.scaled
    Base.w = 3.0
    yield
    Model.w = 4.0
    yield
    model.w = 5.0
    yield
    del model.w
    yield
    Base.scaled = lambda self, x: x * 11.0
    yield


@case
def methods_of_classes():
    class Meta(type):
        @property
        def rate(cls):
            return cls.hidden

    class Model(metaclass=Meta):
        k, hidden = 2.0, 1.0

        @classmethod
        def by_class(cls, x):
            return x * cls.k

        @staticmethod
        def static(x):
            return x * Model.k

    yield lambda x: Model.by_class(x) + Model().static(x) + Model.rate
    Model.k = 3.0
    yield
    Model.hidden = 7.0
    yield


@case
def objects_that_the_function_makes():
    rate = 2.0

    class Square:
        def __init__(self, x):
            self.x = x * rate

        def area(self):
            return self.x * self.x

    yield lambda x: Square(x).area()
    rate = 5.0
    yield


@case
def descriptors():
    class Double:
        def __get__(self, x, kind=None):
            return 2 * x.hidden

    class Checked:
        def __set_name__(self, kind, name):
            self.name = name

        def __get__(self, x, kind=None):
            return self if x is None else x.__dict__[self.name]

        def __set__(self, x, value):
            x.__dict__[self.name] = float(value)

    class Model:
        double, checked = Double(), Checked()

        def __init__(self):
            self.hidden, self.store, self.checked = 1.0, {"w": 1.0}, 2

        @functools.cached_property
        def once(self):
            return self.hidden

        def __getattr__(self, name):
            return self.__dict__["store"][name]

        @contextlib.contextmanager
        def opened(self):
            yield self.hidden

    model = Model()

    def f(x):
        with model.opened() as number:
            return x * model.double + model.once + model.w * number + model.checked

    yield f
    model.hidden = 3.0
    yield
    del model.once
    yield
    model.store["w"] = 5.0
    yield
    model.checked = 7
    yield


@case
def attributes_by_strings():
    cfg, several = types.SimpleNamespace(rate=1.0, other=2.0), types.SimpleNamespace(w0=1.0, w1=2.0)
    yield (
        lambda x: (
            x * getattr(cfg, "rate") + vars(cfg)["other"] * sum(getattr(several, f"w{k}") for k in range(2))  # noqa: B009
        )
    )
    cfg.rate = 3.0
    yield
    cfg.other = 4.0
    yield
    several.w1 = 5.0
    yield
    setattr(several, "not a name", 1.0)
    yield


@case
def names_that_are_keywords_or_no_names():
    bag = types.SimpleNamespace(**{"class": 1.0, "two words": 2.0})
    yield lambda x: x * sum(getattr(bag, name) for name in vars(bag))
    setattr(bag, "class", 3.0)
    yield
    setattr(bag, "two words", 4.0)
    yield
    delattr(bag, "class")
    yield
    setattr(bag, "class", 5.0)
    yield


@case
def a_global_by_a_string():
    yield lambda x: x * globals()["SCALE"]
    globals()["SCALE"] = 7.0
    yield
    globals()["SCALE"] = 2.0
    yield


@case
def functions_of_libraries_under_names_of_the_users():
    act, total, table = np.sin, np.sum, {"f": [operator.mul]}
    yield lambda x: table["f"][0](act(x), 3.0) + total(x * np.ones(2))
    act = np.cos
    yield
    total = np.prod
    yield
    table["f"][0] = operator.add
    yield


@case
def frozen_objects_that_hold_what_changes():
    @dataclasses.dataclass(frozen=True)
    class Frozen:
        part: Part
        w: float = 1.0

    frozen = Frozen(Part())
    yield lambda x: frozen.part(x) * frozen.w
    frozen.part.w = 4.0
    yield
    frozen = Frozen(Part(), 3.0)
    yield


@case
def a_module_that_is_imported_inside():
    sys.modules["a_module_of_the_users"] = module = types.ModuleType("a_module_of_the_users")
    module.w, module.g = 1.0, lambda x: x

    def f(x):
        import a_module_of_the_users

        return a_module_of_the_users.g(x) * a_module_of_the_users.w

    yield f
    module.w = 3.0
    yield
    module.g = lambda x: 2 * x
    yield
    del sys.modules["a_module_of_the_users"]


@pytest.mark.parametrize("x", [1.5, np.array([1.0, 2.0])], ids=["number", "array"])
@pytest.mark.parametrize("name", CASES)
def test_what_changes_is_seen(name, x):
    steps = CASES[name]()
    f = next(steps)
    program = dl.compile(f)
    for _ in itertools.chain([None], steps):
        for _ in range(4):  # the trace, the written program, the short entry
            np.testing.assert_array_equal(program(x), f(x))


def test_static_objects_and_functions_are_looked_into():
    """`static_argnums` is how a method is decorated: what `self` holds may change."""

    class Model(Part):
        @functools.partial(dl.compile, static_argnums=0)
        def loss(self, x):
            return x * self.w + self.b[0]

    one, two, rate = Model(2.0), Model(3.0), 2.0
    applied = dl.compile(lambda x, g: g(x), static_argnums=1)
    by_rate = lambda x: x * rate
    for one.w, rate in ((2.0, 2.0), (5.0, 7.0)):
        for _ in range(3):
            assert (one.loss(1.0), two.loss(1.0), applied(1.0, by_rate)) == (one.w + 0.5, 3.5, rate)
    one.b[0] = 4.0
    assert one.loss(1.0) == 9.0


def test_what_was_exchanged_is_forgotten_in_the_end():
    holder = types.SimpleNamespace(part=Part())
    captured = Captured(lambda x: holder.part(x))
    count = len(captured.places)
    for k in range(200):
        holder.part = Part(float(k))
        captured.renew()
    assert len(captured.places) <= MANY * count + 100
    before = captured.key()
    holder.part.w = -1.0
    assert captured.key() != before


def test_attributes_that_no_code_names_are_not_looked_at():
    class Trainer:
        def __init__(self):
            self.w, self.turns, self.log = 2.0, 0, []

        def loss(self, x):
            return x * self.w

        def turn(self, x):
            self.turns += 1
            self.log.append(self.turns)
            return self.program(x)

    trainer = Trainer()
    trainer.program = dl.compile(trainer.loss)
    for _ in range(5):
        assert trainer.turn(1.5) == 3.0
    assert "1 traced" in repr(trainer.program.program)


def test_what_reads_nothing_is_asked_nothing():
    """Libraries' functions under their own names, and classes of Python's, are taken to stay."""
    sin = np.sin
    for f in (lambda x: np.sin(x) * abs(x), lambda x: isinstance(x, float) * np.sum(x)):
        assert Captured(f).checks() == {}
    assert len(Captured(lambda x: sin(x)).checks()) == 1  # a closure's cell may be given another


def test_a_list_that_holds_itself_many_times_is_compared_in_an_instant():
    around = [1.0]
    around.extend([around] * 199)
    before = content(around)
    around[0] = 2.0
    assert content(around) != before


class Trainer:
    """Its step reads its rate; what a call of it reads and writes is none of the step's business."""

    def __init__(self, how):
        self.rate, self.params = 0.1, np.ones(3)
        self.calls = 0
        if how == "closure":
            self.step = dl.compile(lambda p, x: p - self.rate * self.slope(p, x))
        else:
            self.step = dl.compile(self.ahead)

    def slope(self, p, x):
        return dl.grad(lambda p: np.sum((p - x) ** 2))(p)

    def ahead(self, p, x):
        return p - self.rate * self.slope(p, x)

    def __call__(self, x):
        self.params, self.calls = self.step(self.params, x), self.calls + 1

    def __getitem__(self, k):
        return self.params[k]


@pytest.mark.parametrize("how", ["closure", "method"])
def test_what_only_others_read_of_an_object_traces_nothing_anew(how):
    trainer, want = Trainer(how), np.ones(3)
    traces = []
    slope = trainer.slope
    trainer.slope = lambda p, x: (traces.append(1), slope(p, x))[1]
    for rate in (0.1, 0.1, 0.1, 0.3, 0.3):
        trainer.rate = rate
        trainer(np.zeros(3))
        want = want - rate * 2 * want
        np.testing.assert_allclose(trainer.params, want)
    assert len(traces) == 2


class Scaled:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return self.factor * x


def test_what_a_call_of_an_object_reads_is_read():
    scaled = Scaled(2.0)
    for f in (lambda x: scaled(x), lambda x: sum(g(x) for g in [scaled]), lambda x: (lambda h: h(x))(scaled)):
        scaled.factor = 2.0
        program = dl.compile(f)
        assert program(3.0) == 6.0 == program(3.0)
        scaled.factor = 5.0
        assert program(3.0) == 15.0
