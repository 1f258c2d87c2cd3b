"""Activation functions, with torch.nn.functional's names and arguments; the dtype of the input is kept.

Formulas that lose digits somewhere stand as rows in the table of primitives; what is here puts rows together.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ... import numpy as dnp
from ...errors import InputError
from .checks import axis, dtype_of


def relu(input: Any, inplace: bool = False) -> Any:
    """max(x, 0).

    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return dnp.relu(input)


def relu6(input: Any, inplace: bool = False) -> Any:
    """min(max(x, 0), 6)."""
    return dnp.relu6(input)


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """x where positive, else negative_slope x."""
    return dnp.leaky_relu(input, negative_slope=negative_slope)


def prelu(input: Any, weight: Any) -> Any:
    """x where positive, else weight x; one weight, or one for each channel (axis 1)."""
    w = weight
    if np.size(weight) > 1:
        rank = np.ndim(input)
        if rank < 2 or np.shape(input)[1] != np.size(weight):
            raise InputError(
                f"prelu: {np.size(weight)} weights for an input of shape {np.shape(input)}; axis 1 has them"
            )
        w = weight.reshape((np.size(weight), *(1,) * (rank - 2)))
    return np.where(input > 0, input, w * input)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """x where positive, else alpha (exp(x) - 1)."""
    return dnp.elu(input, alpha=alpha)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """max(0, x) + min(0, alpha (exp(x / alpha) - 1)), which is smooth for every alpha."""
    return alpha * dnp.elu(input / alpha, alpha=1.0)


def selu(input: Any, inplace: bool = False) -> Any:
    """ELU with the scale that keeps mean 0 and variance 1 (Klambauer et al. 2017)."""
    return dnp.selu(input)


def gelu(input: Any, approximate: str = "none") -> Any:
    """x Φ(x), Φ the normal distribution function; approximate="tanh" is Hendrycks and Gimpel's short form (2016).

    >>> gelu(np.array([1.0])).round(4), gelu(np.array([1.0]), "tanh").round(4)
    (array([0.8413]), array([0.8412]))
    """
    if approximate == "none":
        return dnp.gelu(input)
    if approximate != "tanh":
        raise InputError(f'gelu: approximate={approximate!r}; it is "none" or "tanh"')
    inner = float(np.sqrt(8 / np.pi)) * (input + 0.044715 * input**3)
    return input * dnp.sigmoid(inner)  # (1 + tanh(z)) / 2 is sigmoid(2z), which does not cancel


def silu(input: Any, inplace: bool = False) -> Any:
    """x sigmoid(x)."""
    return dnp.silu(input)


def mish(input: Any, inplace: bool = False) -> Any:
    """x tanh(softplus(x)) (Misra 2019)."""
    return dnp.mish(input)


def sigmoid(input: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return dnp.sigmoid(input)


def logsigmoid(input: Any) -> Any:
    """log(sigmoid(x)), which does not underflow."""
    return dnp.log_sigmoid(input)


def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """relu6(x + 3) / 6."""
    return dnp.relu6(input + 3) / 6


def hardswish(input: Any, inplace: bool = False) -> Any:
    """x relu6(x + 3) / 6 (Howard et al. 2019)."""
    return input * (dnp.relu6(input + 3) / 6)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """x, clipped to min_val and max_val."""
    return np.clip(input, min_val, max_val)


def tanh(input: Any) -> Any:
    """The hyperbolic tangent."""
    return np.tanh(input)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold."""
    scaled = beta * input
    smooth = dnp.softplus(scaled) / beta
    return np.where(scaled > threshold, input, smooth)


def softsign(input: Any) -> Any:
    """x / (1 + |x|)."""
    return dnp.softsign(input)


def tanhshrink(input: Any) -> Any:
    """x - tanh(x)."""
    return input - np.tanh(input)


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """x moved towards 0 by lambd, and 0 within it."""
    return np.where(input > lambd, input - lambd, np.where(input < -lambd, input + lambd, 0.0 * input))


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """x, and 0 between -lambd and lambd."""
    return np.where(np.abs(input) > lambd, input, 0.0 * input)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """x where above the threshold, else the value."""
    return np.where(input > threshold, input, np.asarray(value, dtype_of(input)))


def glu(input: Any, dim: int = -1) -> Any:
    """The first half along an axis, times the sigmoid of the second (Dauphin et al. 2017)."""
    k = axis("glu", dim, np.ndim(input))
    if np.shape(input)[k] % 2:
        raise InputError(f"glu: axis {k} of the input of shape {np.shape(input)} has no two equal halves")
    a, b = np.split(input, 2, axis=k)
    return a * dnp.sigmoid(b)


def chosen(where: str, input: Any, dim: int | None) -> int:
    """The axis; without one, what PyTorch takes: 0 for 0, 1 and 3 axes, else 1, with a warning."""
    rank = np.ndim(input)
    if dim is None:
        dim = 0 if rank in (0, 1, 3) else 1
        warnings.warn(f"{where}: no dim was given, so {dim} is taken; say which axis is meant", stacklevel=3)
    return axis(where, dim, rank)


def softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """exp(x) over its sum along `dim`.

    >>> softmax(np.array([1e4, 1e4]), dim=0)
    array([0.5, 0.5])
    """
    x = input if dtype is None else input.astype(dtype)
    return dnp.softmax(x, axis=chosen("softmax", input, dim))


def softmin(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """softmax of -x."""
    return softmax(-input, chosen("softmin", input, dim), dtype)


def log_softmax(input: Any, dim: int | None = None, dtype: Any = None) -> Any:
    """The logarithm of softmax, which does not underflow."""
    x = input if dtype is None else input.astype(dtype)
    return dnp.log_softmax(x, axis=chosen("log_softmax", input, dim))


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """Integers as rows of zeros with a one.

    >>> one_hot(np.array([0, 2])).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    if dtype_of(tensor).kind not in "iu":
        raise InputError(f"one_hot: dtype {dtype_of(tensor)}; give integers")
    top = int(np.max(tensor, initial=-1)) + 1 if num_classes == -1 else num_classes
    from .checks import labels

    labels("one_hot", tensor, top)
    return (np.expand_dims(tensor, -1) == np.arange(top)).astype(np.int64)
