"""What NumPy's arrays can be asked for, said in calls of NumPy's functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import TraceError
from .leaks import leak


class ArrayMethods:
    """The methods and attributes of an array; `call` is what each of them comes to.

    Those that are a row's own call (sum, mean, clip, ...) and the operators are added by `operators.py`.
    """

    __slots__ = ()

    def call(self, row: str, *args: Any, **kwargs: Any) -> Any:
        """A call of NumPy's function of that name with this array in front."""
        raise NotImplementedError

    @property
    def T(self) -> Any:
        return self.call("transpose")

    @property
    def mT(self) -> Any:
        return self.call("swapaxes", -1, -2)

    @property
    def real(self) -> Any:
        return self.call("real")

    @property
    def imag(self) -> Any:
        return self.call("imag")

    @property
    def flat(self) -> Any:
        return iter(self.call("ravel"))

    def __getitem__(self, key: Any) -> Any:
        return self.call("getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TraceError(
            "a traced value cannot be assigned into: build the new array instead, "
            "with np.where(mask, new, old), np.concatenate or np.stack"
        )

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        return self.call("astype", dtype)

    def view(self, *args: Any, **kwargs: Any) -> Any:
        raise TraceError(
            ".view() reinterprets memory and has no derivative; x.astype(dtype) converts, and PyTorch's "
            "x.view(1, 3, -1) is NumPy's x.reshape(1, 3, -1)"
        )

    def copy(self, *args: Any) -> Any:
        return self

    def conj(self) -> Any:
        return self.call("conjugate")

    conjugate = conj

    def reshape(self, *shape: Any, order: str = "C") -> Any:
        return self.call("reshape", shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self, *axes: Any) -> Any:
        return self.call("transpose", axes[0] if len(axes) == 1 else (axes or None))

    def flatten(self, order: str = "C") -> Any:
        return self.call("ravel", order=order)

    def compress(self, condition: Any, axis: Any = None) -> Any:
        return np.compress(condition, self, axis)

    def __round__(self, digits: int = 0) -> Any:
        return self.call("round", digits or 0)

    def __floor__(self) -> Any:  # what math.floor, ceil and trunc ask for
        return self.call("floor")

    def __ceil__(self) -> Any:
        return self.call("ceil")

    def __trunc__(self) -> Any:
        return self.call("trunc")

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    # Python, or a library, asks for plain numbers.
    def __float__(self) -> float:
        raise leak("float()")

    def __complex__(self) -> complex:
        raise leak("complex()")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise leak("np.array")

    def item(self, *args: Any) -> Any:
        raise leak(".item()")

    def tolist(self) -> Any:
        raise leak(".tolist()")
