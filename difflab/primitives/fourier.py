"""Discrete Fourier transforms: linear maps, whose transposes are again Fourier transforms.

Cotangents pair without conjugation, so the transpose of the (symmetric) transform is the transform itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import DtypeError, InputError, ShapeError
from ..types import Value
from . import batches
from .arguments import axes_of, axis_of, refuse
from .primitive import Carrier, composite, linear
from .products import placeholder
from .spelling import COMPLEX, CONJUGATES

SWAPPED: dict[str | None, str] = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}


def resized(m: Carrier, x: Value, axis: int, n: int) -> Value:
    """x cut or filled with zeros to n elements along an axis."""
    size = m.shape(x)[axis]
    if size == n:
        return x
    index = (slice(None),) * axis + (slice(0, min(n, size)),)
    if size > n:
        return m.getitem(x, index=index)
    shape = tuple(n if k == axis else s for k, s in enumerate(m.shape(x)))
    return m.scatter(x, index=index, shape=shape)


def check(name: str, a: Value, lengths: Sequence[int], norm: Value) -> None:
    """Refuses what no transform can take."""
    if min(lengths, default=1) < 1:
        raise InputError(f"{name}: a transform of {min(lengths)} points of an array of shape {Carrier.shape(a)}")
    if norm not in SWAPPED:
        raise InputError(f"{name}: norm={norm!r}; it is 'backward', 'ortho' or 'forward'")
    if name in ("rfft", "rfftn", "ihfft") and Carrier.is_complex(a):
        raise DtypeError(f"{name}: it takes real values, not {Carrier.dtype(a)}; use the full transform or np.real")


def read_one(name: str, length: Value = None) -> Value:
    def read(a: Value, n: Value = None, axis: int = -1, norm: Value = None, out: object = None) -> Value:
        refuse(out=out)
        axis = axis_of(name, a, axis)
        size = Carrier.shape(a)[axis]
        wanted = n if n is not None else size if length is None else length(size)
        check(name, a, [wanted], norm)
        return (a,), {"n": int(wanted), "axis": axis, "norm": norm}

    return read


def gate_along(heard: Callable[[int], int]) -> Value:
    """The gate behind a transform of n points, to which `heard(n)` elements contribute.

    It mixes all of them, with coefficients whose sum may be 0: sent through the transform, an open gate would close.
    """

    def gate(m: Carrier, i: int, gate: Value, x: Value, *, n: int, axis: int, norm: Value) -> Value:
        size = m.shape(x)[axis]
        shape = tuple(size if k == axis else 1 for k in range(m.ndim(x)))
        return m.logical_and(m.any(gate, axis=axis, keepdims=True), (np.arange(size) < heard(n)).reshape(shape))

    return gate


for _name in ("fft", "ifft"):
    linear(
        _name,
        lambda m, i, ct, x, *, n, axis, norm, _name=_name: resized(
            m, getattr(m, _name)(ct, n=n, axis=axis, norm=norm), axis, m.shape(x)[axis]
        ),
        doc=f"The {'inverse ' if _name == 'ifft' else ''}discrete Fourier transform along an axis.",
        glyph=_name.upper(),
        reads=(f"fft.{_name}",),
        spelling={"numpy": f"fft.{_name}"},
        arguments=read_one(_name),
        batch=batches.axes,
        gate=gate_along(lambda n: n),
        refused={"arb": COMPLEX},
    )


def rfft_transpose(m: Carrier, i: int, ct: Value, x: Value, *, n: int, axis: int, norm: Value) -> Value:
    full = m.fft(resized(m, ct, axis, n), n=n, axis=axis, norm=norm)
    return resized(m, m.real(full), axis, m.shape(x)[axis])


def irfft_transpose(m: Carrier, i: int, ct: Value, x: Value, *, n: int, axis: int, norm: Value) -> Value:
    half = n // 2 + 1
    weights = np.full(half, 2.0)
    weights[0] = 1.0
    if n % 2 == 0:
        weights[-1] = 1.0
    shape = tuple(half if k == axis else 1 for k in range(m.ndim(x)))
    spectrum = resized(m, m.ifft(ct, n=n, axis=axis, norm=norm), axis, half)
    return resized(m, weights.reshape(shape) * spectrum, axis, m.shape(x)[axis])


linear(
    "rfft",
    rfft_transpose,
    doc="The Fourier transform of real values: the non-negative frequencies.",
    glyph="RFFT",
    reads=("fft.rfft",),
    spelling={"numpy": "fft.rfft"},
    arguments=read_one("rfft"),
    batch=batches.axes,
    gate=gate_along(lambda n: n),
    refused={"arb": COMPLEX},
)
linear(
    "irfft",
    irfft_transpose,
    doc="Real values from the non-negative frequencies of their transform.",
    glyph="IRFFT",
    reads=("fft.irfft",),
    spelling={"numpy": "fft.irfft"},
    arguments=read_one("irfft", lambda size: 2 * (size - 1)),
    batch=batches.axes,
    gate=gate_along(lambda n: n // 2 + 1),
    refused={"arb": COMPLEX, "complex": CONJUGATES},
)


def read_many(name: str, default_axes: Value = None) -> Value:
    def read(a: Value, s: Value = None, axes: Value = default_axes, norm: Value = None, out: object = None) -> Value:
        refuse(out=out)
        rank = Carrier.ndim(a)
        if axes is None:
            axes = range(rank) if s is None else range(-len(s), 0)
        axes = tuple(axis_of(name, a, k) for k in axes)
        if s is not None and len(s) != len(axes):
            raise ShapeError(f"{name}: s={s} has {len(s)} lengths for {len(axes)} axes")
        shape = [Carrier.shape(a)[k] for k in axes]
        if s is None and name == "irfftn":
            shape[-1] = 2 * (shape[-1] - 1)
        lengths = tuple(n if k in (None, -1) else int(k) for k, n in zip(s or shape, shape))
        check(name, a, lengths, norm)
        return (a,), {"s": lengths, "axes": axes, "norm": norm}, name

    return read


def along(m: Carrier, name: str, x: Value, s: tuple[int, ...], axes: tuple[int, ...], norm: Value) -> Value:
    for n, axis in reversed(list(zip(s, axes))):
        x = getattr(m, name)(x, n=n, axis=axis, norm=norm)
    return x


def rfftn(m: Carrier, x: Value, *, s: Value, axes: Value, norm: Value) -> Value:
    return along(m, "fft", m.rfft(x, n=s[-1], axis=axes[-1], norm=norm), s[:-1], axes[:-1], norm)


def irfftn(m: Carrier, x: Value, *, s: Value, axes: Value, norm: Value) -> Value:
    return m.irfft(along(m, "ifft", x, s[:-1], axes[:-1], norm), n=s[-1], axis=axes[-1], norm=norm)


for _name, _value in (
    ("fftn", lambda m, x, *, s, axes, norm: along(m, "fft", x, s, axes, norm)),
    ("ifftn", lambda m, x, *, s, axes, norm: along(m, "ifft", x, s, axes, norm)),
    ("rfftn", rfftn),
    ("irfftn", irfftn),
):
    composite(
        _name,
        _value,
        doc=f"{_name}: the transform along several axes.",
        glyph=_name.upper(),
        reads=(f"fft.{_name}",),
        spelling={"numpy": f"fft.{_name}"},
        arguments=read_many(_name),
        refused={"arb": COMPLEX},
    )
    _flat = _name.replace("n", "2")
    composite(
        _flat,
        placeholder,
        doc=f"{_flat}: the transform along the last two axes.",
        glyph=_flat.upper(),
        reads=(f"fft.{_flat}",),
        arguments=read_many(_name, (-2, -1)),
        refused={"arb": COMPLEX},
    )

composite(
    "hfft",
    lambda m, x, *, n, axis, norm: m.irfft(m.conjugate(x), n=n, axis=axis, norm=SWAPPED[norm]),
    doc="The transform of a signal with Hermitian symmetry.",
    glyph="HFFT",
    reads=("fft.hfft",),
    spelling={"numpy": "fft.hfft"},
    arguments=read_one("hfft", lambda size: 2 * (size - 1)),
)
composite(
    "ihfft",
    lambda m, x, *, n, axis, norm: m.conjugate(m.rfft(x, n=n, axis=axis, norm=SWAPPED[norm])),
    doc="The inverse transform of a signal with Hermitian symmetry.",
    glyph="IHFFT",
    reads=("fft.ihfft",),
    spelling={"numpy": "fft.ihfft"},
    arguments=read_one("ihfft"),
)


def read_shift(sign: int) -> Value:
    def read(x: Value, axes: Value = None) -> Value:
        rank = Carrier.ndim(x)
        found = tuple(range(rank)) if axes is None else axes_of("fftshift", x, axes)
        return (x,), {"shift": tuple(sign * (Carrier.shape(x)[k] // 2) for k in found), "axis": found}, "roll"

    return read


composite(
    "fftshift",
    placeholder,
    doc="The zero frequency moved to the middle.",
    reads=("fft.fftshift",),
    arguments=read_shift(1),
)
composite(
    "ifftshift",
    placeholder,
    doc="The zero frequency moved back to the front.",
    reads=("fft.ifftshift",),
    arguments=read_shift(-1),
)
