"""ATen's operations on single elements."""

from __future__ import annotations

import numpy as np

from ... import numpy as dnp
from ...nn import functional as F
from ...types import Function, Value


def kind(x: Value) -> str:
    """The kind of a value's dtype: "f", "i", "u", "b"."""
    return getattr(getattr(x, "dtype", None), "kind", "f" if isinstance(x, float) else "i")


def floating(x: Value) -> Value:
    """Whole numbers in torch's default precision, in which it computes what has no whole result."""
    return x.astype(np.float32) if hasattr(x, "dtype") and kind(x) in "iub" else x


def on_floats(function: Function) -> Function:
    """The function, for whole numbers as well."""
    return lambda *operands, **options: function(*map(floating, operands), **options)


def truth(x: Value) -> Value:
    """Whether elements are not zero."""
    return x if kind(x) == "b" else x != 0


def add(self: Value, other: Value, alpha: float = 1) -> Value:
    return self + (other if alpha == 1 else alpha * other)


def sub(self: Value, other: Value, alpha: float = 1) -> Value:
    return self - (other if alpha == 1 else alpha * other)


def rsub(self: Value, other: Value, alpha: float = 1) -> Value:
    return other - (self if alpha == 1 else alpha * self)


def div(self: Value, other: Value, rounding_mode: str | None = None) -> Value:
    if rounding_mode is None:
        whole = kind(self) in "iub" and kind(other) in "iub"
        return dnp.true_divide(floating(self), floating(other)) if whole else self / other
    if rounding_mode == "floor":
        return dnp.floor_divide(self, other)
    if kind(self) in "iub" and kind(other) in "iub":
        quotient = dnp.floor_divide(self, other)
        return quotient + ((quotient < 0) & (quotient * other != self))
    return dnp.trunc(dnp.true_divide(self, other))


def power(self: Value, exponent: Value) -> Value:
    if kind(self) in "iub" and kind(exponent) == "f":
        self = floating(self)
    return dnp.power(self, exponent)


def float_power(self: Value, exponent: Value) -> Value:
    return dnp.power(self if isinstance(self, float | int) else self.astype(np.float64), exponent)


def round_(self: Value, decimals: int = 0) -> Value:
    if kind(self) in "iub":
        return self
    return dnp.rint(self) if decimals == 0 else dnp.round(self, decimals)


def clamp(self: Value, min: Value = None, max: Value = None) -> Value:
    if min is not None:
        self = dnp.maximum(self, min)
    return self if max is None else dnp.minimum(self, max)


def nan_to_num(
    self: Value, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Value:
    return dnp.nan_to_num(self, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


def lerp(self: Value, end: Value, weight: Value) -> Value:
    """From each side by the formula that is exact at its end, as torch does."""
    if isinstance(weight, float | int):
        return self + weight * (end - self) if abs(weight) < 0.5 else end - (end - self) * (1 - weight)
    near = abs(weight) < 0.5
    return dnp.where(near, self + weight * (end - self), end - (end - self) * (1 - weight))


def logit(self: Value, eps: float | None = None) -> Value:
    return dnp.logit(floating(self) if eps is None else clamp(floating(self), eps, 1 - eps))


def elu(self: Value, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Value:
    y = F.elu(self * input_scale, alpha) if input_scale != 1 else F.elu(self, alpha)
    if input_scale != 1:  # what is above zero is scaled once
        y = dnp.where(self > 0, self, y)
    return y if scale == 1 else scale * y


def gelu(self: Value, approximate: str = "none") -> Value:
    return F.gelu(self, approximate)


def where(condition: Value, self: Value, other: Value) -> Value:
    return dnp.where(truth(condition), self, other)


def masked_fill(self: Value, mask: Value, value: Value) -> Value:
    return dnp.where(mask, dnp.asarray(value).astype(self.dtype) if not hasattr(value, "astype") else value, self)


def heaviside(self: Value, values: Value) -> Value:
    return dnp.where(self == 0, values, (self > 0).astype(self.dtype))


def fmod(self: Value, other: Value) -> Value:
    return dnp.fmod(self, other)


def frac(self: Value) -> Value:
    return self - dnp.trunc(self)


def sign(self: Value) -> Value:
    """The sign, which torch has 0 for NaN."""
    return dnp.sign(self) if kind(self) in "iub" else dnp.where(dnp.isnan(self), 0, dnp.sign(self))


def mvlgamma(self: Value, p: int) -> Value:
    return dnp.multigammaln(floating(self), p)


def polygamma(n: int, self: Value) -> Value:
    return dnp.polygamma(n, floating(self))


def silu(self: Value) -> Value:
    return F.silu(self)


def bitwise(function: Function) -> Function:
    """The function on whole numbers and truth values."""
    return lambda self, other: function(self, other)


def logical(function: Function) -> Function:
    """The function on the truth of elements."""
    return lambda *operands: function(*map(truth, operands))


def copysign(self: Value, other: Value) -> Value:
    return dnp.copysign(floating(self), other)


def ldexp(self: Value, other: Value) -> Value:
    return floating(self) * dnp.exp2(floating(other))


def prelu(self: Value, weight: Value) -> Value:
    """Slopes per channel; `_prelu_kernel` has them in the shape of the channels already."""
    if weight.ndim == self.ndim and weight.ndim > 1:
        return dnp.where(self >= 0, self, weight * self)
    return F.prelu(self, weight if weight.ndim else weight.reshape((1,)))


def spherical_j0(self: Value) -> Value:
    return dnp.sinc(floating(self) / np.pi)


SAME = (
    "sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh exp exp2 expm1 log log2 log10 log1p sqrt erf erfc "
    "erfinv sigmoid digamma i0 sinc deg2rad rad2deg"
).split()
SPECIAL = {
    "special_bessel_j0": "j0",
    "special_bessel_j1": "j1",
    "special_bessel_y0": "y0",
    "special_bessel_y1": "y1",
    "special_modified_bessel_i0": "i0",
    "special_modified_bessel_i1": "i1",
    "special_modified_bessel_k0": "k0",
    "special_modified_bessel_k1": "k1",
    "special_scaled_modified_bessel_k0": "k0e",
    "special_scaled_modified_bessel_k1": "k1e",
    "special_i0e": "i0e",
    "special_i1": "i1",
    "special_i1e": "i1e",
    "special_entr": "entr",
    "special_erfcx": "erfcx",
    "special_log_ndtr": "log_ndtr",
    "special_ndtr": "ndtr",
    "special_ndtri": "ndtri",
    "special_xlog1py": "xlog1py",
    "special_zeta": "zeta",
    "special_gammainc": "gammainc",
    "special_gammaincc": "gammaincc",
    "igamma": "gammainc",
    "igammac": "gammaincc",
    "xlogy": "xlogy",
    "lgamma": "gammaln",
    "hypot": "hypot",
    "atan2": "arctan2",
    "logaddexp": "logaddexp",
    "logaddexp2": "logaddexp2",
    "reciprocal": "reciprocal",
}
COMPARING = {"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
FOR_ALL = (
    "maximum minimum fmax fmin remainder gcd lcm isnan isinf isfinite signbit square ceil floor trunc positive abs"
).split()

ELEMENTWISE: dict[str, Function] = {
    **{name: on_floats(getattr(dnp, name)) for name in SAME},
    **{name: on_floats(getattr(dnp, ours)) for name, ours in SPECIAL.items()},
    **{name: getattr(dnp, ours) for name, ours in COMPARING.items()},
    **{name: getattr(dnp, name) for name in FOR_ALL},
    **{f"logical_{name}": logical(getattr(dnp, f"logical_{name}")) for name in ("and", "or", "xor", "not")},
    **{f"bitwise_{name}": getattr(dnp, f"bitwise_{name}") for name in ("and", "or", "xor", "not")},
    **{f"bitwise_{side}_shift": getattr(dnp, f"{side}_shift") for side in ("left", "right")},
    "add": add,
    "sub": sub,
    "rsub": rsub,
    "mul": lambda self, other: self * other,
    "div": div,
    "true_divide": div,
    "truediv": div,
    "floor_divide": dnp.floor_divide,
    "neg": dnp.negative,
    "rsqrt": on_floats(lambda self: 1 / dnp.sqrt(self)),
    "pow": power,
    "float_power": float_power,
    "round": round_,
    "fmod": fmod,
    "frac": frac,
    "sign": sign,
    "sgn": sign,
    "clamp": clamp,
    "clamp_min": lambda self, min: clamp(self, min),
    "clamp_max": lambda self, max: clamp(self, None, max),
    "nan_to_num": nan_to_num,
    "lerp": lerp,
    "logit": logit,
    "where": where,
    "masked_fill": masked_fill,
    "addcmul": lambda self, a, b, value=1: add(self, a * b, value),
    "addcdiv": lambda self, a, b, value=1: add(self, a / b, value),
    "heaviside": heaviside,
    "copysign": copysign,
    "ldexp": ldexp,
    "mvlgamma": mvlgamma,
    "polygamma": polygamma,
    "special_spherical_bessel_j0": spherical_j0,
    # Activations.
    "relu": F.relu,
    "relu6": F.relu6,
    "leaky_relu": F.leaky_relu,
    "elu": elu,
    "selu": F.selu,
    "celu": F.celu,
    "gelu": gelu,
    "silu": silu,
    "mish": F.mish,
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "hardtanh": F.hardtanh,
    "softplus": F.softplus,
    "softshrink": F.softshrink,
    "hardshrink": F.hardshrink,
    "threshold": F.threshold,
    "log_sigmoid": F.logsigmoid,
    "prelu": prelu,
    "_prelu_kernel": prelu,
    "glu": F.glu,
    "angle": lambda self: dnp.where(self < 0, np.pi, dnp.where(dnp.isnan(self), self, 0.0)).astype(self.dtype),
}
