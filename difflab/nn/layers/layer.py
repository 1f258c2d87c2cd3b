"""What a layer is: a frozen dataclass that makes its parameters and applies them."""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import ClassVar, TypeVar, dataclass_transform

import numpy as np
from numpy.typing import DTypeLike

from ...cards.parts import Card, Table
from ...cards.shown import Shown
from ...errors import DtypeError, InputError
from ...graph.pytree import named_leaves
from ...types import Array, DType, Function, Params, Shape, State, Value
from ..arrays import Initial, Record
from ..init import Scheme, Shapes, draw, redrawn, scheme_of


class Layer(Shown):
    """A description of a function with parameters; it holds none of them.

    `init(rng, dtype)` makes `(params, state)`: nested dicts of arrays with PyTorch's names and shapes. `apply(params,
    state, x, training=...)` gives `(y, state)`. What `training` means for a layer (batch norm, dropout) must be said in
    every call. Layers are frozen dataclasses: equal where their settings are equal, and hashable.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Value]]]
    scheme: ClassVar[Scheme | str | None] = None

    def __post_init__(self) -> None:
        check_kinds(self)

    def init(
        self, rng: np.random.Generator | int, dtype: DTypeLike = np.float64, *, weights: Scheme | str | None = None
    ) -> tuple[Params, State]:
        """Fresh parameters, drawn from `rng` (a `numpy.random.Generator`, or a seed for one), and the first state.

        `weights` is a scheme of `nn.init` or the name of one: every array of two axes or more is then drawn by it, and
        biases are 0, whatever the layers say for themselves.
        """
        name = type(self).__name__
        scheme = None if weights is None else scheme_of(weights, f"{name}.init")
        rng = generator(rng, name)
        params, state = self.start(rng, floating(dtype, name))
        return (params if scheme is None else redrawn(scheme, rng, params)), state

    def start(self, rng: np.random.Generator, dtype: DType) -> tuple[Params, State]:
        """As `init`, of a generator and a dtype that are known to be good. A layer without parameters has none."""
        return {}, {}

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        """The output, and the state after it."""
        raise NotImplementedError(f"{type(self).__name__} has no apply")

    def settings(self) -> Record:
        """The arguments that make this layer again; of those that PyTorch lacks only what is not the default."""
        every = [(f, getattr(self, f.name)) for f in fields(self)]
        told = [(f.name, value) for f, value in every if not f.kw_only or value != f.default]
        return {"init" if name == "scheme" else name: value for name, value in told}

    def _inside(self) -> list[tuple[str, Layer]]:
        """The layers that it is made of, under their names: itself, unless it says otherwise."""
        return [("", self)]

    def _card_(self) -> Card:
        rows, total = [], 0
        for name, layer in self._inside():
            shapes = shapes_of(layer)
            count = sum(math.prod(s) for s in shapes.values())
            total += count
            told = ", ".join(f"{n} {' x '.join(map(str, s))}" for n, s in shapes.items())
            settings = ", ".join(f"{n}={v!r}" for n, v in layer.settings().items() if told_apart(layer, n, v))
            rows.append([name, type(layer).__name__, settings, told, f"{count:,}"])
        table = Table(rows, ("name", "layer", "settings", "parameters", "count"))
        return Card(type(self).__name__, f"of {total:,} parameters").add(table.without_empty())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.settings().items())})"


L = TypeVar("L", bound=Layer)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def with_init(kind: type[L]) -> type[L]:
    """A frozen dataclass whose argument `init` is kept as `scheme`, since `init` is the method that starts a layer."""
    own = inspect.get_annotations(kind)
    if "init" in own:
        kind.scheme = kind.__dict__["init"]
        del kind.init
        kind.__annotations__ = {"scheme" if name == "init" else name: a for name, a in own.items()}
    plain: Function = dataclass(frozen=True, repr=False)(kind).__dict__["__init__"]

    def __init__(self: Value, *args: Value, init: Initial = None, **settings: Value) -> None:
        plain(self, *args, **settings if init is None else settings | {"scheme": init})
        if self.scheme is not None:
            scheme_of(self.scheme, kind.__name__)

    signature = inspect.signature(plain)
    known = [p.replace(name="init") if n == "scheme" else p for n, p in signature.parameters.items()]
    told: Value = __init__
    told.__signature__ = signature.replace(parameters=known)
    made: Value = kind
    made.__init__ = told
    return kind


def told_apart(layer: Layer, name: str, value: Value) -> bool:
    """Whether a setting is not the default: 1 for each axis is 1."""
    default = next((f.default for f in fields(layer) if f.name == name), None)
    every = value if isinstance(value, tuple) and value else (value,)
    return any(v is not default and repr(v) != repr(default) for v in every)


def shapes_of(layer: Layer) -> dict[str, Shape]:
    """The shapes of its parameters, without making them; none where a layer of one's own cannot be asked."""
    try:
        params, _ = layer.start(Shapes(), np.dtype(np.float64))
        return {name: tuple(np.shape(x)) for name, x in named_leaves(params, "parameter").items()}
    except Exception:  # what it draws is its own business: a notebook shows it all the same
        return {}


class Plain(Layer):
    """A layer without parameters and state: its `call` is all there is to it."""

    def call(self, x: Value) -> Value:
        raise NotImplementedError(f"{type(self).__name__} has no call")

    def apply(self, params: Params, state: State, x: Value, *, training: bool) -> tuple[Value, State]:
        return self.call(x), state


def generator(rng: np.random.Generator | int, where: str) -> np.random.Generator:
    """The generator itself, or a new one with this seed."""
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return np.random.default_rng(int(rng))
    raise InputError(
        f"{where}.init: rng={rng!r}; give a generator, numpy.random.default_rng(0), or a seed of at least 0"
    )


def floating(dtype: DTypeLike, where: str) -> DType:
    try:
        found: DType | None = np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):  # texts with commas and brackets are read as a list of fields
        found = None
    if found is None or found.kind != "f":
        raise DtypeError(f"{where}.init: dtype={dtype!r}; parameters are float32 or float64")
    return found


def is_number(value: object) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def is_integer(value: Value) -> bool:
    try:
        return not isinstance(value, bool) and operator.index(value) is not None
    except TypeError:
        return False


KINDS: dict[str, tuple[Callable[[Value], bool], str]] = {
    "float": (is_number, "a number"),
    "int": (is_integer, "an integer"),
    "bool": (lambda value: isinstance(value, int | np.bool_) and value in (0, 1), "True or False"),
    "str": (lambda value: isinstance(value, str), "text"),
    "None": (lambda value: value is None, "None"),
}


def check_kinds(layer: Layer) -> None:
    """Refuses settings of difflab's own layers that are not of the kinds that their annotations name."""
    if not type(layer).__module__.startswith(__name__.rpartition(".")[0]):
        return
    for f in fields(layer):
        kinds, value = [str(kind).strip() for kind in str(f.type).split("|")], getattr(layer, f.name)
        if KINDS.keys() >= set(kinds) and not any(KINDS[kind][0](value) for kind in kinds):
            wanted = " or ".join(KINDS[kind][1] for kind in kinds)
            raise InputError(f"{type(layer).__name__}: {f.name}={value!r:.80}; give {wanted}")


def counts(layer: Layer, *names: str) -> None:
    """Checks that the settings of these names are integers of at least 1."""
    for name in names:
        if not counted(getattr(layer, name)):
            raise InputError(f"{type(layer).__name__}: {name}={getattr(layer, name)!r}; give an integer of at least 1")


def counted(value: Value) -> bool:
    """Whether it is an integer of at least 1."""
    return is_integer(value) and operator.index(value) >= 1


def sizes(layer: Layer, name: str) -> Shape:
    """A setting as the sizes of some axes, from one for a single axis or a sequence of them."""
    value = getattr(layer, name)
    each = (value,) if is_integer(value) or not isinstance(value, tuple | list | np.ndarray) else tuple(value)
    if not each or not all(map(counted, each)):
        raise InputError(
            f"{type(layer).__name__}: {name}={value!r:.80}; give an integer of at least 1, or some of them"
        )
    return tuple(map(operator.index, each))


def pair(layer: Layer, name: str, n: int = 2, least: int = 1) -> Shape:
    """A setting as n integers, from one for all or one for each axis."""
    value = getattr(layer, name)
    try:
        each = (operator.index(value),) * n if hasattr(value, "__index__") else tuple(map(operator.index, value))
    except TypeError:
        each = ()
    if len(each) != n or min(each) < least:
        raise InputError(
            f"{type(layer).__name__}: {name}={value!r}; give an integer of at least {least}, or {n} of them"
        )
    return each


def frozen(layer: Layer, **values: object) -> None:
    """Sets fields of a frozen dataclass while it is made."""
    for name, value in values.items():
        object.__setattr__(layer, name, value)


def uniform(rng: np.random.Generator, shape: Shape, fan_in: int, dtype: DType) -> Array:
    """Uniform in ±1/sqrt(fan_in): PyTorch's start of weights and biases (He et al. 2015, with a = sqrt 5)."""
    bound = 1 / np.sqrt(fan_in) if fan_in else 0.0
    return rng.uniform(-bound, bound, shape).astype(dtype, copy=False)


def weights(layer: Layer, rng: np.random.Generator, shape: Shape, bias: Shape | None, dtype: DType) -> Params:
    """The first weight of this shape, and the bias of that (None for no bias), by the layer's scheme."""
    if layer.scheme is not None:
        params = {"weight": draw(layer.scheme, rng, shape, dtype)}
        return params if bias is None else params | {"bias": np.zeros(bias, dtype)}
    fan_in = int(np.prod(shape[1:]))
    params = {"weight": uniform(rng, shape, fan_in, dtype)}
    return params if bias is None else params | {"bias": uniform(rng, bias, fan_in, dtype)}
