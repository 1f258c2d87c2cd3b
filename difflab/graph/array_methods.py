"""What NumPy's arrays can be asked for, said in calls of NumPy's functions."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..errors import TraceError
from ..hooks import Hook
from ..types import Key, Value
from .laxity import array_of, plain

ARRAY_NAMESPACE: Hook[[], ModuleType] = Hook("array namespace")


class ArrayMethods:
    """The methods and attributes of an array; `call` is what each of them comes to.

    Those that are a row's own call (sum, mean, clip, ...) and the operators are added by `operators.py`.
    """

    __slots__ = ()

    def call(self, row: str, *args: Any, **kwargs: Any) -> Value:
        """A call of NumPy's function of that name with this array in front."""
        raise NotImplementedError

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        """The functions for this array, as the array API standard asks for them: difflab.numpy."""
        return ARRAY_NAMESPACE()

    @property
    def T(self) -> Value:
        return self.call("transpose")

    @property
    def mT(self) -> Value:
        return self.call("swapaxes", -1, -2)

    @property
    def real(self) -> Value:
        return self.call("real")

    @property
    def imag(self) -> Value:
        return self.call("imag")

    @property
    def flat(self) -> Value:
        return iter(self.call("ravel"))

    def __getitem__(self, key: Key) -> Value:
        return self.call("getitem", key)

    def __setitem__(self, key: Key, value: Value) -> None:
        raise TraceError(
            "a traced value cannot be assigned into: build the new array instead, with set_at(x, index, value) of "
            "difflab.numpy, np.where(mask, new, old), np.concatenate or np.stack"
        )

    def astype(self, dtype: DTypeLike | None, *args: Any, **kwargs: Any) -> Value:
        return self.call("astype", dtype)

    def view(self, *args: Any, **kwargs: Any) -> Value:
        raise TraceError(
            ".view() reinterprets memory and has no derivative; x.astype(dtype) converts, and PyTorch's "
            "x.view(1, 3, -1) is NumPy's x.reshape(1, 3, -1)"
        )

    def copy(self, *args: Any) -> Value:
        return self

    def conj(self) -> Value:
        return self.call("conjugate")

    conjugate = conj

    def reshape(self, *shape: Value, order: str = "C") -> Value:
        return self.call("reshape", shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Value) -> Value:
        return self.call("transpose", axes[0] if len(axes) == 1 else (axes or None))

    def flatten(self, order: str = "C") -> Value:
        return self.call("ravel", order=order)

    def compress(self, condition: Value, axis: int | None = None) -> Value:
        return np.compress(condition, self, axis)

    def __round__(self, digits: int = 0) -> Value:
        return self.call("round", digits or 0)

    def __floor__(self) -> Value:  # what math.floor, ceil and trunc ask for
        return self.call("floor")

    def __ceil__(self) -> Value:
        return self.call("ceil")

    def __trunc__(self) -> Value:
        return self.call("trunc")

    def __divmod__(self, other: Value) -> Value:
        return self // other, self % other

    def __rdivmod__(self, other: Value) -> Value:
        return other // self, other % self

    # Python, or a library, asks for plain numbers: refused, but for what the tape's `Laxity` gives away.
    def __float__(self) -> float:
        return float(plain(self, "float()"))

    def __complex__(self) -> complex:
        return complex(plain(self, "complex()"))

    def __array__(self, *args: Any, **kwargs: Any) -> Value:
        given = array_of(self)
        dtype = kwargs.get("dtype", args[0] if args else None)
        return given if dtype is None or given.dtype == dtype else given.astype(dtype)

    def item(self, *args: Any) -> Value:
        return plain(self, ".item()").item(*args)

    def tolist(self) -> Value:
        return plain(self, ".tolist()").tolist()
