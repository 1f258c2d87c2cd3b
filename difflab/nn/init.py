"""How weights start: schemes by name or as objects, each a distribution for arrays of any shape.

A weight of shape (out, in, *kernel) has fan_in = in * kernel elements that flow into one output, and fan_out = out *
kernel that one input flows into (torch.nn.init's reading, for transposed convolutions too). Layers take a scheme as
`init=`, models and `Layer.init(..., weights=)` one for all their layers: the name of one, or an object with settings of
its own. Biases then start at 0. What schemes do over many layers: `nn.depth_study`.

| name | weights | source |
|---|---|---|
| he, kaiming, he_normal, kaiming_normal | normal, variance 2 / fan_in | He, Zhang, Ren and Sun 2015 |
| he_uniform, kaiming_uniform | uniform in ±sqrt(6 / fan_in), the same variance | |
| xavier, glorot, xavier_uniform, glorot_uniform | uniform in ±sqrt(6 / (fan_in + fan_out)) | Glorot, Bengio 2010 (16) |
| xavier_normal, glorot_normal | normal, variance 2 / (fan_in + fan_out) | |
| lecun, lecun_normal | normal, variance 1 / fan_in | LeCun, Bottou, Orr and Müller 1998 |
| orthogonal | rows or columns orthonormal | Saxe, McClelland and Ganguli 2013 |
| normal, uniform | N(0, 1) and U(0, 1), as torch.nn.init has them | |
| zeros, ones | one number everywhere | |
| none given | uniform in ±1/sqrt(fan_in), biases too: PyTorch's Linear and convolutions | |

He's are for relu, Glorot's for tanh.

>>> rng = np.random.default_rng(0)
>>> draw("he", rng, (1000, 50)).std().round(2) == (2 / 50) ** 0.5
np.True_
>>> from difflab import nn
>>> nn.Linear(50, 3, init=nn.init.Normal(std=0.01)).init(0)[0]["bias"]
array([0., 0., 0.])
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from ..errors import InputError, ShapeError
from ..graph.hollow import hollow
from ..types import Array, Shape, Tree, Value


def fans(shape: Shape) -> tuple[int, int]:
    """How many elements flow into an output, and out of an input.

    >>> fans((6, 3, 5, 5))
    (75, 150)
    """
    if len(shape) < 2:
        raise ShapeError(f"a weight of shape {shape} has no inputs and outputs to count; it needs two axes")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


class Scheme:
    """A distribution of first weights; `sample` draws an array of float64."""

    def sample(self, rng: np.random.Generator, shape: Shape) -> Array:
        raise NotImplementedError(f"{type(self).__name__} has no sample")

    def __repr__(self) -> str:  # of one's own schemes: a run is known again by it, so it has no address
        return f"{type(self).__name__}()"


def check_number(scheme: Scheme, name: str, least: float = 0.0) -> None:
    value = getattr(scheme, name)
    good = isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)
    if not good or value < least:
        bound = f" of at least {least:g}" if math.isfinite(least) else ""
        raise InputError(f"{type(scheme).__name__}: {name}={value!r}; give a finite number{bound}")


@dataclass(frozen=True)
class Scaled(Scheme):
    """Mean 0 and variance gain² / fan, normal or uniform in ±sqrt(3) standard deviations.

    The output of a linear layer then has gain² times its input's mean square (`fan="in"`), and so have gradients on
    their way back (`fan="out"`); "mean" is the compromise (fan_in + fan_out) / 2. A relu halves the mean square, hence
    He's gain of sqrt(2).
    """

    gain: float = 1.0
    fan: str = "in"
    uniform: bool = False

    def __post_init__(self) -> None:
        check_number(self, "gain")
        if self.fan not in ("in", "out", "mean"):
            raise InputError(f'{type(self).__name__}: fan={self.fan!r}; it is "in", "out" or "mean"')

    def sample(self, rng: np.random.Generator, shape: Shape) -> Array:
        into, out = fans(shape)
        fan = {"in": into, "out": out, "mean": (into + out) / 2}[self.fan]
        std = self.gain / math.sqrt(fan) if fan else 0.0
        bound = math.sqrt(3) * std
        return rng.uniform(-bound, bound, shape) if self.uniform else rng.normal(0.0, std, shape)


@dataclass(frozen=True)
class Normal(Scheme):
    """The normal distribution, whatever the layer's size."""

    mean: float = 0.0
    std: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "mean", least=-math.inf)
        check_number(self, "std")

    def sample(self, rng: np.random.Generator, shape: Shape) -> Array:
        return rng.normal(self.mean, self.std, shape)


@dataclass(frozen=True)
class Uniform(Scheme):
    """Uniform between a and b, whatever the layer's size."""

    a: float = 0.0
    b: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "a", least=-math.inf)
        check_number(self, "b", least=self.a)

    def sample(self, rng: np.random.Generator, shape: Shape) -> Array:
        return rng.uniform(self.a, self.b, shape)


@dataclass(frozen=True)
class Orthogonal(Scheme):
    """gain times a matrix (out, in * kernel) whose rows or columns, whichever are fewer, are orthonormal.

    Drawn uniformly among these: Q of the QR decomposition of a normal matrix, with R's diagonal positive. Lengths and
    angles survive such a layer. Saxe, McClelland and Ganguli 2013; Mezzadri 2007.

    >>> w = Orthogonal().sample(np.random.default_rng(0), (3, 5))
    >>> np.allclose(w @ w.T, np.eye(3))
    True
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "gain")

    def sample(self, rng: np.random.Generator, shape: Shape) -> Array:
        fans(shape)
        rows, columns = shape[0], math.prod(shape[1:])
        q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


@dataclass(frozen=True)
class Constant(Scheme):
    """One number everywhere. In a hidden layer no unit then ever differs from its neighbours (lesson 9)."""

    value: float = 0.0

    def __post_init__(self) -> None:
        check_number(self, "value", least=-math.inf)

    def sample(self, rng: np.random.Generator, shape: Shape) -> Array:
        return np.full(shape, float(self.value))


HE, XAVIER = math.sqrt(2), 1.0
# PyTorch's own start of Linear and convolutions is uniform in ±1/sqrt(fan_in), biases included (`uniform` in layer.py).
SCHEMES: dict[str, Scheme] = {
    **dict.fromkeys(("he", "kaiming", "he_normal", "kaiming_normal"), Scaled(HE)),
    **dict.fromkeys(("he_uniform", "kaiming_uniform"), Scaled(HE, uniform=True)),
    **dict.fromkeys(("xavier", "glorot", "xavier_uniform", "glorot_uniform"), Scaled(XAVIER, "mean", uniform=True)),
    **dict.fromkeys(("xavier_normal", "glorot_normal"), Scaled(XAVIER, "mean")),
    **dict.fromkeys(("lecun", "lecun_normal"), Scaled()),
    "normal": Normal(),
    "uniform": Uniform(),
    "orthogonal": Orthogonal(),
    "zeros": Constant(0.0),
    "ones": Constant(1.0),
}
KINDS: dict[str, type[Scheme]] = {k.__name__: k for k in (Scaled, Normal, Uniform, Orthogonal, Constant)}


def scheme_of(init: Scheme | str, where: str) -> Scheme:
    """The scheme of this name, or the object itself."""
    if isinstance(init, Scheme):
        return init
    if isinstance(init, str) and init.lower() in SCHEMES:
        return SCHEMES[init.lower()]
    if isinstance(init, type) and issubclass(init, Scheme):
        raise InputError(f"{where}: init={init.__name__} is a class; make one, with {init.__name__}()")
    text = init.lower() if isinstance(init, str) else ""
    close = [n for n in SCHEMES if text and n.startswith(text)] or difflib.get_close_matches(text, SCHEMES, n=1)
    mend = f"did you mean {close[0]!r}?" if close else f"give an object of nn.init, or one of {', '.join(SCHEMES)}"
    raise InputError(f"{where}: init={init!r:.80}; {mend}")


def draw(init: Scheme | str, rng: np.random.Generator, shape: Shape, dtype: DTypeLike = np.float64) -> Array:
    """A weight of this shape, by a scheme or its name."""
    scheme = scheme_of(init, "draw")
    return hollow(shape) if isinstance(rng, Shapes) else scheme.sample(rng, shape).astype(dtype, copy=False)


def redrawn(init: Scheme | str, rng: np.random.Generator, params: Tree) -> Tree:
    """A tree of parameters with new weights: arrays of two axes or more are drawn, biases are 0, others stay."""
    scheme = scheme_of(init, "init")

    def new(name: str, value: Tree) -> Tree:
        if isinstance(value, dict):
            return {n: new(n, v) for n, v in value.items()}
        if "bias" in name:
            return np.zeros_like(value)
        return draw(scheme, rng, value.shape, value.dtype) if value.ndim > 1 else value

    return new("", params)


class Shapes(np.random.Generator):
    """A generator for who only wants shapes: its arrays are zeros that take no memory."""

    def __init__(self) -> None:
        super().__init__(np.random.PCG64(0))

    def uniform(self, low: Value = 0.0, high: Value = 1.0, size: Value = None) -> Value:
        return super().uniform(low, high) if size is None else hollow(size)

    def normal(self, loc: Value = 0.0, scale: Value = 1.0, size: Value = None) -> Value:
        return super().normal(loc, scale) if size is None else hollow(size)
